import { KIND } from "../engine/kinds.ts";
import type { Call } from "../engine/run.ts";
import { textOf, type Value } from "../engine/value.ts";
import { isTrue, option, untrusted, untrustedItself, type ScanRule } from "../rule.ts";

const SHELLS =
  /^(?:child_process\.(?:exec|execSync)|shelljs\.exec|execa\.(?:execaCommand|execaCommandSync|command|commandSync)|execa\.(?:command|commandSync)|ssh2\.Client\(\)\.exec|sudo-prompt\.exec|exec-sh|node-ssh\.NodeSSH\(\)\.execCommand|node-cmd\.(?:run|get)|Bun\.\$\.raw|cross-spawn-promise)$/u;
const PROGRAMS =
  /^(?:child_process\.(?:spawn|spawnSync|execFile|execFileSync|fork)|cross-spawn(?:\.\w+)?|execa(?:\.execa|\.execaSync|\.sync|\.node)?|node-pty\.spawn|Deno\.Command|Bun\.spawn(?:Sync)?)$/u;
const INTERPRETERS = /^(?:.*\/)?(?:ba|z|k|da)?sh$|^(?:cmd|powershell|pwsh)(?:\.exe)?$/u;
const SOURCES = ["remote", "argument", "parameter"] as const;

/** A shell that reads what a client wrote. */
export const COMMAND_INJECTION: ScanRule = {
  id: "scan/command-injection",
  severity: "error",
  cwe: ["CWE-78", "CWE-77"],
  owasp: "A03",
  what: "Text from outside becomes a part of a command line.",
  why: "A shell runs what follows a semicolon, a dollar sign or a line break, with the rights of the server.",
  fix: "Start the program without a shell, its arguments in a list (execFile(program, [argument])), and check the argument against a list of your own.",
  bad: 'import { exec } from "node:child_process";\napp.get("/ping", (req, res) => exec("ping -c 1 " + req.query.host));',
  good: 'import { execFile } from "node:child_process";\napp.get("/ping", (req, res) => execFile("ping", ["-c", "1", "--", String(req.query.host)]));',
  values: (node, value, run, report) => {
    if (node.type !== "TaggedTemplateExpression" || !/^[bB]un\.\$$/u.test(value.api ?? "")) return;
    // A shell that quotes, and what it is told not to quote.
    const raw = node.quasi.expressions.map((one) =>
      untrusted(run, option(run.evaluate(one), "raw"), KIND.command, SOURCES),
    );
    const found = raw.find((taint) => taint !== undefined);
    if (found !== undefined) report(node, `${found.label} as it is`, found);
  },
  calls: (call, report) => {
    const found = commandOf(call)
      .map((value) => untrusted(call.run, value, KIND.command, SOURCES))
      .find((taint) => taint !== undefined);
    if (found !== undefined) report(call.node, `${found.label} in ${call.name}()`, found);
  },
};

function commandOf({ api, args, receiver, name, run }: Call): readonly (Value | undefined)[] {
  const [first, second, third] = args;
  if (
    SHELLS.test(api) ||
    (name === "exec" && /^(?:ssh|conn|sshClient|shell)$/u.test(receiver?.name ?? "")) ||
    (/^(?:cp|childProcess|child_process)$/u.test(receiver?.name ?? "") && /^exec(?:Sync)?$/u.test(name))
  )
    return [first];
  if (!PROGRAMS.test(api)) return [];
  if (first?.type === "array") {
    const [program, ...others] = first.fields?.values() ?? [];
    return INTERPRETERS.test(textOf(program) ?? "") ? others : [program];
  }
  const settings = third ?? (second?.type === "array" ? undefined : second);
  if (isTrue(option(settings, "shell"))) return [first, second];
  const program = textOf(first) ?? "";
  if (INTERPRETERS.test(program)) return [second];
  // The program itself is chosen from outside.
  return first !== undefined && untrustedItself(run, first, KIND.command, ["remote"]) !== undefined ? [first] : [];
}

/** Programs whose options run other programs or write files. */
const RISKY = /^(?:.*\/)?(?:git|hg|svn|curl|wget|ssh|scp|rsync|tar|find|sendmail)$/u;

/** An option where an argument was meant. */
export const ARGUMENT_INJECTION: ScanRule = {
  id: "scan/argument-injection",
  severity: "warning",
  cwe: ["CWE-88"],
  owasp: "A03",
  what: "Text from outside is a whole argument of a program whose options can do harm.",
  why: "A text that starts with a dash is an option: git --upload-pack, curl --output and tar --to-command run or write what it says.",
  fix: 'Put "--" before it where the program knows that, and refuse what starts with a dash.',
  bad: 'import { execFile } from "node:child_process";\napp.get("/clone", (req, res) => execFile("git", ["ls-remote", req.query.url]));',
  good: 'import { execFile } from "node:child_process";\napp.get("/clone", (req, res) => execFile("git", ["ls-remote", "--", req.query.url]));',
  calls: (call, report) => {
    const { api, args, run, node } = call;
    if (/^simple-git(?:\.\w+)?\(\)\.(?:raw|clone|fetch|pull|push|addRemote|listRemote|checkout|log|diff)$/u.test(api)) {
      const given = untrusted(
        run,
        { taints: [], fields: new Map(args.map((one, at) => [`${at}`, one])) },
        KIND.argument,
      );
      if (given !== undefined) report(node, `${given.label} as an argument of git`, given);
      return;
    }
    if (!PROGRAMS.test(api)) return;
    const [program, list] = args;
    if (!RISKY.test(textOf(program) ?? "") || list?.type !== "array") return;
    for (const [key, value] of list.fields ?? []) {
      if (/^--(?:end-of-options)?$/u.test(textOf(value) ?? "")) return;
      if (!/^\d+$|^\*$/u.test(key) || typeof value.parts?.[0] === "string") continue;
      const taint = untrustedItself(run, value, KIND.argument);
      if (taint !== undefined) report(node, `${taint.label} as an argument of ${textOf(program)}`, taint);
    }
  },
};
