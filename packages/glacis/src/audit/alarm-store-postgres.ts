import type { AlarmState } from "./alarm.ts";
import type { AlarmStore, StoredAlarm } from "./alarm-store.ts";
import type { Bucket } from "./alarm-statistic.ts";
import type { AuditDatabase } from "./audit-database.ts";

/** Counts, states and the evaluator's lease, as a migration. Values of percentiles are kept as JSON: value to number of times. */
export const ALARM_MIGRATION = `
create table if not exists glacis_alarm_points (
  at_seconds bigint not null,
  metric text not null,
  series text not null,
  count double precision not null,
  sum double precision not null,
  least double precision not null,
  most double precision not null,
  samples jsonb,
  primary key (metric, at_seconds, series)
);
create index if not exists glacis_alarm_points_at on glacis_alarm_points (at_seconds);
create table if not exists glacis_alarm_states (
  name text primary key,
  alarm jsonb not null,
  version bigint not null
);
create table if not exists glacis_alarm_evaluator (
  id integer primary key check (id = 1),
  holder text not null,
  until timestamptz not null,
  evaluated_seconds bigint
);
`;

interface PointRow {
  readonly at_seconds: string | number;
  readonly series: string;
  readonly count: number;
  readonly sum: number;
  readonly least: number;
  readonly most: number;
  readonly samples: Record<string, number> | null;
}

interface LeaseRow {
  readonly holder: string;
  readonly evaluated_seconds: string | number | null;
}

/** Adds the counts of two sample maps; Postgres has no operator for it. */
const MERGED_SAMPLES = `case when excluded.samples is null then p.samples when p.samples is null then excluded.samples else (
  select jsonb_object_agg(key, total) from (
    select key, sum(value::numeric) as total from (
      select * from jsonb_each_text(p.samples) union all select * from jsonb_each_text(excluded.samples)) both_sides
    group by key) merged) end`;

const ADD = `insert into glacis_alarm_points as p (at_seconds, metric, series, count, sum, least, most, samples)
select * from unnest($1::bigint[], $2::text[], $3::text[], $4::float8[], $5::float8[], $6::float8[], $7::float8[], $8::jsonb[])
order by 2, 1, 3
on conflict (metric, at_seconds, series) do update set count = p.count + excluded.count, sum = p.sum + excluded.sum,
  least = least(p.least, excluded.least), most = greatest(p.most, excluded.most), samples = ${MERGED_SAMPLES}`;

/** The database's clock decides, so that processes whose clocks differ agree on who holds the lease. */
const LEASE = `insert into glacis_alarm_evaluator as e (id, holder, until) values (1, $1, now() + make_interval(secs => $2))
on conflict (id) do update set holder = excluded.holder, until = excluded.until
where e.holder = excluded.holder or e.until < now() returning holder, evaluated_seconds`;

/** The store that every process shares: all count, one at a time evaluates. */
export function postgresAlarms(database: AuditDatabase): AlarmStore {
  const run = async (text: string, values: unknown[] = []): Promise<readonly unknown[]> =>
    (await database.query(text, values)).rows;
  return {
    kind: "shared",
    async add(points) {
      if (points.length === 0) return;
      const column = (of: (point: (typeof points)[number]) => unknown): unknown[] => points.map(of);
      await run(ADD, [
        column(({ atSeconds }) => atSeconds),
        column(({ metric }) => metric),
        column(({ series }) => series),
        column(({ bucket }) => bucket.count),
        column(({ bucket }) => bucket.sum),
        column(({ bucket }) => bucket.least),
        column(({ bucket }) => bucket.most),
        column(({ bucket }) => (bucket.values === undefined ? null : JSON.stringify(bucket.values))),
      ]);
    },
    async read(metric, from, to) {
      const text = `select at_seconds, series, count, sum, least, most, samples from glacis_alarm_points
        where metric = $1 and at_seconds >= $2 and at_seconds < $3`;
      const rows = (await run(text, [metric, from, to])) as readonly PointRow[];
      return rows.map((row) => ({
        metric,
        series: row.series,
        atSeconds: Number(row.at_seconds),
        bucket: bucketOf(row),
      }));
    },
    async forget(before) {
      await run("delete from glacis_alarm_points where at_seconds < $1", [before]);
    },
    async lease(holder, seconds) {
      const [row] = (await run(LEASE, [holder, seconds])) as readonly LeaseRow[];
      const evaluated = row?.evaluated_seconds ?? undefined;
      return { held: row !== undefined, evaluatedSeconds: evaluated === undefined ? undefined : Number(evaluated) };
    },
    async advance(holder, seconds) {
      const text =
        "update glacis_alarm_evaluator set evaluated_seconds = $2 where id = 1 and holder = $1 and until >= now() returning holder";
      return (await run(text, [holder, seconds])).length > 0;
    },
    async release(holder) {
      await run("update glacis_alarm_evaluator set until = now() where id = 1 and holder = $1", [holder]);
    },
    async states() {
      const rows = await run("select alarm, version from glacis_alarm_states");
      return (rows as readonly { readonly alarm: StoredAlarm; readonly version: string | number }[]).map(
        ({ alarm, version }) => ({ ...alarm, state: alarm.state satisfies AlarmState, version: Number(version) }),
      );
    },
    async save(alarm) {
      const text = `insert into glacis_alarm_states as s (name, alarm, version) select $1, $2::jsonb, $3
        on conflict (name) do update set alarm = excluded.alarm, version = excluded.version
        where s.version = excluded.version - 1 returning name`;
      return (await run(text, [alarm.name, JSON.stringify(alarm), alarm.version])).length > 0;
    },
  };
}

function bucketOf({ count, sum, least, most, samples }: PointRow): Bucket {
  return {
    count,
    sum,
    least,
    most,
    ...(samples !== null && { values: samples }),
  };
}
