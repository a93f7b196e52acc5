import { chunk, get, post, request, type Case } from "../case.ts";

/** A request whose head is written out, for what `request` cannot say. */
const raw = (...lines: readonly string[]): readonly string[] => [`${lines.join("\r\n")}\r\n\r\n`];
const VIA = ["X-Forwarded-Proto: https", "X-Forwarded-For: {client}"] as const;
const HOST = "Host: app.example.com";

const malformed = { status: 400, closed: true, nothingRan: true } as const;

export const REQUEST_SHAPE: readonly Case[] = [
  { name: "an ordinary request passes", send: [get("/")], expect: { status: 200, closed: false, ran: "GET /" } },
  {
    name: "two Host lines",
    send: raw("GET / HTTP/1.1", HOST, HOST, ...VIA),
    expect: { ...malformed, reason: "host_malformed" },
  },
  { name: "no Host in HTTP/1.1", send: [get("/", { Host: null })], expect: { ...malformed, reason: "host_malformed" } },
  { name: "an empty Host", send: [get("/", { Host: "" })], expect: { ...malformed, reason: "host_malformed" } },
  {
    name: "a Host with a path",
    send: [get("/", { Host: "app.example.com/admin" })],
    expect: { ...malformed, reason: "host_malformed" },
  },
  {
    name: "a Host with user information",
    send: [get("/", { Host: "a@app.example.com" })],
    expect: { ...malformed, reason: "host_malformed" },
  },
  {
    name: "absolute form that agrees with Host",
    send: [get("http://app.example.com/")],
    expect: { status: 200, ran: "GET /" },
  },
  {
    name: "absolute form that disagrees with Host",
    send: [get("http://evil.test/")],
    expect: { ...malformed, reason: "host_malformed" },
  },
  {
    name: "absolute form with its scheme in capitals",
    send: [get("HTTP://app.example.com/")],
    expect: { ...malformed, reason: "request_malformed" },
  },
  {
    name: "absolute form keeps the access rule",
    send: [get("http://app.example.com/documents")],
    expect: { status: 401, nothingRan: true },
  },
  {
    name: "Transfer-Encoding beside Content-Length",
    send: [
      request("POST /public", { "Transfer-Encoding": "chunked", "Content-Length": "4" }) + chunk("{}") + chunk(""),
    ],
    expect: { ...malformed, reason: "framing_ambiguous" },
  },
  {
    name: "Content-Length twice, different",
    send: raw("POST /public HTTP/1.1", HOST, ...VIA, "Content-Length: 2", "Content-Length: 3"),
    expect: { ...malformed, reason: "framing_ambiguous" },
  },
  {
    name: "Content-Length twice, the same",
    send: raw("POST /public HTTP/1.1", HOST, ...VIA, "Content-Length: 0", "Content-Length: 0"),
    expect: { ...malformed, reason: "framing_ambiguous" },
  },
  {
    name: "a signed Content-Length",
    send: [request("POST /public", { "Content-Length": "+2" })],
    expect: { ...malformed, reason: "framing_ambiguous" },
  },
  {
    name: "a negative Content-Length",
    send: [request("POST /public", { "Content-Length": "-1" })],
    expect: { ...malformed, reason: "framing_ambiguous" },
  },
  {
    name: "a Content-Length list",
    send: [request("POST /public", { "Content-Length": "2, 2" })],
    expect: { ...malformed, reason: "framing_ambiguous" },
  },
  {
    name: "Transfer-Encoding: gzip, chunked",
    send: [request("POST /public", { "Transfer-Encoding": "gzip, chunked" }) + chunk("")],
    expect: { ...malformed, reason: "framing_ambiguous" },
  },
  {
    name: "Transfer-Encoding: xchunked",
    send: [request("POST /public", { "Transfer-Encoding": "xchunked" })],
    expect: malformed,
  },
  {
    name: "Transfer-Encoding: identity",
    send: [request("POST /public", { "Transfer-Encoding": "identity" })],
    expect: malformed,
  },
  {
    name: "Transfer-Encoding in HTTP/1.0",
    send: raw("POST /public HTTP/1.0", HOST, ...VIA, "Transfer-Encoding: chunked"),
    expect: { ...malformed, reason: "framing_ambiguous" },
  },
  {
    name: "a broken chunk size",
    send: [
      request("POST /public", { "Transfer-Encoding": "chunked", "Content-Type": "application/json" }),
      "zz\r\n{}\r\n",
    ],
    expect: malformed,
  },
  {
    name: "a chunk without its line end",
    send: [
      request("POST /public", { "Transfer-Encoding": "chunked", "Content-Type": "application/json" }),
      "2\r\n{}X\r\n0\r\n\r\n",
    ],
    expect: malformed,
  },
  {
    name: "obs-fold",
    send: raw("GET / HTTP/1.1", HOST, ...VIA, "X-A: one", "  two"),
    expect: { ...malformed, reason: "request_malformed" },
  },
  {
    name: "a space before the colon",
    send: raw("GET / HTTP/1.1", HOST, ...VIA, "X-A : one"),
    expect: { ...malformed, reason: "request_malformed" },
  },
  {
    name: "NUL in a header value",
    send: [get("/", { "X-A": "a\0b" })],
    expect: { ...malformed, reason: "request_malformed" },
  },
  {
    name: "a control byte in a header value",
    send: [get("/", { "X-A": "a\u0001b" })],
    expect: { ...malformed, reason: "request_malformed" },
  },
  {
    name: "a high byte in a header name",
    send: [get("/", { "X-\u00e9": "a" })],
    expect: { ...malformed, reason: "request_malformed" },
  },
  { name: "a bare line feed between headers", send: [`GET / HTTP/1.1\n${HOST}\n\n`], expect: malformed },
  {
    name: "Authorization twice",
    send: raw("GET / HTTP/1.1", HOST, ...VIA, "Authorization: a", "Authorization: b"),
    expect: { status: 400, reason: "header_duplicated", nothingRan: true },
  },
  {
    name: "X-HTTP-Method-Override",
    send: [post("/public", "{}", { "X-HTTP-Method-Override": "DELETE" })],
    expect: { status: 400, reason: "method_override", nothingRan: true },
  },
  {
    name: "X-Method-Override",
    send: [post("/public", "{}", { "X-Method-Override": "DELETE" })],
    expect: { status: 400, reason: "method_override", nothingRan: true },
  },
  {
    name: "TRACE",
    send: [request("TRACE /")],
    expect: { status: 405, reason: "method_not_allowed", headers: { allow: /GET/u }, nothingRan: true },
  },
  {
    name: "CONNECT",
    send: [request("CONNECT app.example.com:443")],
    expect: { status: 405, reason: "method_not_allowed", closed: true, nothingRan: true },
  },
  {
    name: "a WebDAV method",
    send: [request("PROPFIND /")],
    expect: { status: 501, reason: "method_unknown", nothingRan: true },
  },
  {
    name: "a method in lower case",
    send: [request("get /")],
    expect: { status: 501, reason: "method_unknown", closed: true, nothingRan: true },
  },
  {
    name: "an invented method",
    send: [request("BREW /")],
    expect: { status: 501, reason: "method_unknown", closed: true, nothingRan: true },
  },
  { name: "HTTP/1.2", send: raw("GET / HTTP/1.2", HOST), expect: malformed },
  { name: "the HTTP/2 preface", send: ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"], expect: { status: [400], closed: true } },
  {
    name: "TLS on a plain port",
    send: [Buffer.from("160301020001000001fc0303", "hex")],
    expect: { status: [501], closed: true },
  },
  { name: "a space in the target", send: raw("GET /a b HTTP/1.1", HOST), expect: malformed },
  { name: "a fragment in the target", send: [get("/#admin")], expect: { ...malformed, reason: "request_malformed" } },
  { name: "a backslash in the target", send: [get("/\\admin")], expect: { ...malformed, reason: "request_malformed" } },
  { name: "GET *", send: [request("GET *")], expect: { ...malformed, reason: "request_malformed" } },
  { name: "OPTIONS * names no route", send: [request("OPTIONS *")], expect: { status: 404, nothingRan: true } },
  {
    name: "a broken percent-encoding in the path",
    send: [get("/documents/%zz")],
    expect: { status: 400, reason: "request_malformed", nothingRan: true },
  },
  {
    name: "an encoded NUL in the path",
    send: [get("/documents/a%00b")],
    expect: { status: 400, reason: "request_malformed", nothingRan: true },
  },
  {
    name: "overlong UTF-8 in the path",
    send: [get("/documents/%c0%af")],
    expect: { status: 400, reason: "request_malformed", nothingRan: true },
  },
  {
    name: "dot segments",
    send: [get("/documents/../admin/users")],
    expect: { status: 400, reason: "request_malformed", nothingRan: true },
  },
  {
    name: "encoded dot segments",
    send: [get("/documents/%2e%2E/admin/users")],
    expect: { status: 400, reason: "request_malformed", nothingRan: true },
  },
  ...[
    "X-Forwarded-For",
    "close, Cookie",
    "keep-alive,authorization",
    "Host",
    "Content-Length",
    "Transfer-Encoding",
  ].map((options): Case => ({
    name: `Connection: ${options}, which asks proxies to drop what is ours`,
    send: [get("/", { Connection: options })],
    expect: { ...malformed, reason: "request_malformed", event: "connection-option" },
  })),
  {
    name: "a second Connection line that asks proxies to drop what is ours",
    send: raw("GET / HTTP/1.1", HOST, ...VIA, "Connection: keep-alive", "Connection: X-Forwarded-For"),
    expect: { ...malformed, reason: "request_malformed" },
  },
  {
    name: "Connection options that concern the connection",
    send: raw("GET / HTTP/1.1", HOST, ...VIA, "Connection: TE , Keep-Alive,", "TE: trailers", "Connection: trailer"),
    expect: { status: 200, closed: false, ran: "GET /" },
  },
  {
    name: "a chunk extension that ends in a bare line feed",
    send: [
      `${request("POST /public", { "Transfer-Encoding": "chunked", "Content-Type": "application/json" })}2;a\n{}\r\n0\r\n\r\n${get("/page")}`,
    ],
    listening: { responses: 2 },
    expect: { status: [400], reason: "framing_ambiguous", closed: true, nothingRan: true },
  },
  ...["0x2", "+2", "2 ", "2_0", "10000000000000002"].map((size): Case => ({
    name: `a chunk size of ${JSON.stringify(size)}`,
    send: [
      `${request("POST /public", { "Transfer-Encoding": "chunked", "Content-Type": "application/json" })}${size}\r\n{}\r\n0\r\n\r\n${get("/page")}`,
    ],
    listening: { responses: 2 },
    expect: { status: [400], reason: "framing_ambiguous", closed: true, nothingRan: true },
  })),
  ...["cHunked", "chunked;q=1", ",chunked", "chunked,", ""].map((coding): Case => ({
    name: `Transfer-Encoding: ${JSON.stringify(coding)}`,
    send: [request("POST /public", { "Transfer-Encoding": coding }) + chunk("{}") + chunk("") + get("/page")],
    listening: { responses: 2 },
    expect: { status: [400], closed: true, nothingRan: true },
  })),
  {
    name: "headers that end in CR CR",
    send: [`GET / HTTP/1.1\r\n${HOST}\r\n\r\rGET /page HTTP/1.1\r\n\r\n`],
    listening: { responses: 2 },
    expect: { status: [400], closed: true, nothingRan: true },
  },
  {
    name: "a body on GET is no request",
    send: [get("/", { "Content-Length": "47" }) + "GET /page HTTP/1.1\r\nHost: app.example.com\r\n\r\n..."],
    listening: { responses: 2 },
    expect: { status: [200], body: /inContext/u, ran: "GET /" },
  },
  {
    name: "trailers change nothing",
    send: [
      `${request("POST /public", { "Transfer-Encoding": "chunked", "Content-Type": "application/json" })}${chunk("{}")}0\r\nHost: evil.test\r\nX-HTTP-Method-Override: DELETE\r\nCookie: a=b\r\n\r\n${get("/page")}`,
    ],
    listening: { responses: 2 },
    expect: { status: [200, 200], ran: "POST /public" },
  },
  {
    name: "absolute form with user information",
    send: [get("http://app.example.com@evil.test/")],
    expect: { ...malformed, reason: "host_malformed" },
  },
  {
    name: "absolute form without a path",
    send: [get("http://app.example.com?/../documents")],
    expect: { status: 200, ran: "GET /" },
  },
  {
    name: "absolute form of OPTIONS is no way in",
    send: [request("OPTIONS http://app.example.com/documents")],
    expect: { status: 405, nothingRan: true },
  },
  {
    name: "a path that begins with two slashes and a host",
    send: [get("//evil.test/documents")],
    expect: { status: { oneOf: [404, 400, 401] }, nothingRan: true },
  },
  { name: "an early end of the connection", send: ["GET / HT", { abort: true }], expect: { status: "none" } },
];
