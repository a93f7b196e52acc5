import { chunk, get, post, request, type Case } from "../case.ts";

const many = (count: number, make: (index: number) => string): string =>
  Array.from({ length: count }, (_, index) => make(index)).join("");
const headers = (count: number): Record<string, string> =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`X-H${index}`, "v"]));
const part = (index: number): string => `--b\r\nContent-Disposition: form-data; name="f${index}"\r\n\r\nv\r\n`;
const multipart = { "Content-Type": "multipart/form-data; boundary=b" };
const FORM = "application/x-www-form-urlencoded";
const tooLarge = { status: 413, reason: "body_too_large", closed: true, nothingRan: true } as const;

export const LIMITS: readonly Case[] = [
  {
    name: "a URL above the limit",
    send: [get(`/?q=${"a".repeat(9000)}`)],
    expect: { status: 414, reason: "target_too_long", nothingRan: true },
  },
  {
    name: "header bytes above the limit",
    send: [get("/", { "X-Big": "a".repeat(17_000) })],
    expect: { status: 431, reason: "headers_too_large", nothingRan: true },
  },
  {
    name: "header bytes above what the parser holds",
    send: [get("/", { "X-Big": "a".repeat(40_000) })],
    expect: { status: 431, reason: "headers_too_large", closed: true, nothingRan: true },
  },
  {
    name: "header lines above the limit",
    send: [get("/", headers(110))],
    expect: { status: 431, reason: "headers_too_large", nothingRan: true },
  },
  { name: "many header lines below the limit", send: [get("/", headers(80))], expect: { status: 200 } },
  {
    name: "query parameters above the limit",
    send: [get(`/?${many(1200, (index) => `a${index}&`)}`)],
    expect: { status: 400, reason: "parameters_too_many", nothingRan: true },
  },
  {
    name: "a JSON body",
    send: [post("/public", '{"a":1}')],
    expect: { status: 200, body: '{"body":{"a":1},"text":"{\\"a\\":1}"}' },
  },
  {
    name: "a JSON body in chunks",
    send: [
      request("POST /public", { "Content-Type": "application/json", "Transfer-Encoding": "chunked" }),
      10,
      chunk('{"a"'),
      10,
      chunk(":1}"),
      chunk(""),
    ],
    expect: { status: 200, body: '{"body":{"a":1},"text":"{\\"a\\":1}"}' },
  },
  {
    name: "a JSON body with a structured suffix",
    send: [post("/public", '{"a":1}', { "Content-Type": "application/merge-patch+json" })],
    expect: { status: 200, body: /"a":1/u },
  },
  { name: "an empty JSON body", send: [post("/unread", "")], expect: { status: 200, ran: "POST /unread" } },
  {
    name: "a form body",
    send: [post("/public", "a=1&b=two+words", { "Content-Type": FORM })],
    expect: { status: 200, body: /"a":"1","b":"two words"/u },
  },
  { name: "no body and no type", send: [request("POST /public")], expect: { status: 200, ran: "POST /public" } },
  {
    name: "a body that announces itself without a length",
    send: [request("POST /public", { "Content-Type": "application/json" })],
    expect: { status: 411, reason: "length_required", nothingRan: true },
  },
  {
    name: "a Content-Length above the limit, body not sent",
    send: [post("/public", "", { "Content-Length": "20001" })],
    expect: tooLarge,
  },
  {
    name: "a Content-Length above the limit, body sent",
    send: [post("/public", `{"a":"${"x".repeat(60_000)}"}`)],
    expect: tooLarge,
  },
  {
    name: "a Content-Length above the ceiling",
    send: [post("/public", "", { "Content-Length": "999999999999" })],
    expect: tooLarge,
  },
  {
    name: "a chunked body that grows above the limit",
    send: [
      request("POST /public", { "Content-Type": "application/json", "Transfer-Encoding": "chunked" }),
      chunk("x".repeat(15_000)),
      10,
      chunk("x".repeat(15_000)),
      10,
      chunk("x".repeat(15_000)),
    ],
    expect: tooLarge,
  },
  {
    name: "a chunked body that grows far above the limit in one go",
    send: [
      request("POST /public", { "Content-Type": "application/json", "Transfer-Encoding": "chunked" }) +
        many(40, () => chunk("x".repeat(20_000))),
    ],
    expect: tooLarge,
  },
  {
    name: "a body at the limit",
    send: [post("/public", `{"a":"${"x".repeat(20_000 - 8)}"}`)],
    expect: { status: 200 },
  },
  {
    name: "a route that allows more",
    send: [post("/large", `{"a":"${"x".repeat(250_000)}"}`)],
    expect: { status: 200, body: '{"length":250008}' },
  },
  {
    name: "a route that allows more, exceeded",
    send: [post("/large", `{"a":"${"x".repeat(310_000)}"}`)],
    expect: tooLarge,
  },
  {
    name: "a stream that the application reads",
    send: [post("/upload", "x".repeat(150_000), { "Content-Type": "application/octet-stream" })],
    expect: { status: 200, body: '{"bytes":150000}' },
  },
  {
    name: "a stream that the application reads, exceeded while reading",
    send: [
      request("POST /upload", { "Content-Type": "application/octet-stream", "Transfer-Encoding": "chunked" }),
      ...Array.from({ length: 12 }, () => chunk("x".repeat(20_000))),
    ],
    expect: { status: 413, reason: "body_too_large", closed: true },
  },
  {
    name: "a multipart body within its parts",
    send: [post("/upload", `${many(4, part)}--b--\r\n`, multipart)],
    expect: { status: 200, body: /"bytes":\d+/u },
  },
  {
    name: "a multipart body with too many parts",
    send: [post("/upload", `${many(9, part)}--b--\r\n`, multipart)],
    expect: { status: 400, reason: "parameters_too_many", closed: true },
  },
  {
    name: "a body that the application does not read",
    send: [post("/unread", "x".repeat(9000), { "Content-Type": "text/csv" })],
    expect: { status: [200], body: "not read", closed: false },
  },
  {
    name: "an unread body leaves the connection usable",
    send: [post("/unread", "x".repeat(9000), { "Content-Type": "text/csv" }), { waitFor: "not read" }, get("/")],
    listening: { responses: 2 },
    expect: { status: [200, 200] },
  },
  {
    name: "a refused body leaves the connection usable",
    send: [post("/documents", "{}"), { waitFor: "csrf_failed" }, get("/")],
    listening: { responses: 2 },
    expect: { status: [403, 200] },
  },
  {
    name: "a body on a path that does not exist, exceeded",
    send: [
      request("POST /nothing", { "Content-Type": "application/json", "Transfer-Encoding": "chunked" }),
      ...Array.from({ length: 12 }, () => chunk("x".repeat(20_000))),
    ],
    expect: { status: 404, reason: "not_found" },
  },
  {
    name: "JSON nested too deeply",
    send: [post("/public", "[".repeat(40) + "]".repeat(40))],
    expect: { status: 400, reason: "body_too_deep", nothingRan: true },
  },
  {
    name: "a prototype key",
    send: [post("/public", '{"__proto__":{"admin":true}}')],
    expect: { status: 400, reason: "key_forbidden", nothingRan: true },
  },
  {
    name: "an escaped prototype key",
    send: [post("/public", '{"\\u005f_proto__":{"admin":true}}')],
    expect: { status: 400, reason: "key_forbidden", nothingRan: true },
  },
  {
    name: "a prototype key in a form",
    send: [post("/public", "__proto__=1", { "Content-Type": FORM })],
    expect: { status: 400, reason: "key_forbidden", nothingRan: true },
  },
  {
    name: "too many form fields",
    send: [
      post(
        "/public",
        many(1200, (index) => `a${index}=&`),
        { "Content-Type": FORM },
      ),
    ],
    expect: { status: 400, reason: "parameters_too_many", nothingRan: true },
  },
  {
    name: "a JSON key twice",
    send: [post("/public", '{"a":1,"a":2}')],
    expect: { status: 400, reason: "body_malformed", nothingRan: true },
  },
  {
    name: "malformed JSON",
    send: [post("/public", '{"a":')],
    expect: { status: 400, reason: "body_malformed", nothingRan: true },
  },
  {
    name: "JSON that is not UTF-8",
    send: [
      request("POST /public", { "Content-Type": "application/json", "Content-Length": "9" }),
      Buffer.from('{"a":"\xff"}', "latin1"),
    ],
    expect: { status: 400, reason: "body_malformed", nothingRan: true },
  },
  {
    name: "another charset",
    send: [post("/public", "{}", { "Content-Type": "application/json; charset=utf-16" })],
    expect: { status: 415, reason: "media_type_unsupported", nothingRan: true },
  },
  {
    name: "a body whose type is two types",
    send: [post("/public", '{"__proto__":1}', { "Content-Type": "application/json, text/plain" })],
    expect: { status: 415, reason: "media_type_unsupported", nothingRan: true },
  },
  {
    name: "a compressed body",
    send: [post("/public", "{}", { "Content-Encoding": "gzip" })],
    expect: { status: 415, reason: "media_type_unsupported", nothingRan: true },
  },
  {
    name: "a body that says twice how it is compressed",
    send: [post("/public", "{}", { "Content-Encoding": "identity\r\nContent-Encoding: gzip" })],
    expect: { status: 415, reason: "media_type_unsupported", nothingRan: true },
  },
  {
    name: "a handler that does not begin to answer",
    send: [get("/hangs") + get("/")],
    listening: { responses: 2, silenceMs: 3000 },
    expect: { status: [503], reason: "overloaded", closed: true, ran: "GET /hangs", event: "sys_response_late" },
  },
  {
    name: "headers that never end",
    send: ["GET / HTTP/1.1\r\nHost: app.example.com\r\n", 1000],
    listening: { silenceMs: 2500 },
    expect: { status: 408, reason: "request_timeout", closed: true, nothingRan: true },
  },
  {
    name: "a body that never ends",
    send: [post("/public", '{"a"', { "Content-Length": "100" })],
    listening: { silenceMs: 3500 },
    expect: { status: 408, reason: "request_timeout", closed: true, nothingRan: true },
  },
];
