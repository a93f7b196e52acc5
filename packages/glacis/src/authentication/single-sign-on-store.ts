import type { AuthenticationDatabase } from "./database.ts";

/** The tables, as a migration. Times are milliseconds since the epoch. */
export const SINGLE_SIGN_ON_MIGRATION = `
create table if not exists glacis_sso_transactions (
  id text primary key,
  data jsonb not null,
  ends_at_ms bigint not null
);
create index if not exists glacis_sso_transactions_end on glacis_sso_transactions (ends_at_ms);
create table if not exists glacis_sso_links (
  issuer text not null check (length(issuer) <= 512),
  subject text not null check (length(subject) <= 255),
  user_id text not null,
  provider_id text not null,
  linked_at_ms bigint not null,
  used_at_ms bigint,
  primary key (issuer, subject)
);
create index if not exists glacis_sso_links_user on glacis_sso_links (user_id);
create table if not exists glacis_sso_sids (
  issuer text not null check (length(issuer) <= 512),
  sid text not null check (length(sid) <= 255),
  user_id text not null,
  used_at_ms bigint not null,
  primary key (issuer, sid)
);
create index if not exists glacis_sso_sids_user on glacis_sso_sids (user_id);
create index if not exists glacis_sso_sids_used on glacis_sso_sids (used_at_ms);
`;

/** What the application's database role reads and writes. */
export const SINGLE_SIGN_ON_TABLES: readonly string[] = [
  "glacis_sso_transactions",
  "glacis_sso_links",
  "glacis_sso_sids",
];

/** A sign-in that has gone to its provider and not come back. */
export interface SsoTransaction {
  /** SHA-256 of this browser's token and the state. */
  readonly id: string;
  readonly providerId: string;
  readonly nonce: string;
  readonly verifier: string;
  /** A path of this application. */
  readonly next: string;
  /** Whose account is to be linked; undefined signs in. */
  readonly linkUserId: string | undefined;
  readonly endsAtMs: number;
}

/** An identity of a provider and the user that it is here: one user, for ever, whatever its address becomes. */
export interface SsoLink {
  readonly issuer: string;
  readonly subject: string;
  readonly userId: string;
  readonly providerId: string;
}

/** An identity of a user, for his own eyes. */
export interface LinkedIdentity {
  readonly providerId: string;
  readonly linkedAtMs: number;
  /** Of the last sign-in by it. */
  readonly usedAtMs: number | undefined;
}

/** Where single sign-on keeps what it knows. A store that fails throws, and nobody is let in. */
export interface SingleSignOnStore {
  readonly kind: "memory" | "shared";
  begin(transaction: SsoTransaction): void | Promise<void>;
  /** Takes a transaction: of many at once exactly one gets it. The caller compares the time. */
  take(id: string): SsoTransaction | undefined | Promise<SsoTransaction | undefined>;
  /** Marks an id as used. @returns false when it was before */
  once(id: string, untilMs: number): boolean | Promise<boolean>;
  /** Links an identity unless it is linked; answers with the user that it is linked to from now on. */
  link(link: SsoLink, nowMs: number): string | Promise<string>;
  /** The user of an identity. */
  linked(issuer: string, subject: string): string | undefined | Promise<string | undefined>;
  /** Notes a sign-in of an identity and the provider's session behind it; somebody has one for each of his browsers. */
  used(
    issuer: string,
    subject: string,
    providerId: string,
    sid: string | undefined,
    nowMs: number,
  ): void | Promise<void>;
  /** The users whom a logout concerns: of the subject, or of the provider's session. */
  concerned(
    issuer: string,
    subject: string | undefined,
    sid: string | undefined,
  ): readonly string[] | Promise<readonly string[]>;
  /** The provider by which a user signed in last. */
  lastProvider(userId: string): string | undefined | Promise<string | undefined>;
  /** The identities of a user, the oldest link first. */
  identities(userId: string): readonly LinkedIdentity[] | Promise<readonly LinkedIdentity[]>;
  /** Forgets the identities of a user at one provider; at all of them, as at its deletion, without one. @returns how many there were */
  unlink(userId: string, providerId?: string): number | Promise<number>;
}

