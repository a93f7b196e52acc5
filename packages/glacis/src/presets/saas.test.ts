import { describe, expect, it } from "vitest";
import { publicAccess } from "../core/access.ts";
import type { Deployment } from "../core/control.ts";
import type { AuditRecord } from "../core/event.ts";
import { describeLocation, type Finding } from "../core/finding.ts";
import type { Wire } from "../core/wire.ts";
import { routeRule } from "../core/route.ts";
import { keyRing, newKey } from "../data/key-ring.ts";
import { glacis } from "../glacis.ts";
import { hsts } from "../transport/hsts.ts";
import { saas } from "./saas.ts";
import type { SaasOptions } from "./saas-options.ts";
import { withControls } from "./with-controls.ts";

const keys = keyRing(newKey("k1"));
const database = { query: () => Promise.reject(new Error("not asked at construction")) };
const options: SaasOptions = { origin: "https://app.example.com", keys, mode: "production", database, audit: () => {} };
const deployment: Deployment = {
  mode: "production",
  nodeVersion: "24.4.0",
  variables: new Map([["NODE_ENV", "production"]]),
  nodeOptions: ["--disable-proto=delete", "--disallow-code-generation-from-strings"],
  nowMs: Date.parse("2026-11-26"),
};

/** What only the team can say: where events are kept, who is called, what is bait. */
const UNSAID = [
  "log-shipping/not-shipped",
  "audit-integrity/no-log",
  "audit-trail/absent",
  "security-alerting/no-alarms",
  "intrusion-detection/no-honey-credential",
  "intrusion-detection/response-observes",
  "authorization-freshness/roles-of-sign-in",
];

function ids(layers: ReturnType<typeof saas>, environment: Deployment = deployment): readonly string[] {
  return glacis(layers)
    .check(environment)
    .map(({ rule }) => rule.id);
}

function absent(findings: readonly Finding[]): {
  readonly rules: readonly string[];
  readonly places: readonly string[];
} {
  const found = findings.filter(({ rule }) => rule.id.startsWith("composition/"));
  return { rules: found.map(({ rule }) => rule.id), places: found.map(({ at }) => describeLocation(at)) };
}

it.each<[object, RegExp]>([
  [{ origin: undefined }, /^saas\(\{ origin \}\) is missing\. Write an origin such as/u],
  [{ origin: "app.example.com" }, /^saas\(\{ origin \}\) takes origins such as/u],
  [{ proxies: "10.0.0.0/8" }, /needs proxies as a list of ranges, such as \["10\.0\.0\.0\/8"\]/u],
])("names what was written, and what to write, for %j", (change, message) => {
  expect(() => saas({ ...options, ...change } as SaasOptions)).toThrow(message);
});

