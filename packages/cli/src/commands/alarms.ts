import { readFileSync, statSync, writeFileSync } from "node:fs";
import {
  alarmRemarks,
  filterPattern,
  logLine,
  readAlarmDefinitions,
  replayAlarms,
  SECURITY_ALARMS,
  SYNTHETIC_ATTACKS,
  toCdk,
  toCloudFormation,
  toPrometheus,
  toTerraform,
  type AlarmDefinitions,
  type AlarmEngine,
  type ReplayedChange,
  type TimedRecord,
} from "glacis/audit";
import type { Command } from "commander";
import { CONFIG_FILES, loadConfig, presentConfig } from "../config.ts";
import { CannotCheck, EXIT } from "../outcome.ts";

const MOST_BYTES = 50_000_000;

const EXPORTS = {
  cloudformation: (definitions) => json(toCloudFormation(definitions)),
  cdk: (definitions) => toCdk(definitions),
  terraform: (definitions) => json(toTerraform(definitions)),
  prometheus: (definitions) => toPrometheus(definitions),
} as const satisfies Readonly<Record<string, (definitions: AlarmDefinitions) => string>>;

interface FileOption {
  readonly file?: string;
}

/** `glacis alarms`: looks at a definition of alarms, plays attacks against it, and writes it for what runs elsewhere. */
export function addAlarmsCommand(program: Command, setExitCode: (code: number) => void): void {
  const alarms = program.command("alarms").description("check, test and export the alarms over security events");
  const file = ["--file <path>", "the definition in JSON; the shipped alarms unless you name one"] as const;
  alarms
    .command("check")
    .description("say which filters can never match, and what else a definition gets wrong")
    .option(...file)
    .action((options: FileOption) => {
      const remarks = alarmRemarks(definitionOf(options));
      for (const { at, kind, message } of remarks) print(`${at}  ${kind}  ${message}`);
      if (remarks.length === 0) print("Every filter can match, and every metric is watched.");
      setExitCode(remarks.length === 0 ? EXIT.clean : EXIT.findings);
    });
  alarms
    .command("test")
    .description("replay an attack and show which alarm rings when")
    .option(...file)
    .option("--deliver", "send a test message to whoever is told of alarms, and say who has not taken it")
    .option(
      "--config <path>",
      "the configuration whose receivers --deliver tells; glacis.config.ts unless you name one",
    )
    .option("--attack <name>", "one synthetic attack; all of them unless you name one or give events")
    .option("--events <path>", "recorded events instead: one JSON object with a time on each line")
    .option("--pattern <pattern>", "try one filter pattern on the lines of --events, and nothing else")
    .addHelpText("after", `\nAttacks: ${SYNTHETIC_ATTACKS.map(({ name }) => name).join(", ")}`)
    .action(async (options: TestOptions) => setExitCode(await test(options)));
  alarms
    .command("export")
    .description("write the alarms for CloudFormation, CDK, Terraform or Prometheus")
    .requiredOption("--to <format>", Object.keys(EXPORTS).join(", "))
    .option(...file)
    .option("--output <path>", "a file; standard output unless you name one")
    .action((options: FileOption & { readonly to: string; readonly output?: string }) => write(options));
}

interface TestOptions extends FileOption {
  readonly deliver?: boolean;
  readonly config?: string;
  readonly attack?: string;
  readonly events?: string;
  readonly pattern?: string;
}

async function test({ attack, events, pattern, file, deliver, config }: TestOptions): Promise<number> {
  if (deliver === true) return tellReceivers(config);
  if (pattern !== undefined) return tryPattern(pattern, events);
  const definitions = definitionOf({ ...(file !== undefined && { file }) });
  if (events !== undefined) {
    printChanges(await replayAlarms(definitions, recordsOf(events)));
    return EXIT.clean;
  }
  const chosen = SYNTHETIC_ATTACKS.filter(({ name }) => attack === undefined || name === attack);
  if (chosen.length === 0) {
    throw new CannotCheck(
      `there is no attack "${attack}".`,
      "nothing was replayed.",
      `name one of ${SYNTHETIC_ATTACKS.map(({ name }) => name).join(", ")}.`,
    );
  }
  let quiet = 0;
  for (const { name, description, records } of chosen) {
    print(`${name}: ${description}`);
    const changes = await replayAlarms(definitions, records);
    printChanges(changes);
    if (!changes.some(({ change }) => change.state === "ALARM")) quiet += 1;
  }
  if (quiet > 0) print(`${quiet} of ${chosen.length} attacks set off no alarm.`);
  return quiet === 0 ? EXIT.clean : EXIT.findings;
}

/** The layers of `saas()` carry what watches; layers by hand may. */
interface Watched {
  readonly watch?: { readonly alarms?: Pick<AlarmEngine, "tryReceivers"> };
}

