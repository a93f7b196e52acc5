/** What a client sees of bait, which is nothing. */
import type { AddressInfo, Server } from "node:net";
import { glacis, keyRing, newKey, publicAccess, routeRule, saas, type AuditRecord } from "glacis";
import type { IntrusionDetectionOptions } from "glacis/audit";
import { afterEach, describe, expect, it } from "vitest";
import { json, type Application } from "./application.ts";
import { get } from "./case.ts";
import { express5Build } from "./frameworks/express.ts";
import { fastifyBuild } from "./frameworks/fastify.ts";
import { honoBuild } from "./frameworks/hono.ts";
import { speak } from "./raw-client.ts";

const TOKEN = "bait-credential-7f3a9c";
const APPLICATION: Application = {
  groups: [],
  routes: [
    {
      method: "GET",
      path: "/seen",
      rule: routeRule(publicAccess("a test"), { kind: "api" }),
      behave: () => json({}),
    },
  ],
};

let server: Server | undefined;
afterEach(() => void server?.close());

function layersOf(records: AuditRecord[], options: IntrusionDetectionOptions) {
  return saas({
    origin: "http://localhost",
    mode: "test",
    keys: keyRing(newKey("k1")),
    audit: (record) => void records.push(record),
    detection: options,
  });
}

describe.each([
  ["express 5", express5Build],
  ["fastify 5", fastifyBuild],
  ["hono 4", honoBuild],
])("%s", (_name, build) => {
  async function ask(requests: readonly string[], options: IntrusionDetectionOptions = {}) {
    const records: AuditRecord[] = [];
    server = await build(APPLICATION, glacis(layersOf(records, options)));
    const { port } = server.address() as AddressInfo;
    const responses = [];
    for (const request of requests) responses.push(...(await speak(port, [request])).responses);
    return { responses, events: records.map(({ event }) => event) };
  }

  it("answers bait in every spelling as it answers any path that is not there, and tells once", async () => {
    const ours = ["/.env", "/.env/", "//.ENV", "/.env?x=1"];
    const paths = ["/nothing-here", ...ours];
    const { responses, events } = await ask(paths.map((path) => get(path, { Host: "localhost" })));
    const [ordinary, ...baits] = responses.map(({ status, body, headers }) => ({
      status,
      body: body.replaceAll(/"[\w-]{20,}"/gu, "id"),
      headers: Object.keys(headers).toSorted(),
    }));
    expect(ordinary?.status).toBe(404);
    for (const bait of baits) expect(bait).toEqual(ordinary);
    expect(events.filter((event) => event === "malicious_honey_route")).toHaveLength(1);
  });

  it("answers every other method on bait as on any path that is not there", async () => {
    const post = (path: string): string =>
      `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`;
    const { responses } = await ask([post("/nothing-here"), post("/wp-login.php")]);
    expect(responses[1]?.status).toBe(responses[0]?.status);
  });

  it("says nothing to who uses a credential that is bait, and tells", async () => {
    const basic = `Basic ${Buffer.from(`admin:${TOKEN}`).toString("base64")}`;
    const uses = [{ Authorization: basic }, { "X-API-Key": TOKEN }, { Cookie: `session=${TOKEN}` }];
    for (const headers of uses) {
      const options = { honeyCredentials: [TOKEN] };
      const { responses, events } = await ask(
        [get("/seen", { Host: "localhost", ...headers }), get("/seen", { Host: "localhost", ...headers })],
        options,
      );
      expect(responses.map(({ status }) => status)).toEqual([200, 200]);
      expect(events.filter((event) => event === "malicious_honeytoken")).toHaveLength(1);
      server?.close();
    }
    const { events } = await ask([get("/seen", { Host: "localhost", "X-API-Key": `${TOKEN.slice(0, -1)}d` })], {
      honeyCredentials: [TOKEN],
    });
    expect(events).not.toContain("malicious_honeytoken");
  });
});
