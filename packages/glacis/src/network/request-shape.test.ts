import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { interpreted } from "../../../../test/support/wire.ts";
import type { Decision } from "../core/decision.ts";
import type { Wire } from "../core/wire.ts";
import { SINGLE_HEADERS } from "./header-roles.ts";
import { requestShape, type RequestShapeOptions } from "./request-shape.ts";
import { trustedProxies } from "./trusted-proxies.ts";

const SHAPE = requestShape();
const RESOLVE = trustedProxies().resolve;

/** An ordinary request of a browser, which every test bends in one place. */
const BROWSER: Wire = {
  method: "GET",
  target: "/documents/42?tab=history",
  httpVersion: "1.1",
  rawHeaders: Object.entries({
    Host: "app.example.com",
    Connection: "keep-alive",
    "User-Agent": "Mozilla/5.0",
    Accept: "text/html,*/*;q=0.8",
    "Accept-Encoding": "gzip, br",
    "Accept-Language": "de,en;q=0.5",
    "Sec-Fetch-Site": "same-origin",
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-Dest": "document",
    Referer: "https://app.example.com/documents",
    Cookie: "__Host-session=abc; theme=dark",
    "If-None-Match": '"a", "b"',
    "Upgrade-Insecure-Requests": "1",
  }).flat(),
  peerAddress: "192.0.2.1",
  encrypted: false,
};
const withHeaders = (...added: readonly string[]): Wire => ({
  ...BROWSER,
  rawHeaders: [...BROWSER.rawHeaders, ...added],
});
const withHost = (...headers: readonly string[]): Wire => ({ ...BROWSER, rawHeaders: headers });
const withTarget = (target: string, method = "GET", host = "app.example.com"): Wire => ({
  ...BROWSER,
  method,
  target,
  rawHeaders: ["Host", host],
});

function decide(wire: Wire, control = SHAPE): Decision {
  const decision = control.decide?.(interpreted(wire, RESOLVE));
  if (decision === undefined || decision instanceof Promise) throw new Error("The control must decide at once.");
  return decision;
}

/** `allow`, or the reason with its cause. */
function outcome(wire: Wire, options?: RequestShapeOptions): string {
  const decision = decide(wire, options === undefined ? SHAPE : requestShape(options));
  return decision.kind === "deny" ? `${decision.reason} ${decision.events[0]?.detail}` : decision.kind;
}

describe("requestShape lets pass", () => {
  it.each<[string, Wire]>([
    ["a browser's navigation", BROWSER],
    [
      "a form post",
      { ...withHeaders("Content-Type", "application/x-www-form-urlencoded", "Content-Length", "12"), method: "POST" },
    ],
    ["a chunked upload", { ...withHeaders("Transfer-Encoding", "chunked"), method: "PUT" }],
    ["an empty body", { ...withHeaders("Content-Length", "0"), method: "DELETE" }],
    [
      "lists over several lines",
      withHeaders(
        "Accept",
        "image/*",
        "Cache-Control",
        "no-cache",
        "X-Forwarded-For",
        "1.1.1.1",
        "X-Forwarded-For",
        "2.2.2.2",
      ),
    ],
    ["several entity tags", withHeaders("If-None-Match", '"c"', "If-Match", '"a"', "If-Match", '"b"')],
    ["Latin-1 in a value", withHeaders("X-Name", "caf\xe9")],
    ["an empty value", withHeaders("X-Empty", "")],
    ["a tab in a value", withHeaders("X-List", "a,\tb")],
    ["every token character in a name", withHeaders("!#$%&'*+-.^_`|~09aZ", "x")],
    ["HTTP/1.0", { ...BROWSER, httpVersion: "1.0" }],
    ["HTTP/1.0 without Host, which the allowed hosts then refuse", { ...withHost(), httpVersion: "1.0" }],
    ["what browsers leave bare in a target", withTarget("/a;b=c/%7E?x={y}|^`\"<>'[]&z=@:!$()*+,")],
    ["OPTIONS *", withTarget("*", "OPTIONS")],
    ["an absolute target that says what Host says", withTarget("http://app.example.com/x?y")],
    [
      "the same with a default port on one side",
      withTarget("https://APP.example.com:443/x", "GET", "app.example.com."),
    ],
    ["the same without a path", withTarget("http://app.example.com")],
    ["the same with a query alone", withTarget("http://app.example.com?x")],
    ["two slashes", withTarget("//evil.invalid/x")],
  ])("%s", (_, wire) => expect(outcome(wire)).toBe("allow"));
});

