import { createServer, type Server } from "node:http";
import { connect, type AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import type { Deployment } from "../core/control.ts";
import type { Decision } from "../core/decision.ts";
import { sketchExchange, type RequestSketch } from "../testing/exchange.ts";
import { requestLimits, type RequestLimitsOptions } from "./request-limits.ts";

const production: Deployment = {
  mode: "production",
  nodeVersion: "22.0.0",
  variables: new Map(),
  nodeOptions: [],
  nowMs: Date.parse("2026-11-26"),
};

function judge(sketch: RequestSketch, options: RequestLimitsOptions = {}): string {
  const decision = requestLimits(options).control.decide?.(sketchExchange(sketch)) as Decision;
  return decision.kind === "deny" ? decision.reason : decision.kind;
}

const lines = (count: number): Record<string, string> =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`x-${index}`, "1"]));

describe("construction", () => {
  it.each([
    [{ jsonByte: 1 }, /Did you mean "jsonBytes"/u],
    [{ headerBytes: 0 }, /headerBytes as a whole number greater than zero/u],
    [{ jsonBytes: Infinity }, /jsonBytes as a whole number/u],
    [{ jsonDepth: 1.5 }, /jsonDepth as a whole number/u],
    [{ requestTimeoutMs: -1 }, /requestTimeoutMs/u],
    [{ headersTimeoutMs: 60_000 }, /no longer than requestTimeoutMs/u],
  ])("refuses %j and says what to write instead", (options, message) => {
    expect(() => requestLimits(options as RequestLimitsOptions)).toThrow(message);
  });
});

