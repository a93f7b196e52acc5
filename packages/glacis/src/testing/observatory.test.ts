import { describe, expect, it } from "vitest";
import type { Observation } from "../core/response.ts";
import { OBSERVATORY_ORIGIN, observatoryScore, type ObservatorySite } from "./observatory.ts";

const GUIDE_A05 =
  "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data: https:; font-src 'self' data:; connect-src 'self'; frame-ancestors 'none'";
const GUIDE_SECOND =
  "default-src 'self'; script-src 'self' https://cdn.jsdelivr.net; style-src 'self' 'unsafe-inline'; img-src 'self' data: https:; font-src 'self' data:; connect-src 'self'; frame-src 'none'; frame-ancestors 'none'; report-uri /csp-report/";
const HELMET =
  "default-src 'self';base-uri 'self';font-src 'self' https: data:;form-action 'self';frame-ancestors 'self';img-src 'self' data:;object-src 'none';script-src 'self';script-src-attr 'none';style-src 'self' https: 'unsafe-inline';upgrade-insecure-requests";
const STRICT =
  "default-src 'none'; script-src 'nonce-AAAAAAAAAAAAAAAAAAAAAA' 'strict-dynamic'; style-src 'self' 'nonce-AAAAAAAAAAAAAAAAAAAAAA'; img-src 'self'; font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'";

const home = ["http://app.example.com/", "https://app.example.com/"];

function site(
  headers: Readonly<Record<string, string>>,
  rest: Partial<ObservatorySite> & { readonly cookies?: readonly string[] } = {},
): ObservatorySite {
  const { cookies = [], ...given } = rest;
  const page: Observation = {
    url: "https://app.example.com/",
    scheme: "https",
    status: 200,
    headers: [
      ["content-type", "text/html; charset=utf-8"],
      ...Object.entries(headers),
      ...cookies.map((line) => ["set-cookie", line] as const),
    ],
  };
  return { page, html: "<!doctype html><title>x</title>", plainHttp: home, ...given };
}

/** The headers of the guide's own production settings. */
const DJANGO = {
  "strict-transport-security": "max-age=31536000; includeSubDomains; preload",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "same-origin",
  "cross-origin-opener-policy": "same-origin",
};
const DJANGO_COOKIES = [
  "sessionid=x; Secure; HttpOnly; SameSite=Strict",
  "csrftoken=x; Secure; HttpOnly; SameSite=Strict",
];

const OURS = {
  ...DJANGO,
  "content-security-policy": STRICT,
  "referrer-policy": "strict-origin-when-cross-origin",
  "cross-origin-embedder-policy": "credentialless",
  "cross-origin-resource-policy": "same-origin",
};
const OURS_HTML = '<script nonce="x" src="/assets/app.js" integrity="sha384-abc"></script>';
const OURS_COOKIES = ["__Host-session=x; Path=/; Secure; HttpOnly; SameSite=Lax"];

const modifier = (subject: ObservatorySite, test: string): number | undefined =>
  observatoryScore(subject).tests.find(({ name }) => name === test)?.modifier;

