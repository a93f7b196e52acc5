/** Who may say who somebody is, as a handler sees it. */
import type { AddressInfo, Server } from "node:net";
import { glacis, keyRing, newKey, publicAccess, routeRule, saas, type AuditRecord } from "glacis";
import { afterEach, describe, expect, it } from "vitest";
import { json, type Application } from "./application.ts";
import { get } from "./case.ts";
import { express4Build, express5Build } from "./frameworks/express.ts";
import { fastifyBuild } from "./frameworks/fastify.ts";
import { honoBuild } from "./frameworks/hono.ts";
import { speak } from "./raw-client.ts";

const NAMES = ["x-user-id", "x-tenant-id", "x-request-id"];
const APPLICATION: Application = {
  groups: [],
  routes: [
    {
      method: "GET",
      path: "/seen",
      rule: routeRule(publicAccess("a test"), { kind: "api" }),
      behave: ({ header, exchange }) =>
        json([NAMES.map((name) => header(name) ?? null), NAMES.map((name) => exchange.header(name) ?? null)]),
    },
  ],
};
const CLAIMS = { "X-User-Id": "1", "X-Tenant-Id": "t", "X-Request-Id": "r", "X-Forwarded-Proto": "https" };

let server: Server | undefined;
afterEach(() => void server?.close());

describe.each([
  ["express 5", express5Build],
  ["express 4", express4Build],
  ["fastify 5", fastifyBuild],
  ["hono 4", honoBuild],
])("%s", (_name, build) => {
  async function seen(proxies: readonly string[]): Promise<{ body: string; records: readonly AuditRecord[] }> {
    const records: AuditRecord[] = [];
    const layers = saas({
      // Plain HTTP is enough here: what is asked about is the headers.
      origin: "http://localhost",
      mode: "test",
      keys: keyRing(newKey("k1")),
      hosts: ["app.example.com"],
      proxies,
      audit: (record) => void records.push(record),
    });
    server = await build(APPLICATION, glacis(layers));
    const { port } = server.address() as AddressInfo;
    const { responses } = await speak(port, [get("/seen", { ...CLAIMS, Host: "localhost" })]);
    return { body: responses[0]?.body ?? "", records };
  }

  it("drops what a stranger says about itself, and tells once", async () => {
    const { body, records } = await seen(["192.0.2.0/24"]);
    expect(JSON.parse(body)).toEqual([
      [null, null, "r"],
      [null, null, "r"],
    ]);
    const dropped = records.filter(({ event }) => event === "proxy.identity_header_dropped");
    expect(dropped.map(({ detail }) => detail?.slice(0, 41))).toEqual(["trusted-proxy/identity-header (x-user-id)"]);
  });

  it("hands on what a declared proxy says", async () => {
    const { body } = await seen(["127.0.0.0/8"]);
    expect(JSON.parse(body)).toEqual([
      ["1", "t", "r"],
      ["1", "t", "r"],
    ]);
  });
});