describe("the head of a request", () => {
  it("lets an ordinary request pass", () => {
    expect(judge({ headers: { accept: "*/*", cookie: "a=b" }, target: "/documents?page=2" })).toBe("allow");
  });

  it.each([
    ["the URL", { target: `/${"a".repeat(8191)}` }, { target: `/${"a".repeat(8192)}` }, "target_too_long"],
    ["the header lines", { headers: lines(99) }, { headers: lines(100) }, "headers_too_large"],
    [
      "the header bytes",
      { headers: { x: "a".repeat(16 * 1024 - "Host: app.example.com\r\nx: \r\n".length) } },
      { headers: { x: "a".repeat(16 * 1024 - "Host: app.example.com\r\nx: \r\n".length + 1) } },
      "headers_too_large",
    ],
    [
      "the query parameters",
      { target: `/?${"a&".repeat(999)}a` },
      { target: `/?${"a&".repeat(1000)}a` },
      "parameters_too_many",
    ],
    [
      "the declared length",
      { method: "POST", headers: { "content-length": String(100 * 1024 * 1024) } },
      { method: "POST", headers: { "content-length": String(100 * 1024 * 1024 + 1) } },
      "body_too_large",
    ],
  ])("allows %s up to the limit and refuses one more", (_, within, beyond, reason) => {
    expect(judge(within)).toBe("allow");
    expect(judge(beyond)).toBe(reason);
  });

  it("measures header lines as sent, duplicates included", () => {
    const rawHeaders = Array.from({ length: 101 }, () => ["Cookie", "a=b"]).flat();
    expect(judge({ rawHeaders })).toBe("headers_too_large");
  });

  it.each(["", "-1", "+5", "5, 5", "5 5", "0x10", "1e3", "1.0", "٣"])("refuses the Content-Length %j", (length) => {
    expect(judge({ method: "POST", headers: { "content-length": length } })).toBe("framing_ambiguous");
  });

  it("refuses a Content-Length beyond every number", () => {
    expect(judge({ method: "POST", headers: { "content-length": "9".repeat(400) } })).toBe("body_too_large");
  });

  it.each([
    ["a POST without any body, as curl -X POST sends it", { method: "POST" }, "allow"],
    ["a POST with Content-Length: 0", { method: "POST", headers: { "content-length": "0" } }, "allow"],
    [
      "a POST in chunks",
      { method: "POST", headers: { "transfer-encoding": "chunked", "content-type": "text/csv" } },
      "allow",
    ],
    ["a GET with a Content-Type", { headers: { "content-type": "application/json" } }, "allow"],
    ["a DELETE with a Content-Type", { method: "DELETE", headers: { "content-type": "application/json" } }, "allow"],
    [
      "a POST that names a type and no length",
      { method: "POST", headers: { "content-type": "text/csv" } },
      "length_required",
    ],
    [
      "a PUT that names a type and no length",
      { method: "PUT", headers: { "Content-Type": "text/csv" } },
      "length_required",
    ],
    [
      "a PATCH that asks to continue and has no length",
      { method: "PATCH", headers: { expect: "100-continue" } },
      "length_required",
    ],
  ])("judges %s", (_, sketch, expected) => {
    expect(judge(sketch)).toBe(expected);
  });

  it.each([
    ["application/json", "allow"],
    ["application/json; charset=utf-8", "allow"],
    ['application/json;charset="UTF-8"', "allow"],
    ["application/json; charset=us-ascii", "allow"],
    ["application/json; charset=utf8", "allow"],
    ["application/json; charset = utf-16", "media_type_unsupported"],
    ["application/json; charset=utf-16", "media_type_unsupported"],
    ["application/vnd.api+json ; charset=latin1", "media_type_unsupported"],
    ["application/x-www-form-urlencoded; charset=ISO-8859-1", "media_type_unsupported"],
    ["application/json; charset=utf-8; charset=utf-16", "media_type_unsupported"],
    ['application/json; a=";charset=utf-8"; charset=utf-16', "media_type_unsupported"],
    ["text/plain; charset=iso-8859-1", "allow"],
  ])("reads what it parses as UTF-8 only: %s", (contentType, expected) => {
    expect(judge({ method: "POST", headers: { "content-type": contentType, "content-length": "2" } })).toBe(expected);
  });

  it.each([
    ["application/json, text/plain", "media_type_unsupported"],
    ["application/json/x", "media_type_unsupported"],
    ["json", "media_type_unsupported"],
    ["", "media_type_unsupported"],
    ["application/ json", "media_type_unsupported"],
    ["application/json;", "allow"],
    ["image/svg+xml ; a=b", "allow"],
  ])("refuses a body whose type two readers would read differently: %s", (contentType, expected) => {
    const headers = { "content-type": contentType };
    expect(judge({ method: "POST", headers: { ...headers, "content-length": "2" } })).toBe(expected);
    expect(judge({ method: "POST", headers: { ...headers, "transfer-encoding": "chunked" } })).toBe(expected);
    expect(judge({ method: "POST", headers: { ...headers, "content-length": "0" } })).toBe("allow");
    expect(judge({ headers })).toBe("allow");
  });

  it("names the limit in the event and nothing of the request", () => {
    const decision = requestLimits().control.decide?.(
      sketchExchange({ target: `/${"secret".repeat(2000)}` }),
    ) as Decision;
    expect(decision.events).toEqual([
      {
        event_type: "input_validation",
        status: "refused",
        severity: "info",
        event: "input_validation_fail",
        control: "request-limits",
        reason: "target_too_long",
        detail: "target_bytes",
        limit: 8192,
      },
    ]);
  });
});

it("sets the server's limits, a little above its own where its own answer is to come first", () => {
  const { server } = requestLimits({ responseTimeoutMs: 1, maxRequestsPerSocket: 7 });
  expect(server).toMatchObject({ maxHeaderCount: 101, connectionsCheckingIntervalMs: 3000 });
  expect(server).toMatchObject({ responseTimeoutMs: 21_000, maxRequestsPerSocket: 7 });
});

describe("how large a body may be", () => {
  const { body } = requestLimits({ bodyCeilingBytes: 20 * 1024 * 1024 });
  const max = (contentType: string, bodyBytes?: number): number =>
    body.maxBytes(
      sketchExchange({
        method: "POST",
        headers: { "content-type": contentType },
        ...(bodyBytes !== undefined && { route: { bodyBytes } }),
      }),
    );

  it.each([
    ["application/json", 100 * 1024],
    ["APPLICATION/JSON; charset=utf-8", 100 * 1024],
    ["application/x-www-form-urlencoded", 1024 * 1024],
    ["multipart/form-data; boundary=x", 10 * 1024 * 1024],
    ["application/octet-stream", 100 * 1024],
    ["", 100 * 1024],
  ])("%s", (contentType, bytes) => {
    expect(max(contentType)).toBe(bytes);
  });

  it("lets a route say otherwise, up to the ceiling", () => {
    expect(max("application/json", 5_000_000)).toBe(5_000_000);
    expect(max("application/json", 0)).toBe(0);
    expect(max("application/json", 500_000_000)).toBe(20 * 1024 * 1024);
  });
});