describe("requestShape refuses", () => {
  it.each<[string, Wire, string]>([
    ["no Host", withHost("Accept", "*/*"), "host_malformed host-missing"],
    ["two Hosts", withHost("Host", "app.example.com", "host", "evil.invalid"), "host_malformed host-repeated"],
    ["two equal Hosts", withHost("Host", "a.example", "HOST", "a.example"), "host_malformed host-repeated"],
    [
      "a length and a coding",
      withHeaders("Content-Length", "5", "Transfer-Encoding", "chunked"),
      "framing_ambiguous length-and-coding",
    ],
    [
      "an empty coding and a length",
      withHeaders("Transfer-Encoding", "", "Content-Length", "5"),
      "framing_ambiguous length-and-coding",
    ],
    [
      "a coding and an empty length",
      withHeaders("Transfer-Encoding", "chunked", "Content-Length", ""),
      "framing_ambiguous length-and-coding",
    ],
    [
      "a Connection that names a header of ours",
      withHeaders("Connection", "close, X-Tenant-Id"),
      "request_malformed connection-option",
    ],
    ["two lengths", withHeaders("Content-Length", "5", "content-length", "6"), "framing_ambiguous length-repeated"],
    [
      "two equal lengths",
      withHeaders("Content-Length", "5", "Content-Length", "5"),
      "framing_ambiguous length-repeated",
    ],
    [
      "two codings",
      withHeaders("Transfer-Encoding", "chunked", "Transfer-Encoding", "chunked"),
      "framing_ambiguous length-repeated",
    ],
    ["a list of lengths", withHeaders("Content-Length", "5, 5"), "framing_ambiguous content-length"],
    ["a signed length", withHeaders("Content-Length", "+5"), "framing_ambiguous content-length"],
    ["a negative length", withHeaders("Content-Length", "-1"), "framing_ambiguous content-length"],
    ["a hexadecimal length", withHeaders("Content-Length", "0x5"), "framing_ambiguous content-length"],
    ["a fractional length", withHeaders("Content-Length", "5.0"), "framing_ambiguous content-length"],
    ["an empty length", withHeaders("Content-Length", ""), "framing_ambiguous content-length"],
    ["a length beyond counting", withHeaders("Content-Length", "9".repeat(16)), "framing_ambiguous content-length"],
    [
      "chunked in HTTP/1.0",
      { ...withHeaders("Transfer-Encoding", "chunked"), httpVersion: "1.0" },
      "framing_ambiguous coding-in-1.0",
    ],
    ...[
      "",
      "identity",
      "gzip, chunked",
      "chunked, gzip",
      "chunked, chunked",
      "xchunked",
      "chunked;q=1",
      "cHuNkEd",
      '"chunked"',
      " chunked",
      "chunked\t",
    ].map((coding): [string, Wire, string] => [
      `the coding ${JSON.stringify(coding)}`,
      withHeaders("Transfer-Encoding", coding),
      "framing_ambiguous transfer-coding",
    ]),
    ...[
      "",
      "X A",
      "X-A ",
      " X-A",
      "X:A",
      "X(A)",
      "X\tA",
      "X\nA",
      "X\0A",
      "Xé",
      "X-Ķ",
      ":authority",
      "Content-Length ",
    ].map((name): [string, Wire, string] => [
      `the header name ${JSON.stringify(name)}`,
      withHeaders(name, "x"),
      "request_malformed header-name",
    ]),
    ...["a\rb", "a\nb", "a\r\n b", "a\0b", "a\x01b", "a\x1bb", "a\x7fb", "a\u0100b", "a\u2028b", "\r\nX: y"].map(
      (value): [string, Wire, string] => [
        `the header value ${JSON.stringify(value)}`,
        withHeaders("X-A", value),
        "request_malformed header-value",
      ],
    ),
    ...["X-HTTP-Method-Override", "x-http-method", "X-Method-Override"].map((name): [string, Wire, string] => [
      name,
      withHeaders(name, "DELETE"),
      "method_override method-override",
    ]),
    ...["2.0", "0.9", "1.2", "3", ""].map((httpVersion): [string, Wire, string] => [
      `HTTP/${httpVersion}`,
      { ...BROWSER, httpVersion },
      "request_malformed version",
    ]),
    ...[
      "/a#b",
      "/a\\b",
      "\\",
      "/a b",
      "/a\tb",
      "/a\0b",
      "/a\x7fb",
      "/a\r\nb",
      "/é",
      "/\u0100",
      "http://app.example.com/#x",
    ].map((target): [string, Wire, string] => [
      `the target ${JSON.stringify(target)}`,
      withTarget(target),
      "request_malformed target-bytes",
    ]),
    ...[
      "",
      "x",
      "?x",
      "*",
      "app.example.com:443",
      "ftp://app.example.com/",
      "http:/x",
      "http:///x",
      "javascript:x",
      "//",
    ].flatMap((target): [string, Wire, string][] =>
      target === "//"
        ? []
        : [[`the target form ${JSON.stringify(target)}`, withTarget(target), "request_malformed target-form"]],
    ),
    ["* for anything but OPTIONS", withTarget("*", "POST"), "request_malformed target-form"],
    [
      "an absolute target for another host",
      withTarget("http://evil.invalid/"),
      "host_malformed target-and-host-differ",
    ],
    [
      "an absolute target for another port",
      withTarget("http://app.example.com:81/"),
      "host_malformed target-and-host-differ",
    ],
    ["the other scheme's port", withTarget("http://app.example.com:443/"), "host_malformed target-and-host-differ"],
    [
      "userinfo in an absolute target",
      withTarget("http://u:p@app.example.com/"),
      "host_malformed target-and-host-differ",
    ],
    ["TRACE", withTarget("/", "TRACE"), "method_not_allowed method-refused"],
    ["TRACK", withTarget("/", "TRACK"), "method_not_allowed method-refused"],
    ["CONNECT", withTarget("app.example.com:443", "CONNECT"), "method_not_allowed method-refused"],
    ...["get", "Get", "PROPFIND", "QUERY", "", "GET ", "__proto__", "CONSTRUCTOR"].map(
      (method): [string, Wire, string] => [
        `the method ${JSON.stringify(method)}`,
        { ...BROWSER, method },
        "method_unknown method-unknown",
      ],
    ),
  ])("%s", (_, wire, expected) => expect(outcome(wire)).toBe(expected));

  it.each(SINGLE_HEADERS.map(({ name }) => name))("a second %s line, in any capitals, and accepts one", (name) => {
    const value =
      { expect: "100-continue", "content-length": "3", "transfer-encoding": "chunked" }[name] ?? "app.example.com";
    const others = BROWSER.rawHeaders.filter((_, index, all) => all[index - (index % 2)]?.toLowerCase() !== name);
    expect(outcome({ ...BROWSER, rawHeaders: [...others, name, value] })).toBe("allow");
    const twice = outcome({ ...BROWSER, rawHeaders: [...others, name, value, name.toUpperCase(), value] });
    expect(twice).toMatch(/^(?:header_duplicated header|host_malformed host|framing_ambiguous length)-repeated$/u);
  });

  it("an unread Host when a proxy put another in its place", () => {
    const { resolve } = trustedProxies({ proxies: ["192.0.2.1"], forwardedHost: true });
    const judge = (host: string): Decision | Promise<Decision> | undefined => {
      const wire = withHost("Host", host, "X-Forwarded-Host", "app.example.com", "X-Forwarded-For", "203.0.113.7");
      return SHAPE.decide?.(interpreted(wire, resolve));
    };
    expect(judge("internal")).toMatchObject({ kind: "allow" });
    expect(judge("in ternal")).toMatchObject({ kind: "deny", reason: "host_malformed" });
  });

  it("with Allow on a 405, and with an event that quotes nothing", () => {
    expect(decide(withTarget("/", "TRACE"))).toMatchObject({
      headers: [["allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"]],
    });
    const decision = decide(withHeaders("X-A", "secret\0"));
    expect(decision).toMatchObject({
      events: [{ event: "http.request_rejected", status: "refused", control: "request-shape" }],
    });
    expect(JSON.stringify(decision)).not.toContain("secret");
  });

  it("for framing before it refuses for the method, because only the former closes the connection", () => {
    const wire = { ...withHeaders("Content-Length", "5", "Transfer-Encoding", "chunked"), method: "TRACE" };
    expect(outcome(wire)).toMatch(/^framing_ambiguous/u);
  });
});

