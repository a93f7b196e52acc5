import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Control, Deployment } from "../core/control.ts";
import { compileHead } from "../core/head.ts";
import type { Observation } from "../core/response.ts";
import type { RouteOptions } from "../core/route.ts";
import { sketchExchange } from "../testing/exchange.ts";
import { sketchResponse, type ResponseSketch } from "../testing/response.ts";
import { cacheControl } from "./cache-control.ts";
import { contentSecurityPolicy, dangerouslyAllowSource } from "./content-security-policy.ts";
import { contentTypeOptions } from "./content-type-options.ts";
import { crossOriginPolicies } from "./cross-origin-policies.ts";
import { NONCE } from "./csp-directives.ts";
import { frameOptions } from "./frame-options.ts";
import { hsts } from "./hsts.ts";
import { httpsOnly } from "./https-only.ts";
import { obsoleteHeaders } from "./obsolete-headers.ts";
import { permissionsPolicy, type PermissionsAllowlist } from "./permissions-policy.ts";
import { referrerPolicy } from "./referrer-policy.ts";
import { resourceIsolation } from "./resource-isolation.ts";

const NOW = Date.parse("2026-11-26T12:00:00Z");
const production: Deployment = {
  mode: "production",
  nodeVersion: "22.0.0",
  variables: new Map(),
  nodeOptions: [],
  nowMs: NOW,
};

/** Responses of every kind, and what a careless application may have set on them. */
const responses: fc.Arbitrary<ResponseSketch> = fc.record({
  status: fc.constantFrom(200, 204, 301, 302, 304, 308, 400, 401, 403, 404, 429, 500, 503),
  headers: fc
    .record(
      {
        "content-type": fc.constantFrom(
          "text/html",
          "text/html; charset=utf-8",
          "TEXT/HTML;charset=iso-8859-1",
          "application/json",
          "application/problem+json",
          "image/svg+xml",
          "image/png",
          "text/plain",
          "application/octet-stream",
        ),
        "cache-control": fc.constantFrom("public, max-age=600", "no-store", "private", "max-age=0", ""),
        vary: fc.constantFrom("Accept-Encoding", "*", "Origin, Cookie"),
        etag: fc.constant('"abc"'),
        location: fc.constantFrom("/next", "https://app.example.com/next"),
        "x-frame-options": fc.constantFrom("DENY", "SAMEORIGIN", "ALLOWALL", "allow-from https://x.test", ""),
        "x-content-type-options": fc.constantFrom("sniff", "", "nosniff"),
        "x-xss-protection": fc.constantFrom("1; mode=block", "0"),
        "referrer-policy": fc.constantFrom("unsafe-url", "no-referrer", "nonsense", "origin, same-origin", ""),
        "cross-origin-opener-policy": fc.constantFrom("unsafe-none", "same-origin", "x", ""),
        "cross-origin-resource-policy": fc.constantFrom("cross-origin", "same-site", "same-origin"),
        "cross-origin-embedder-policy": fc.constantFrom("unsafe-none", "require-corp", "credentialless"),
        "origin-agent-cluster": fc.constantFrom("?0", "?1"),
        "permissions-policy": fc.constantFrom("camera=*", "geolocation=(self)", "(((", "", "camera=(), usb=(self)"),
        "strict-transport-security": fc.constantFrom(
          "max-age=0",
          "max-age=99999999; includeSubDomains",
          "x",
          "max-age=63072000; preload",
        ),
        "content-security-policy": fc.constantFrom(
          "default-src *",
          "img-src 'self'",
          "frame-ancestors https://evil.test",
          "default-src 'self'; frame-ancestors *",
          "",
        ),
        server: fc.constantFrom("nginx/1.2.3", "nginx"),
        "x-powered-by": fc.constant("Express"),
        "public-key-pins": fc.constant("pin-sha256=x"),
      },
      { requiredKeys: [] },
    )
    .map((headers) => JSON.parse(JSON.stringify(headers)) as Record<string, string>),
  setCookies: fc.constantFrom<readonly string[]>([], ["a=b"]),
});

const routes: fc.Arbitrary<RouteOptions> = fc.record(
  {
    kind: fc.constantFrom("page", "api", "download", "asset"),
    cacheControl: fc.constantFrom("public, max-age=300", "public, max-age=31536000, immutable"),
  },
  { requiredKeys: ["kind"] },
);

