/** Sorting that a client chooses, from names that the program lists. */
import { deny } from "../core/decision.ts";
import { Refusal } from "../core/error-reason.ts";
import { rejectUnknownOptions } from "../core/options.ts";
import { quoteIdentifier } from "../primitives/sql-identifier.ts";

export interface OrderByOptions {
  /** What holds when the client asks for nothing, such as `-created`. */
  readonly initial: string;
  /** A column that decides between equals, so that pages do not overlap. */
  readonly last?: string;
  /** The most names in one request. 3. */
  readonly most?: number;
}

const LONGEST = 200;

/**
 * @param requested names by comma, each with `-` before it for descending: `-created,title`
 * @param columns the client's names and the columns behind them
 * @throws Refusal 422 `input_invalid` for a name that is not listed, or is given twice
 * @throws TypeError when `initial` is not listed
 */
export function orderBy(
  requested: string | undefined,
  columns: Readonly<Record<string, string>>,
  options: OrderByOptions,
): string {
  rejectUnknownOptions("sql.orderBy", options, ["initial", "last", "most"]);
  const { initial, last, most = 3 } = options;
  const standard = parse(initial, columns, most);
  if (standard === undefined) throw new TypeError("sql.orderBy() needs initial as names of its columns.");
  const terms = requested === undefined || requested === "" ? standard : parse(requested, columns, most);
  if (terms === undefined) throw refusal();
  const tie = last === undefined ? [] : [quoteIdentifier(last)];
  return `order by ${[...terms, ...tie].join(", ")}`;
}

function parse(text: unknown, columns: Readonly<Record<string, string>>, most: number): string[] | undefined {
  if (typeof text !== "string" || text.length > LONGEST) return undefined;
  const names = text.split(",", most + 1);
  const terms = new Map<string, string>();
  for (const term of names) {
    const descending = term.startsWith("-");
    const name = descending ? term.slice(1) : term;
    if (!Object.hasOwn(columns, name) || terms.has(name)) return undefined;
    terms.set(name, `${quoteIdentifier(columns[name] as string)}${descending ? " desc" : ""}`);
  }
  return names.length > most ? undefined : [...terms.values()];
}

function refusal(): Refusal {
  return new Refusal(
    deny(
      "input_invalid",
      {
        event_type: "input_validation",
        status: "refused",
        severity: "info",
        event: "input_validation_fail",
        control: "sql-injection",
        reason: "input_invalid",
        detail: "order_not_listed",
      },
      { why: "The request sorts by a name that sql.orderBy() does not list." },
    ),
  );
}
