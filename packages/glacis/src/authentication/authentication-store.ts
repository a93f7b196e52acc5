import { memoryAccounts } from "./account-memory.ts";
import { ACCOUNT_MIGRATION, postgresAccounts } from "./account-postgres.ts";
import type { AccountStore } from "./account-store.ts";
import type { AuthenticationDatabase } from "./database.ts";
import { JOB_MIGRATION, memoryJobs, postgresJobs, type JobStore } from "./job-store.ts";
import {
  memoryOneTimeLinks,
  ONE_TIME_LINK_MIGRATION,
  postgresOneTimeLinks,
  type OneTimeLinkStore,
} from "./one-time-link-store.ts";

/** Accounts, the links that were mailed to their owners, and the work that waits. Together, because a change touches all three at once. */
export interface AuthenticationStore {
  readonly kind: "memory" | "shared";
  readonly accounts: AccountStore;
  readonly links: OneTimeLinkStore;
  readonly jobs: JobStore;
}

/** The tables of the flows, as a migration that may run again and again. */
export const AUTHENTICATION_MIGRATION: string = ACCOUNT_MIGRATION + ONE_TIME_LINK_MIGRATION + JOB_MIGRATION;

/** The tables of `AUTHENTICATION_MIGRATION`, for a grant to the role that the application runs as. */
export const AUTHENTICATION_TABLES: readonly string[] = [
  "glacis_accounts",
  "glacis_one_time_links",
  "glacis_jobs",
  "glacis_job_allowances",
];

/** All of it in this process alone, for development and tests. */
export function memoryAuthentication(): AuthenticationStore {
  const links = memoryOneTimeLinks();
  const jobs = memoryJobs();
  return { kind: "memory", links, jobs, accounts: memoryAccounts(links, jobs) };
}

/** All of it in Postgres, with `AUTHENTICATION_MIGRATION` applied. A `pg` pool and PGlite both fit. */
export function postgresAuthentication(database: AuthenticationDatabase): AuthenticationStore {
  return {
    kind: "shared",
    accounts: postgresAccounts(database),
    links: postgresOneTimeLinks(database),
    jobs: postgresJobs(database),
  };
}