async function tellReceivers(config: string = presentConfig() ?? CONFIG_FILES[0]): Promise<number> {
  const { security } = await loadConfig(config);
  const { alarms } = (security.layers as Watched).watch ?? {};
  if (alarms === undefined) {
    throw new CannotCheck(
      "nobody is told of alarms.",
      "the composition has none.",
      "give saas() the option alarms with actions, such as mailAction() or webhookAction().",
    );
  }
  const trials = await alarms.tryReceivers();
  for (const { action, isHeard, fault = "", fix = "" } of trials)
    print(isHeard ? `${action}  has taken the message` : `${action}  has not: ${fault}\n  ${fix}`);
  if (trials.length === 0)
    print("Nobody is told: the alarms have no actions, such as mailAction() or webhookAction().");
  return trials.length > 0 && trials.every(({ isHeard }) => isHeard) ? EXIT.clean : EXIT.findings;
}

function printChanges(changes: readonly ReplayedChange[]): void {
  for (const { atSeconds, change } of changes) {
    const { alarm, state, severity, contributors, suppressedBy } = change;
    const who = contributors.length === 0 ? "" : `  ${contributors.join(" ")}`;
    const untold = suppressedBy === undefined ? "" : `  untold: ${suppressedBy}`;
    print(`  ${clock(atSeconds)}  ${state.padEnd(5)}  ${severity.padEnd(8)}  ${alarm}${who}${untold}`);
  }
  if (changes.length === 0) print("  no alarm rang");
}

function clock(seconds: number): string {
  const part = (value: number): string => String(Math.floor(value)).padStart(2, "0");
  return `${part(seconds / 3600)}:${part((seconds / 60) % 60)}:${part(seconds % 60)}`;
}

function tryPattern(source: string, events: string | undefined): number {
  if (events === undefined) {
    throw new CannotCheck("--pattern needs lines to look at.", "nothing was tried.", "name them with --events <path>.");
  }
  const pattern = orRefuse(() => filterPattern(source), "the filter pattern");
  let found = 0;
  for (const text of read(events)
    .split("\n")
    .filter((line) => line !== "")) {
    const extracted = pattern.extract(logLine(text));
    if (extracted === undefined) continue;
    found += 1;
    print(text);
    for (const [name, value] of extracted) print(`  ${name} = ${value}`);
  }
  print(`${found} lines match.`);
  return found > 0 ? EXIT.clean : EXIT.findings;
}

function recordsOf(path: string): readonly TimedRecord[] {
  const records = read(path)
    .split("\n")
    .filter((line) => line !== "")
    .map((line, index) => {
      const record = orRefuse(
        () => JSON.parse(line) as TimedRecord["record"] & { readonly time: string },
        `line ${index + 1}`,
      );
      return { ms: Date.parse(record.time), record, line: index + 1 };
    });
  const unknown = records.find(({ ms }) => Number.isNaN(ms));
  if (unknown !== undefined) {
    throw new CannotCheck(
      `line ${unknown.line} of the events has no time.`,
      "its place in the replay is unknown.",
      "give each event a time such as 2026-01-01T00:00:00Z.",
    );
  }
  const first = records.reduce((least, { ms }) => Math.min(least, ms), Infinity);
  return records.map(({ ms, record }) => ({ atSeconds: Math.floor((ms - first) / 1000) + 60, record }));
}

function write({ to, output, ...options }: FileOption & { readonly to: string; readonly output?: string }): void {
  if (!Object.hasOwn(EXPORTS, to)) {
    throw new CannotCheck(
      `"${to}" is no format.`,
      "nothing was written.",
      `name one of ${Object.keys(EXPORTS).join(", ")}.`,
    );
  }
  const definitions = definitionOf(options);
  const text = orRefuse(() => EXPORTS[to as keyof typeof EXPORTS](definitions), "the definition");
  if (output === undefined) process.stdout.write(text);
  else writeFileSync(output, text);
}

function definitionOf({ file }: FileOption): AlarmDefinitions {
  if (file === undefined) return readAlarmDefinitions(SECURITY_ALARMS);
  return orRefuse(() => readAlarmDefinitions(JSON.parse(read(file)) as unknown), file);
}

function read(path: string): string {
  return orRefuse(() => {
    if (statSync(path).size > MOST_BYTES) throw new RangeError(`it has more than ${MOST_BYTES} bytes.`);
    return readFileSync(path, "utf8");
  }, path);
}

function orRefuse<Value>(work: () => Value, what: string): Value {
  try {
    return work();
  } catch (error) {
    if (error instanceof CannotCheck) throw error;
    throw new CannotCheck(
      `${what} cannot be used: ${(error as Error).message}`,
      "alarms that cannot be read ring for nobody.",
      "correct what the message names.",
    );
  }
}

function json(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
