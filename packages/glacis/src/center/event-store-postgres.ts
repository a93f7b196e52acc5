import type { AuditDatabase } from "../audit/audit-database.ts";
import type { AuditRecord } from "../core/event.ts";
import type { EventCursor, EventFilter } from "./event-filter.ts";
import { pageOf } from "./event-page.ts";
import {
  BY_TIME,
  conditionsOf,
  horizonOf,
  lookStatement,
  pageStatement,
  searchCondition,
  SELECTED,
} from "./event-statement.ts";
import type { ArchivedEvent } from "./event-record.ts";
import {
  BUCKET_MS,
  LONGEST_GAP,
  LOOK_BACK,
  MOST_COUNTED,
  type EventCount,
  type EventPage,
  type EventStore,
  type TopField,
  type TopValue,
} from "./event-store.ts";

/** What a chart of a week or a month is drawn from: quarters of an hour would be thousands for each kind of event, scattered among those of all tenants. */
const WIDE_MS = 16 * BUCKET_MS;

const countsTable = (name: string): string => `
create table if not exists ${name} (
  bucket_ms bigint not null,
  tenant_id text not null,
  event_type text not null,
  status text not null,
  severity text not null,
  count bigint not null,
  primary key (tenant_id, bucket_ms, event_type, status, severity)
);
create index if not exists ${name}_by_age on ${name} using brin (bucket_ms);`;

/**
 * The tables, as a migration. Columns are what filters ask for; `record` is the whole event. Counts are kept beside, so that a chart of a day does
 * not read a day: by quarters of an hour in `glacis_event_counts`, by four hours in `glacis_event_sums`; those of all tenants together stand under the
 * empty name. The role of the application needs select, insert and delete, and no update of `glacis_events`.
 */
export const EVENT_ARCHIVE_MIGRATION: string = `
create table if not exists glacis_events (
  id bigint generated always as identity primary key,
  time_ms bigint not null,
  event_type text not null,
  status text not null,
  severity text not null,
  event text not null,
  user_id text,
  tenant_id text,
  ip_address text,
  request_id text,
  record jsonb not null
);
drop index if exists glacis_events_time;
drop index if exists glacis_events_refused;
create index if not exists glacis_events_by_time on glacis_events (${BY_TIME} desc, id desc);
create index if not exists glacis_events_type on glacis_events (event_type, status, time_ms desc, id desc);
create index if not exists glacis_events_status on glacis_events (status, severity, time_ms desc, id desc);
create index if not exists glacis_events_event on glacis_events (event, time_ms desc, id desc);
create index if not exists glacis_events_user on glacis_events (user_id, time_ms desc, id desc) where user_id is not null;
create index if not exists glacis_events_tenant on glacis_events (tenant_id, time_ms desc, id desc) where tenant_id is not null;
create index if not exists glacis_events_ip on glacis_events (ip_address, time_ms desc, id desc) where ip_address is not null;
create index if not exists glacis_events_request on glacis_events (request_id) where request_id is not null;
create index if not exists glacis_events_severity on glacis_events (severity, time_ms desc, id desc) where severity <> 'info';
create index if not exists glacis_events_refusals on glacis_events (${BY_TIME} desc, id desc) where status in ('refused', 'failed');
create index if not exists glacis_events_tenant_refusals on glacis_events (tenant_id, ${BY_TIME} desc, id desc)
  where status in ('refused', 'failed') and tenant_id is not null;
create statistics if not exists glacis_events_kinds (mcv) on event_type, status, severity, event from glacis_events;
${["glacis_event_counts", "glacis_event_sums"].map(countsTable).join("")}
insert into glacis_event_sums (tenant_id, bucket_ms, event_type, status, severity, count)
select tenant_id, bucket_ms - bucket_ms % ${WIDE_MS}, event_type, status, severity, sum(count) from glacis_event_counts
where not exists (select from glacis_event_sums) group by 1, 2, 3, 4, 5 on conflict do nothing;
`;

const COLUMNS = ["event_type", "status", "severity", "event", "user_id", "tenant_id", "ip_address", "request_id"];

/** Rows in one order, so that two processes that count the same quarter of an hour do not wait for each other in a circle. */
const count = (table: string, lengthMs: number): string => `
insert into ${table} (tenant_id, bucket_ms, event_type, status, severity, count)
select owner.tenant_id, time_ms - time_ms % ${lengthMs}, record->>'event_type', record->>'status', record->>'severity', count(*)
from given cross join lateral (values (''), (nullif(record->>'tenant_id', ''))) as owner(tenant_id)
where owner.tenant_id is not null
group by 1, 2, 3, 4, 5 order by 1, 2, 3, 4, 5
on conflict (tenant_id, bucket_ms, event_type, status, severity)
do update set count = ${table}.count + excluded.count`;

const ADD = `
with given as materialized (
  select * from jsonb_to_recordset($1::jsonb) as given(time_ms bigint, record jsonb)
), added as (
  insert into glacis_events (time_ms, ${COLUMNS.join(", ")}, record)
  select time_ms, ${COLUMNS.map((name) => `record->>'${name}'`).join(", ")}, record from given order by time_ms
), summed as (${count("glacis_event_sums", WIDE_MS)})
${count("glacis_event_counts", BUCKET_MS)}`;

