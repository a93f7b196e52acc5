import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { accessPolicy } from "glacis/authorization";
import { apiKeys, memoryApiKeys, memoryPasskeys, passkeys } from "glacis/authentication";
import {
  fieldEncryption,
  memorySingleUse,
  newWebhookSecret,
  secretStore,
  tenantDatabase,
  tenantMigration,
  webhookSignature,
  webhookSigner,
} from "glacis/data";
import { PathError, within } from "glacis/input";
import { outbound } from "glacis/network";
import { keyRing, newKey, Refusal, Secret, type AuditEvent, type EventKey, type User } from "glacis";
import { afterAll, describe, expect, it } from "vitest";
import { eventFault } from "../packages/glacis/src/core/event-entry.ts";
import { tenantScope } from "../packages/glacis/src/core/principal.ts";
import { sketchExchange } from "../packages/glacis/src/testing/exchange.ts";
import { softwareAuthenticator } from "./support/software-authenticator.ts";
import { tenantGround } from "./support/tenant-ground.ts";

/** Every outcome that a layer knows of without a request's refusal is one event too: credentials, ways out, rows, keys, secrets, files. */

const NOW = Date.parse("2026-11-26T12:00:00Z");
const [T1, T2] = [randomUUID(), randomUUID()];
const reported: AuditEvent[] = [];
const report = (event: AuditEvent): void => void reported.push(event);

const folder = mkdtempSync(join(tmpdir(), "layer-events-"));
const ground = await tenantGround("layer_events");
await ground?.owner.query("create table notes (tenant_id uuid not null, id uuid primary key, text text)");
await ground?.owner.query(tenantMigration({ role: ground.role, tables: [{ name: "notes" }] }));
const pool = ground?.pool();
afterAll(async () => {
  await ground?.drop();
  rmSync(folder, { recursive: true });
});

const user = (id: string, roles: readonly string[] = ["admin"]): User =>
  ({ kind: "user", id, tenantId: T1, roles, assurance: 2, authenticatedAtMs: NOW }) as unknown as User;

const ORIGIN = "https://app.example.com";
const place = { origin: ORIGIN, rpId: "app.example.com" };

/** A passkey of somebody, and the browser that it is in. */
async function passkeyGround() {
  const keys = passkeys({ name: "Folio", origins: [ORIGIN], store: memoryPasskeys(), report });
  let cookie = "";
  const ask = () => sketchExchange({ method: "POST", nowMs: NOW, headers: { cookie } });
  const keep = (request: ReturnType<typeof ask>): void => {
    cookie = request.responseHeaders?.find(([name]) => name === "set-cookie")?.[1].split(";")[0] ?? "";
  };
  let authenticator = softwareAuthenticator();
  const register = async (): Promise<void> => {
    const request = ask();
    authenticator = softwareAuthenticator();
    const { challenge } = await keys.registrationOptions(request, { userId: "ada", account: "ada@example.test" });
    keep(request);
    await keys.register(ask(), "ada", authenticator.register({ ...place, challenge }), "laptop");
  };
  const answer = async (challengeOf: (challenge: string) => string = (challenge) => challenge): Promise<void> => {
    const request = ask();
    const { challenge } = await keys.authenticationOptions(request, "ada");
    keep(request);
    await keys.authenticate(ask(), authenticator.authenticate({ ...place, challenge: challengeOf(challenge) }), "ada");
  };
  const remove = async (): Promise<void> => {
    const [one] = await keys.list("ada");
    await keys.remove("ada", one?.id ?? "");
  };
  return { register, answer, remove };
}

function keysGround() {
  const keys = apiKeys({
    prefix: "folio_sk",
    store: memoryApiKeys(),
    scopes: { "documents:read": ["viewer"] },
    grants: () => ["documents:read"],
    report,
  });
  const issue = async (): Promise<string> => {
    const issued = await keys.issue(user("ada"), { name: "export", scopes: ["documents:read"] }, NOW);
    return issued.kind === "issued" ? issued.apiKey.id : "";
  };
  return { keys, issue };
}

