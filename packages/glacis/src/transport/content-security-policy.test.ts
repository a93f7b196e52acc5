import { describe, expect, it } from "vitest";
import { loadVectors } from "../../../../test/support/vectors.ts";
import type { Deployment } from "../core/control.ts";
import { compileHead } from "../core/head.ts";
import type { RouteOptions } from "../core/route.ts";
import { sketchExchange } from "../testing/exchange.ts";
import { sketchResponse, type ResponseSketch } from "../testing/response.ts";
import {
  contentSecurityPolicy,
  dangerouslyAllowSource,
  type ContentSecurityPolicyOptions,
} from "./content-security-policy.ts";
import { NONCE, type CspDirectives } from "./csp-directives.ts";

const NONCE_TEXT = "AAAAAAAAAAAAAAAAAAAAAA";
const STRICT = `default-src 'none'; script-src 'nonce-${NONCE_TEXT}' 'strict-dynamic'; base-uri 'none'; form-action 'self'; require-trusted-types-for 'script'; report-uri /r`;
const HTML = { "content-type": "text/html; charset=utf-8" };
const production: Deployment = {
  mode: "production",
  nodeVersion: "22.0.0",
  variables: new Map(),
  nodeOptions: [],
  nowMs: 0,
};

interface Situation {
  readonly response?: ResponseSketch;
  readonly route?: RouteOptions;
  readonly path?: string;
  readonly scheme?: "http" | "https";
  readonly declared?: boolean;
  readonly destination?: string;
}

function send(options: ContentSecurityPolicyOptions, situation: Situation = {}): Readonly<Record<string, string>> {
  const { response = { headers: HTML }, route = {}, path = "/", scheme = "https", declared = true } = situation;
  const headers = situation.destination === undefined ? {} : { "sec-fetch-dest": situation.destination };
  const exchange = sketchExchange({ target: path, route, scheme, headers });
  if (declared) exchange.pattern = path;
  const draft = sketchResponse(response);
  compileHead([contentSecurityPolicy(options)], () => undefined)(exchange, draft);
  return draft.headers();
}

const findings = (options: ContentSecurityPolicyOptions): readonly string[] =>
  contentSecurityPolicy(options)
    .check(production)
    .map(({ rule }) => rule.id);

