import { activityIn } from "../src/activity/activity.ts";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { rmSync } from "node:fs";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import type { PGlite } from "@electric-sql/pglite";
import type { Security, User } from "glacis";
import {
  apiKeys,
  memorySignInThrottle,
  passwordHashing,
  postgresApiKeys,
  postgresAuthentication,
  postgresSingleSignOn,
  type SignInThrottleStore,
} from "glacis/authentication";
import { fieldEncryption, keyRing, localStorage, newKey, newWebhookSecret } from "glacis/data";
import { listenHono } from "glacis/hono";
import { memoryRateLimits, type OverloadProtection, type RateLimitStore } from "glacis/network";
import {
  sqlState,
  type ApplicationState,
  type AttackMatrixOptions,
  type LookAlikePerson,
  type LookAlikeTenant,
} from "glacis/testing";
import { freePort } from "../../../test/support/free-port.ts";
import type { TestDatabase } from "../../../test/support/services.ts";
import { accountsIn, personOf, systemScope } from "../src/accounts/accounts.ts";
import type { Role } from "../src/accounts/memberships.ts";
import { KEY_SCOPES } from "../src/authentication.ts";
import { createApp } from "../src/app.ts";
import { loadAssets } from "../src/assets.ts";
import { attachmentsIn } from "../src/attachments/attachments.ts";
import type { FileTasks } from "../src/attachments/file-tasks.ts";
import type { Database } from "../src/database/database.ts";
import { openEmbedded } from "../src/database/embedded.ts";
import type { DatabaseRoles } from "../src/database/migrations.ts";
import { openPostgres } from "../src/database/postgres.ts";
import { attachments, documents, documentShares, webhooks } from "../src/database/schema.ts";
import { documentsIn } from "../src/documents/documents.ts";
import { linkPreviews } from "../src/documents/preview.ts";
import { readSettings } from "../src/operations/settings.ts";
import { guardOf } from "../src/security.ts";
import { makeClient } from "./support/client.ts";
import { temporaryFolder } from "./support/folio.ts";
import { HASHING } from "./support/prepared-folder.ts";

/** A migrated database, and a way around its row-level security. */
export interface Ground {
  readonly database: Database;
  /** As a superuser. */
  readonly query: (text: string, values?: unknown[]) => Promise<{ readonly rows: readonly unknown[] }>;
  /** Where files lie. */
  readonly folder: string;
  readonly close: () => Promise<void>;
}

/** Undoing a sign-up takes its owner away row by row. That the last owner stays is tried in a test of its own. */
const LET_ROWS_BACK = "alter table memberships disable trigger memberships_last_holder";