describe("laws of the request shape", () => {
  const name = fc.oneof(
    fc.constantFrom(...SINGLE_HEADERS.map((header) => header.name), "Accept", "X-A", "X-HTTP-Method-Override"),
    fc.string({ unit: "binary", maxLength: 8 }),
  );
  const value = fc.oneof(
    fc.constantFrom("chunked", "0", "5", "app.example.com"),
    fc.string({ unit: "binary", maxLength: 12 }),
  );
  const headers = fc.array(fc.tuple(name, value), { maxLength: 12 });
  const target = fc.oneof(fc.webPath(), fc.webUrl(), fc.string({ unit: "binary", maxLength: 12 }), fc.constant("*"));
  const method = fc.oneof(
    fc.constantFrom("GET", "POST", "OPTIONS", "TRACE", "CONNECT", "get"),
    fc.string({ maxLength: 6 }),
  );

  it("never throws, and what it lets pass has one framing, one Host, clean bytes and a known method", () => {
    fc.assert(
      fc.property(headers, target, method, (sent, path, verb) => {
        const rawHeaders = ["Host", "app.example.com", ...sent.flat()];
        const decision = decide({ ...BROWSER, rawHeaders, target: path, method: verb });
        if (decision.kind === "deny") return;
        const names = rawHeaders.filter((_, index) => index % 2 === 0).map((entry) => entry.toLowerCase());
        const count = (wanted: string): number => names.filter((entry) => entry === wanted).length;
        expect(count("host")).toBe(1);
        expect(count("content-length") + count("transfer-encoding")).toBeLessThanOrEqual(1);
        expect(rawHeaders.every((text) => !/[\0\r\n]/u.test(text))).toBe(true);
        expect(["GET", "POST", "OPTIONS"]).toContain(verb);
        expect(path === "*" || path.startsWith("/") || /^https?:\/\/app\.example\.com/iu.test(path)).toBe(true);
      }),
      { numRuns: 5_000 },
    );
  });

  it("does not let a harmless header change the answer, wherever it stands", () => {
    fc.assert(
      fc.property(headers, fc.nat(12), (sent, position) => {
        const plain = ["Host", "app.example.com", ...sent.flat()];
        const at = Math.min(position * 2, plain.length);
        const padded = [...plain.slice(0, at), "X-Harmless", "yes", ...plain.slice(at)];
        expect(outcome({ ...BROWSER, rawHeaders: padded })).toBe(outcome({ ...BROWSER, rawHeaders: plain }));
      }),
    );
  });
});

