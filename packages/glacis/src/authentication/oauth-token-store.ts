import type { AuthenticationDatabase } from "./database.ts";

/** The table, as a migration. What is sealed opens only in its own row. Times are milliseconds since the epoch. */
export const OAUTH_TOKEN_MIGRATION = `
create table if not exists glacis_oauth_tokens (
  tenant_id text not null,
  user_id text not null,
  integration text not null,
  sealed text not null,
  version bigint not null,
  leased_until_ms bigint not null default 0,
  primary key (tenant_id, user_id, integration)
);
create index if not exists glacis_oauth_tokens_user on glacis_oauth_tokens (user_id);
`;

/** What the application's database role reads and writes. */
export const OAUTH_TOKEN_TABLES: readonly string[] = ["glacis_oauth_tokens"];

/** Whose tokens, and of which integration. */
export interface TokenHolder {
  readonly tenantId: string;
  readonly userId: string;
  readonly integration: string;
}

export interface SealedTokens {
  readonly sealed: string;
  /** Changes with every writing. */
  readonly version: number;
}

/** Where sealed tokens are kept. A store that fails throws. */
export interface OauthTokenStore {
  readonly kind: "memory" | "shared";
  read(holder: TokenHolder): SealedTokens | undefined | Promise<SealedTokens | undefined>;
  /** Writes, whatever was there, and ends a lease. */
  write(holder: TokenHolder, sealed: string): void | Promise<void>;
  /** Takes the right to renew this version until then. @returns false when it has changed or somebody else is at it */
  lease(holder: TokenHolder, version: number, untilMs: number, nowMs: number): boolean | Promise<boolean>;
  /** Writes in the place of a version, and ends the lease. @returns false when it has changed */
  replace(holder: TokenHolder, version: number, sealed: string): boolean | Promise<boolean>;
  /** Ends a lease that came to nothing. */
  release(holder: TokenHolder, version: number): void | Promise<void>;
  /** @param version only this one, where it is given */
  remove(holder: TokenHolder, version?: number): void | Promise<void>;
  /** Forgets everything of a user, as at his deletion. */
  removeAll(userId: string): void | Promise<void>;
}

interface Held extends SealedTokens {
  readonly leasedUntilMs: number;
}

/** Tokens in this process alone, for development and tests. */
export function memoryOauthTokens(): OauthTokenStore {
  const held = new Map<string, Held>();
  let versions = 0;
  const keyOf = ({ tenantId, userId, integration }: TokenHolder): string =>
    JSON.stringify([userId, tenantId, integration]);
  const put = (holder: TokenHolder, sealed: string): void => {
    versions += 1;
    held.set(keyOf(holder), { sealed, version: versions, leasedUntilMs: 0 });
  };
  const current = (holder: TokenHolder, version: number): Held | undefined => {
    const found = held.get(keyOf(holder));
    return found?.version === version ? found : undefined;
  };
  return {
    kind: "memory",
    read: (holder) => held.get(keyOf(holder)),
    write: put,
    lease(holder, version, untilMs, nowMs) {
      const found = current(holder, version);
      if (found === undefined || found.leasedUntilMs > nowMs) return false;
      held.set(keyOf(holder), { ...found, leasedUntilMs: untilMs });
      return true;
    },
    replace(holder, version, sealed) {
      if (current(holder, version) === undefined) return false;
      put(holder, sealed);
      return true;
    },
    release(holder, version) {
      const found = current(holder, version);
      if (found !== undefined) held.set(keyOf(holder), { ...found, leasedUntilMs: 0 });
    },
    remove(holder, version) {
      if (version === undefined || current(holder, version) !== undefined) held.delete(keyOf(holder));
    },
    removeAll(userId) {
      for (const key of held.keys()) if ((JSON.parse(key) as string[])[0] === userId) held.delete(key);
    },
  };
}

/** Tokens in Postgres. What must happen once is one statement that returns what it changed. */
export function postgresOauthTokens(database: AuthenticationDatabase): OauthTokenStore {
  const run = async (text: string, ...values: unknown[]): Promise<readonly unknown[]> =>
    (await database.query(text, values)).rows;
  const keyOf = ({ tenantId, userId, integration }: TokenHolder): readonly string[] => [tenantId, userId, integration];
  const where = "tenant_id = $1 and user_id = $2 and integration = $3";
  return {
    kind: "shared",
    async read(holder) {
      const rows = await run(`select sealed, version from glacis_oauth_tokens where ${where}`, ...keyOf(holder));
      const [row] = rows as readonly { readonly sealed: string; readonly version: string | number }[];
      return row && { sealed: row.sealed, version: Number(row.version) };
    },
    async write(holder, sealed) {
      const text = `insert into glacis_oauth_tokens (tenant_id, user_id, integration, sealed, version)
        values ($1, $2, $3, $4, 1) on conflict (tenant_id, user_id, integration)
        do update set sealed = excluded.sealed, version = glacis_oauth_tokens.version + 1, leased_until_ms = 0`;
      await run(text, ...keyOf(holder), sealed);
    },
    async lease(holder, version, untilMs, nowMs) {
      const text = `update glacis_oauth_tokens set leased_until_ms = $5
        where ${where} and version = $4 and leased_until_ms <= $6 returning version`;
      return (await run(text, ...keyOf(holder), version, untilMs, nowMs)).length === 1;
    },
    async replace(holder, version, sealed) {
      const text = `update glacis_oauth_tokens set sealed = $5, version = version + 1, leased_until_ms = 0
        where ${where} and version = $4 returning version`;
      return (await run(text, ...keyOf(holder), version, sealed)).length === 1;
    },
    async release(holder, version) {
      const text = `update glacis_oauth_tokens set leased_until_ms = 0 where ${where} and version = $4`;
      await run(text, ...keyOf(holder), version);
    },
    async remove(holder, version) {
      const text = `delete from glacis_oauth_tokens where ${where} and ($4::bigint is null or version = $4)`;
      await run(text, ...keyOf(holder), version ?? null);
    },
    async removeAll(userId) {
      await run("delete from glacis_oauth_tokens where user_id = $1", userId);
    },
  };
}