export async function embeddedGround(): Promise<Ground> {
  const folder = temporaryFolder();
  const database = await openEmbedded(folder);
  const engine = database.driver as unknown as PGlite;
  // The engine has one connection, which is the library's role; a transaction may be the superuser again.
  const query: Ground["query"] = (text, values = []) =>
    engine.transaction(async (transaction) => {
      await transaction.query("set local role none");
      return transaction.query(text, values);
    });
  await query(LET_ROWS_BACK);
  return {
    database,
    query,
    folder,
    close: async () => {
      await database.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export async function postgresGround(postgres: TestDatabase): Promise<Ground> {
  const suffix = randomBytes(6).toString("hex");
  const roles: DatabaseRoles = {
    runtime: `matrix_app_${suffix}`,
    library: `matrix_library_${suffix}`,
    signIn: `matrix_sign_in_${suffix}`,
  };
  const database = await openPostgres(postgres.url, roles);
  await postgres.pool.query(LET_ROWS_BACK);
  const folder = temporaryFolder();
  return {
    database,
    folder,
    query: (text, values = []) => postgres.pool.query(text, values),
    close: async () => {
      await database.close();
      for (const role of Object.values(roles))
        await postgres.pool.query(`drop owned by ${role} cascade; drop role ${role}`);
      await postgres.drop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export function stateOf({ query }: Ground): ApplicationState {
  const state = watchedState(query);
  return {
    ...state,
    async write(snapshot, present) {
      // A session that is put back would stay revoked.
      await query("delete from glacis_session_revocations");
      await query("update glacis_accounts set password_hash = $1, status = 'active', version = 1", [await HASH]);
      await query(LINK_EVERYBODY);
      return state.write(snapshot, present);
    },
  };
}

const LINK_EVERYBODY = `insert into glacis_sso_links (issuer, subject, user_id, provider_id, linked_at_ms)
  select 'https://idp.example', user_id, user_id, 'workspace', 1 from glacis_accounts on conflict do nothing`;
/** Nobody answers there; what needs an answer has a test of its own. */
const PROVIDER = {
  SSO_ISSUER: "https://idp.example",
  SSO_CLIENT_ID: "folio",
  SSO_CLIENT_SECRET: "a secret of the client, long enough",
  SSO_WORKSPACE: "b0000000-0000-4000-8000-000000000000",
  SSO_DOMAINS: "idp.example",
  SSO_NAME: "ID",
};

const watchedState = (query: Ground["query"]): ApplicationState =>
  sqlState({
    query: (text, values) => query(text, values),
    tables: {
      tenants: { tenant: "id" },
      users: { tenant: "tenant_id" },
      memberships: { tenant: "tenant_id", closed: ["role"] },
      documents: { tenant: "tenant_id" },
      document_shares: { tenant: "tenant_id", closed: ["permission"] },
      attachments: { tenant: "tenant_id", closed: ["tenant_id", "scan", "sha256", "media_type"] },
      webhooks: { tenant: "tenant_id", closed: ["secret"] },
      glacis_api_keys: {
        tenant: "tenant_id",
        ignore: ["used_at_ms"],
        closed: ["scopes", "hash", "former_hash", "former_until_ms", "rotated_at_ms", "revoked_at_ms"],
      },
      glacis_sessions: { tenant: "tenant_id", ignore: ["seen_at_ms"], closed: ["roles", "groups", "factors", "label"] },
    },
    except: {
      glacis_accounts: "credentials, which belong to no tenant; what changes them ends sessions, which are watched",
      glacis_totp: "sealed secrets of authenticator apps, which belong to no tenant",
      glacis_recovery_codes: "hashes of recovery codes, which belong to no tenant",
      glacis_jobs: "mails that wait, which the library's own routes leave",
      glacis_job_allowances: "how many mails went to whom, under hashed names",
      glacis_one_time_links: "hashes of links that were mailed, which nobody was here",
      glacis_sign_in_counters: "counters under hashed names, which every attempt moves",
      glacis_sso_links: "who somebody is at a provider; what unlinks ends sessions, which are watched",
      glacis_sso_transactions: "ways to a provider that were begun",
      glacis_sso_sids: "sessions of providers, of people whom nobody here is",
      glacis_passkeys: "public keys, which belong to no tenant",
      glacis_passkey_users: "random handles for browsers, which belong to no tenant",
      glacis_passkey_challenges: "what browsers are asked to sign, for five minutes",
      glacis_alarm_points: "how many events of a kind there were in a minute, of no tenant",
      glacis_alarm_states: "which alarm rings, of no tenant",
      glacis_alarm_evaluator: "which process asks the alarms at the moment",
      glacis_audit_chain: "the chain of events, which every request adds to; no route reads it",
      glacis_audit_checkpoints: "signed ends of that chain",
      glacis_audit_events: "the events of that chain",
      glacis_audit_pending: "events that wait for their place in it",
      file_tasks: "keys of files that are to be removed or scanned, which come with the rows above",
      webhook_deliveries:
        "what webhooks were told, which comes with the rows above, under row-level security of its own",
      webhook_queue: "ids of deliveries that are due, which come with them",
      glacis_support_consents: "what owners allow support, which support.test.ts tries",
      glacis_support_visits: "who of the staff looks in, which support.test.ts tries",
      glacis_upload_quotas: "how much each tenant keeps, which comes with the rows above",
      glacis_idempotency: "sealed answers under hashed names, which idempotency.test.ts asks for as others",
      migrations: "says which migrations ran, and nothing about anybody",
      glacis_session_revocations:
        "the moment of a user's last revocation, which comes with the ending of sessions above",
      glacis_pending_sign_ins: "sign-ins that owe a second factor, which nobody here has",
      glacis_events: "the archive of events, which every request adds to; no route of a tenant reads another's",
      glacis_audit_trail: "what was done, which comes with the rows above, under row-level security of its own",
      glacis_event_counts: "how many events there were of a kind, under a tenant's id",
      glacis_event_sums: "the same over longer stretches",
      glacis_rate_limits: "counters under hashed names, which every request moves",
    },
  });

const ROLE: Readonly<Record<string, Role>> = {
  admin: "admin",
  member: "member",
  editor: "member",
  reader: "member",
  guest: "member",
  viewer: "viewer",
  program: "admin",
};
export const PEOPLE = Object.keys(ROLE);
export const PASSWORD = "a long walk by the river";

const KEYS = newKey("matrix");
const HASH: Promise<string> = passwordHashing({ pepper: keyRing(KEYS), ...HASHING })
  .hash(PASSWORD)
  .then((hashed) => (hashed.kind === "hashed" ? hashed.encoded : ""));

const hookSealer = fieldEncryption({ keys: keyRing(KEYS) }).column({ table: "webhooks", column: "secret" });

/** A program comes by its key and by nothing else; what it may do is documents, whatever the role of whoever made the key. */
const keysOfPrograms = new Map<string, string>();

/** Fills one tenant through the application's own code. */
export async function seed(
  { database, folder }: Ground,
  tenant: LookAlikeTenant,
): Promise<Readonly<Record<string, string>>> {
  const accounts = accountsIn(database);
  const scope = systemScope(tenant.id, "seed");
  const people = Object.values(tenant.people);
  const passwordHash = await HASH;
  const { accounts: library } = postgresAuthentication(database.driver);
  for (const { id: userId, email } of people) {
    const account = { userId: userId as User["id"], email, passwordHash, status: "active", version: 1 } as const;
    await library.create({ ...account, verifiedAtMs: 0, createdAtMs: 0 });
  }
  const [first, ...others] = people.map(({ key, id, name }) => ({ id, name, role: ROLE[key] ?? "member" }));
  const identities = postgresSingleSignOn(database.driver);
  for (const { id: userId } of people)
    await identities.link({ issuer: PROVIDER.SSO_ISSUER, subject: userId, userId, providerId: "workspace" }, 1);
  await accounts.createTenant(tenant, first!);
  for (const person of others) await accounts.addPerson(scope, person);
  const { id: tenantId, objects } = tenant;
  const ownerId = tenant.people["member"]!.id;
  const link = `https://example.com/${tenant.canary("link")}`;
  const adminId = tenant.people["admin"]!.id;
  const { document, draft, memo, attachment, scan, webhook } = objects as Record<
    "document" | "draft" | "memo" | "attachment" | "scan" | "webhook",
    string
  >;
  const [fileOfDocument, fileOfMemo] = [
    await keep(folder, tenant, "content"),
    await keep(folder, tenant, "memo-content"),
  ];
  type Work = Parameters<Database["withTenant"]>[1];
  const as = (person: string, work: Work): Promise<unknown> =>
    database.withTenant(scope, work, personOf(tenantId, person, person === adminId ? "admin" : "member"));
  const share = (documentId: string, owner: string, key: string, permission: "view" | "edit") => ({
    tenantId,
    documentId,
    ownerId: owner,
    userId: tenant.people[key]!.id,
    permission,
  });
  await as(ownerId, async (db) => {
    await db.insert(documents).values([
      { tenantId, id: document, ownerId, title: "Plan", body: tenant.canary("body"), link },
      { tenantId, id: draft, ownerId, title: tenant.canary("title"), body: "The same in both" },
    ]);
    await db.insert(documentShares).values([
      share(document, ownerId, "editor", "edit"),
      share(document, ownerId, "reader", "view"),
      // Somebody gave a viewer more than his role allows: the role decides.
      share(document, ownerId, "viewer", "edit"),
    ]);
    await db.insert(attachments).values([
      { ...fileOfDocument, id: attachment, documentId: document, addedBy: ownerId },
      // Of a document that nobody else sees, under a key that leads nowhere.
      {
        ...fileOfDocument,
        documentId: draft,
        addedBy: ownerId,
        storageKey: `${fileOfDocument.storageKey.slice(0, -4)}gone`,
      },
    ]);
  });
  await as(adminId, async (db) => {
    const values = { tenantId, id: memo, ownerId: adminId, title: tenant.canary("memo"), body: "The same in both" };
    await db.insert(documents).values(values);
    await db
      .insert(documentShares)
      .values([share(memo, adminId, "reader", "view"), share(memo, adminId, "guest", "view")]);
    await db.insert(attachments).values({ ...fileOfMemo, id: scan, documentId: memo, addedBy: adminId });
    const secret = hookSealer.seal(newWebhookSecret().reveal(), { tenantId, row: webhook });
    const endpoint = `https://hooks.example.com/${tenant.canary("endpoint")}`;
    await db.insert(webhooks).values({ tenantId, id: webhook, endpoint, secret, addedBy: adminId });
  });
  const program = tenant.people["program"]!.id;
  keysOfPrograms.set(program, (await keyFor(database, tenant, program)).key);
  return { key: (await keyFor(database, tenant, adminId)).id };
}

async function keyFor({ driver }: Database, tenant: LookAlikeTenant, ownerId: string) {
  const keys = apiKeys({
    prefix: "folio_sk",
    store: postgresApiKeys(driver),
    scopes: { "documents:read": ["viewer"], "documents:write": ["member"] },
    grants: () => KEY_SCOPES,
  });
  const user = personOf(tenant.id, ownerId, "admin");
  const made = await keys.issue(user, { name: tenant.canary("key"), scopes: KEY_SCOPES }, Date.now());
  if (made.kind !== "issued") throw new Error(made.cause);
  return { key: made.key, id: made.apiKey.id };
}

/** Puts a file where the application keeps its files. @returns what its row says of it */
async function keep(folder: string, tenant: LookAlikeTenant, word: string) {
  const tenantId = tenant.id;
  const storage = localStorage({ root: join(folder, "files") });
  const [content, storageKey] = [Buffer.from(tenant.canary(word)), storage.newKey(tenantId)];
  const file = await storage.quarantine();
  await pipeline([content], file.stream);
  await file.commit(storageKey, { bytes: content.length, sha256: "" });
  const said = { name: `${tenant.canary(`name of ${word}`)}.txt`, mediaType: "text/plain", scan: "none" } as const;
  return { ...said, tenantId, storageKey, bytes: content.length, sha256: "0".repeat(64) };
}

/** What was removed comes back as a row for the next attempt, so the file stays. That it goes is tried in attachments.test.ts. */
const FILES_STAY: FileTasks = {
  withdraw: async () => undefined,
  run: async () => undefined,
  start: () => async () => undefined,
};

/** A store that never remembers, because nobody asks it twice: how often somebody may ask is not what is tried here. */
const forgetful: RateLimitStore = {
  kind: "forgetful",
  shared: false,
  open(scope) {
    const counters = memoryRateLimits({ maxSubjects: 1024 }).open(scope);
    let asked = 0;
    return {
      consume: (subject, cost, nowUs) => counters.consume(`${subject} ${(asked += 1)}`, cost, nowUs),
      peek: (subject, nowUs) => counters.peek(`${subject} ${(asked += 1)}`, nowUs),
      forget: () => undefined,
    };
  },
};

const forgetfulThrottle: SignInThrottleStore = {
  kind: "shared",
  attempt: (counters) => memorySignInThrottle().attempt(counters),
  settle: () => undefined,
  read: (keys) => keys.map(() => undefined),
  mark: () => undefined,
};

/** The parts of the application that a mutation may exchange. */
export interface Parts {
  readonly accountsIn: typeof accountsIn;
  readonly documentsIn: typeof documentsIn;
  readonly attachmentsIn: typeof attachmentsIn;
  readonly createApp: typeof createApp;
}

export const PARTS: Parts = { accountsIn, documentsIn, attachmentsIn, createApp };

export interface Running {
  readonly security: Security;
  readonly url: string;
  readonly origin: string;
  stop(): Promise<void>;
}

/** The application on a port of its own, over a database that is there already. */
export async function listen(
  { database, folder }: Ground,
  { accountsIn, documentsIn, attachmentsIn, createApp }: Parts = PARTS,
  mutate: (security: Security) => Security = (security) => security,
  port?: number,
): Promise<Running> {
  const read = readSettings(["--test-target"], {
    PORT: String(port ?? (await freePort())),
    DATA_DIR: folder,
    ...PROVIDER,
  });
  // By name, for passkeys know no addresses.
  const settings = { ...read, origin: read.origin.replace("127.0.0.1", "localhost") };
  const assets = loadAssets();
  const accounts = accountsIn(database);
  const guard = guardOf({
    settings,
    keys: KEYS,
    // Shared counters would outlive one run of the matrix.
    database: { ...database, shared: false },
    assets,
    audit: () => undefined,
    accounts,
    hashing: HASHING,
    throttleStore: forgetfulThrottle,
    limitStore: forgetful,
    // Names lead to a public address, and nobody is called: the worker does not run.
    webhookOutbound: { resolve: async () => ["93.184.215.14"] },
  });
  const security = mutate(guard.security);
  const app = createApp(security, {
    ...guard,
    origin: settings.origin,
    accounts,
    documents: documentsIn(database),
    activity: activityIn(database),
    attachments: attachmentsIn(database),
    fileTasks: FILES_STAY,
    // No name leads anywhere: the matrix asks who may, and leaves the internet alone.
    previews: linkPreviews(() => undefined, { resolve: async () => [] }),
    assets,
    outbox: { folder: settings.mailFolder, tenants: [] },
    report: (event, request) => security.report(event, request),
    ready: () => true,
  });
  const server: Server = listenHono(app, security, { port: settings.port, hostname: settings.host });
  await once(server, "listening");
  const { port: bound } = server.address() as AddressInfo;
  return {
    security,
    url: `http://127.0.0.1:${bound}`,
    origin: settings.origin,
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      stopWatching(security);
      // What waits to be written would otherwise arrive in the middle of what is tried next.
      await guard.sessions.flush().catch(() => undefined);
      await guard.archive.close().catch(() => undefined);
    },
  };
}

/** Hundreds of applications in one process, each with an eye on the event loop, would be what it sees. */
function stopWatching({ layers }: Security): void {
  const overload = layers.network.find(({ meta }) => meta.id === "overload-protection");
  (overload as Partial<OverloadProtection> | undefined)?.stop?.();
}

/** Signs in as a person would, and takes the token along that every form carries. */
export function signIn({ url, origin }: Running): AttackMatrixOptions["signIn"] {
  return async (person: LookAlikePerson | undefined) => {
    const key = keysOfPrograms.get(person?.id ?? "");
    if (key !== undefined) return { authorization: `Bearer ${key}` };
    const client = makeClient(url, origin);
    if (person !== undefined) {
      // Each is signed in twice, so that ending the other sessions ends something.
      await makeClient(url, origin).signIn({ email: person.email, password: PASSWORD });
      const answer = await client.signIn({ email: person.email, password: PASSWORD });
      if (answer.status !== 200) throw new Error(`${person.side} ${person.key} cannot sign in: ${answer.text}`);
    }
    const { json } = await client.ask("/api/csrf");
    const cookie = [...client.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    return { cookie, "x-csrf-token": String(json["csrfToken"]), origin };
  };
}