const policy = accessPolicy({
  resource: "note",
  columns: { id: "uuid", tenantId: "uuid", ownerId: "uuid" },
  tenant: "tenantId",
  actions: { show: "read", edit: "update" },
  conditions: {},
  statements: [{ action: "show", principal: "authenticated", effect: "allow" }],
  report,
});
/** Without Postgres nothing is tried in it, which the ground has said. */
const tenants = () => (pool === undefined ? undefined : tenantDatabase({ database: pool, report }));
const scopeOf = (tenantId: string) => tenantScope({ ...user("ada"), tenantId: tenantId as User["tenantId"] });

interface Case {
  readonly outcome: string;
  /** What came before is forgotten when it calls `from`. */
  readonly act: (from: () => void) => unknown;
  readonly events: readonly EventKey[];
  readonly needsDatabase?: true;
}

const CASES: readonly Case[] = [
  {
    outcome: "a passkey that is added, one that answers, and one that is removed",
    act: async () => {
      const { register, answer, remove } = await passkeyGround();
      await register();
      await answer();
      await register();
      await remove();
    },
    events: [
      "authentication/authn_passkey_registered/succeeded",
      "authentication/authn_passkey_success/succeeded",
      "authentication/authn_passkey_registered/succeeded",
      "authentication/authn_passkey_removed/succeeded",
    ],
  },
  {
    outcome: "a passkey that answers another question",
    act: async (from) => {
      const { register, answer } = await passkeyGround();
      await register();
      from();
      await answer(() => Buffer.alloc(32).toString("base64url"));
    },
    events: ["authentication/authn_passkey_fail/failed"],
  },
  {
    outcome: "an API key that is made",
    act: async () => keysGround().issue(),
    events: ["token/authn_token_created/succeeded"],
  },
  {
    outcome: "an API key that is ended, once however often that is asked for",
    act: async (from) => {
      const { keys, issue } = keysGround();
      const id = await issue();
      from();
      await keys.revoke(T1, id, NOW);
      await keys.revoke(T1, id, NOW);
      await keys.revokeUser("ada", NOW);
    },
    events: ["token/authn_token_revoked/succeeded"],
  },
  {
    outcome: "a way out to the address of a cloud's metadata",
    act: async () =>
      outbound({ hosts: "public-only", report })
        .fetch("https://169.254.169.254/latest")
        .catch(() => undefined),
    events: ["ssrf_blocked/egress.blocked/refused"],
  },
  {
    outcome: "a way out to a host that is not on the list",
    act: async () =>
      outbound({ hosts: ["api.example.com"], report })
        .fetch("https://evil.example/")
        .catch(() => undefined),
    events: ["ssrf_blocked/egress.blocked/refused"],
  },
  {
    outcome: "a row that may not be changed",
    act: () => {
      try {
        policy.authorize(user("ada"), "edit", { id: randomUUID(), tenantId: T1, ownerId: null });
      } catch (error) {
        // What a handler throws the pipeline reports.
        if (error instanceof Refusal) for (const event of error.decision.events) report(event);
      }
    },
    events: ["authorization_failure/authz_fail/refused"],
  },
  {
    outcome: "a row of another tenant, asked for by its id",
    act: () => policy.permits(user("ada"), "show", { id: randomUUID(), tenantId: T2, ownerId: null }),
    events: ["tenant/tenant_cross_access/refused"],
  },
  {
    outcome: "a question of a page whether a row may be changed",
    act: () => policy.permits(user("ada"), "edit", { id: randomUUID(), tenantId: T1, ownerId: null }),
    events: [],
  },
  {
    outcome: "a row that may be seen",
    act: () => policy.permits(user("ada"), "show", { id: randomUUID(), tenantId: T1, ownerId: null }),
    events: [],
  },
  {
    outcome: "a row that is written into another tenant",
    needsDatabase: true,
    act: async () =>
      tenants()
        ?.forTenant(scopeOf(randomUUID()))
        .query("insert into notes (tenant_id, id) values ($1, $2)", [randomUUID(), randomUUID()])
        .catch(() => undefined),
    events: ["tenant/tenant_cross_access/refused"],
  },
  {
    outcome: "a write in work that only reads",
    needsDatabase: true,
    act: async () => {
      const own = randomUUID();
      await tenants()
        ?.forTenant(scopeOf(own), { readOnly: true })
        .query("insert into notes (tenant_id, id) values ($1, $2)", [own, randomUUID()])
        .catch(() => undefined);
    },
    events: ["tenant/read_only_write/refused"],
  },
  {
    outcome: "a sealed value that stands in another row",
    act: () => {
      const column = fieldEncryption({ keys: keyRing(newKey("k1")), report }).column({ table: "users", column: "ssn" });
      const sealed = column.seal("078-05-1120", { tenantId: "t1", row: "1" });
      expect(() => column.open(sealed, { tenantId: "t1", row: "2" })).toThrow();
    },
    events: ["crypto/data_integrity_failure/failed"],
  },
  {
    outcome: "a webhook that was changed on its way",
    act: async () => {
      const secret = newWebhookSecret();
      const hook = webhookSignature({ name: "sender", store: memorySingleUse(), secrets: [secret] });
      const headers = webhookSigner({ secrets: [secret] }).sign("{}", { nowMs: NOW, id: "evt" });
      const rawHeaders = ["Host", "app.example.com", ...Object.entries(headers).flat()];
      const facts = sketchExchange({ method: "POST", target: "/hooks", nowMs: NOW, rawHeaders, awaitsBody: true });
      await hook.control.decide?.(facts);
      const refused = await hook.control.decideBody?.(facts, { mediaType: "application/json", value: {}, text: "{ }" });
      if (refused?.kind === "deny") for (const event of refused.events) report(event);
    },
    events: ["crypto/crypto_webhook_rejected/refused"],
  },
  {
    outcome: "a secret that cannot be read anew, and one that has a new value",
    act: async () => {
      let nowMs = NOW;
      let read = async (): Promise<string> => "first-value";
      const store = secretStore({
        providers: [
          {
            kind: "memory",
            managed: true,
            read: async (names) => {
              const value = await read();
              return new Map(names.map((name) => [name, { value: new Secret(value), version: value }] as const));
            },
          },
        ],
        report,
        mode: "production",
        staleSeconds: 86_400,
        now: () => nowMs,
      });
      await store.getParameter("/app/key");
      read = async () => Promise.reject(new Error("away"));
      nowMs += 3_600_000;
      await store.getParameter("/app/key");
      read = async () => "second-value";
      nowMs += 3_600_000;
      await store.getParameter("/app/key");
    },
    events: ["secret/secret_stale/failed", "secret/secret_rotated/succeeded"],
  },
  {
    outcome: "a use of an API key that cannot be written down",
    act: async (from) => {
      const store = { ...memoryApiKeys(), touch: async () => Promise.reject(new Error("away")) };
      const keys = apiKeys({
        prefix: "folio_sk",
        store,
        scopes: { "documents:read": ["viewer"] },
        grants: () => ["documents:read"],
        report,
      });
      const issued = await keys.issue(user("ada"), { name: "export", scopes: ["documents:read"] }, NOW);
      const secret = issued.kind === "issued" ? issued.key : "";
      from();
      const recognise = keys.authenticate(async () => ({ principal: { kind: "anonymous" }, session: undefined }));
      await recognise(sketchExchange({ nowMs: NOW, headers: { authorization: `Bearer ${secret}` } }));
      await expect.poll(() => reported.length, { timeout: 10_000 }).toBeGreaterThan(0);
    },
    events: ["system/sys_api_key_use_unwritten/failed"],
  },
  {
    outcome: "a file name that leads out of its folder",
    act: async () => {
      await expect(within(folder, { report }).open("../secret")).rejects.toThrow(PathError);
    },
    events: ["input_validation/file.traversal/refused"],
  },
];

describe("every outcome of a layer is told once", () => {
  it.each(CASES.filter(({ needsDatabase }) => needsDatabase !== true || pool !== undefined))(
    "$outcome",
    async ({ act, events }) => {
      const from = (): void => void (reported.length = 0);
      from();
      await act(from);
      expect(reported.map(({ event_type, event, status }) => `${event_type}/${event}/${status}`)).toEqual(events);
      for (const event of reported) expect(eventFault(event)).toBeUndefined();
      expect(JSON.stringify(reported)).not.toMatch(/078-05|(?:first|second)-value|latest|ada@/u);
    },
  );
});
