import { describe, expect, it } from "vitest";
import { loadVectors } from "../../../../test/support/vectors.ts";
import type { Control } from "../core/control.ts";
import { compileHead } from "../core/head.ts";
import { sketchExchange } from "../testing/exchange.ts";
import { sketchResponse } from "../testing/response.ts";
import { contentTypeOptions } from "./content-type-options.ts";
import { crossOriginPolicies } from "./cross-origin-policies.ts";
import { frameOptions } from "./frame-options.ts";
import { hsts } from "./hsts.ts";
import { referrerPolicy, type ReferrerPolicy } from "./referrer-policy.ts";

interface HeadersCase {
  readonly id: string;
  readonly kind: string;
  readonly secure: boolean;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly added: Readonly<Record<string, string>>;
  readonly setting?: string | null;
  readonly preset: Readonly<Record<string, string>> & (string | null);
  readonly exempt: boolean;
  readonly result: string | null;
}

/** Where we differ from the recorded behaviour on purpose. */
const DEVIATIONS: Readonly<Record<string, string>> = {
  "headers-002": "nosniff cannot be switched off",
  "headers-005": "a Cross-Origin-Opener-Policy is always sent",
  "headers-008": "an application's laxer policy is replaced",
  "headers-009": "a Referrer-Policy is always sent",
  "headers-045": "an empty policy throws",
  "headers-049": "a policy that browsers do not know throws",
  "headers-050": "an empty policy throws",
  "headers-052": "an application's empty nosniff is replaced",
  "headers-053": "an application's shorter HSTS is replaced",
  "headers-041": "a number in quotes throws",
  "headers-043": "preload for a second throws: the list would refuse it",
  "headers-042": "preload without a duration throws",
  "headers-032": "an application's laxer X-Frame-Options is replaced",
  "headers-037": "no response is exempt; a page that others embed names them",
  "headers-082": "an empty value cannot be configured",
  "headers-083": "ALLOWALL cannot be configured",
  "headers-084": "ALLOW-FROM cannot be configured: browsers ignore it and allow everyone",
  "headers-085": "an application's empty value is replaced",
};

const vectors = loadVectors<HeadersCase>("headers");
const NAMES: Readonly<Record<string, string>> = {
  "strict-transport-security": "Strict-Transport-Security",
  "x-content-type-options": "X-Content-Type-Options",
  "referrer-policy": "Referrer-Policy",
  "cross-origin-opener-policy": "Cross-Origin-Opener-Policy",
};

function controlsFor(settings: Readonly<Record<string, unknown>>): readonly Control[] {
  const seconds = (settings["SECURE_HSTS_SECONDS"] ?? 0) as number;
  const policy = (settings["SECURE_REFERRER_POLICY"] ?? "same-origin") as string | readonly string[];
  const policies = [policy].flat().flatMap((list) => list.split(",").map((token) => token.trim() as ReferrerPolicy));
  const strict =
    seconds === 0
      ? []
      : [
          hsts({
            maxAgeSeconds: seconds,
            includeSubDomains: settings["SECURE_HSTS_INCLUDE_SUBDOMAINS"] === true,
            preload: settings["SECURE_HSTS_PRELOAD"] === true,
          }),
        ];
  const opener = settings["SECURE_CROSS_ORIGIN_OPENER_POLICY"] ?? "same-origin";
  return [
    ...strict,
    contentTypeOptions(),
    referrerPolicy({ policy: policies }),
    crossOriginPolicies({ opener: opener as "same-origin" }),
  ];
}

function emit(
  controls: readonly Control[],
  preset: Readonly<Record<string, string>>,
  secure: boolean,
): Readonly<Record<string, string>> {
  const lower = Object.fromEntries(Object.entries(preset).map(([name, value]) => [name.toLowerCase(), value]));
  const draft = sketchResponse({ headers: lower });
  compileHead(controls, () => undefined)(sketchExchange({ scheme: secure ? "https" : "http" }), draft);
  return draft.headers();
}

