/** What was typed behind the name of a program, as packages hand it over. */
import type { Node } from "../parse.ts";
import { TEXTUAL } from "./kinds.ts";
import { source, type Call, type Run } from "./run.ts";
import { UNKNOWN, type Value } from "./value.ts";

const PARSED =
  /^(?:yargs|commander|cac|meow|minimist|yargs-parser|mri|arg|getopts|command-line-args|optimist|argparse|util\.parseArgs|@oclif\/core)\b.*$/u;
const PARSES =
  /^(?:(?:minimist|yargs-parser|mri|arg|getopts|command-line-args|meow)(?:\.\w+)?|util\.parseArgs)$|\.(?:opts|optsWithGlobals|parseSync|parse_args|parseAsync)$/u;

/** `minimist(process.argv.slice(2))`, `program.opts()` */
export function parsedArguments({ api, name, receiver, run, node }: Call): Value | undefined {
  const isAnswer =
    /^(?:inquirer|prompts|enquirer|@inquirer\/prompts|readline\/promises)\b.*\.?(?:prompt|input|question|prompts|editor)$/u;
  const of = receiver?.fields?.get("constructor")?.class?.parent?.api ?? "";
  const isCommand = name === "parse" && of.startsWith("@oclif/core");
  return isCommand || isAnswer.test(api) || (PARSED.test(api) && PARSES.test(api)) ? typed(run, node) : undefined;
}

/** `yargs(list).argv`, `program.args` */
export function argumentMember(run: Run, node: Node, api: string): Value | undefined {
  return PARSED.test(api) && /\.(?:argv|args)$/u.test(api) ? typed(run, node) : undefined;
}

/** `program.command("clone <address>").action((address, options) => ...)` */
export function argumentsOfAction({ api, name, args, run, node, receiver }: Call): readonly Value[] | undefined {
  if (/^readline\.createInterface\(\)\.question$/u.test(api)) return [typed(run, node)];
  if (!PARSED.test(receiver?.api ?? api)) return undefined;
  if (name === "action") return [0, 1, 2, 3].map(() => typed(run, node));
  return name === "command" && args.length > 2 ? [typed(run, node), UNKNOWN] : undefined;
}

function typed(run: Run, node: Node): Value {
  return { taints: source(run, node, "argument of the command line", "argument", TEXTUAL) };
}