const MOST_TRANSACTIONS = 100_000;
const SWEEP_EVERY_MS = 60_000;
/** No session here lives longer, so nobody asks for an older one. */
const SID_KEPT_MS = 31 * 86_400_000;

type MemoryLink = SsoLink & LinkedIdentity;

/** Single sign-on in this process alone, for development and tests. */
export function memorySingleSignOn(): SingleSignOnStore {
  const transactions = new Map<string, SsoTransaction | { readonly endsAtMs: number }>();
  const links = new Map<string, MemoryLink>();
  const sids = new Map<string, string>();
  const keyOf = (issuer: string, subject: string): string => JSON.stringify([issuer, subject]);
  const put = (id: string, value: SsoTransaction | { readonly endsAtMs: number }): void => {
    if (transactions.size >= MOST_TRANSACTIONS) {
      for (const [old, { endsAtMs }] of transactions) if (endsAtMs < Date.now()) transactions.delete(old);
      if (transactions.size >= MOST_TRANSACTIONS) throw new Error("memorySingleSignOn() is full.");
    }
    transactions.set(id, value);
  };
  return {
    kind: "memory",
    begin: (transaction) => put(transaction.id, transaction),
    take(id) {
      const found = transactions.get(id);
      if (found === undefined || !("nonce" in found)) return undefined;
      transactions.delete(id);
      return found;
    },
    once(id, untilMs) {
      if (transactions.has(id)) return false;
      put(id, { endsAtMs: untilMs });
      return true;
    },
    link(link, linkedAtMs) {
      const key = keyOf(link.issuer, link.subject);
      const known = links.get(key);
      if (known === undefined) links.set(key, { ...link, linkedAtMs, usedAtMs: undefined });
      return (known ?? link).userId;
    },
    linked: (issuer, subject) => links.get(keyOf(issuer, subject))?.userId,
    used(issuer, subject, providerId, sid, usedAtMs) {
      const known = links.get(keyOf(issuer, subject));
      if (known === undefined) return;
      links.set(keyOf(issuer, subject), { ...known, providerId, usedAtMs });
      if (sid === undefined) return;
      const [oldest] = sids.keys();
      if (sids.size >= MOST_TRANSACTIONS && oldest !== undefined) sids.delete(oldest);
      sids.set(keyOf(issuer, sid), known.userId);
    },
    concerned(issuer, subject, sid) {
      const key = keyOf(issuer, subject ?? sid ?? "");
      const userId = subject === undefined ? sids.get(key) : links.get(key)?.userId;
      return userId === undefined ? [] : [userId];
    },
    lastProvider: (userId) =>
      [...links.values()]
        .filter((link) => link.userId === userId && link.usedAtMs !== undefined)
        .sort((a, b) => (b.usedAtMs ?? 0) - (a.usedAtMs ?? 0))[0]?.providerId,
    identities: (userId) =>
      [...links.values()]
        .filter((link) => link.userId === userId)
        .map(({ providerId, linkedAtMs, usedAtMs }) => ({ providerId, linkedAtMs, usedAtMs }))
        .sort((a, b) => a.linkedAtMs - b.linkedAtMs),
    unlink(userId, providerId) {
      let gone = 0;
      for (const [key, link] of links)
        if (link.userId === userId && link.providerId === (providerId ?? link.providerId) && links.delete(key))
          gone += 1;
      if (providerId === undefined) for (const [key, of] of sids) if (of === userId) sids.delete(key);
      return gone;
    },
  };
}

type Run = <Row>(text: string, values: unknown[]) => Promise<readonly Row[]>;

function identitiesIn(run: Run): Pick<SingleSignOnStore, "identities" | "unlink"> {
  return {
    async identities(userId) {
      const text = `select provider_id, linked_at_ms, used_at_ms from glacis_sso_links where user_id = $1 order by linked_at_ms`;
      const rows = await run<Record<"provider_id" | "linked_at_ms" | "used_at_ms", string | null>>(text, [userId]);
      return rows.map(({ provider_id, linked_at_ms, used_at_ms }) => ({
        providerId: provider_id as string,
        linkedAtMs: Number(linked_at_ms),
        usedAtMs: used_at_ms === null ? undefined : Number(used_at_ms),
      }));
    },
    async unlink(userId, providerId) {
      const text =
        "delete from glacis_sso_links where user_id = $1 and provider_id = coalesce($2, provider_id) returning 1";
      const gone = await run(text, [userId, providerId ?? null]);
      // Sessions that a provider began are still its to end.
      if (providerId === undefined) await run("delete from glacis_sso_sids where user_id = $1", [userId]);
      return gone.length;
    },
  };
}