describe.skipIf(vectors === undefined)("recorded response headers", () => {
  const cases = vectors?.cases ?? [];
  const responses = cases.filter(({ kind }) => kind === "response");
  const frames = cases.filter(({ kind }) => kind === "x-frame-options");

  it.each(responses.filter(({ id }) => !(id in DEVIATIONS)))("$id", ({ settings, preset, secure, added }) => {
    const headers = emit(controlsFor(settings), preset, secure);
    const kept = Object.fromEntries(Object.entries(preset).map(([name, value]) => [name.toLowerCase(), value]));
    for (const [lower, name] of Object.entries(NAMES)) expect(headers[lower], name).toBe(added[name] ?? kept[lower]);
  });

  it.each(frames.filter(({ id }) => !(id in DEVIATIONS)))("$id", ({ setting, preset, result }) => {
    const origins = setting?.toUpperCase() === "SAMEORIGIN" ? ["'self'"] : [];
    const headers = emit([frameOptions({ origins })], preset === null ? {} : { "x-frame-options": preset }, true);
    expect(headers["x-frame-options"]).toBe(result);
  });

  it("differs only in cases that exist", () => {
    const known = new Set([...responses, ...frames].map(({ id }) => id));
    expect(Object.keys(DEVIATIONS).filter((id) => !known.has(id))).toEqual([]);
  });

  it.each(
    responses.filter(({ id }) =>
      ["headers-041", "headers-043", "headers-045", "headers-049", "headers-050"].includes(id),
    ),
  )("$id: throws at construction", ({ settings }) => {
    expect(() => controlsFor(settings)).toThrow(TypeError);
  });
});

describe("contentTypeOptions", () => {
  const head = (headers: Readonly<Record<string, string>>, status = 200): Readonly<Record<string, string>> => {
    const draft = sketchResponse({ status, headers });
    compileHead([contentTypeOptions()], () => undefined)(sketchExchange(), draft);
    return draft.headers();
  };

  it("serves a body without a type as a download", () => {
    expect(head({})).toMatchObject({
      "content-type": "application/octet-stream",
      "content-disposition": "attachment",
      "x-content-type-options": "nosniff",
    });
    expect(head({ "content-type": "  " })).toMatchObject({ "content-type": "application/octet-stream" });
    expect(head({}, 404)).toMatchObject({ "content-disposition": "attachment" });
  });

  it.each([
    [204, {}],
    [205, {}],
    [304, {}],
    [101, {}],
    [302, { location: "/next" }],
    [200, { "content-length": "0" }],
  ])("gives a %i without a body no type", (status, headers) => {
    expect(head(headers, status)).not.toHaveProperty("content-type");
  });

  it.each([
    ["text/html", "text/html; charset=utf-8"],
    ["text/html;", "text/html; charset=utf-8"],
    ["text/plain; format=flowed", "text/plain; format=flowed; charset=utf-8"],
    ["image/svg+xml", "image/svg+xml; charset=utf-8"],
    ["application/xml", "application/xml; charset=utf-8"],
    ["text/html; Charset=ISO-8859-1", "text/html; Charset=ISO-8859-1"],
    ["application/json", "application/json"],
    ["image/png", "image/png"],
  ])("turns %s into %s", (type, expected) => {
    expect(head({ "content-type": type })["content-type"]).toBe(expected);
  });

  it.each([
    [[["content-type", "text/html"]], ["nosniff/missing", "nosniff/no-charset"]],
    [[["x-content-type-options", "nosniff"]], ["nosniff/no-content-type"]],
    [
      [
        ["x-content-type-options", "nosniff, nosniff"],
        ["content-type", "application/json"],
      ],
      ["nosniff/missing"],
    ],
    [
      [
        ["x-content-type-options", "nosniff"],
        ["x-content-type-options", "nosniff"],
        ["content-type", "image/png"],
      ],
      ["nosniff/missing"],
    ],
    [
      [
        ["x-content-type-options", " NOSNIFF "],
        ["content-type", "application/json"],
      ],
      [],
    ],
  ] as const)("judges %j", (headers, ids) => {
    const observation = { url: "https://app.test/", scheme: "https", status: 200, headers } as const;
    expect(
      contentTypeOptions()
        .observe?.(observation)
        .map(({ rule }) => rule.id),
    ).toEqual(ids);
  });
});

