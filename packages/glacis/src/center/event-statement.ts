/** The statements behind a page of events: which index each follows, and where it stops. */
import { readCursor, SEARCHED, SEVERITIES, STATUSES, type EventCursor, type EventFilter } from "./event-filter.ts";
import { MOST_LOOKED_AT } from "./event-store.ts";

export const SELECTED = "select id::text as id, time_ms::text as time_ms, record from glacis_events";

export interface Statement {
  readonly text: string;
  readonly values: unknown[];
}

const EQUALITIES: Readonly<Record<Equality, string>> = {
  type: "event_type",
  status: "status",
  severity: "severity",
  event: "event",
  user: "user_id",
  tenant: "tenant_id",
  ip: "ip_address",
};
type Equality = "type" | "status" | "severity" | "event" | "user" | "tenant" | "ip";

/** What an index finds in the order of time. */
const INDEXED: readonly (readonly Equality[])[] = [
  ["user"],
  ["ip"],
  ["tenant"],
  ["event"],
  ["type", "status"],
  ["status", "severity"],
  ["severity"],
];

/**
 * The time as the index that follows nothing else has it. Spelt like this, no other statement can take that index: where a value's events are all old,
 * a walk along the time to find fifty of them reads everything that is newer, and statistics do not tell the database so.
 */
export const BY_TIME = "(time_ms + 0)" as const;
type Time = "time_ms" | typeof BY_TIME;

/** What the first column of an index leaves open and the second one decides: one branch for each of its few values keeps to the order of time. */
const COMPLETED: Readonly<Partial<Record<Equality, readonly [second: Equality, values: readonly string[]]>>> = {
  type: ["status", STATUSES],
  status: ["severity", SEVERITIES],
  severity: ["status", STATUSES],
};

/** With the name of the table, for what is selected as text has the names of the columns too. */
function newestFirst(time: Time): string {
  return `order by ${time === BY_TIME ? BY_TIME : "glacis_events.time_ms"} desc, glacis_events.id desc`;
}

function equalitiesOf(filter: EventFilter): readonly Equality[] {
  return (Object.keys(EQUALITIES) as Equality[]).filter((name) => filter[name] !== undefined);
}

/** @param names the equalities that are wanted; the time always is */
export function conditionsOf(
  filter: EventFilter,
  names: readonly Equality[] = equalitiesOf(filter),
  time: Time = "time_ms",
): { conditions: string[]; values: unknown[] } {
  const values: unknown[] = [];
  const conditions = names.map((name) => `${EQUALITIES[name]} = $${values.push(filter[name])}`);
  if (filter.fromMs !== undefined) conditions.push(`${time} >= $${values.push(filter.fromMs)}::bigint`);
  if (filter.toMs !== undefined) conditions.push(`${time} <= $${values.push(filter.toMs)}::bigint`);
  return { conditions, values };
}

export function searchCondition({ search }: EventFilter, values: unknown[]): string {
  if (search === undefined) return "true";
  return `$${values.push(search)} in (${SEARCHED.map((name) => `coalesce(${name}, '')`).join(", ")})`;
}

function beforeCondition({ timeMs, id }: EventCursor, values: unknown[], time: Time): string {
  return `(${time}, id) < ($${values.push(timeMs)}::bigint, $${values.push(id)}::bigint)`;
}

/** A search is the union of one page of each index: an `or` over five columns would read the whole table for what is rare. */
export function pageStatement(filter: EventFilter, limit: number, before: EventCursor | undefined): Statement {
  const asked = equalitiesOf(filter);
  const time = asked.length === 0 && filter.search === undefined ? BY_TIME : "time_ms";
  const { conditions, values } = conditionsOf(filter, asked, time);
  if (before !== undefined) conditions.push(beforeCondition(before, values, time));
  const most = `limit $${values.push(limit)}`;
  const page = (selected: string, extra: readonly string[]): string =>
    `${selected} where ${["true", ...conditions, ...extra].join(" and ")} ${newestFirst(time)} ${most}`;
  const branches = branchesOf(filter, asked, values);
  if (branches.length === 0) return { text: page(SELECTED, []), values };
  return {
    text: unionOf(
      branches.map((extra) => page("select id, time_ms from glacis_events", [extra])),
      most,
    ),
    values,
  };
}

/** Conditions of which each, with those that are asked for, leads along one index. */
function branchesOf(
  { search, ...filter }: EventFilter,
  asked: readonly Equality[],
  values: unknown[],
): readonly string[] {
  if (search !== undefined) {
    const place = `$${values.push(search)}`;
    return SEARCHED.map((column) => `${column} = ${place}`);
  }
  const [only, another] = asked;
  if (only === undefined || another !== undefined) return [];
  // Severities other than the most frequent have an index of their own.
  const completed = only === "severity" && filter.severity !== "info" ? undefined : COMPLETED[only];
  if (completed === undefined) return [];
  const [second, choices] = completed;
  return choices.map((choice) => `${EQUALITIES[second]} = '${choice}'`);
}

