import express from "express";
import { once } from "node:events";
import { request as send, type IncomingMessage } from "node:http";
import { json } from "node:stream/consumers";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { access, requestOf, secureExpress } from "../adapters/express.ts";
import type { TenantId, UserId } from "../core/brand.ts";
import type { AuditRecord } from "../core/event.ts";
import type { Principal } from "../core/principal.ts";
import { keyRing, newKey } from "../data/key-ring.ts";
import { glacis } from "../glacis.ts";
import { saas } from "../presets/saas.ts";
import { withControls } from "../presets/with-controls.ts";
import { accessPolicy } from "./access-policy.ts";
import { caller, opaque } from "./match.ts";
import { objectLevelAuthorization } from "./object-level-authorization.ts";
import { policyRoute } from "./policy-route.ts";
import { acrossTenants } from "./read-policy.ts";

const notes = accessPolicy({
  resource: "note",
  columns: { id: "text", tenantId: "text", ownerId: "text", size: "integer" },
  tenant: "tenantId",
  actions: { show: "read", update: "update", purge: "delete" },
  roles: ["admin"],
  conditions: {
    isOwner: { ownerId: caller.userId },
    fails: opaque(() => {
      throw new Error("the flag service is down");
    }),
  },
  statements: [
    { action: "show", principal: "authenticated", effect: "allow" },
    { action: "update", principal: "authenticated", effect: "allow", condition: "isOwner" },
    { action: "purge", principal: "role:admin", effect: "allow", condition: "fails" },
  ],
  fields: { id: { read: "user" }, text: { read: "user", write: "user" } },
});
const production = {
  mode: "production",
  nodeVersion: "22.0.0",
  variables: new Map(),
  nodeOptions: [],
  nowMs: 0,
} as const;

describe("objectLevelAuthorization", () => {
  const found = (...policies: Parameters<typeof objectLevelAuthorization>[0]) =>
    objectLevelAuthorization(policies)
      .check(production)
      .map(({ rule, detail }) => [rule.id, detail]);
  const base = {
    resource: "price",
    columns: { id: "text", tenantId: "text" },
    actions: { show: "read", set: "update" },
  } as const;

  it("has nothing to say about a policy that keeps to its tenant", () => {
    expect(found(notes)).toEqual([]);
  });

  it("finds that there is no policy, one across tenants, and one that lets strangers write", () => {
    const open = [{ action: "*", principal: "*", effect: "allow" }] as const;
    expect(found()).toEqual([["object-level-authorization/no-policies", undefined]]);
    expect(found(accessPolicy({ ...base, tenant: "tenantId", statements: open }))).toEqual([]);
    expect(found(accessPolicy({ ...base, tenant: acrossTenants("one price list"), statements: open }))).toEqual([
      ["object-level-authorization/across-tenants", "one price list"],
      ["object-level-authorization/anonymous-write", "set"],
    ]);
    expect(() => objectLevelAuthorization(notes as never)).toThrow(/list of access policies/u);
  });
});

describe("an access policy behind real routes", () => {
  const events: AuditRecord[] = [];
  let port = 0;
  let close: () => Promise<void>;

  const rows: Readonly<Record<string, object>> = {
    mine: { id: "mine", tenantId: "acme", ownerId: "ann", text: "hello", secret: "s" },
    theirs: { id: "theirs", tenantId: "acme", ownerId: "bob", text: "hello" },
    foreign: { id: "foreign", tenantId: "globex", ownerId: "ann", text: "hello" },
  };

  beforeAll(async () => {
    const layers = saas({
      origin: "https://app.example.com",
      keys: keyRing(newKey("k1")),
      mode: "test",
      proxies: ["127.0.0.1/32"],
      audit: (event) => void events.push(event),
    });
    const authenticate = (facts: { header(name: string): string | undefined }) => {
      const role = facts.header("x-role");
      const ann = {
        kind: "user",
        id: "ann" as UserId,
        tenantId: "acme" as TenantId,
        assurance: 1,
        authenticatedAtMs: 0,
      } as const;
      const principal: Principal = role === undefined ? { kind: "anonymous" } : { ...ann, roles: [role] };
      return { principal, session: undefined };
    };
    const security = glacis(withControls({ ...layers, authenticate }, objectLevelAuthorization([notes])));
    const app = express();
    secureExpress(app, security);
    app.get("/notes/:id", access(policyRoute(notes, "show"), { kind: "api" }), (request, response) => {
      const { principal } = requestOf(request);
      response.json(notes.readable(principal, rows[request.params["id"]] as never));
    });
    app.get("/notes/:id/edit", access(policyRoute(notes, "update"), { kind: "api" }), (request, response) => {
      const { principal } = requestOf(request);
      const { action } = notes.authorize(principal, "update", rows[request.params["id"]] as never);
      response.json({ action });
    });
    app.get("/notes/:id/purge", access(policyRoute(notes, "purge"), { kind: "api" }), (request, response) => {
      const { principal } = requestOf(request);
      response.json({ permitted: notes.permits(principal, "purge", rows[request.params["id"]] as never) });
    });
    const server = app.listen(0, "127.0.0.1");
    await once(server, "listening");
    port = (server.address() as AddressInfo).port;
    close = async () => {
      server.close();
      await once(server, "close");
    };
  });

  afterAll(async () => close());

  async function get(
    path: string,
    role?: string,
  ): Promise<{ readonly status: number | undefined; readonly body: unknown }> {
    const headers = {
      host: "app.example.com",
      "x-forwarded-for": "203.0.113.7",
      "x-forwarded-proto": "https",
      connection: "close",
      ...(role !== undefined && { "x-role": role }),
    };
    const [response] = (await once(send({ port, path, headers }).end(), "response")) as [IncomingMessage];
    return { status: response.statusCode, body: await json(response) };
  }

  it("answers what the policy says, and the same 404 for what is missing and what is foreign", async () => {
    expect(await get("/notes/mine", "member")).toEqual({ status: 200, body: { id: "mine", text: "hello" } });
    expect(await get("/notes/mine/edit", "member")).toMatchObject({ status: 200 });
    expect(await get("/notes/theirs/edit", "member")).toMatchObject({ status: 403 });
    const [foreign, missing] = [await get("/notes/foreign/edit", "member"), await get("/notes/none/edit", "member")];
    expect([foreign.status, missing.status]).toEqual([404, 404]);
    expect(Object.keys(foreign.body as object)).toEqual(Object.keys(missing.body as object));
    expect(events).toContainEqual(
      expect.objectContaining({ event: "tenant_cross_access", severity: "critical", user_id: "ann" }),
    );
  });

  it("refuses at the door whom the policy could permit nothing", async () => {
    expect(await get("/notes/mine")).toMatchObject({ status: 401 });
    expect(await get("/notes/mine/purge", "member")).toMatchObject({ status: 403 });
    expect(() => policyRoute(notes, "prge" as "purge")).toThrow(/Did you mean "purge"/u);
  });

  it("logs a condition that failed inside a handler, with the request it belongs to", async () => {
    expect(await get("/notes/mine/purge", "admin")).toEqual({ status: 200, body: { permitted: false } });
    await expect
      .poll(() => events.find(({ event }) => event === "sys_control_failed"))
      .toMatchObject({
        resource_type: "note",
        action: "purge",
        route: "/notes/:id/purge",
        user_id: "ann",
        request_id: expect.any(String) as string,
        error: expect.stringContaining("flag service") as string,
      });
  });
});