describe("referrerPolicy", () => {
  const emitted = (options: Parameters<typeof referrerPolicy>[0], path = "/", theirs?: string): string | undefined => {
    const draft = sketchResponse(theirs === undefined ? {} : { headers: { "referrer-policy": theirs } });
    compileHead([referrerPolicy(options)], () => undefined)(sketchExchange({ target: path }), draft);
    return draft.headers()["referrer-policy"];
  };

  it("tells other sites the origin, and nothing from pages whose address holds a secret", () => {
    const options = { credentialPaths: ["/reset/*", "/invite"] };
    expect(emitted(options)).toBe("strict-origin-when-cross-origin");
    expect(emitted(options, "/reset/abc?x")).toBe("no-referrer");
    expect(emitted(options, "/invite?token=x")).toBe("no-referrer");
    expect(emitted(options, "/resets")).toBe("strict-origin-when-cross-origin");
    expect(emitted(options, "/invite", "strict-origin")).toBe("no-referrer");
  });

  it("keeps a more discreet policy of the application, and replaces a laxer or unknown one", () => {
    expect(emitted({}, "/", "no-referrer")).toBe("no-referrer");
    expect(emitted({}, "/", "unsafe-url, same-origin")).toBe("unsafe-url, same-origin");
    expect(emitted({}, "/", "unsafe-url")).toBe("strict-origin-when-cross-origin");
    expect(emitted({}, "/", "same_origin")).toBe("strict-origin-when-cross-origin");
  });

  it("refuses what browsers do not know, and finds what leaks", () => {
    expect(() => referrerPolicy({ policy: "strict-origins" as "origin" })).toThrow(/Did you mean "strict-origin"/u);
    expect(() => referrerPolicy({ policy: [] })).toThrow(/at least one/u);
    expect(() => referrerPolicy({ credentialPaths: ["reset"] })).toThrow(/exact paths/u);
    const deployment = {
      mode: "production",
      nodeVersion: "22.0.0",
      variables: new Map(),
      nodeOptions: [],
      nowMs: 0,
    } as const;
    expect(
      referrerPolicy({ policy: "unsafe-url" })
        .check(deployment)
        .map(({ rule }) => rule.id),
    ).toEqual(["referrer-policy/leaky"]);
    expect(referrerPolicy({ policy: ["unsafe-url", "no-referrer"] }).check(deployment)).toEqual([]);
  });
});

describe("crossOriginPolicies", () => {
  const emitted = (
    options: Parameters<typeof crossOriginPolicies>[0],
    path = "/",
    headers: Record<string, string> = {},
  ): Readonly<Record<string, string>> => {
    const draft = sketchResponse({ headers });
    compileHead([crossOriginPolicies(options)], () => undefined)(sketchExchange({ target: path }), draft);
    return draft.headers();
  };

  it("isolates window, resources, embedding and process by default", () => {
    expect(emitted({})).toEqual({
      "cross-origin-opener-policy": "same-origin",
      "cross-origin-resource-policy": "same-origin",
      "cross-origin-embedder-policy": "credentialless",
      "origin-agent-cluster": "?1",
    });
  });

  it("shares public files that are listed, and only those", () => {
    const options = { crossOriginResources: ["/embed.js"] };
    expect(emitted(options, "/embed.js?v=1")["cross-origin-resource-policy"]).toBe("cross-origin");
    expect(emitted(options, "/embed.js.map")["cross-origin-resource-policy"]).toBe("same-origin");
  });

  it("lets the application tighten a response, not loosen it", () => {
    const set = (name: string, value: string, options = {}): string | undefined =>
      emitted(options, "/", { [name]: value })[name];
    expect(set("cross-origin-embedder-policy", "require-corp")).toBe("require-corp");
    expect(set("cross-origin-embedder-policy", "unsafe-none")).toBe("credentialless");
    expect(set("cross-origin-resource-policy", "cross-origin")).toBe("same-origin");
    expect(set("cross-origin-opener-policy", "same-origin; report-to=x", { opener: "same-origin-allow-popups" })).toBe(
      "same-origin; report-to=x",
    );
  });

  it("refuses a value that browsers do not know", () => {
    expect(() => crossOriginPolicies({ opener: "same-orign" as "same-origin" })).toThrow(/Did you mean "same-origin"/u);
    expect(() => crossOriginPolicies({ embedder: "" as "require-corp" })).toThrow(/does not know embedder/u);
    expect(() => crossOriginPolicies({ coop: "same-origin" } as object)).toThrow(/no option "coop"/u);
  });
});

