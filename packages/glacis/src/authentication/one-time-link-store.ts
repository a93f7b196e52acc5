import type { AuthenticationDatabase } from "./database.ts";

/** What is known of a link. The token itself is known to nobody but whoever got the mail. */
export interface OneTimeLink {
  /** SHA-256 of the token, base64url. */
  readonly id: string;
  readonly purpose: string;
  readonly subject: string;
  readonly detail: Readonly<Record<string, unknown>>;
  readonly createdAtMs: number;
  readonly endsAtMs: number;
}

/** Where links live. A store that fails throws, and the request is refused. */
export interface OneTimeLinkStore {
  readonly kind: "memory" | "shared";
  /** Keeps a link in the place of the former one of the same purpose and subject. */
  put(link: OneTimeLink): void | Promise<void>;
  read(id: string, purpose: string, nowMs: number): OneTimeLink | undefined | Promise<OneTimeLink | undefined>;
  /** Removes a live link and returns it, once whoever asks at the same time. */
  take(id: string, purpose: string, nowMs: number): OneTimeLink | undefined | Promise<OneTimeLink | undefined>;
  void(purposes: readonly string[], subject: string): void | Promise<void>;
  /** Voids what somebody has sent: links whose detail names him as `invitedBy`. */
  voidSent(purposes: readonly string[], invitedBy: string): void | Promise<void>;
  /** Forgets what is over; at most a thousand at a time. */
  sweep(nowMs: number): void | Promise<void>;
}

/** The unique index is what makes one of two links at the same moment void. */
export const ONE_TIME_LINK_MIGRATION = `
create table if not exists glacis_one_time_links (
  id text primary key check (length(id) = 43),
  purpose text not null check (length(purpose) <= 40),
  subject text not null check (length(subject) <= 320),
  detail jsonb not null check (length(detail::text) <= 4000),
  created_at_ms bigint not null,
  ends_at_ms bigint not null,
  unique (subject, purpose)
);
create index if not exists glacis_one_time_links_end on glacis_one_time_links (ends_at_ms);
`;

const SWEPT_AT_ONCE = 1000;

/** Links in this process alone, for development and tests. */
export function memoryOneTimeLinks(): OneTimeLinkStore {
  const links = new Map<string, OneTimeLink>();
  const read = (id: string, purpose: string, nowMs: number): OneTimeLink | undefined => {
    const link = links.get(id);
    return link !== undefined && link.purpose === purpose && nowMs < link.endsAtMs ? link : undefined;
  };
  const remove = (unwanted: (link: OneTimeLink) => boolean): void => {
    for (const [id, link] of links) if (unwanted(link)) links.delete(id);
  };
  return {
    kind: "memory",
    put(link) {
      remove(({ purpose, subject }) => purpose === link.purpose && subject === link.subject);
      links.set(link.id, link);
    },
    read,
    take(id, purpose, nowMs) {
      const link = read(id, purpose, nowMs);
      if (link !== undefined) links.delete(id);
      return link;
    },
    void: (purposes, subject) => remove((link) => link.subject === subject && purposes.includes(link.purpose)),
    voidSent: (purposes, invitedBy) =>
      remove(({ purpose, detail }) => detail["invitedBy"] === invitedBy && purposes.includes(purpose)),
    sweep: (nowMs) => remove(({ endsAtMs }) => endsAtMs <= nowMs),
  };
}

/** Links in Postgres. Using one up is a single delete: the row's lock lets one of many callers have it. */
export function postgresOneTimeLinks(database: AuthenticationDatabase): OneTimeLinkStore {
  const first = async (text: string, values: unknown[]): Promise<OneTimeLink | undefined> => {
    const row = (await database.query(text, values)).rows[0];
    return row === undefined ? undefined : linkOf(row as LinkRow);
  };
  return {
    kind: "shared",
    async put({ id, purpose, subject, detail, createdAtMs, endsAtMs }) {
      await database.query(
        `insert into glacis_one_time_links (id, purpose, subject, detail, created_at_ms, ends_at_ms)
         values ($1, $2, $3, $4::jsonb, $5, $6)
         on conflict (subject, purpose) do update set id = excluded.id, detail = excluded.detail,
           created_at_ms = excluded.created_at_ms, ends_at_ms = excluded.ends_at_ms`,
        [id, purpose, subject, JSON.stringify(detail), createdAtMs, endsAtMs],
      );
    },
    read: (id, purpose, nowMs) =>
      first("select * from glacis_one_time_links where id = $1 and purpose = $2 and ends_at_ms > $3", [
        id,
        purpose,
        nowMs,
      ]),
    take: (id, purpose, nowMs) =>
      first("delete from glacis_one_time_links where id = $1 and purpose = $2 and ends_at_ms > $3 returning *", [
        id,
        purpose,
        nowMs,
      ]),
    async void(purposes, subject) {
      await database.query("delete from glacis_one_time_links where subject = $1 and purpose = any($2::text[])", [
        subject,
        purposes,
      ]);
    },
    async voidSent(purposes, invitedBy) {
      await database.query(
        "delete from glacis_one_time_links where purpose = any($2::text[]) and detail->>'invitedBy' = $1",
        [invitedBy, purposes],
      );
    },
    async sweep(nowMs) {
      await database.query(
        `delete from glacis_one_time_links where id in
           (select id from glacis_one_time_links where ends_at_ms <= $1 limit ${SWEPT_AT_ONCE} for update skip locked)`,
        [nowMs],
      );
    },
  };
}

interface LinkRow {
  readonly id: string;
  readonly purpose: string;
  readonly subject: string;
  readonly detail: OneTimeLink["detail"];
  readonly created_at_ms: string | number;
  readonly ends_at_ms: string | number;
}

function linkOf({ id, purpose, subject, detail, created_at_ms, ends_at_ms }: LinkRow): OneTimeLink {
  return { id, purpose, subject, detail, createdAtMs: Number(created_at_ms), endsAtMs: Number(ends_at_ms) };
}
