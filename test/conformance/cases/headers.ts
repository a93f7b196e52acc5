import { CLIENT, get, post, request, type Case, type Expected } from "../case.ts";

/** Every response is held to the header set by the runner; these say what is particular. */
export const HEADERS: readonly Case[] = [
  {
    name: "a page carries a nonce in policy and markup",
    send: [get("/page")],
    expect: { status: 200, headers: { "content-security-policy": /'nonce-[\w-]{22}'/u }, check: sameNonce },
  },
  {
    name: "a 404 as a page carries the page's policy",
    send: [get("/nothing", { Accept: "text/html" })],
    expect: {
      status: 404,
      headers: { "content-type": /^text\/html/u, "content-security-policy": /default-src/u },
      body: /There is nothing here/u,
    },
  },
  {
    name: "a 404 for a program",
    send: [get("/nothing")],
    expect: {
      status: 404,
      reason: "not_found",
      headers: { "content-type": "application/problem+json", "cache-control": "no-store" },
    },
  },
  { name: "a redirect", send: [get("/redirect")], expect: { status: 302, headers: { location: "/page" } } },
  {
    name: "two places to go are one line, and a path of ours",
    send: [get("/two-locations")],
    expect: { status: 302, headers: { location: "/page, https://evil.test/" } },
  },
  { name: "a 304", send: [get("/not-modified", { "If-None-Match": '"1"' })], expect: { status: 304, body: "" } },
  { name: "a 204", send: [get("/no-content")], expect: { status: 204, body: "" } },
  { name: "an error", send: [get("/throw")], expect: { status: 500, reason: "internal_error" } },
  {
    name: "HEAD of a page",
    send: [request("HEAD /page")],
    listening: { head: true },
    expect: {
      status: 200,
      body: "",
      headers: { "content-security-policy": /nonce-/u, "content-type": /^text\/html/u },
    },
  },
  {
    name: "HEAD of a refusal",
    send: [request("HEAD /documents")],
    listening: { head: true },
    expect: { status: 401, body: "", headers: { "content-length": /^[1-9]/u } },
  },
  {
    name: "HEAD of nothing",
    send: [request("HEAD /nothing")],
    listening: { head: true },
    expect: { status: 404, body: "" },
  },
  { name: "a stream", send: [get("/stream")], expect: { status: 200, body: "onetwothree" } },
  {
    name: "server-sent events",
    send: [get("/events")],
    expect: { status: 200, headers: { "content-type": /^text\/event-stream/u }, body: "data: 1\n\ndata: 2\n\n" },
  },
  {
    name: "a raw write with a flat header list",
    send: [get("/raw")],
    expect: { status: 200, headers: { "x-raw": "yes" }, body: "raw" },
  },
  {
    name: "a raw write with implicit headers",
    send: [get("/raw-implicit")],
    expect: { status: 200, headers: { "content-type": /^text\/plain/u }, body: "implicit" },
  },
  {
    name: "a raw write with set headers and an object",
    send: [get("/raw-pairs")],
    expect: { status: 200, headers: { "x-first": "given", "x-kept": "set" }, body: "pairs", check: twoCookies },
  },
  { name: "cookies are tightened", send: [get("/cookies")], expect: { status: 200, check: tightCookies } },
  {
    name: "a stricter header of the application wins",
    send: [get("/stricter")],
    expect: {
      status: 200,
      headers: {
        "strict-transport-security": "max-age=99999999; includeSubDomains",
        "referrer-policy": "no-referrer",
        "x-powered-by": null,
        server: null,
        "cache-control": "no-store",
      },
    },
  },
  {
    name: "a weaker header of the application loses",
    send: [get("/weaker")],
    expect: {
      status: 200,
      headers: {
        "strict-transport-security": "max-age=63072000; includeSubDomains",
        "x-frame-options": "DENY",
        "referrer-policy": /^(?!.*unsafe-url)/u,
        "x-content-type-options": "nosniff",
        "cache-control": "no-store",
        "cdn-cache-control": null,
        "access-control-allow-origin": null,
      },
    },
  },
  {
    name: "a public asset may be stored",
    send: [get("/asset.txt")],
    expect: { status: 200, headers: { "cache-control": /max-age=3600/u } },
  },
  {
    name: "everything else may not",
    send: [get("/")],
    expect: { status: 200, headers: { "cache-control": /no-store/u } },
  },
  {
    name: "a header that would split the response",
    send: [get("/split?a%0d%0aset-cookie:%20evil=1")],
    expect: { status: 500, headers: { "set-cookie": null } },
  },
  {
    name: "a control that throws while the head is written",
    send: [get("/broken-head")],
    expect: { status: 500, bareHead: true, body: "", closed: true, event: "sys_control_failed" },
  },
  {
    name: "CORS for a listed origin",
    send: [get("/", { Origin: "https://partner.example" })],
    expect: { status: 200, headers: { "access-control-allow-origin": "https://partner.example", vary: /Origin/u } },
  },
  {
    name: "CORS for another origin",
    send: [get("/", { Origin: "https://evil.test" })],
    expect: { status: 200, headers: { "access-control-allow-origin": null } },
  },
  {
    name: "CORS on a refusal",
    send: [get("/documents", { Origin: "https://partner.example" })],
    expect: { status: 401, headers: { "access-control-allow-origin": "https://partner.example" } },
  },
  {
    name: "a preflight for a listed origin",
    send: [
      request("OPTIONS /documents", { Origin: "https://partner.example", "Access-Control-Request-Method": "POST" }),
    ],
    expect: { status: 204, headers: { "access-control-allow-origin": "https://partner.example" }, nothingRan: true },
  },
  {
    name: "a preflight for another origin",
    send: [request("OPTIONS /documents", { Origin: "https://evil.test", "Access-Control-Request-Method": "POST" })],
    expect: { status: 403, reason: "cors_refused", headers: { "access-control-allow-origin": null }, nothingRan: true },
  },
  {
    name: "a preflight for a path that does not exist",
    send: [request("OPTIONS /nothing", { Origin: "https://partner.example", "Access-Control-Request-Method": "POST" })],
    expect: { status: 204, nothingRan: true },
  },
  {
    name: "the fields of every rate limit that counted, on an ordinary answer",
    send: [get("/")],
    expect: {
      status: 200,
      headers: {
        ratelimit: /^"client";r=19;t=3, "identity";r=59;t=1$/u,
        "ratelimit-policy": /^"client";q=20;w=60, "identity";q=60;w=60$/u,
      },
    },
  },
  {
    name: "a rate limit exceeded",
    send: [Array.from({ length: 21 }, () => get("/", { "X-Forwarded-For": `2001:db8:1::${CLIENT.length}` })).join("")],
    listening: { responses: 21 },
    expect: {
      status: [...Array.from({ length: 20 }, () => 200), 429],
      reason: "rate_limited",
      headers: { "retry-after": /^\d+$/u },
    },
  },
  {
    name: "a CSP report is collected before the framework",
    send: [
      post(
        "/csp-report",
        JSON.stringify({
          "csp-report": {
            "document-uri": "https://app.example.com/page",
            "violated-directive": "script-src",
            "effective-directive": "script-src",
            "blocked-uri": "https://evil.test/x.js",
            "original-policy": "x",
          },
        }),
        { "Content-Type": "application/csp-report" },
      ),
    ],
    expect: { status: 204, nothingRan: true },
  },
  {
    name: "a CSP report of another type",
    send: [post("/csp-report", "{}", { "Content-Type": "text/plain" })],
    expect: { status: 415, reason: "media_type_unsupported", nothingRan: true },
  },
  {
    name: "a CSP report that is too large",
    send: [post("/csp-report", "x".repeat(200_000), { "Content-Type": "application/csp-report" })],
    expect: { status: 413, reason: "body_too_large", closed: true, nothingRan: true },
  },
];

function sameNonce(response: Parameters<NonNullable<Expected["check"]>>[0]): void {
  const policy = response.headers.find(([name]) => name === "content-security-policy")?.[1] ?? "";
  const nonce = /'nonce-([\w-]+)'/u.exec(policy)?.[1];
  if (nonce === undefined || !response.body.includes(`nonce="${nonce}"`))
    throw new Error("The markup has another nonce than the policy.");
}

function cookieLines(response: Parameters<NonNullable<Expected["check"]>>[0]): string[] {
  return response.headers.filter(([name]) => name === "set-cookie").map(([, value]) => value);
}

function twoCookies(response: Parameters<NonNullable<Expected["check"]>>[0]): void {
  const lines = cookieLines(response);
  if (lines.length !== 2 || !lines[0]?.startsWith("a=1") || !lines[1]?.startsWith("b=2"))
    throw new Error(`Cookies: ${lines.join(" | ")}`);
}

function tightCookies(response: Parameters<NonNullable<Expected["check"]>>[0]): void {
  const lines = cookieLines(response);
  if (lines.length !== 2) throw new Error(`${lines.length} cookies`);
  for (const line of lines) if (!/Secure/u.test(line) || !/HttpOnly/u.test(line)) throw new Error(line);
}