/** Which rows, first; what they are, once. */
function unionOf(branches: readonly string[], most: string): string {
  const ids = `select id from (${branches.map((text) => `(${text})`).join(" union ")}) as hits order by time_ms desc, id desc ${most}`;
  return `${SELECTED} where id in (${ids}) order by glacis_events.time_ms desc, glacis_events.id desc`;
}

/** What an index is followed by, and how far. */
export interface Horizon {
  /** The conditions that the index holds. Of a search, each of its columns. */
  readonly index: readonly Equality[];
  /** The last event that is looked at; undefined where the index ends before. */
  readonly cursor: EventCursor | undefined;
}

/** Those that a filter can follow; without any, time itself. */
function indexesOf(filter: EventFilter): readonly (readonly Equality[])[] {
  const usable = INDEXED.filter((index) => index.every((name) => filter[name] !== undefined));
  // The index of severities leaves out the most frequent.
  const [first = [], ...others] = usable.filter((index) => filter.severity !== "info" || index[0] !== "severity");
  return [first, ...others];
}

type RowsOf = (text: string, values: unknown[]) => Promise<readonly Readonly<Record<string, string | null>>[]>;

/**
 * Where a page over several indexes stops: of those that could be followed the one that reaches furthest back. Of a search every column is followed, and the
 * nearest end counts for all.
 *
 * @returns undefined where one index holds every condition, so that each event that it finds is shown
 */
export async function horizonOf(
  rowsOf: RowsOf,
  filter: EventFilter,
  before: EventCursor | undefined,
): Promise<Horizon | undefined> {
  const { search } = filter;
  const asked = equalitiesOf(filter);
  const usable = indexesOf(filter);
  const isWhole = asked.length <= 1 || usable.some((index) => index.length === asked.length);
  if (search === undefined ? isWhole : asked.length === 0) return undefined;
  const time = search === undefined && usable[0]?.length === 0 ? BY_TIME : "time_ms";
  const { conditions, values } = conditionsOf(filter, [], time);
  if (before !== undefined) conditions.push(beforeCondition(before, values, time));
  const end = (own: readonly string[]): string =>
    `(select time_ms || '-' || id from glacis_events where ${["true", ...own, ...conditions].join(" and ")}
      ${newestFirst(time)} offset ${MOST_LOOKED_AT - 1} limit 1)`;
  const ends =
    search === undefined
      ? usable.map((index) => end(index.map((name) => `${EQUALITIES[name]} = $${values.push(filter[name])}`)))
      : SEARCHED.map((column) => end([`${column} = $${values.push(search)}`]));
  const [row = {}] = await rowsOf(`select ${ends.map((text, at) => `${text} as end_${at}`).join(", ")}`, values);
  const cursors = ends.map((_, at) => readCursor(row[`end_${at}`] ?? null));
  if (search !== undefined) return { index: [], cursor: cursors.reduce(newer, undefined) };
  const furthest = cursors.reduce((best, cursor, at) => (isOlder(cursor, cursors[best]) ? at : best), 0);
  return { index: usable[furthest] ?? [], cursor: cursors[furthest] };
}

/** An index that ends reaches further back than any place. */
function isOlder(left: EventCursor | undefined, right: EventCursor | undefined): boolean {
  if (left === undefined || right === undefined) return left === undefined && right !== undefined;
  return left.timeMs < right.timeMs || (left.timeMs === right.timeMs && BigInt(left.id) < BigInt(right.id));
}

function newer(left: EventCursor | undefined, right: EventCursor | undefined): EventCursor | undefined {
  return isOlder(left, right) ? right : left;
}

/** A page that follows the index of a horizon to its end; the database may take no other, whatever it believes about the values. */
export function lookStatement(
  filter: EventFilter,
  limit: number,
  before: EventCursor | undefined,
  horizon: Horizon | undefined,
): Statement {
  if (horizon === undefined) return pageStatement(filter, limit, before);
  const { index, cursor } = horizon;
  const time = filter.search === undefined && index.length === 0 ? BY_TIME : "time_ms";
  const { conditions, values } = conditionsOf(filter, index, time);
  if (before !== undefined) conditions.push(beforeCondition(before, values, time));
  if (cursor !== undefined)
    conditions.push(`(${time}, id) >= ($${values.push(cursor.timeMs)}::bigint, $${values.push(cursor.id)}::bigint)`);
  const rest = equalitiesOf(filter)
    .filter((name) => !index.includes(name))
    .map((name) => `${EQUALITIES[name]} = $${values.push(filter[name])}`)
    .join(" and ");
  const most = `limit $${values.push(limit)}`;
  const branch = (selected: string, extra: readonly string[]): string =>
    `${selected} from (select * from glacis_events where ${["true", ...conditions, ...extra].join(" and ")} ${newestFirst(time)} limit ${2 * MOST_LOOKED_AT}) as seen
     where ${rest} order by seen.time_ms desc, seen.id desc ${most}`;
  if (filter.search === undefined)
    return { text: branch("select id::text as id, time_ms::text as time_ms, record", []), values };
  const place = `$${values.push(filter.search)}`;
  return {
    text: unionOf(
      SEARCHED.map((column) => branch("select id, time_ms", [`${column} = ${place}`])),
      most,
    ),
    values,
  };
}