const origins = fc.constantFrom("https://partner.example", "https://a.example:8443", "'self'");
const embeddable = fc.array(
  fc.record({
    path: fc.constantFrom("/widget", "/embed/*", "/"),
    origins: fc.array(origins, { minLength: 1, maxLength: 2 }),
  }),
  { maxLength: 2 },
);
const some = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(value, { nil: undefined });

/** Leaves out what is undefined: options are exact. */
function exact<T extends object>(options: T): { [Key in keyof T]: Exclude<T[Key], undefined> } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as {
    [Key in keyof T]: Exclude<T[Key], undefined>;
  };
}

/** Sound nine times in ten, so that most compositions are clean and the others are still met. */
const mostly = <T, U>(sound: fc.Arbitrary<T>, unsound: fc.Arbitrary<U>): fc.Arbitrary<T | U> =>
  fc.oneof({ weight: 9, arbitrary: sound }, { weight: 1, arbitrary: unsound });

const scripts = mostly(
  fc.constantFrom([NONCE, "'strict-dynamic'"], [NONCE], ["'none'"]),
  fc.constantFrom(
    ["'self'"],
    ["https://cdn.jsdelivr.net"],
    [NONCE, "'strict-dynamic'", dangerouslyAllowSource("'unsafe-eval'")],
    [dangerouslyAllowSource("'unsafe-inline'")],
    [dangerouslyAllowSource("https:")],
  ),
);

const CONTROLS: Readonly<Record<string, fc.Arbitrary<Control<never>>>> = {
  hsts: fc
    .record({
      maxAgeSeconds: some(fc.integer({ min: 0, max: 99_999_999 })),
      includeSubDomains: some(fc.boolean()),
      ramp: fc.constantFrom("rampFrom", "rampUntil", "none"),
      date: fc.constantFrom("2026-11-26", "2026-11-20", "2026-10-30", "2026-01-01", "2027-03-01"),
    })
    .map(({ ramp, date, ...options }) => hsts(exact({ ...options, ...(ramp !== "none" && { [ramp]: date }) }))),
  csp: fc
    .record({
      "script-src": some(scripts),
      "img-src": some(
        mostly(fc.constantFrom("'self'", "data:", "https://cdn.example.com"), fc.constantFrom("https:", "*")),
      ),
      "style-src": some(mostly(fc.constantFrom("'self'", "https://fonts.example"), fc.constant("'unsafe-inline'"))),
      "base-uri": some(mostly(fc.constant("'none'"), fc.constantFrom("'self'", null))),
      "object-src": some(mostly(fc.constantFrom("'none'", null), fc.constant("'self'"))),
      "form-action": some(mostly(fc.constantFrom("'self'", "'none'"), fc.constantFrom("https:", null))),
      "default-src": some(mostly(fc.constant("'none'"), fc.constant("'self'"))),
      "block-all-mixed-content": some(mostly(fc.constant(false), fc.constant(true))),
      trustedTypes: mostly(
        fc.constantFrom(true as const, { policies: ["app"] }),
        fc.constantFrom(false as const, "report-only" as const),
      ),
      reportTo: mostly(fc.constantFrom("/csp-report", "https://reports.example/x"), fc.constant(false as const)),
      frames: embeddable,
    })
    .filter(({ trustedTypes, reportTo }) => !(trustedTypes === "report-only" && reportTo === false))
    .map(({ trustedTypes, reportTo, frames, ...directives }) =>
      contentSecurityPolicy({ directives: exact(directives), trustedTypes, reportTo, embeddable: frames }),
    ),
  nosniff: fc.constant(contentTypeOptions()),
  "frame-ancestors": fc
    .record({ origins: fc.array(origins, { maxLength: 2 }), embeddable })
    .map((options) => frameOptions(options)),
  "referrer-policy": fc
    .record({
      policy: some(fc.constantFrom("no-referrer", "strict-origin", "unsafe-url", "origin", "same-origin")),
      credentialPaths: fc.constantFrom([], ["/"], ["/reset/*"]),
    })
    .map((options) => referrerPolicy(exact(options))),
  "cross-origin-policies": fc
    .record({
      opener: some(fc.constantFrom("same-origin", "same-origin-allow-popups", "noopener-allow-popups", "unsafe-none")),
      resource: some(fc.constantFrom("same-origin", "same-site", "cross-origin")),
      embedder: some(fc.constantFrom("require-corp", "credentialless", "unsafe-none")),
      originAgentCluster: some(fc.boolean()),
      crossOriginResources: fc.constantFrom([], ["/assets/*"], ["/"]),
    })
    .map((options) => crossOriginPolicies(exact(options))),
  "permissions-policy": fc
    .record({
      camera: some(fc.constantFrom<PermissionsAllowlist>("none", "self", "*", ["self", "https://video.example"])),
      usb: some(fc.constantFrom("none", "*")),
      "web-share": some(fc.constantFrom("self", "*")),
    })
    .map((features) => permissionsPolicy({ features: exact(features) })),
  "cache-control": fc.constant(cacheControl()),
  "obsolete-headers": fc.constant(obsoleteHeaders()),
  "response-context-isolation": fc.constant(resourceIsolation()),
};