describe("contentSecurityPolicy", () => {
  it("gives a page the strict policy with its nonce", () => {
    const headers = send({});
    expect(headers["content-security-policy"]).toBe(
      `default-src 'none'; script-src 'nonce-${NONCE_TEXT}' 'strict-dynamic'; style-src 'self' 'nonce-${NONCE_TEXT}'; img-src 'self'; font-src 'self'; ` +
        "connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'; " +
        "upgrade-insecure-requests; require-trusted-types-for 'script'; report-to csp; report-uri /csp-report",
    );
    expect(headers["reporting-endpoints"]).toBe('csp="/csp-report"');
    expect(contentSecurityPolicy().check(production)).toEqual([]);
  });

  it("does not upgrade requests on a laptop without a certificate", () => {
    expect(send({}, { scheme: "http" })["content-security-policy"]).not.toContain("upgrade-insecure-requests");
  });

  it("names the reporting endpoint over HTTPS alone, because elsewhere browsers would report nothing at all", () => {
    expect(send({}, { scheme: "https" })["content-security-policy"]).toContain("report-to csp");
    const plain = send({}, { scheme: "http" })["content-security-policy"];
    expect(plain).toContain("report-uri /csp-report");
    expect(plain).not.toContain("report-to");
  });

  it.each<[string, Situation, string]>([
    [
      "JSON of an API",
      { response: { headers: { "content-type": "application/json" } }, route: { kind: "api" } },
      "default-src 'none'; frame-ancestors 'none'; sandbox",
    ],
    [
      "HTML of an API, which is a mistake",
      { route: { kind: "api" } },
      "default-src 'none'; frame-ancestors 'none'; sandbox",
    ],
    ["HTML of a download", { route: { kind: "download" } }, "default-src 'none'; frame-ancestors 'none'; sandbox"],
    [
      "a download",
      { response: { headers: { "content-type": "image/png" } }, route: { kind: "download" } },
      "default-src 'none'; frame-ancestors 'none'; sandbox",
    ],
    [
      "a static file",
      { response: { headers: { "content-type": "text/javascript" } }, route: { kind: "asset" } },
      "default-src 'none'; frame-ancestors 'none'",
    ],
    [
      "a redirect of a page",
      { response: { status: 303, headers: { location: "/x" } } },
      "default-src 'none'; frame-ancestors 'none'",
    ],
  ])("lets %s load nothing", (_, situation, policy) => {
    expect(send({}, situation)["content-security-policy"]).toBe(policy);
  });

  it.each(["worker", "sharedworker", "serviceworker"])(
    "lets a static file that runs as a %s do what a page may",
    (destination) => {
      const response = { headers: { "content-type": "text/javascript" } };
      const policy = send({}, { response, route: { kind: "asset" }, destination })["content-security-policy"];
      expect(policy).toContain("connect-src 'self'");
      expect(policy).toContain("object-src 'none'");
      for (const kind of ["api", "download"] as const)
        expect(send({}, { response, route: { kind }, destination })["content-security-policy"]).toMatch(/sandbox$/u);
    },
  );

  it("gives an error page of no declared route the policy of a page", () => {
    const headers = send({}, { declared: false, route: { kind: "api" }, response: { status: 404, headers: HTML } });
    expect(headers["content-security-policy"]).toContain(`'nonce-${NONCE_TEXT}'`);
  });

  it("sends the application's own policy beside ours, so that it can only tighten", () => {
    const headers = send(
      {},
      { response: { headers: { ...HTML, "content-security-policy": "script-src *; img-src 'none'" } } },
    );
    expect(headers["content-security-policy"]).toMatch(
      /^script-src \*; img-src 'none', default-src 'none'; script-src 'nonce-/u,
    );
  });

  it("replaces directives by name, and leaves one out for null", () => {
    const policy = send({ directives: { "img-src": ["'self'", "data:"], "manifest-src": null } })[
      "content-security-policy"
    ];
    expect(policy).toContain("img-src 'self' data:;");
    expect(policy).not.toContain("manifest-src");
  });

  it("names Trusted Types policies, tries them in report-only, or finds them missing", () => {
    expect(send({ trustedTypes: { policies: ["app", "dompurify"] } })["content-security-policy"]).toContain(
      "require-trusted-types-for 'script'; trusted-types app dompurify",
    );
    expect(send({ trustedTypes: { policies: [] } })["content-security-policy"]).toContain("trusted-types 'none'");
    const trial = send({ trustedTypes: "report-only" });
    expect(trial["content-security-policy"]).not.toContain("trusted-types");
    expect(trial["content-security-policy-report-only"]).toContain("require-trusted-types-for 'script'");
    expect(findings({ trustedTypes: "report-only" })).toEqual(["trusted-types/not-required"]);
    expect(findings({ trustedTypes: false })).toEqual(["trusted-types/not-required"]);
  });

  it("tries a policy beside the enforced one, with the same nonce", () => {
    const headers = send({ reportOnly: { "style-src": [NONCE] } });
    expect(headers["content-security-policy"]).toContain("style-src 'self'");
    expect(headers["content-security-policy-report-only"]).toContain(`style-src 'nonce-${NONCE_TEXT}'`);
    expect(headers["content-security-policy-report-only"]).not.toContain("upgrade-insecure-requests");
    const sandboxed = send({ directives: { sandbox: ["allow-scripts"] }, reportOnly: {} });
    expect(sandboxed["content-security-policy"]).toContain("sandbox allow-scripts");
    expect(sandboxed["content-security-policy-report-only"]).not.toContain("sandbox");
  });

  it("lets named origins frame one page, and nobody any other", () => {
    const options = { embeddable: [{ path: "/widget/*", origins: ["https://partner.example"] }] };
    expect(send(options, { path: "/widget/7" })["content-security-policy"]).toContain(
      "frame-ancestors https://partner.example;",
    );
    expect(send(options, { path: "/widgets" })["content-security-policy"]).toContain("frame-ancestors 'none'");
  });

  it.each([
    ["script-src", "'unsafe-inline'"],
    ["script-src", "'UNSAFE-EVAL'"],
    ["script-src", "*"],
    ["script-src", "data:"],
    ["script-src", "https:"],
    ["script-src", "https://*"],
    ["script-src-elem", "blob:"],
    ["default-src", "*"],
    ["object-src", "http:"],
    ["base-uri", "*"],
    ["worker-src", "data:"],
  ])("refuses %s %s, unless by the dangerous name, which is then an error", (directive, source) => {
    for (const sources of [[source], ["https://a.example", source]])
      expect(() => contentSecurityPolicy({ directives: { [directive]: sources } })).toThrow(/dangerouslyAllowSource/u);
    const directives: CspDirectives = {
      [directive]: [dangerouslyAllowSource(source)],
      ...(directive === "default-src" && { "script-src": null }),
    };
    expect(findings({ directives })).toContain("csp/dangerous-source");
  });

  it.each<[CspDirectives, string]>([
    [{ "script-src": ["'self'"] }, "csp/weak"],
    [{ "script-src": ["https://cdn.jsdelivr.net"] }, "csp/bypassable"],
    [{ "style-src": ["'unsafe-inline'"] }, "csp/inline-style"],
    [{ "img-src": ["https:"] }, "csp/broad-source"],
    [{ "default-src": null }, "csp/broad-source"],
    [{ "connect-src": ["*"] }, "csp/broad-source"],
    [{ "connect-src": ["'self'", "'unsafe-webtransport-hashes'"] }, "csp/broad-source"],
    [{ "connect-src": null, "default-src": ["'unsafe-webtransport-hashes'"] }, "csp/broad-source"],
    [{ "base-uri": "'self'" }, "csp/base-uri"],
    [{ "object-src": "'self'" }, "csp/object-src"],
    [{ "form-action": null }, "csp/form-action"],
    [{ "block-all-mixed-content": true }, "csp/obsolete-directive"],
  ])("finds what %j gives away", (directives, rule) => {
    expect(findings({ directives })).toContain(rule);
  });

  it.each<[object, RegExp]>([
    [{ directive: {} }, /Did you mean "directives"/u],
    [{ directives: null }, /directives/u],
    [{ directives: "default-src 'self'" }, /directives/u],
    [{ reportOnly: [] }, /reportOnly/u],
    [{ trustedTypes: "yes" }, /trustedTypes as true/u],
    [{ trustedTypes: { policy: [] } }, /policies/u],
    [{ reportTo: "//evil.test" }, /reportTo as a path/u],
    [{ reportTo: 'x"; y' }, /reportTo as a path/u],
    [{ reportTo: false, reportOnly: {} }, /nobody would learn/u],
    [{ embeddable: [{ path: "/x", origins: [] }] }, /exact origins/u],
    [{ embeddable: [{ path: "/x", origins: ["https://*.example"] }] }, /exact origin/u],
    [{ embeddable: [{ path: "/*", origins: ["https://a.example"] }] }, /is neither/u],
  ])("refuses %j at construction", (options, message) => {
    expect(() => contentSecurityPolicy(options)).toThrow(message);
  });

  it.each([
    ["no policy", [], ["csp/missing"]],
    ["report-only alone", [["content-security-policy-report-only", "default-src 'none'"]], ["csp/missing"]],
    [
      "a short nonce",
      [
        [
          "content-security-policy",
          "default-src 'none'; script-src 'nonce-abcdefgh'; base-uri 'none'; form-action 'self'; require-trusted-types-for 'script'; report-uri /r",
        ],
      ],
      ["csp/nonce-short"],
    ],
    [
      "a nonce of 120 bits, its padding not counted",
      [["content-security-policy", STRICT.replace("AAAAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAA==")]],
      ["csp/nonce-short"],
    ],
    ["a weaker policy beside it, since both apply", [["content-security-policy", `script-src *, ${STRICT}`]], []],
    ["a sandboxed page that may load nothing", [["content-security-policy", "default-src 'none'; sandbox"]], []],
    [
      "a sandbox that lets forms out",
      [["content-security-policy", "default-src 'none'; sandbox allow-forms"]],
      ["csp/base-uri", "csp/form-action", "trusted-types/not-required", "csp-reporting/no-destination"],
    ],
    [
      "JSON that may load nothing",
      [
        ["content-type", "application/json"],
        ["content-security-policy", "default-src 'none'"],
      ],
      [],
    ],
    [
      "JSON that may load pictures",
      [
        ["content-type", "application/json"],
        ["content-security-policy", "default-src 'none'; img-src *"],
      ],
      ["csp/data-policy"],
    ],
  ] as const)("judges a live page with %s", (_, headers, ids) => {
    const observation = {
      url: "https://app.test/",
      scheme: "https",
      status: 200,
      headers: [...headers, ["content-type", "text/html"] as const],
    } as const;
    expect(
      contentSecurityPolicy()
        .observe?.(observation)
        .map(({ rule }) => rule.id),
    ).toEqual(ids);
  });
});