describe("observatoryScore", () => {
  it.each<[string, ObservatorySite, number, string]>([
    [
      "the guide's first policy",
      site({ ...DJANGO, "content-security-policy": GUIDE_A05 }, { cookies: DJANGO_COOKIES }),
      80,
      "B+",
    ],
    [
      "the guide's second policy with its foreign script",
      site(
        { ...DJANGO, "content-security-policy": GUIDE_SECOND },
        { cookies: DJANGO_COOKIES, html: '<script src="https://cdn.jsdelivr.net/npm/x"></script>' },
      ),
      120,
      "A+",
    ],
    [
      "what a usual header library sends",
      site({
        "content-security-policy": HELMET,
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "referrer-policy": "no-referrer",
        "strict-transport-security": "max-age=31536000; includeSubDomains",
        "x-content-type-options": "nosniff",
        "x-frame-options": "SAMEORIGIN",
      }),
      130,
      "A+",
    ],
    [
      "a bare server with its usual cookie",
      {
        page: {
          url: "http://app.example.com/",
          scheme: "http",
          status: 200,
          headers: [
            ["content-type", "text/html"],
            ["set-cookie", "connect.sid=x; Path=/; HttpOnly"],
          ],
        },
        html: "",
        plainHttp: ["http://app.example.com/"],
      },
      0,
      "F",
    ],
    ["ours", site(OURS, { cookies: OURS_COOKIES, html: OURS_HTML }), 160, "A+"],
    ["ours, preloaded", site(OURS, { cookies: OURS_COOKIES, html: OURS_HTML, preloaded: true }), 165, "A+"],
  ])("scores %s", (_, subject, score, grade) => {
    expect(observatoryScore(subject)).toMatchObject({ score, grade });
  });

  it("gives no bonus to a site that has much to be forgiven", () => {
    const { "strict-transport-security": _, ...rest } = OURS;
    expect(observatoryScore(site(rest, { cookies: OURS_COOKIES, html: OURS_HTML })).score).toBe(80);
  });

  it.each([
    [STRICT, 10],
    ["default-src 'self'", 5],
    ["script-src 'self'; object-src 'none'", 0],
    ["script-src 'self'; style-src 'self'", -20],
    ["default-src 'none'; style-src 'unsafe-inline'", 0],
    ["default-src 'none'; script-src 'unsafe-inline'", -20],
    ["default-src 'none'; script-src 'nonce-abc' 'unsafe-inline'", 10],
    ["default-src 'none'; script-src 'nonce-abc' 'strict-dynamic' https: 'unsafe-inline'", 10],
    ["default-src 'none'; script-src 'strict-dynamic'", -25],
    ["default-src 'none'; script-src data:", -20],
    ["default-src 'none'; script-src 'unsafe-eval'", -10],
    ["default-src 'none'; script-src http://a.example", -20],
    ["default-src 'none'; img-src http://a.example", -10],
    ["default-src 'none'; img-src 'self'; img-src *", 0],
    ["frame-ancestors 'none'", -20],
    ["default-src *, default-src 'none'", 10],
    [" ; ", -25],
  ])("scores the policy %j with %i", (policy, expected) => {
    expect(modifier(site({ "content-security-policy": policy }), "content-security-policy")).toBe(expected);
  });

  it("reads a policy from a meta element, and does not count report-only", () => {
    const html = `<meta http-equiv="Content-Security-Policy" content="default-src 'none'">`;
    expect(modifier(site({}, { html }), "content-security-policy")).toBe(10);
    expect(modifier(site({}, { html }), "x-frame-options")).toBe(-20);
    expect(modifier(site({ "content-security-policy-report-only": STRICT }), "content-security-policy")).toBe(-25);
  });

  it.each<[string, readonly string[], boolean, number]>([
    ["none", [], true, 0],
    ["sound ones", ["sid=x; Secure; HttpOnly; SameSite=Lax"], true, 5],
    ["one without SameSite", ["sid=x; Secure; HttpOnly", "a=b; Secure; SameSite=Lax"], true, 0],
    ["one without Secure under HSTS", ["a=b; SameSite=Lax"], true, -5],
    ["a session without Secure under HSTS", ["session=b; HttpOnly; SameSite=Lax"], true, -10],
    ["one without Secure", ["a=b; SameSite=Lax"], false, -20],
    ["a wrong SameSite", ["a=b; Secure; SameSite=Maybe"], true, -20],
    ["SameSite=None without Secure", ["a=b; SameSite=None"], true, -20],
    ["a CSRF cookie without SameSite", ["csrftoken=b; Secure"], true, -20],
    ["a session that script can read", ["login=b; Secure; SameSite=Lax"], true, -30],
    ["a session without Secure", ["sess=b; HttpOnly; SameSite=Lax"], false, -40],
    ["the worst of several", ["a=b; Secure; HttpOnly; SameSite=Lax", "login=b; Secure"], true, -30],
  ])("scores cookies: %s", (_, cookies, secured, expected) => {
    const headers = secured ? { "strict-transport-security": "max-age=63072000" } : {};
    expect(modifier(site(headers, { cookies }), "cookies")).toBe(expected);
  });

  it.each<[readonly string[] | undefined, boolean, number]>([
    [undefined, false, 0],
    [home, false, 0],
    [["http://app.example.com/"], true, 0],
    [["http://app.example.com/", "https://www.example.com/"], false, -5],
    [["http://app.example.com/", "http://www.example.com/", "https://www.example.com/"], false, -10],
    [["http://app.example.com/"], false, -20],
    [["http://app.example.com/", "http://app.example.com/x"], false, -20],
    [[], false, -20],
  ])("scores the way from plain HTTP %j (preloaded %s) with %i", (plainHttp, preloaded, expected) => {
    const { plainHttp: _, ...rest } = site({}, { preloaded });
    expect(modifier(plainHttp === undefined ? rest : { ...rest, plainHttp }, "redirection")).toBe(expected);
  });

  it.each([
    ["strict-transport-security", "max-age=15552000", 0],
    ["strict-transport-security", "max-age=600", -10],
    ["strict-transport-security", "max-age=63072000, max-age=63072000", -20],
    ["strict-transport-security", "includeSubDomains", -20],
    ["referrer-policy", "unsafe-url, no-referrer", 5],
    ["referrer-policy", "origin", -5],
    ["referrer-policy", "nonsense", -5],
    ["x-content-type-options", "no", -5],
    ["x-frame-options", "sameorigin", 5],
    ["x-frame-options", "ALLOW-FROM https://x.test", 0],
    ["x-frame-options", "ALLOWALL", -20],
    ["cross-origin-embedder-policy", "require-corp", 10],
    ["cross-origin-embedder-policy", "unsafe-none", 0],
    ["cross-origin-opener-policy", "same-orign", -5],
    ["cross-origin-opener-policy", 'same-origin; report-to="x"', 10],
    ["cross-origin-resource-policy", "cross-origin", 0],
    ["cross-origin-resource-policy", "same-site", 10],
  ])("scores %s: %s with %i", (name, value, expected) => {
    expect(modifier(site({ [name]: value }), name)).toBe(expected);
  });

  it.each([
    ["<script>1</script>", 0],
    ['<script src="/a.js"></script>', 0],
    ['<script src="/a.js" integrity="sha384-x"></script>', 5],
    ['<script src=/a.js></script><script src="https://cdn.test/b.js" integrity=sha384-x></script>', 5],
    ['<script src="https://cdn.test/b.js"></script>', -5],
    ['<script src="//app.example.com/b.js"></script>', -5],
    ['<script src="http://cdn.test/b.js"></script>', -50],
    ['<script src="http://cdn.test/b.js" integrity="sha384-x"></script>', -20],
    ['<script src="https://assets.app.example.com/b.js"></script>', 0],
  ])("scores %s with %i", (html, expected) => {
    expect(modifier(site({}, { html }), "subresource-integrity")).toBe(expected);
  });

  it("punishes CORS that reflects any origin with credentials", () => {
    const cors: Observation = {
      url: "https://app.example.com/",
      scheme: "https",
      status: 200,
      headers: [
        ["access-control-allow-origin", OBSERVATORY_ORIGIN],
        ["access-control-allow-credentials", "true"],
      ],
    };
    expect(modifier(site({}, { cors }), "cross-origin-resource-sharing")).toBe(-50);
    expect(
      modifier(site({}, { cors: { ...cors, headers: cors.headers.slice(0, 1) } }), "cross-origin-resource-sharing"),
    ).toBe(0);
  });
});
