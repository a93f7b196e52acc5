/** Connects to the application's database with the application's own driver: what it would not connect with proves nothing about it. */
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { glacis, type Finding, type Security } from "glacis";
import { objectLevelAuthorization, policyPosture, type EnforcedPolicy } from "glacis/authorization";
import { databaseControls, databasePosture, type PostureClient, type PostureOptions } from "glacis/data";
import { CannotCheck } from "./outcome.ts";

const CONNECT_TIMEOUT_MS = 10_000;
const QUERY_TIMEOUT_MS = 30_000;

interface Client extends PostureClient {
  connect(): Promise<unknown>;
  end(): Promise<void>;
  on(event: "error", listener: () => void): unknown;
}

type ClientClass = new (options: object) => Client;

/** What a failure means to whoever ran the command. */
export interface DatabaseFailure {
  readonly what: string;
  readonly why: string;
  readonly fix: string;
}

const UNJUDGED: DatabaseFailure = {
  what: "the database could not be judged",
  why: "what protects the rows is in the database, and nobody has looked.",
  fix: "make the database reachable from here, and give the URL that the application connects with.",
};

/**
 * Judges a database.
 *
 * @throws CannotCheck when there is no driver, no connection, or an option that means nothing. The message never quotes the URL.
 */
export async function readPosture(url: string, options: PostureOptions): Promise<readonly Finding[]> {
  return withClient(url, UNJUDGED, (client) => databasePosture(client, options));
}

/**
 * Compares access policies with the row-level security of a database. The comparison makes temporary tables, which an application should not be
 * able to; so MIGRATION_DATABASE_URL may name another login for it.
 *
 * @throws CannotCheck as `readPosture`
 */
export async function readDrift(url: string, policies: readonly EnforcedPolicy[]): Promise<readonly Finding[]> {
  if (policies.length === 0) return [];
  const { MIGRATION_DATABASE_URL: other = "" } = process.env;
  return withClient(other === "" ? url : other, UNJUDGED, (client) => policyPosture(client, policies));
}

/**
 * Connects, works and disconnects.
 *
 * @param queryTimeoutMs how long one query may take: half a minute
 * @throws CannotCheck with what the failure means, whatever fails. The message never quotes the URL.
 */
export async function withClient<Result>(
  url: string,
  { what, why, fix }: DatabaseFailure,
  work: (client: PostureClient) => Promise<Result>,
  queryTimeoutMs: number = QUERY_TIMEOUT_MS,
): Promise<Result> {
  const ClientOfProject = await driver();
  const client = connectionTo(url, ClientOfProject, queryTimeoutMs);
  client.on("error", () => undefined);
  try {
    await client.connect();
    return await work(client);
  } catch (error) {
    if (error instanceof CannotCheck) throw error;
    throw new CannotCheck(
      `${what}: ${error instanceof Error ? error.message : "the driver gave no reason."}`,
      why,
      fix,
    );
  } finally {
    await client.end().catch(() => undefined);
  }
}

/**
 * @param option what wants a database
 * @throws CannotCheck when DATABASE_URL is not set
 */
export function databaseUrl(option: string): string {
  const url = process.env["DATABASE_URL"];
  if (url !== undefined && url !== "") return url;
  throw new CannotCheck(
    "DATABASE_URL is not set.",
    `${option} works on the database that it names.`,
    "set it to what you connect with. A URL on the command line is seen by every user of the machine.",
  );
}

function connectionTo(connectionString: string, ClientOfProject: ClientClass, queryTimeoutMs: number): Client {
  try {
    return new ClientOfProject({
      connectionString,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      query_timeout: queryTimeoutMs,
    });
  } catch {
    throw new CannotCheck(
      "the database's URL is malformed.",
      "without a connection there is nothing to judge.",
      "write it as postgres://user:password@host:5432/name, with special characters percent-encoded.",
    );
  }
}

async function driver(): Promise<ClientClass> {
  try {
    const path = createRequire(join(process.cwd(), "package.json")).resolve("pg");
    const { default: pg } = (await import(pathToFileURL(path).href)) as {
      readonly default: { readonly Client: ClientClass };
    };
    return pg.Client;
  } catch {
    throw new CannotCheck(
      "there is no pg in this project.",
      "the database is judged over the driver that the application uses.",
      "run the command in the application's folder, or install it: npm install pg",
    );
  }
}

/** The same composition with what was found about its database; a posture that it has mounted itself makes way. */
export function withPosture({ layers }: Security, posture: readonly Finding[]): Security {
  const controls = databaseControls(posture);
  const own = new Set(controls.map(({ meta }) => meta.id));
  const environment = layers.environment.filter(({ meta }) => !own.has(meta.id));
  return glacis({ ...layers, environment: [...environment, ...controls] });
}

/** The same composition with what was found about its policies in the database; what it has found there itself makes way. */
export function withDrift(
  { layers }: Security,
  policies: readonly EnforcedPolicy[],
  drift: readonly Finding[],
): Security {
  const live = objectLevelAuthorization(
    policies.map(({ policy }) => policy),
    drift,
  );
  const isMounted = layers.authorization.some(({ meta }) => meta.id === live.meta.id);
  const authorization = layers.authorization.map((control) => {
    const { meta, check } = control;
    if (meta.id !== live.meta.id || check === undefined) return control;
    return {
      ...control,
      rules: live.rules,
      check: (...deployment: Parameters<typeof check>) => [
        ...check(...deployment).filter(({ at }) => at.kind !== "database"),
        ...drift,
      ],
    };
  });
  return glacis({ ...layers, authorization: isMounted ? authorization : [...authorization, live] });
}