const countsOf = (table: string): string => `
select (bucket_ms - bucket_ms % $4::bigint)::text as from_ms,
  coalesce(sum(count) filter (where status = 'succeeded'), 0)::text as succeeded,
  coalesce(sum(count) filter (where status = 'observed'), 0)::text as observed,
  coalesce(sum(count) filter (where status = 'refused'), 0)::text as refused,
  coalesce(sum(count) filter (where status = 'failed'), 0)::text as failed,
  coalesce(sum(count) filter (where status = 'failed' and event_type = 'authentication'), 0)::text as failed_sign_ins,
  coalesce(sum(count) filter (where severity in ('error', 'critical')), 0)::text as severe
from ${table} where tenant_id = $1 and bucket_ms between $2 and $3
group by bucket_ms - bucket_ms % $4::bigint order by bucket_ms - bucket_ms % $4::bigint`;

/** The fields of `top` that are no column of their own. */
const TOP_EXPRESSIONS: Readonly<Record<TopField, string>> = {
  ip_address: "ip_address",
  user_id: "user_id",
  event: "event",
  route: "record->>'route'",
};

/** Events in Postgres. Every page follows an index from a cursor, so the thousandth costs what the first does. */
export function postgresEvents(database: AuditDatabase): EventStore {
  const rowsOf = async <Row>(text: string, values: unknown[]): Promise<readonly Row[]> =>
    (await database.query(text, values)).rows as readonly Row[];

  return {
    kind: "shared",
    async add(drafts) {
      const given = drafts.map(({ timeMs, record }) => ({ time_ms: timeMs, record }));
      await database.query(ADD, [JSON.stringify(given)]);
    },
    async page(filter, limit, before) {
      const { text, values } = pageStatement(filter, limit, before);
      return (await rowsOf<EventRow>(text, values)).map(eventOf);
    },
    look: async (filter, limit, before) => lookAt(rowsOf, filter, limit, before),
    async since(filter, afterId, limit) {
      const { conditions, values } = conditionsOf(filter);
      conditions.push(
        `id > greatest($${values.push(afterId)}::bigint - ${LOOK_BACK}, (select max(id) from glacis_events) - ${LONGEST_GAP})`,
        searchCondition(filter, values),
      );
      const text = `${SELECTED} where ${conditions.join(" and ")} order by glacis_events.id desc limit $${values.push(limit)}`;
      return (await rowsOf<EventRow>(text, values)).map(eventOf).toReversed();
    },
    async one(id) {
      const [row] = await rowsOf<EventRow>(`${SELECTED} where id = $1::bigint`, [id]);
      return row && eventOf(row);
    },
    async newestId() {
      const [row] = await rowsOf<{ id: string }>("select coalesce(max(id), 0)::text as id from glacis_events", []);
      return row?.id ?? "0";
    },
    async counts({ fromMs, toMs, tenant = "" }, stretchMs) {
      const isWide = stretchMs % WIDE_MS === 0 && fromMs % WIDE_MS === 0;
      const text = countsOf(isWide ? "glacis_event_sums" : "glacis_event_counts");
      return (await rowsOf<CountRow>(text, [tenant, fromMs, toMs, stretchMs])).map(countOf);
    },
    async top(field, { fromMs, toMs, tenant }, limit) {
      const expression = TOP_EXPRESSIONS[field];
      // Where the range begins stands outside: a range with two ends looks small to the database, and it would sort all of it.
      const rows = await rowsOf<{ value: string; count: string; last_ms: string }>(
        `select value, count(*)::text as count, max(time_ms)::text as last_ms from (
           select ${expression} as value, time_ms from glacis_events
           where status in ('refused', 'failed') and ${BY_TIME} <= $2::bigint ${tenant === undefined ? "" : "and tenant_id = $4"}
           order by ${BY_TIME} desc, id desc limit ${MOST_COUNTED}
         ) as latest where value is not null and time_ms >= $1 group by value order by count(*) desc, value limit $3`,
        tenant === undefined ? [fromMs, toMs, limit] : [fromMs, toMs, limit, tenant],
      );
      return rows.map(({ value, count, last_ms: lastMs }): TopValue => ({
        value,
        count: Number(count),
        lastMs: Number(lastMs),
      }));
    },
    async sweep(beforeMs, most) {
      const rows = await rowsOf(
        `delete from glacis_events where id in (select id from glacis_events where ${BY_TIME} < $1::bigint order by ${BY_TIME}, id limit $2)
         returning 1`,
        [beforeMs, most],
      );
      await database.query("delete from glacis_event_counts where bucket_ms < $1", [beforeMs - BUCKET_MS]);
      await database.query("delete from glacis_event_sums where bucket_ms < $1", [beforeMs - WIDE_MS]);
      return rows.length;
    },
  };
}

async function lookAt(
  rowsOf: <Row>(text: string, values: unknown[]) => Promise<readonly Row[]>,
  filter: EventFilter,
  limit: number,
  before: EventCursor | undefined,
): Promise<EventPage> {
  const horizon = await horizonOf(rowsOf, filter, before);
  const { text, values } = lookStatement(filter, limit + 1, before, horizon);
  return pageOf((await rowsOf<EventRow>(text, values)).map(eventOf), limit, horizon?.cursor);
}

type CountRow = Readonly<
  Record<"from_ms" | "succeeded" | "observed" | "refused" | "failed" | "failed_sign_ins" | "severe", string>
>;

function countOf(row: CountRow): EventCount {
  return {
    fromMs: Number(row.from_ms),
    succeeded: Number(row.succeeded),
    observed: Number(row.observed),
    refused: Number(row.refused),
    failed: Number(row.failed),
    failedSignIns: Number(row.failed_sign_ins),
    severe: Number(row.severe),
  };
}

interface EventRow {
  readonly id: string;
  readonly time_ms: string;
  readonly record: AuditRecord;
}

function eventOf({ id, time_ms: timeMs, record }: EventRow): ArchivedEvent {
  return { id, timeMs: Number(timeMs), record };
}