describe("requestShape's options and check", () => {
  it("takes further methods, and never the dangerous ones", () => {
    expect(outcome(withTarget("/", "QUERY"), { methods: ["QUERY"] })).toBe("allow");
    expect(() => requestShape({ methods: ["TRACE"] })).toThrow(/never allows TRACE/u);
    expect(() => requestShape({ methods: ["query"] })).toThrow(/capital letters/u);
    expect(() => requestShape({ method: ["QUERY"] } as RequestShapeOptions)).toThrow(/Did you mean "methods"/u);
  });

  it.each<[readonly string[], readonly string[]]>([
    [[], []],
    [["--enable-source-maps"], []],
    [["--insecure-http-parser"], ["request-shape/lenient-parser"]],
    [["--max-http-header-size=65536"], []],
    [["--max-http-header-size=131072"], ["request-shape/header-size"]],
    [["--max-http-header-size", "131072"], ["request-shape/header-size"]],
  ])("finds in node %j: %j", (nodeOptions, rules) => {
    const deployment = {
      mode: "production",
      nodeVersion: "22.0.0",
      variables: new Map(),
      nodeOptions,
      nowMs: 0,
    } as const;
    expect(SHAPE.check(deployment).map(({ rule }) => rule.id)).toEqual(rules);
  });

  it("observes a response that offers TRACE", () => {
    const seen = (name: string, value: string): number | undefined =>
      SHAPE.observe?.({ url: "https://a.example/", scheme: "https", status: 204, headers: [[name, value]] }).length;
    expect(seen("allow", "GET, HEAD, trace")).toBe(1);
    expect(seen("access-control-allow-methods", "CONNECT")).toBe(1);
    expect(seen("allow", "GET, HEAD, OPTIONS")).toBe(0);
    const trace = decide(withTarget("/", "TRACE"));
    expect(trace.kind === "deny" && trace.headers.map(([name, value]) => seen(name, value))).toEqual([0]);
  });
});

describe("the path of a target in absolute form", () => {
  it.each([
    ["http://app.example.com/a/b?c", "/a/b", "c"],
    ["http://app.example.com?c", "/", "c"],
    ["HTTP://app.example.com", "/", ""],
    ["/a?b", "/a", "b"],
    ["//a/b", "//a/b", ""],
    ["*", "*", ""],
  ])("of %s is %s", (target, path, query) => {
    const exchange = interpreted(withTarget(target), RESOLVE);
    expect([exchange.path, exchange.query]).toEqual([path, query]);
  });
});
