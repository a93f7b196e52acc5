#!/usr/bin/env node
import { CannotCheck, EXIT } from "./outcome.ts";
import { run } from "./program.ts";

/** Whatever happens before the answer, such as a configuration that ends the process, is no answer: the exit code is 2 and never 0 or 1. */
function refuseToGuess(what: string): void {
  const because = new CannotCheck(
    what,
    "a check that did not finish has found nothing out.",
    "keep the configuration to composing: it starts no server, exits nothing and leaves no rejection unhandled.",
  );
  process.stderr.write(`${because.message}\n`);
  process.exitCode = EXIT.cannotCheck;
}

let answered = false;
process.on("exit", () => {
  if (!answered) refuseToGuess("the process ended before the check did.");
});
process.on("uncaughtException", (error) => {
  answered = true;
  refuseToGuess(`something failed outside the check: ${String(error)}`);
  process.exit();
});

const exitCode = await run(process.argv.slice(2));
answered = true;
// A configuration may have opened a database pool or a timer; what was asked for is answered, and those must not keep the process.
process.stdout.write("", (error) => {
  // Nor may what it prints when the process ends stand behind a document.
  process.stdout.write = process.stderr.write.bind(process.stderr);
  // A reader that has seen enough, such as head, closes the pipe; any other fault has lost the answer.
  if (error && (error as NodeJS.ErrnoException).code !== "EPIPE") {
    refuseToGuess(`the answer could not be written: ${error.message}`);
    process.exit();
  }
  process.exit(exitCode);
});
