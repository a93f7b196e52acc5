/** An application of each framework with the Security Center mounted, a way to be anybody, and events as a busy week writes them. */
import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import type { Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import express from "express";
import fastify from "fastify";
import {
  currentDeployment,
  glacis,
  keyRing,
  newKey,
  publicAccess,
  saas,
  type AuditRecord,
  type Exchange,
  type SaasLayers,
  type Security,
} from "glacis";
import { openAuditLog } from "glacis/audit";
import { memorySessions, memorySignInThrottle, signInThrottle, type SignInThrottle } from "glacis/authentication";
import {
  eventArchive,
  memoryEvents,
  securityCenter,
  type EventArchive,
  type SecurityCenterOptions,
} from "glacis/center";
import { access as expressAccess, requestOf as expressRequest, secureExpress } from "glacis/express";
import { access as fastifyAccess, requestOf as fastifyRequest, secureFastify } from "glacis/fastify";
import { access as honoAccess, listenHono, requestOf as honoRequest, secureHono } from "glacis/hono";
import { sketchProof } from "glacis/testing";
import { Hono } from "hono";
import { freePort } from "./free-port.ts";

export const ACCOUNTS = [
  { userId: "user-ada", identifier: "ada@alpha.test", name: "Ada Arden", roles: ["owner"], tenant: "alpha" },
  { userId: "user-amy", identifier: "amy@alpha.test", name: "Amy Arlington", roles: ["member"], tenant: "alpha" },
  {
    userId: "user-axel",
    identifier: "axel@alpha.test",
    name: "Axel Ahrens",
    roles: ["admin", "billing"],
    tenant: "alpha",
  },
  { userId: "user-bob", identifier: "bob@beta.test", name: "Bob Baker", roles: ["owner"], tenant: "beta" },
] as const;

/** Whoever uses it has a hundred points. */
export const CENTER_BAIT = "a-bait-credential-of-the-center";

export interface CenterGround {
  readonly origin: string;
  readonly archive: EventArchive;
  readonly throttle: SignInThrottle;
  readonly records: AuditRecord[];
  readonly security: Security;
  readonly watch: SaasLayers["watch"];
  /** What the alarms take for the time, in milliseconds since the epoch. */
  readonly clock: { nowMs: number };
  /** The folder of the audit log. */
  readonly logFolder: string;
  readonly close: () => Promise<void>;
}

export type Framework = "express" | "fastify" | "hono";
type Serve = (security: Security, signIn: (request: Exchange) => Promise<void>, port: number) => Promise<Server>;

/** Starts the application. `GET /become?user=...&level=...&role=...` signs in as whom one says. */
export async function startCenter(
  framework: Framework,
  options: Partial<SecurityCenterOptions> = {},
): Promise<CenterGround> {
  const port = await freePort();
  const origin = `http://localhost:${port}`;
  const keys = keyRing([newKey("k2"), newKey("k1")].join(","));
  const records: AuditRecord[] = [];
  const archive = options.archive ?? eventArchive({ store: memoryEvents(50_000) });
  const clock = { nowMs: Date.now() - 600_000 };
  const logFolder = await mkdtemp(join(tmpdir(), "glacis-center-"));
  const { privateKey: signingKey } = generateKeyPairSync("ed25519");
  const layers = saas({
    auditLog: await openAuditLog({ directory: logFolder, origin: "center/audit", signingKey }),
    alarms: { now: () => clock.nowMs },
    detection: { honeyCredentials: [CENTER_BAIT], response: "throttle" },
    origin,
    keys,
    mode: "development",
    sessionStore: memorySessions(),
    limits: { client: "6000/m", anonymous: "6000/m", user: "6000/m" },
    audit: archive.tee((record) => void records.push(record)),
  });
  const throttle = signInThrottle({ keys, store: memorySignInThrottle() });
  const accountsOf = (tenant: string) => ACCOUNTS.filter((account) => account.tenant === tenant);
  const center = securityCenter({
    csrf: layers.csrf,
    sessions: layers.sessions,
    throttle,
    keys,
    alarms: layers.watch.alarms,
    actors: layers.watch.actors,
    chain: layers.watch.chain,
    keyDates: { k1: "2025-03-01", k2: "2026-09-14" },
    security: () => security,
    deployment: currentDeployment,
    accounts: {
      find: async (text, { tenantId }) =>
        accountsOf(tenantId).filter(({ name, identifier }) =>
          `${name} ${identifier}`.toLowerCase().includes(text.toLowerCase()),
        ),
      get: async (userId, { tenantId }) => accountsOf(tenantId).find((account) => account.userId === userId),
    },
    ...options,
    archive,
  });
  const security = glacis({ ...layers, endpoints: [...layers.endpoints, ...center] });
  const become = async (request: Exchange): Promise<void> => {
    const query = new URLSearchParams(request.query);
    const account = ACCOUNTS.find(({ userId }) => userId === query.get("user")) ?? ACCOUNTS[0];
    const provedAtMs = request.receivedAtMs - Number(query.get("age") ?? 0) * 1000;
    const methods = query.get("level") === "1" ? (["password"] as const) : (["password", "totp"] as const);
    const proofs = methods.map((method) => sketchProof({ userId: account.userId, method, provedAtMs }));
    const roles = query.get("role")?.split(",") ?? [...account.roles];
    await layers.sessions.establish(request, proofs, { userId: account.userId, tenantId: account.tenant, roles });
  };
  const server = await SERVERS[framework](security, become, port);
  return {
    origin,
    archive,
    throttle,
    records,
    security,
    watch: layers.watch,
    clock,
    logFolder,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await layers.watch.close();
      await archive.close();
      await rm(logFolder, { recursive: true });
    },
  };
}

