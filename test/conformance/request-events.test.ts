/** What a request was refused for, or did, is one event: none is missing and none is told twice, in each framework. */
import type { AddressInfo, Server } from "node:net";
import {
  assurance,
  authenticated,
  glacis,
  hasRole,
  keyRing,
  newKey,
  publicAccess,
  routeRule,
  saas,
  type AuditRecord,
  type EventKey,
  type SaasOptions,
} from "glacis";
import { afterEach, describe, expect, it } from "vitest";
import type { Identity } from "../../packages/glacis/src/core/security.ts";
import { json, type Application } from "./application.ts";
import { get, post, request } from "./case.ts";
import { express5Build } from "./frameworks/express.ts";
import { fastifyBuild } from "./frameworks/fastify.ts";
import { honoBuild } from "./frameworks/hono.ts";
import { speak } from "./raw-client.ts";

const principal = { kind: "user", id: "ann", tenantId: "t1", roles: [], assurance: 1, authenticatedAtMs: 0 } as const;
const BAIT = "a-bait-of-sixteen-characters-or-more";
const api = { kind: "api" } as const;

const application: Application = {
  groups: [],
  routes: [
    { method: "GET", path: "/public", rule: routeRule(publicAccess("a test"), api), behave: () => json({}) },
    { method: "GET", path: "/signed", rule: routeRule(authenticated(), api), behave: () => json({}) },
    { method: "GET", path: "/role", rule: routeRule(hasRole("admin"), api), behave: () => json({}) },
    { method: "GET", path: "/factors", rule: routeRule(assurance(2), api), behave: () => json({}) },
    { method: "POST", path: "/change", rule: routeRule(authenticated(), api), behave: () => json({}) },
    {
      method: "GET",
      path: "/broken",
      rule: routeRule(publicAccess("a test"), api),
      behave: () => {
        throw new Error("password=hunter2");
      },
    },
    {
      method: "GET",
      path: "/theirs",
      rule: routeRule(publicAccess("a test"), api),
      behave: () => {
        throw Object.assign(new Error("password=hunter2"), { status: 404 });
      },
    },
    {
      method: "GET",
      path: "/away",
      rule: routeRule(publicAccess("a test"), { kind: "page" }),
      behave: () => ({ kind: "redirect", status: 302, location: "https://evil.example/" }),
    },
    {
      method: "GET",
      path: "/cookie",
      rule: routeRule(publicAccess("a test"), api),
      behave: () => ({ kind: "cookies", cookies: [["unlisted", "1"]] }),
    },
    {
      method: "POST",
      path: "/body",
      rule: routeRule(publicAccess("a test"), { ...api, csrfExempt: "a test" }),
      behave: async ({ body }) => json({ body: await body() }),
    },
  ],
};

interface Case {
  readonly outcome: string;
  readonly send: string | readonly string[];
  readonly status: number;
  readonly events: readonly EventKey[];
  /** Nobody is signed in. */
  readonly anonymous?: true;
  readonly options?: Partial<SaasOptions>;
}

const FORGED = { Origin: "https://evil.example", Cookie: "__Host-session=x" };

