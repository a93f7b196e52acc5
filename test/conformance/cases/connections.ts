import { chunk, get, post, request, type Case } from "../case.ts";

const upgrade = (headers: Readonly<Record<string, string | null>> = {}): string =>
  get("/socket", {
    Connection: "Upgrade",
    Upgrade: "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    Origin: "https://app.example.com",
    ...headers,
  });

const opaque = { reason: "internal_error", status: 500 } as const;

export const CONNECTIONS: readonly Case[] = [
  { name: "an error thrown at once", send: [get("/throw")], expect: { ...opaque, event: "sys_error" } },
  { name: "an error thrown later", send: [get("/reject")], expect: { ...opaque, event: "sys_error" } },
  {
    name: "an error with a status of its own",
    send: [get("/throw-status")],
    expect: { status: 404, reason: "not_found" },
  },
  {
    name: "an error as a page",
    send: [get("/throw", { Accept: "text/html" })],
    expect: { status: 500, headers: { "content-type": /^text\/html/u }, body: /Something went wrong/u },
  },
  {
    name: "an error after the head is out breaks the response",
    send: [get("/late")],
    expect: { status: 200, complete: false, closed: true },
  },
  {
    name: "a raw response that breaks off",
    send: [get("/raw-late")],
    expect: { status: 200, complete: false, closed: true },
  },
  {
    name: "a client that leaves while the handler works",
    send: [get("/slow"), 20, { abort: true }],
    expect: { status: "none" },
  },
  {
    name: "a client that leaves while it sends",
    send: [post("/public", '{"a"', { "Content-Length": "100" }), 20, { abort: true }],
    expect: { status: "none", nothingRan: true },
  },
  {
    name: "keep-alive serves one request after another",
    send: [get("/"), { waitFor: "inContext" }, get("/page")],
    listening: { responses: 2 },
    expect: { status: [200, 200], closed: false },
  },
  {
    name: "pipelined requests are answered in order",
    send: [get("/slow") + get("/documents") + get("/nothing")],
    listening: { responses: 3, silenceMs: 800 },
    expect: { status: [200, 401, 404] },
  },
  {
    name: "what follows a closing refusal is not a request",
    send: [request("POST /public", { "Transfer-Encoding": "gzip, chunked" }) + chunk("") + get("/documents")],
    listening: { responses: 2 },
    expect: { status: [400], closed: true, nothingRan: true },
  },
  {
    name: "what follows a body that is too large is not a request",
    send: [post("/public", `{"a":"${"x".repeat(60_000)}"}`) + get("/")],
    listening: { responses: 2 },
    expect: { status: [413], closed: true, nothingRan: true },
  },
  {
    name: "a malformed request behind a good one does not take its answer",
    send: [`${get("/slow")}GET / HTTP/1.1\r\nBad Header: x\r\n\r\n`],
    listening: { responses: 2, silenceMs: 800 },
    expect: { status: [200], body: "slow", closed: true },
  },
  {
    name: "trailers that are too long bring no second answer to a request that has its first",
    send: [
      request("POST /unread", { "Content-Type": "text/csv", "Transfer-Encoding": "chunked" }) + chunk("a") + "0\r\n",
      { waitFor: "not read" },
      `X-Trailer: ${"x".repeat(100_000)}\r\n\r\n`,
    ],
    listening: { responses: 2 },
    expect: { status: [200], body: "not read", closed: true },
  },
  {
    name: "Connection: close is obeyed",
    send: [get("/", { Connection: "close" })],
    expect: { status: 200, closed: true, headers: { connection: "close" } },
  },
  {
    name: "Expect: 100-continue for a request that is admitted",
    send: [
      post("/public", "", { "Content-Length": "7", Expect: "100-continue" }),
      { waitFor: "100 Continue" },
      '{"a":1}',
    ],
    expect: { status: 200, body: /"a":1/u },
  },
  {
    name: "Expect: 100-continue for a request that is refused",
    send: [post("/documents", "", { "Content-Length": "7", Expect: "100-continue" }), 50],
    expect: { status: 403, nothingRan: true },
  },
  {
    name: "Expect: 100-continue for a body that is too large",
    send: [post("/public", "", { "Content-Length": "20001", Expect: "100-continue" }), 50],
    expect: { status: 413, nothingRan: true },
  },
  {
    name: "an unknown expectation",
    send: [post("/public", "{}", { Expect: "miracles" }) + get("/")],
    listening: { responses: 2 },
    expect: { status: [417], reason: "expectation_failed", closed: true, nothingRan: true },
  },
  ...["y 100-continue", "100-continue, x", "100-continue;q=1", ""].map((expectation): Case => ({
    name: `Expect: ${JSON.stringify(expectation)}, which a proxy may not see`,
    send: [post("/public", "{}", { Expect: expectation }) + get("/")],
    listening: { responses: 2 },
    expect: { status: [417], reason: "expectation_failed", closed: true, nothingRan: true },
  })),
  {
    name: "Expect twice",
    send: [post("/public", "{}", { Expect: "100-continue", expect: "100-continue" })],
    expect: { status: 400, reason: "header_duplicated", closed: true, nothingRan: true },
  },
  {
    name: "Expect in HTTP/1.0 is not heard",
    send: [post("/public", "{}", { Expect: "100-continue" }).replace("HTTP/1.1", "HTTP/1.0")],
    expect: { status: 200, closed: true, ran: "POST /public" },
  },
  {
    name: "what follows a refusal of a body that was asked about is not a request",
    send: [post("/documents", "", { "Content-Length": "7", Expect: "100-continue" }), 50, get("/")],
    listening: { responses: 2 },
    expect: { status: [403], closed: true, nothingRan: true },
  },
  {
    name: "an upgrade from our own page",
    send: [upgrade(), { waitFor: "101" }, "ping"],
    expect: { status: 101, bareHead: true, rest: /ping/u },
  },
  {
    name: "an upgrade from another site",
    send: [upgrade({ Origin: "https://evil.test" })],
    expect: { status: 403, reason: "cors_refused", closed: true },
  },
  {
    name: "an upgrade from an opaque origin",
    send: [upgrade({ Origin: "null" })],
    expect: { status: 403, reason: "cors_refused", closed: true },
  },
  {
    name: "an upgrade with cookies and without an origin",
    send: ({ cookie }) => [upgrade({ Origin: null, Cookie: cookie.ada })],
    expect: { status: 403, reason: "cors_refused", closed: true },
  },
  {
    name: "an upgrade without a browser",
    send: [upgrade({ Origin: null }), { waitFor: "101" }, "ping"],
    expect: { status: 101, bareHead: true, rest: /ping/u },
  },
  {
    name: "a refused upgrade behind a request does not take its answer",
    send: [get("/slow") + upgrade({ Origin: "https://evil.test" })],
    listening: { responses: 2, silenceMs: 800 },
    expect: { status: [200], body: "slow", closed: true },
  },
  {
    name: "an upgrade behind a request that is being answered",
    send: [get("/slow") + upgrade()],
    listening: { responses: 2, silenceMs: 800 },
    expect: { status: [200], body: "slow", closed: true },
  },
  {
    name: "an upgrade that announces a body",
    send: [upgrade({ "Transfer-Encoding": "chunked" }) + "0\r\n\r\n" + get("/")],
    listening: { responses: 2 },
    expect: { status: [400], reason: "framing_ambiguous", closed: true, nothingRan: true },
  },
  {
    name: "an upgrade in HTTP/1.0, which knows none",
    send: [upgrade().replace("HTTP/1.1", "HTTP/1.0")],
    expect: { status: 400, reason: "framing_ambiguous", closed: true, nothingRan: true },
  },
  ...["h2c", "websocket, h2c", "HTTP/2.0"].map((protocol): Case => ({
    name: `an upgrade to ${protocol}`,
    send: [upgrade({ Upgrade: protocol, Connection: "Upgrade, HTTP2-Settings", "HTTP2-Settings": "AAMAAABk" })],
    expect: { status: 400, reason: "framing_ambiguous", closed: true, nothingRan: true },
  })),
  {
    name: "an upgrade to another host",
    send: [upgrade({ Host: "evil.test" })],
    expect: { status: 421, reason: "host_not_allowed", closed: true },
  },
  {
    name: "an upgrade over plain HTTP",
    send: [upgrade({ "X-Forwarded-Proto": "http" })],
    expect: { status: 403, reason: "insecure_transport", closed: true },
  },
];
