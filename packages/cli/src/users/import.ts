/** Judges an export row by row, and writes what is fit in batches. */
import { judgeImportedRow, type ImportOptions, type ImportOutcome, type ImportVerdict } from "glacis/authentication";
import type { ExportRow } from "./rows.ts";
import { seenKeys } from "./seen-keys.ts";

type ImportedAccount = Extract<ImportVerdict, { readonly kind: "account" }>;

/** @returns what became of each account, in the order given */
export type AccountWriter = (accounts: readonly ImportedAccount["account"][]) => Promise<readonly ImportOutcome[]>;

export interface ImportRun extends ImportOptions {
  readonly rows: AsyncIterable<ExportRow>;
  /** The algorithm that every hash must have. */
  readonly onlyAlgorithm?: string;
  /** Undefined looks and writes nothing. */
  readonly write?: AccountWriter;
  /** Called for each problem, which names a line and never what stands in it. */
  readonly onProblem: (line: number, problem: string) => void;
  readonly onProgress: (rows: number) => void;
}

export interface ImportSummary {
  readonly rows: number;
  /** Fit to be imported. */
  readonly accounts: number;
  readonly disabled: number;
  readonly others: number;
  readonly algorithms: ReadonlyMap<string, number>;
  readonly problems: ReadonlyMap<string, number>;
  readonly outcomes: ReadonlyMap<ImportOutcome, number>;
  /** The hash that takes the most work to verify. It is somebody's: never print it. */
  readonly costliest: string | undefined;
  /** Repetitions were no longer looked for: the file is too long. */
  readonly repetitionsUnseen: boolean;
}

const BATCH = 500;

export async function importUsers(run: ImportRun): Promise<ImportSummary> {
  const { rows, write, onProgress } = run;
  const tally = new Tally(run);
  let batch: { readonly line: number; readonly account: ImportedAccount["account"] }[] = [];
  const flush = async (): Promise<void> => {
    if (write !== undefined && batch.length > 0) {
      const outcomes = await write(batch.map(({ account }) => account));
      for (const [index, outcome] of outcomes.entries()) tally.outcome(outcome, batch[index]?.line ?? 0);
    }
    batch = [];
  };
  for await (const row of rows) {
    const account = tally.judge(row);
    if (account !== undefined) batch.push({ line: row.line, account });
    if (batch.length >= BATCH) await flush();
    onProgress(tally.rows);
  }
  await flush();
  return tally.summary();
}

class Tally {
  rows = 0;
  #accounts = 0;
  #disabled = 0;
  #others = 0;
  #work = -1;
  #costliest: string | undefined;
  readonly #algorithms = new Map<string, number>();
  readonly #problems = new Map<string, number>();
  readonly #outcomes = new Map<ImportOutcome, number>();
  readonly #addresses = seenKeys();
  readonly #run: ImportRun;

  constructor(run: ImportRun) {
    this.#run = run;
  }

  judge(row: ExportRow): ImportedAccount["account"] | undefined {
    this.rows += 1;
    if (row.kind === "other") this.#others += 1;
    if (row.kind === "problem") this.#problem(row.line, row.problem);
    if (row.kind !== "row") return undefined;
    const verdict = judgeImportedRow(row.row, this.#run);
    if (verdict.kind === "problem") return this.#problem(row.line, verdict.problem);
    const { algorithm, work, account } = verdict;
    const { onlyAlgorithm } = this.#run;
    if (onlyAlgorithm !== undefined && algorithm !== undefined && algorithm !== onlyAlgorithm)
      return this.#problem(row.line, `hash_not_${onlyAlgorithm}`);
    const before = this.#addresses.firstLine(account.email, row.line);
    if (before !== undefined) return this.#problem(row.line, "address_repeated", `as on line ${before}`);
    this.#accounts += 1;
    if (account.status === "disabled") this.#disabled += 1;
    add(this.#algorithms, algorithm ?? "no password");
    if (work > this.#work && account.passwordHash !== null)
      [this.#work, this.#costliest] = [work, account.passwordHash];
    return account;
  }

  outcome(outcome: ImportOutcome, line: number): void {
    add(this.#outcomes, outcome);
    if (outcome === "user_id_taken") this.#problem(line, outcome);
  }

  summary(): ImportSummary {
    return {
      rows: this.rows,
      accounts: this.#accounts,
      disabled: this.#disabled,
      others: this.#others,
      algorithms: this.#algorithms,
      problems: this.#problems,
      outcomes: this.#outcomes,
      costliest: this.#costliest,
      repetitionsUnseen: this.#addresses.full,
    };
  }

  #problem(line: number, problem: string, detail?: string): undefined {
    add(this.#problems, problem);
    this.#run.onProblem(line, detail === undefined ? problem : `${problem} ${detail}`);
  }
}

function add<Key>(counts: Map<Key, number>, key: Key): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