const CASES: readonly Case[] = [
  { outcome: "an answer", send: get("/public"), status: 200, events: [] },
  {
    outcome: "a path that is not there",
    send: get("/nowhere"),
    status: 404,
    events: ["system/http_not_found/observed"],
  },
  {
    outcome: "a page for people who are signed in",
    send: get("/signed"),
    anonymous: true,
    status: 401,
    events: ["authorization_failure/authz_fail/refused"],
  },
  { outcome: "a role", send: get("/role"), status: 403, events: ["authorization_failure/authz_fail/refused"] },
  {
    outcome: "a second factor",
    send: get("/factors"),
    status: 401,
    events: ["authorization_failure/authz_fail/refused"],
  },
  {
    outcome: "a change from elsewhere",
    send: post("/change", "{}", FORGED),
    status: 403,
    events: ["csrf/csrf_rejected/refused"],
  },
  {
    outcome: "a change without a token",
    send: post("/change", "{}"),
    status: 403,
    events: ["csrf/csrf_rejected/refused"],
  },
  {
    outcome: "another host",
    send: get("/public", { Host: "evil.example" }),
    status: 421,
    events: ["input_validation/http.host_rejected/refused"],
  },
  {
    outcome: "two hosts",
    send: get("/public", { host: "evil.example" }),
    status: 400,
    events: ["input_validation/http.host_rejected/refused"],
  },
  {
    outcome: "an error of the application that is the client's doing",
    send: get("/theirs"),
    status: 404,
    events: ["system/http_client_error/failed"],
  },
  {
    outcome: "a method that is not served",
    send: request("TRACE /public"),
    status: 405,
    events: ["input_validation/http.method_rejected/refused"],
  },
  {
    outcome: "a method in disguise",
    send: post("/change", "{}", { "X-HTTP-Method-Override": "DELETE" }),
    status: 400,
    events: ["input_validation/http.method_rejected/refused"],
  },
  {
    outcome: "two lengths",
    send: request("POST /body", { "Transfer-Encoding": "chunked", "Content-Length": "3" }, ""),
    status: 400,
    events: ["input_validation/http.framing_rejected/refused"],
  },
  {
    outcome: "a path that can be read in two ways",
    send: get("/a/%2e%2e/public"),
    status: 400,
    events: ["input_validation/input.canonicalization/refused"],
  },
  {
    outcome: "a credential in the address",
    send: get("/public?access_token=abc"),
    status: 400,
    events: ["input_validation/credential_in_url/refused"],
  },
  {
    outcome: "JSON that is none",
    send: post("/body", "{"),
    status: 400,
    events: ["input_validation/input_validation_fail/refused"],
  },
  {
    outcome: "a body of another type",
    send: post("/body", "<a/>", { "Content-Type": "application/xml" }),
    status: 415,
    events: ["input_validation/input_validation_fail/refused"],
  },
  {
    outcome: "a key that changes prototypes",
    send: post("/body", '{"__proto__":{"a":1}}'),
    status: 400,
    events: ["input_validation/input_validation_fail/refused"],
  },
  {
    outcome: "a body that is too large",
    send: [request("POST /body", { "Content-Type": "application/json", "Content-Length": "9999999" })],
    status: 413,
    events: ["input_validation/input_validation_fail/refused"],
  },
  {
    outcome: "plain HTTP",
    send: get("/public", { "X-Forwarded-Proto": "http" }),
    status: 403,
    events: ["transport/transport.insecure_request/refused"],
  },
  {
    outcome: "a page of another site that loads an answer",
    send: get("/public", { "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "script" }),
    status: 403,
    events: ["transport/transport.context_refused/refused"],
  },
  {
    outcome: "a redirect to another site",
    send: get("/away"),
    status: 302,
    events: ["input_validation/open_redirect/refused"],
  },
  { outcome: "an error of the application", send: get("/broken"), status: 500, events: ["system/sys_error/failed"] },
  {
    outcome: "a path that is bait",
    send: get("/.env"),
    status: 404,
    events: ["system/malicious_honey_route/observed"],
  },
  {
    outcome: "a credential that is bait",
    send: get("/public", { "X-API-Key": BAIT }),
    status: 200,
    // Bait alone is a hundred points: who used it would be held back where a team has chosen that.
    events: ["authentication/malicious_honeytoken/observed", "system/malicious_actor_held/observed"],
  },
  {
    outcome: "a rate limit",
    send: [get("/public"), get("/public")],
    options: { limits: { client: "1/m" } },
    status: 429,
    events: ["rate_limit/excess_rate_limit_exceeded/refused"],
  },
];

let server: Server | undefined;
afterEach(() => void server?.close());

describe.each([
  ["express 5", express5Build],
  ["fastify 5", fastifyBuild],
  ["hono 4", honoBuild],
])("%s tells once of", (_name, build) => {
  it.each(CASES)("$outcome", async ({ send, status, events, anonymous, options }) => {
    const records: AuditRecord[] = [];
    const layers = saas({
      origin: "https://app.example.com",
      mode: "production",
      keys: keyRing(newKey("k1")),
      proxies: ["127.0.0.0/8"],
      detection: { honeyCredentials: [BAIT] },
      audit: (record) => void records.push(record),
      ...options,
    });
    const identity = { principal: anonymous ? { kind: "anonymous" } : principal } as unknown as Identity;
    server = await build(application, glacis({ ...layers, authenticate: () => identity }));
    const { port } = server.address() as AddressInfo;
    const statuses: number[] = [];
    for (const one of [send].flat()) {
      const { responses } = await speak(port, [one.replace("{client}", "198.51.100.7")]);
      statuses.push(responses.at(-1)?.status ?? 0);
    }
    await layers.watch.close();
    const told = records.map(({ event_type, event, status: outcome }) => `${event_type}/${event}/${outcome}`);
    expect(told).toEqual(events);
    expect(statuses.at(-1)).toBe(status);
    expect(JSON.stringify(records)).not.toMatch(/hunter2|access_token=|bait-of/u);
    for (const record of records) expect(record).not.toHaveProperty("invalid");
  });
});
