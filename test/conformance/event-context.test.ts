/** What every event says of the request that it belongs to, whatever framework the request came through. */
import type { AddressInfo, Server } from "node:net";
import {
  auditEvent,
  glacis,
  hasRole,
  keyRing,
  newKey,
  publicAccess,
  routeRule,
  saas,
  type AuditEvent,
  type AuditRecord,
} from "glacis";
import type { Identity } from "../../packages/glacis/src/core/security.ts";
import { afterEach, describe, expect, it } from "vitest";
import { json, type Application } from "./application.ts";
import { get } from "./case.ts";
import { express5Build } from "./frameworks/express.ts";
import { fastifyBuild } from "./frameworks/fastify.ts";
import { honoBuild } from "./frameworks/hono.ts";
import { speak } from "./raw-client.ts";

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const support = { id: "sue", tenantId: "support" };
const principal = { kind: "user", id: "ann", tenantId: "t1", roles: [], assurance: 1, authenticatedAtMs: 0 } as const;

const PLAIN = { Host: "localhost", "X-Forwarded-Proto": null, "X-Forwarded-For": null } as const;

let server: Server | undefined;
afterEach(() => void server?.close());

describe.each([
  ["express 5", express5Build],
  ["fastify 5", fastifyBuild],
  ["hono 4", honoBuild],
])("%s", (_name, build) => {
  async function ask(path: string, headers: Readonly<Record<string, string>>, actor?: typeof support) {
    const records: AuditRecord[] = [];
    const layers = saas({
      origin: "http://localhost",
      mode: "test",
      keys: keyRing(newKey("k1")),
      audit: (record) => void records.push(record),
    });
    const identity = { principal: { ...principal, ...(actor && { actor }) } } as unknown as Identity;
    const application: Application = {
      groups: [],
      routes: [
        {
          method: "GET",
          path: "/closed/:id",
          rule: routeRule(hasRole("admin"), { kind: "api" }),
          behave: () => json({}),
        },
        {
          method: "GET",
          path: "/out",
          rule: routeRule(publicAccess("a test"), { kind: "api" }),
          async behave({ exchange }) {
            // What has no request at hand, and what is about somebody else than whoever asks.
            await layers.outbound.fetch("https://api.example.net/").catch(() => undefined);
            exchange.note(auditEvent("account/user_disabled/succeeded", { user_id: "bob" }));
            exchange.note({
              event_type: "account",
              event: "made_up",
              status: "succeeded",
              severity: "info",
            } as unknown as AuditEvent);
            return json({});
          },
        },
      ],
    };
    const security = glacis({ ...layers, authenticate: () => identity });
    server = await build(application, security);
    const { port } = server.address() as AddressInfo;
    await speak(port, [get(path, { ...PLAIN, ...headers })]);
    return records;
  }

  it("says who asked for what, in which request and trace", async () => {
    const traceparent = `00-${TRACE}-00f067aa0ba902b7-01`;
    const [refused] = await ask("/closed/seven?token=x", { traceparent }, support);
    expect(refused).toMatchObject({
      event: "authz_fail",
      user_id: "ann",
      tenant_id: "t1",
      actor_id: "sue",
      trace_id: TRACE,
      method: "GET",
      route: "/closed/:id",
      ip_address: "127.0.0.1",
    });
    expect(refused?.request_id).toMatch(/^[\w-]{22}$/u);
    expect(JSON.stringify(refused)).not.toMatch(/seven|token/u);
  });

  it("says the same where code reports with no request at hand, and tells the one who asks from the one it is about", async () => {
    const records = await ask("/out", {});
    const blocked = records.find(({ event }) => event === "egress.blocked");
    expect(blocked).toMatchObject({ user_id: "ann", tenant_id: "t1", route: "/out" });
    const disabled = records.find(({ event }) => event === "user_disabled");
    expect(disabled).toMatchObject({ user_id: "bob", actor_id: "ann", tenant_id: "t1" });
    expect(disabled?.request_id).toBe(blocked?.request_id);
  });

  it("writes an event that is not of the catalogue all the same, and says so", async () => {
    const records = await ask("/out", {});
    expect(records.filter(({ invalid }) => invalid !== undefined)).toMatchObject([
      { event: "made_up", invalid: "unlisted" },
    ]);
  });

  it.each([
    "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
    `00-${TRACE}-0000000000000000-01`,
    `ff-${TRACE}-00f067aa0ba902b7-01`,
    `00-${TRACE.toUpperCase()}-00f067aa0ba902b7-01`,
    `00-${TRACE}-00f067aa0ba902b7-01junk`,
    'x","event":"authn_login_success',
  ])("takes no trace from %s", async (traceparent) => {
    const [refused] = await ask("/closed/1", { traceparent });
    expect(refused?.event).toBe("authz_fail");
    expect(refused?.trace_id).toBe(undefined);
  });
});
