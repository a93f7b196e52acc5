import { Option, type Command } from "commander";
import { insertImportedAccounts, likenessOfHash } from "glacis/authentication";
import { databaseUrl, withClient } from "../database.ts";
import { CannotCheck, EXIT } from "../outcome.ts";
import { importUsers, type AccountWriter, type ImportSummary } from "../users/import.ts";
import { csvRows, fixtureRows, type ExportColumns, type ExportRow } from "../users/rows.ts";

const MOST_PROBLEMS_PRINTED = 100;
const ROWS_BETWEEN_PROGRESS = 10_000;

interface UserImportOptions {
  readonly from: "django" | "bcrypt";
  readonly model: string;
  readonly emailColumn: string;
  readonly hashColumn: string;
  readonly idColumn: string;
  readonly verified: boolean;
  readonly write: boolean;
  readonly allProblems: boolean;
}

/** `glacis users`: brings accounts over from another system with their passwords. */
export function addUsersCommand(program: Command, setExitCode: (code: number) => void): void {
  program
    .command("users")
    .description("bring accounts over from another system, with their passwords")
    .command("import <file>")
    .description("judge an export of users (.csv or .json), and write it with --write")
    .addOption(new Option("--from <system>", "what the export is of").choices(["django", "bcrypt"]).default("django"))
    .option("--model <name>", "the user model of a JSON fixture", "auth.user")
    .option("--email-column <name>", "the column or field of the address", "email")
    .option("--hash-column <name>", "the column or field of the password hash", "password")
    .option("--id-column <name>", "the column of the id, which is kept; without it each account gets a new one", "id")
    .option("--verified", "the other system has proved every address", false)
    .option("--all-problems", `print every problem, not the first ${MOST_PROBLEMS_PRINTED}`, false)
    .option("--write", "write into the database of DATABASE_URL; otherwise nothing is written", false)
    .addHelpText("after", "\nExit code: 0 every row is fit, 1 some are not, 2 the import could not be done.")
    .action(async (file: string, options: UserImportOptions) => {
      const summary = options.write
        ? await withClient(databaseUrl("--write"), DATABASE_FAILED, (client) =>
            judge(file, options, (accounts) => insertImportedAccounts(client, accounts)),
          )
        : await judge(file, options);
      process.stdout.write(render(summary, options.write));
      setExitCode(summary.problems.size === 0 ? EXIT.clean : EXIT.findings);
    });
}

async function judge(file: string, options: UserImportOptions, write?: AccountWriter): Promise<ImportSummary> {
  let printed = 0;
  const progress = progressLine();
  const summary = await importUsers({
    rows: rowsOf(file, options),
    nowMs: Date.now(),
    verified: options.verified,
    ...(options.from === "bcrypt" && { onlyAlgorithm: "bcrypt" }),
    ...(write !== undefined && { write }),
    onProgress: progress.at,
    onProblem: (line, problem) => {
      printed += 1;
      if (!options.allProblems && printed > MOST_PROBLEMS_PRINTED) return;
      progress.clear();
      process.stdout.write(`line ${line}: ${problem}\n`);
    },
  });
  progress.clear();
  return summary;
}

function rowsOf(file: string, options: UserImportOptions): AsyncIterable<ExportRow> {
  const columns: ExportColumns = {
    email: options.emailColumn.toLowerCase(),
    hash: options.hashColumn.toLowerCase(),
    id: options.idColumn.toLowerCase(),
  };
  if (/\.csv$/iu.test(file)) return csvRows(file, columns);
  if (/\.json$/iu.test(file) && options.from === "django")
    return fixtureRows(file, options.model.toLowerCase(), columns);
  throw new CannotCheck(
    "the export's name says no format that can be read.",
    "reading it as something else would import what nobody meant.",
    "name it .csv with a header line, or .json for a fixture of Django's dumpdata.",
  );
}

/** One line that changes on a terminal; elsewhere nothing, so that a log stays readable. */
function progressLine(): { readonly at: (rows: number) => void; readonly clear: () => void } {
  const isTerminal = process.stderr.isTTY && process.env["CI"] === undefined;
  const show = (text: string): boolean => isTerminal && process.stderr.write(`\r\u001B[K${text}`);
  return {
    at: (rows) => void (rows % ROWS_BETWEEN_PROGRESS === 0 && show(`${rows} rows`)),
    clear: () => void show(""),
  };
}

const DATABASE_FAILED = {
  what: "the accounts could not be written",
  why: "some may be in already; those stay as they are.",
  fix: "apply AUTHENTICATION_MIGRATION, make the database reachable, and run the same command again: it goes on where it stopped.",
};

function render(summary: ImportSummary, written: boolean): string {
  const { rows, accounts, disabled, others, algorithms, problems, outcomes, repetitionsUnseen } = summary;
  const unfit = rows - others - accounts;
  return [
    `${rows} rows: ${accounts} fit (${disabled} of them disabled), ${unfit} not fit, ${others} of other models.`,
    ...section("By algorithm", algorithms),
    ...section("Problems", problems),
    ...(repetitionsUnseen ? ["Repeated addresses were looked for in the first four million only."] : []),
    ...advice(summary),
    ...(written
      ? [
          `Written: ${outcomes.get("inserted") ?? 0} new, ${outcomes.get("exists") ?? 0} were there already and stay as they are.`,
        ]
      : ["Nothing was written. Add --write to import what is fit."]),
    "",
  ].join("\n");
}

function section(title: string, counts: ReadonlyMap<string, number>): readonly string[] {
  if (counts.size === 0) return [];
  const sorted = [...counts].toSorted(([, left], [, right]) => right - left);
  return [`${title}:`, ...sorted.map(([name, count]) => `  ${String(count).padStart(9)}  ${name}`)];
}

/** A hash of the same cost, and nobody's: the setting may stand in a repository. */
function advice({ costliest }: ImportSummary): readonly string[] {
  const likeness = costliest === undefined ? undefined : likenessOfHash(costliest);
  if (likeness === undefined) return [];
  return [
    "So that no answer's time tells who has not signed in since, set (same cost as the costliest, and nobody's):",
    `  passwordHashing({ costliestImported: ${JSON.stringify(likeness)} })`,
  ];
}