describe("check", () => {
  it("finds nothing in the defaults", () => {
    expect(requestLimits().control.check(production)).toEqual([]);
  });

  it("asks about limits that hardly limit, and names each", () => {
    const { control } = requestLimits({
      jsonBytes: 50_000_000,
      jsonDepth: 5000,
      headersTimeoutMs: 120_000,
      requestTimeoutMs: 120_000,
    });
    expect(control.check(production).map(({ rule, at }) => [rule.id, at.kind === "setting" && at.name])).toEqual([
      ["request-limits/too-generous", "request-limits jsonBytes"],
      ["request-limits/too-generous", "request-limits jsonDepth"],
      ["request-limits/slow-client-tolerated", "request-limits headersTimeoutMs"],
    ]);
  });
});

describe("on a socket", () => {
  let server: Server | undefined;
  afterEach(() => server?.close());

  /** A plain server with the limits set as an adapter sets them; answers with the reason or "allow". */
  async function listen(options: RequestLimitsOptions): Promise<number> {
    const { control, server: limits } = requestLimits(options);
    server = createServer((request, response) => {
      const exchange = sketchExchange({
        method: request.method as string,
        target: request.url as string,
        rawHeaders: request.rawHeaders,
      });
      const decision = control.decide?.(exchange) as Decision;
      response.end(decision.kind === "deny" ? decision.reason : decision.kind);
    });
    server.maxHeadersCount = limits.maxHeaderCount;
    Object.assign(server, {
      maxHeaderSize: limits.maxHeaderBytes,
      connectionsCheckingInterval: limits.connectionsCheckingIntervalMs,
    });
    server.headersTimeout = limits.headersTimeoutMs;
    server.requestTimeout = limits.requestTimeoutMs;
    await new Promise<void>((resolve) => server?.listen(0, "127.0.0.1", resolve));
    return (server.address() as AddressInfo).port;
  }

  function talk(port: number, text: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const socket = connect(port, "127.0.0.1", () => socket.write(text));
      let received = "";
      socket.on("data", (chunk) => (received += chunk.toString()));
      socket.on("error", reject);
      socket.on("close", () => resolve(received));
    });
  }

  const head = (target: string, extra: string): string =>
    `GET ${target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${extra}\r\n`;

  it.each([
    [98, "allow"],
    [99, "headers_too_large"],
    [150, "headers_too_large"],
    [1000, "headers_too_large"],
  ])("sees that %i extra lines are too many although node drops lines in silence", async (count, expected) => {
    const port = await listen({});
    const extra = Array.from({ length: count }, (_, index) => `x${index}: 1\r\n`).join("");
    expect((await talk(port, head("/", extra))).split("\r\n\r\n")[1]).toContain(expected);
  });

  it("answers a 17 KiB URL and 17 KiB of headers by itself, and leaves a flood to node", async () => {
    const port = await listen({});
    expect(await talk(port, head(`/${"a".repeat(17 * 1024)}`, ""))).toContain("target_too_long");
    expect(await talk(port, head("/", `x: ${"a".repeat(17 * 1024)}\r\n`))).toContain("headers_too_large");
    expect(await talk(port, head("/", `x: ${"a".repeat(64 * 1024)}\r\n`))).toMatch(/^HTTP\/1\.1 431 /u);
  });

  it("closes on a client that trickles its headers, soon after the timeout", async () => {
    const port = await listen({ headersTimeoutMs: 500, requestTimeoutMs: 1000 });
    const start = performance.now();
    expect(await talk(port, "GET / HTTP/1.1\r\nHost: a\r\nX-Slow")).toMatch(/^HTTP\/1\.1 408 /u);
    expect(performance.now() - start).toBeLessThan(1500);
  });

  it("closes on a client that never finishes its body", async () => {
    const port = await listen({ headersTimeoutMs: 300, requestTimeoutMs: 600 });
    const start = performance.now();
    const received = await talk(port, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc");
    expect(received).toContain("allow");
    expect(performance.now() - start).toBeLessThan(2000);
  });
});