describe("saas", () => {
  it.each<[NonNullable<SaasOptions["mode"]>, readonly string[]]>([
    ["production", []],
    ["development", ["event-loop delay of 4000 ms"]],
    ["test", ["event-loop delay of 4000 ms"]],
  ])("sheds load in %s as early as its clients are real", (mode, expected) => {
    const findings = glacis(saas({ ...options, mode })).check(deployment);
    const late = findings.filter(({ rule }) => rule.id === "overload-protection/sheds-too-late");
    expect(late.map(({ detail }) => detail)).toEqual(expected);
    expect(ids(saas({ ...options, mode }), { ...deployment, mode })).not.toContain(
      "overload-protection/sheds-too-late",
    );
  });

  it("has nothing to find in production with the five facts but what watches over them", () => {
    expect(ids(saas({ ...options, proxies: ["10.0.0.0/8"] }))).toEqual(UNSAID);
  });

  it("takes the policy of the second factor along, and finds what it lacks", () => {
    const mfa = { required: "everyone" } as const;
    const found = (more: Partial<SaasOptions>): readonly string[] =>
      ids(saas({ ...options, proxies: ["10.0.0.0/8"], ...more })).filter((id) => !UNSAID.includes(id));
    expect(found({ mfa })).toEqual(["mfa-required/no-source"]);
    expect(found({ mfa: { ...mfa, enrolled: () => [] } })).toEqual([]);
    expect(() => saas({ ...options, mfa: { requires: "everyone" } as never })).toThrow(/required/u);
  });

  it("mounts every control that an application needs, each once", () => {
    const found = ids(saas(options), deployment);
    expect(found.filter((id) => id === "composition/control-missing")).toEqual([]);
  });

  const DISPENSABLE = new Set([
    "subresource-integrity",
    "client-storage",
    "client-code-safety",
    "safe-methods",
    "log-shipping",
    "third-party-sharing",
    "egress-allowlist",
    "intrusion-detection",
    "oauth-resource-server",
    "authorization-freshness",
  ]);
  const SLOTS = ["environment", "network", "transport", "authentication", "authorization"] as const;
  const mounted = SLOTS.flatMap((slot) => saas(options)[slot].map(({ meta }) => meta.id));

  it.each([...new Set(mounted)])("cannot lose %s by a filter without a finding", (id) => {
    const whole = saas(options);
    const left = Object.fromEntries(SLOTS.map((slot) => [slot, whole[slot].filter(({ meta }) => meta.id !== id)]));
    const { rules, places } = absent(glacis({ ...whole, ...left }).check(deployment));
    expect(places).toEqual([id]);
    expect(rules).toEqual([`composition/control-${DISPENSABLE.has(id) ? "left-out" : "missing"}`]);
  });

  it("counts requests for foreign hosts and malformed paths too, so that refusals cannot flood the log", async () => {
    const records: AuditRecord[] = [];
    const security = glacis(
      saas({ ...options, limits: { client: "20/m" }, audit: (record) => void records.push(record) }),
    );
    const refused = async (host: string, target: string): Promise<number> => {
      const wire: Wire = {
        method: "GET",
        target,
        httpVersion: "1.1",
        rawHeaders: ["Host", host],
        peerAddress: "192.0.2.1",
        encrypted: true,
      };
      const verdict = await security.open(security.begin(wire));
      return verdict.kind === "respond" ? verdict.status : 200;
    };
    expect(await refused("evil.example", "/")).toBe(421);
    for (let count = 0; count < 500; count += 1) await refused("evil.example", "/");
    expect(await refused("evil.example", "/")).toBe(429);
    expect(await refused("app.example.com", "/%")).toBe(429);
    expect(records.length).toBeLessThan(100);
  });

  it("never refuses a load balancer's question for its number, whatever others have asked from its address", async () => {
    const security = glacis(saas({ ...options, limits: { client: "20/m" }, healthPaths: ["/healthz", "/ready"] }));
    const asked = async (target: string): Promise<number> => {
      const rawHeaders = ["Host", "app.example.com"];
      const wire: Wire = {
        method: "GET",
        target,
        httpVersion: "1.1",
        rawHeaders,
        peerAddress: "10.0.0.9",
        encrypted: true,
      };
      const exchange = security.begin(wire);
      const opened = await security.open(exchange);
      if (opened.kind === "respond") return opened.status;
      const rule = routeRule(publicAccess("health"), { kind: "api" });
      const entered = await security.enter(exchange, { method: "GET", pattern: "/", rule });
      return entered.kind === "respond" ? entered.status : 200;
    };
    for (let count = 0; count < 100; count += 1) expect(await asked("/healthz")).toBe(200);
    for (let count = 0; count < 20; count += 1) expect(await asked("/")).toBe(200);
    expect(await asked("/")).toBe(429);
    expect(await asked("/healthz/")).toBe(429);
    expect(await asked("/ready?deep")).toBe(200);
  });

  it("finds what the team has left out", () => {
    const { database: _, ...withoutDatabase } = options;
    expect(ids(saas(withoutDatabase))).toContain("session/memory-store");
  });

  it("lets nothing out that is not listed, and says so in the log", async () => {
    const records: AuditRecord[] = [];
    const { outbound } = saas({ ...options, audit: (record) => void records.push(record) });
    await expect(outbound.fetch("https://api.example.net/?key=1")).rejects.toThrow(/not on the list/u);
    expect(records).toMatchObject([{ event: "egress.blocked", blocked: "api.example.net" }]);
    expect(records[0]?.time).toMatch(/^\d{4}-/u);
    const listed = saas({ ...options, proxies: ["10.0.0.0/8"], outbound: { allow: ["api.example.net"] } });
    expect(ids(listed).filter((id) => !UNSAID.includes(id))).toEqual([
      "third-party-sharing/undeclared",
      "egress-allowlist/unexplained",
    ]);
    expect(() => saas({ ...options, outbound: { alow: [] } as never })).toThrow(/Did you mean "allow"/u);
  });

  it("corrects a misspelt option, at the top and inside", () => {
    expect(() => saas({ ...options, proxys: [] } as never)).toThrow(/Did you mean "proxies"/u);
    expect(() => saas({ ...options, limits: { anonymus: "1/m" } } as never)).toThrow(/Did you mean "anonymous"/u);
  });

  it("assumes production when nothing says otherwise", () => {
    const { mode: _, ...unsaid } = options;
    const before = { NODE_ENV: process.env["NODE_ENV"], GLACIS_ENV: process.env["GLACIS_ENV"] };
    delete process.env["NODE_ENV"];
    delete process.env["GLACIS_ENV"];
    try {
      expect(saas(unsaid).mode).toBe("production");
    } finally {
      for (const [name, value] of Object.entries(before)) if (value !== undefined) process.env[name] = value;
    }
  });
});

describe("withControls", () => {
  it("puts a control in the place of its namesake", () => {
    const short = hsts({ maxAgeSeconds: 300 });
    const layers = withControls(saas(options), short);
    expect(layers.transport.filter(({ meta }) => meta.id === "hsts")).toEqual([short]);
    expect(layers.transport).toHaveLength(saas(options).transport.length);
    expect(ids(layers)).toContain("hsts/too-short");
  });

  it("adds a new control at the end of its layer", () => {
    const added = { ...hsts(), meta: { ...hsts().meta, id: "own-header" } };
    expect(withControls(saas(options), added).transport.at(-1)).toBe(added);
  });

  it("does not guess: several namesakes, or a layer without a slot, are refused", () => {
    const layers = saas(options);
    const doubled = { ...layers, transport: [...layers.transport, hsts()] };
    expect(() => withControls(doubled, hsts())).toThrow(/several times/u);
    const stranger = { ...hsts(), meta: { ...hsts().meta, id: "own", layer: "input" as const } };
    expect(() => withControls(layers, stranger)).toThrow(/should run/u);
  });
});