interface Sent {
  readonly response: ResponseSketch;
  readonly route: RouteOptions;
  readonly path: string;
}

/** What the whole head stage makes of a response, as a probe sees it. */
function emit(control: Control<never>, { response, route, path }: Sent): Observation {
  const exchange = sketchExchange({ target: path, nowMs: NOW, route });
  exchange.pattern = path;
  const draft = sketchResponse(response);
  compileHead([control], () => undefined)(exchange, draft);
  return {
    url: `https://app.example.com${path}`,
    scheme: "https",
    status: draft.status,
    headers: [
      ["date", new Date(NOW).toUTCString()],
      ...Object.entries(draft.headers()),
      ...draft.setCookies.map((line) => ["set-cookie", line] as const),
    ],
  };
}

const ids = (findings: readonly { readonly rule: { readonly id: string } }[]): readonly string[] =>
  [...new Set(findings.map(({ rule }) => rule.id))].sort();

describe("the law of every header control", () => {
  const sent: fc.Arbitrary<Sent> = fc.record({
    response: responses,
    route: routes,
    path: fc.constantFrom("/", "/widget", "/embed/1", "/reset/x", "/assets/a.js"),
  });

  it.each(Object.entries(CONTROLS))(
    "%s: where check is clean, observe of what it emits is clean, whatever the application set",
    (_, controls) => {
      let judged = 0;
      fc.assert(
        fc.property(controls, sent, (control, what) => {
          fc.pre(control.check(production).length === 0);
          judged += 1;
          expect(ids(control.observe?.(emit(control, what)) ?? [])).toEqual([]);
        }),
        { numRuns: 300, maxSkipsPerRun: 200 },
      );
      expect(judged).toBe(300);
    },
  );

  it.each(Object.entries(CONTROLS).filter(([name]) => name !== "response-context-isolation"))(
    "%s: a response without the control is not clean",
    (_, controls) => {
      const [control] = fc.sample(controls, 1);
      const bare: Observation = {
        url: "https://app.example.com/",
        scheme: "https",
        status: 200,
        headers: [
          ["content-type", "text/html"],
          ["set-cookie", "a=b"],
          ["server", "Apache/2.4.1"],
        ],
      };
      expect(control?.observe?.(bare)).not.toEqual([]);
    },
  );

  it("https-only: where check is clean, plain HTTP is redirected home or refused", () => {
    fc.assert(
      fc.property(
        fc.constantFrom("https://app.example.com", "https://app.example.com:8443"),
        fc.constantFrom("GET", "HEAD", "POST", "DELETE", "OPTIONS"),
        fc.webPath(),
        fc.webQueryParameters(),
        fc.constantFrom("text/html", "application/json", "*/*"),
        (origin, method, path, query, accept) => {
          const control = httpsOnly({ origin });
          const facts = sketchExchange({
            method,
            target: `/${path.slice(1)}?${query}`,
            scheme: "http",
            headers: { accept },
            host: "evil.test",
          });
          const decision = control.decide?.(facts);
          if (decision === undefined || decision instanceof Promise) throw new Error("https-only decides at once");
          expect(decision.kind).not.toBe("allow");
          const location = decision.kind === "redirect" ? decision.location : undefined;
          const observation: Observation = {
            url: `http://app.example.com/${path.slice(1)}`,
            scheme: "http",
            status: decision.kind === "redirect" ? decision.status : 403,
            headers: location === undefined ? [] : [["location", location]],
          };
          expect(control.check(production)).toEqual([]);
          expect(control.observe?.(observation)).toEqual([]);
        },
      ),
    );
  });
});