/** Single sign-on in Postgres. What must happen once is one statement that returns what it changed. */
export function postgresSingleSignOn(database: AuthenticationDatabase): SingleSignOnStore {
  const run: Run = async <Row>(text: string, values: unknown[]) =>
    (await database.query(text, values)).rows as readonly Row[];
  let sweptAtMs = 0;
  const sweep = async (): Promise<void> => {
    const nowMs = Date.now();
    if (nowMs - sweptAtMs < SWEEP_EVERY_MS) return;
    sweptAtMs = nowMs;
    // An hour of grace for servers whose clocks differ.
    await run("delete from glacis_sso_transactions where ends_at_ms < $1", [nowMs - 3_600_000]);
    await run("delete from glacis_sso_sids where used_at_ms < $1", [nowMs - SID_KEPT_MS]);
  };
  const users = (rows: readonly { readonly user_id: string }[]): readonly string[] =>
    rows.map(({ user_id }) => user_id);
  return {
    kind: "shared",
    async begin(transaction) {
      await sweep();
      const text = "insert into glacis_sso_transactions (id, data, ends_at_ms) values ($1, $2::jsonb, $3)";
      await run(text, [transaction.id, JSON.stringify(transaction), transaction.endsAtMs]);
    },
    async take(id) {
      const text = "delete from glacis_sso_transactions where id = $1 and data ? 'nonce' returning data";
      return (await run<{ readonly data: SsoTransaction }>(text, [id]))[0]?.data;
    },
    async once(id, untilMs) {
      const text = `insert into glacis_sso_transactions (id, data, ends_at_ms) values ($1, '{}', $2)
        on conflict (id) do nothing returning id`;
      return (await run(text, [id, untilMs])).length === 1;
    },
    async link({ issuer, subject, userId, providerId }, nowMs) {
      // The update changes nothing; it makes the row come back when somebody else was first.
      const text = `insert into glacis_sso_links (issuer, subject, user_id, provider_id, linked_at_ms)
        values ($1, $2, $3, $4, $5)
        on conflict (issuer, subject) do update set user_id = glacis_sso_links.user_id returning user_id`;
      return users(await run(text, [issuer, subject, userId, providerId, nowMs]))[0] as string;
    },
    async linked(issuer, subject) {
      const text = "select user_id from glacis_sso_links where issuer = $1 and subject = $2";
      return users(await run(text, [issuer, subject]))[0];
    },
    async used(issuer, subject, providerId, sid, nowMs) {
      const text = `with used as (
          update glacis_sso_links set provider_id = $3, used_at_ms = $5 where issuer = $1 and subject = $2 returning user_id
        ) insert into glacis_sso_sids (issuer, sid, user_id, used_at_ms)
          select $1, $4, user_id, $5 from used where $4::text is not null
          on conflict (issuer, sid) do update set user_id = excluded.user_id, used_at_ms = excluded.used_at_ms`;
      await run(text, [issuer, subject, providerId, sid ?? null, nowMs]);
    },
    async concerned(issuer, subject, sid) {
      const where = subject === undefined ? "glacis_sso_sids where sid" : "glacis_sso_links where subject";
      const text = `select user_id from ${where} = $2 and issuer = $1`;
      return users(await run(text, [issuer, subject ?? sid ?? null]));
    },
    async lastProvider(userId) {
      const text = `select provider_id from glacis_sso_links where user_id = $1 and used_at_ms is not null
        order by used_at_ms desc limit 1`;
      return (await run<{ readonly provider_id: string }>(text, [userId]))[0]?.provider_id;
    },
    ...identitiesIn(run),
  };
}