const open = publicAccess("a test");

const SERVERS: Readonly<Record<Framework, Serve>> = {
  async express(security, become, port) {
    const app = express();
    secureExpress(app, security);
    app.get("/become", expressAccess(open), async (request, response) => {
      await become(expressRequest(request));
      response.send("done");
    });
    const server = app.listen(port, "127.0.0.1");
    await once(server, "listening");
    return server;
  },
  async fastify(security, become, port) {
    const app = fastify();
    secureFastify(app, security);
    app.get("/become", fastifyAccess(open), async (request) => {
      await become(fastifyRequest(request));
      return "done";
    });
    await app.listen({ port, host: "127.0.0.1" });
    return app.server;
  },
  async hono(security, become, port) {
    const app = new Hono();
    secureHono(app, security);
    app.get("/become", honoAccess(open), async (c) => {
      await become(honoRequest(c));
      return c.text("done");
    });
    const server = listenHono(app, security, { port, hostname: "127.0.0.1" });
    await once(server, "listening");
    return server;
  },
};

type Kind = Pick<AuditRecord, "event_type" | "status" | "severity" | "event"> & Partial<AuditRecord>;

const KINDS: readonly (readonly [share: number, kind: Kind])[] = [
  [
    30,
    {
      event_type: "session",
      status: "succeeded",
      severity: "info",
      event: "session_created",
      route: "/sign-in",
      method: "POST",
    },
  ],
  [
    26,
    {
      event_type: "authentication",
      status: "succeeded",
      severity: "info",
      event: "authn_login_success",
      route: "/sign-in",
      method: "POST",
    },
  ],
  [
    14,
    {
      event_type: "data_access",
      status: "failed",
      severity: "info",
      event: "data_not_found",
      route: "/documents/:id",
      method: "GET",
    },
  ],
  [
    9,
    {
      event_type: "authentication",
      status: "failed",
      severity: "warning",
      event: "authn_login_fail",
      route: "/sign-in",
      method: "POST",
      detail: "credentials_wrong",
    },
  ],
  [
    6,
    {
      event_type: "authorization_failure",
      status: "refused",
      severity: "warning",
      event: "authz_fail",
      control: "access-rule",
      detail: "role_missing",
      route: "/settings/members",
      method: "GET",
    },
  ],
  [
    5,
    {
      event_type: "rate_limit",
      status: "refused",
      severity: "warning",
      event: "excess_rate_limit_exceeded",
      control: "rate-limit",
      route: "/api/documents",
      method: "GET",
    },
  ],
  [
    4,
    {
      event_type: "csp_violation",
      status: "refused",
      severity: "warning",
      event: "csp_violation",
      control: "csp-reporting",
      directive: "img-src",
      blocked: "https://images.example.com/a",
      document: "https://app.example.com/documents",
    },
  ],
  [
    2,
    {
      event_type: "csp_violation",
      status: "refused",
      severity: "warning",
      event: "csp_violation",
      control: "csp-reporting",
      directive: "script-src-elem",
      blocked: "inline",
      document: "https://app.example.com/documents",
    },
  ],
  [
    2,
    {
      event_type: "csrf",
      status: "refused",
      severity: "warning",
      event: "csrf_rejected",
      control: "csrf",
      detail: "origin_foreign",
      route: "/documents",
      method: "POST",
    },
  ],
  [
    1,
    {
      event_type: "tenant",
      status: "refused",
      severity: "critical",
      event: "tenant_cross_access",
      control: "tenant-isolation",
      route: "/documents/:id",
      method: "GET",
    },
  ],
  [1, { event_type: "system", status: "failed", severity: "error", event: "sys_control_failed", control: "session" }],
];

/** Events of two days, more by day than by night, an attack in the last hours; the same for the same numbers. */
export function weekOfEvents(count: number, nowMs: number): readonly AuditRecord[] {
  let seed = 20_261_126;
  const chance = (): number => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    return seed / 2_147_483_648;
  };
  const total = KINDS.reduce((sum, [share]) => sum + share, 0);
  const pick = (): Kind => {
    let rest = chance() * total;
    return (KINDS.find(([share]) => (rest -= share) < 0) ?? KINDS[0])?.[1] as Kind;
  };
  return Array.from({ length: count }, (_, index): AuditRecord => {
    const attack = index % 11 === 0;
    let agoMs = (attack ? 5_400_000 : 172_800_000) * chance();
    const hour = new Date(nowMs - agoMs).getUTCHours();
    if (!attack && (hour < 6 || hour > 20) && chance() < 0.7) agoMs = 172_800_000 * chance();
    const kind = attack ? (KINDS[3]?.[1] as Kind) : pick();
    const account = ACCOUNTS[Math.floor(chance() * chance() * ACCOUNTS.length)] ?? ACCOUNTS[0];
    const isKnown = kind.status !== "failed" && kind.event_type !== "csp_violation";
    return {
      time: new Date(nowMs - agoMs).toISOString(),
      ...kind,
      request_id: `req-${index.toString(36)}${Math.floor(chance() * 1e9).toString(36)}`,
      ip_address: attack ? "203.0.113.77" : `198.51.100.${Math.floor(chance() * chance() * 60)}`,
      ...(isKnown && { user_id: account.userId, tenant_id: account.tenant }),
    };
  });
}
