import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { connect, type AddressInfo, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { REASONS, type Reason } from "../core/reasons.ts";
import { reasonOfClientError } from "./client-error.ts";

/** A real server that answers nothing by itself, and remembers what became of each request. */
let server: Server;
const handled: string[] = [];
const refused: Reason[] = [];

beforeAll(async () => {
  server = createServer({ requireHostHeader: false, headersTimeout: 300, connectionsCheckingInterval: 50 });
  server.on("request", (request, response) => {
    handled.push(`${request.method} ${request.url}`);
    request.on("error", () => undefined).resume();
    response.end("seen");
  });
  server.on("clientError", (error, socket) => {
    const reason = reasonOfClientError(error as NodeJS.ErrnoException);
    refused.push(reason);
    if (!socket.writable) return void socket.destroy();
    socket.end(`HTTP/1.1 ${REASONS[reason].status} Refused\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

/** Sends bytes and resolves with everything that came back once the connection is over at both ends. */
async function send(bytes: string, quietMs = 150): Promise<string> {
  handled.length = 0;
  refused.length = 0;
  const accepted = new Promise<Socket>((resolve) => server.once("connection", resolve));
  const answer = await new Promise<string>((resolve) => {
    const socket = connect((server.address() as AddressInfo).port, "127.0.0.1", () => socket.write(bytes, "latin1"));
    let received = "";
    socket.setEncoding("latin1").setTimeout(quietMs, () => socket.destroy());
    socket.on("data", (chunk: string) => (received += chunk));
    socket.on("error", () => undefined);
    socket.on("close", () => resolve(received));
  });
  const served = await accepted;
  if (!served.closed) await once(served, "close");
  return answer;
}

const get = (line: string, rest = ""): string => `${line}\r\nHost: a\r\n${rest}\r\n`;
const post = (headers: string, body = ""): string => `POST / HTTP/1.1\r\nHost: a\r\n${headers}\r\n\r\n${body}`;

describe("reasonOfClientError", () => {
  it.each<[string, string, Reason]>([
    ["an obs-fold", get("GET / HTTP/1.1", "X-A: b\r\n c\r\n"), "request_malformed"],
    ["a space before the colon", get("GET / HTTP/1.1", "X-A : b\r\n"), "request_malformed"],
    ["a NUL in a value", get("GET / HTTP/1.1", "X-A: b\0c\r\n"), "request_malformed"],
    ["a header name that is not a token", get("GET / HTTP/1.1", "X/A: b\r\n"), "request_malformed"],
    ["a bare CR in a value", get("GET / HTTP/1.1", "X-A: b\rX-B: c\r\n"), "framing_ambiguous"],
    ["a bare LF after a header", get("GET / HTTP/1.1", "X-A: b\nX-B: c\r\n"), "framing_ambiguous"],
    ["TE after CL", post("Content-Length: 5\r\nTransfer-Encoding: chunked", "0\r\n\r\n"), "framing_ambiguous"],
    ["CL after TE", post("Transfer-Encoding: chunked\r\nContent-Length: 5", "0\r\n\r\n"), "framing_ambiguous"],
    ["two lengths", post("Content-Length: 1\r\nContent-Length: 2", "xx"), "framing_ambiguous"],
    ["a signed length", post("Content-Length: +1", "x"), "framing_ambiguous"],
    ["a list of lengths", post("Content-Length: 1, 1", "x"), "framing_ambiguous"],
    ["chunked that is not last", post("Transfer-Encoding: chunked, gzip", "0\r\n\r\n"), "framing_ambiguous"],
    ["chunked twice", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"), "framing_ambiguous"],
    ["an unknown method", get("FOO / HTTP/1.1"), "method_unknown"],
    ["a lower-case method", get("get / HTTP/1.1"), "method_unknown"],
    ["a control byte in the target", get("GET /a\x01b HTTP/1.1"), "request_malformed"],
    ["raw UTF-8 in the target", get("GET /\xc3\xa9 HTTP/1.1"), "request_malformed"],
    ["an unknown version", get("GET / HTTP/1.2"), "request_malformed"],
    ["the HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "request_malformed"],
    ["headers over the limit", get("GET / HTTP/1.1", `X: ${"a".repeat(20_000)}\r\n`), "headers_too_large"],
  ])("names what the parser found in %s, before any handler runs", async (_, bytes, reason) => {
    const answer = await send(bytes);
    expect(refused).toEqual([reason]);
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${REASONS[reason].status} `, "u"));
    expect(handled).toEqual([]);
  });

  it.each<[string, string, Reason]>([
    ["a chunk size that is no number", "zz\r\nx\r\n0\r\n\r\n", "framing_ambiguous"],
    ["a chunk size with a sign", "-1\r\nx\r\n0\r\n\r\n", "framing_ambiguous"],
    ["a bare LF after a chunk size", "1\nx\n0\n\n", "framing_ambiguous"],
    ["chunk extensions without end", `1;${"a".repeat(20_000)}\r\nx\r\n0\r\n\r\n`, "body_too_large"],
  ])("names what the parser found in a body with %s, after the handler began", async (_, body, reason) => {
    await send(post("Transfer-Encoding: chunked", body));
    expect(handled).toEqual(["POST /"]);
    expect(refused).toEqual([reason]);
  });

  it("calls headers that never end a timeout, and may be told of the same socket again when the client hangs up", async () => {
    const answer = await send("GET / HTTP/1.1\r\nHost: a\r\n", 2_000);
    expect(refused[0]).toBe("request_timeout");
    expect(answer.match(/HTTP\/1\.1 408 /gu)).toHaveLength(1);
  });

  it.each<[string, string]>([
    ["two Host lines", get("GET / HTTP/1.1", "Host: b\r\n")],
    ["no Host", "GET / HTTP/1.1\r\nX-A: b\r\n\r\n"],
    ["an absolute target", get("GET http://elsewhere/ HTTP/1.1")],
    ["a backslash in the target", get("GET /a\\b HTTP/1.1")],
    ["a fragment in the target", get("GET /a#b HTTP/1.1")],
    ["TRACE", get("TRACE / HTTP/1.1")],
    ["a made-up HTTP/2.0", get("GET / HTTP/2.0")],
    ["an empty Transfer-Encoding beside a length", post("Transfer-Encoding: \r\nContent-Length: 1", "x")],
    ["chunked in HTTP/1.0", "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
    ["two codings", post("Transfer-Encoding: gzip, chunked", "0\r\n\r\n")],
  ])("cannot help with %s: Node passes it on, so the request-shape control must look", async (_, bytes) => {
    await send(bytes);
    expect(handled).toHaveLength(1);
    expect(refused).toEqual([]);
  });

  it.each([{}, { code: "ECONNRESET" }, { code: "HPE_SOMETHING_NEW" }, { code: "__proto__" }])(
    "treats %j as malformed",
    (error) => expect(reasonOfClientError(error)).toBe("request_malformed"),
  );
});