it("asks no policy of a redirect, which shows no page", () => {
  const redirect = { url: "https://app.test/", scheme: "https", status: 302 } as const;
  expect(contentSecurityPolicy().observe?.({ ...redirect, headers: [["content-type", "text/html"]] })).toEqual([]);
});

interface MiddlewareCase {
  readonly id: string;
  readonly kind: string;
  readonly enforce: Readonly<Record<string, unknown>> | null;
  readonly report_only?: Readonly<Record<string, unknown>>;
  readonly preset_headers?: Readonly<Record<string, string>>;
  readonly override?: Readonly<Record<string, unknown>>;
  readonly status: number;
  readonly csp: string | null;
  readonly csp_report_only: string | null;
  readonly config?: unknown;
}

/** Why we differ from the recorded behaviour on purpose. */
function differenceOf({ enforce, preset_headers: preset, override }: MiddlewareCase): string | undefined {
  if (preset !== undefined) return "a policy of the application is sent beside ours and replaces nothing";
  if (override !== undefined)
    return "a route can neither loosen nor switch off the policy: what it sets is sent beside ours";
  return enforce === null ? "there is no response without an enforced policy" : undefined;
}

const vectors = loadVectors<MiddlewareCase>("csp");

describe.skipIf(vectors === undefined)("recorded responses", () => {
  /** A recorded policy, with the nonce in it whether a template used it or not: the header is the same text for every page. */
  const withNonce = (config: Readonly<Record<string, unknown>>): readonly string[] =>
    Object.entries(config).map(([name, value]) =>
      [name, ...[value].flat().map((source) => (source === "<NONCE>" ? `'nonce-${NONCE_TEXT}'` : String(source)))].join(
        " ",
      ),
    );
  const directivesOf = (config: Readonly<Record<string, unknown>>): CspDirectives =>
    Object.fromEntries(
      Object.entries(config).map(([name, value]) => [
        name,
        [value].flat().map((source) => (source === "<NONCE>" ? NONCE : String(source))),
      ]),
    );
  const cases = (vectors?.cases ?? []).filter(({ kind }) => kind === "middleware");

  it.each(cases.filter((found) => differenceOf(found) === undefined))(
    "$id",
    ({ enforce, report_only: reportOnly, status }) => {
      const headers = send(
        {
          directives: directivesOf(enforce ?? {}),
          ...(reportOnly !== undefined && { reportOnly: directivesOf(reportOnly) }),
        },
        { response: { status, headers: HTML } },
      );
      const enforced = headers["content-security-policy"]?.split("; ");
      for (const directive of withNonce(enforce ?? {})) expect(enforced).toContain(directive);
      const trial = headers["content-security-policy-report-only"]?.split("; ");
      if (reportOnly === undefined) expect(trial).toBeUndefined();
      for (const directive of withNonce(reportOnly ?? {})) expect(trial).toContain(directive);
    },
  );

  it.each(cases.filter((found) => differenceOf(found) !== undefined && found.csp !== null))(
    "$id: ours is sent as well",
    ({ csp, status }) => {
      const policy = String(csp).replaceAll("{nonce}", NONCE_TEXT);
      const headers = send({}, { response: { status, headers: { ...HTML, "content-security-policy": policy } } });
      expect(headers["content-security-policy"]?.startsWith(`${policy}, default-src 'none'`)).toBe(true);
    },
  );
});