describe("frameOptions", () => {
  const emitted = (
    options: Parameters<typeof frameOptions>[0],
    path = "/",
    headers: Record<string, string> = {},
  ): Readonly<Record<string, string>> => {
    const draft = sketchResponse({ headers });
    compileHead([frameOptions(options)], () => undefined)(sketchExchange({ target: path }), draft);
    return draft.headers();
  };
  const policy = (value: string, options = {}): string | undefined =>
    emitted(options, "/", { "content-security-policy": value })["content-security-policy"];

  it("denies framing even where no Content-Security-Policy is mounted", () => {
    expect(emitted({})).toEqual({ "x-frame-options": "DENY", "content-security-policy": "frame-ancestors 'none'" });
  });

  it.each([
    ["default-src 'none'; frame-ancestors 'none'", "as it is"],
    ["default-src 'none'; frame-ancestors 'none'; sandbox", "as it is"],
    ["FRAME-ANCESTORS 'NONE'", "as it is"],
    ["frame-ancestors", "as it is"],
    ["img-src *, default-src 'none'; frame-ancestors 'none'", "as it is"],
    ["default-src 'self'", "completed"],
    ["frame-ancestors *", "completed"],
    ["frame-ancestors 'self'", "completed"],
    ["frame-ancestors *; frame-ancestors 'none'", "completed"],
    ["report-uri /frame-ancestors", "completed"],
    ["report-uri /x?frame-ancestors 'none'", "completed"],
    ["frame-ancestors 'none' https://evil.test", "completed"],
  ])("leaves the policy %j %s", (value, outcome) => {
    expect(policy(value)).toBe(outcome === "as it is" ? value : `${value}, frame-ancestors 'none'`);
  });

  it("keeps an application's stricter framing where more would be allowed", () => {
    const options = { origins: ["https://a.example", "https://b.example"] };
    expect(policy("frame-ancestors https://a.example", options)).toBe("frame-ancestors https://a.example");
    expect(policy("frame-ancestors https://a.example.evil.test", options)).toMatch(
      /, frame-ancestors https:\/\/a\.example https:\/\/b\.example$/u,
    );
    expect(policy("frame-ancestors 'none'", options)).toBe("frame-ancestors 'none'");
  });

  it("gives an embeddable page no X-Frame-Options, which has no word for a list", () => {
    const options = { embeddable: [{ path: "/widget", origins: ["https://partner.example"] }] };
    expect(emitted(options, "/widget", { "x-frame-options": "DENY" })).toEqual({
      "content-security-policy": "frame-ancestors https://partner.example",
    });
    expect(emitted(options, "/")["x-frame-options"]).toBe("DENY");
  });

  it.each([
    [{ origins: ["*"] }, /exact origin/u],
    [{ origins: ["self"] }, /with its quotes/u],
    [{ origins: ["http://partner.example"] }, /exact origin/u],
    [{ origins: ["https://partner.example/"] }, /exact origin/u],
    [{ embeddable: [{ path: "/w" }] }, /exact origins/u],
  ])("refuses %j at construction", (options, message) => {
    expect(() => frameOptions(options as object)).toThrow(message);
  });

  it("does not count X-Frame-Options alone", () => {
    const observation = {
      url: "https://app.test/",
      scheme: "https",
      status: 200,
      headers: [["x-frame-options", "DENY"]],
    } as const;
    expect(
      frameOptions()
        .observe?.(observation)
        .map(({ rule }) => rule.id),
    ).toEqual(["frame-ancestors/missing"]);
  });
});
