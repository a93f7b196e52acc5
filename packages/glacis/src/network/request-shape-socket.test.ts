import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import { connect, type AddressInfo, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { interpreted } from "../../../../test/support/wire.ts";
import type { Decision } from "../core/decision.ts";
import { REASONS, type Reason } from "../core/reasons.ts";
import type { Wire } from "../core/wire.ts";
import { reasonOfClientError } from "../primitives/client-error.ts";
import { allowedHosts } from "./allowed-hosts.ts";
import { requestShape } from "./request-shape.ts";
import { trustedProxies } from "./trusted-proxies.ts";

describe("the request shape on a real socket", () => {
  let server: Server;
  const handled: string[] = [];
  const proxies = trustedProxies();
  const controls = [requestShape(), allowedHosts({ origin: "http://app.example.com" }), proxies.control];

  beforeAll(async () => {
    // Node emits what a client pipelined behind a closing answer: like the adapters, this server does not take it for a request.
    const closing = new WeakSet<object>();
    server = createServer({ requireHostHeader: false }, (request, response) => {
      if (closing.has(request.socket)) return void request.resume();
      const denied = controls
        .map((control) => control.decide?.(interpreted(wireOf(request), proxies.resolve)) as Decision)
        .find(({ kind }) => kind === "deny");
      request.on("error", () => undefined);
      if (denied?.kind === "deny") {
        const { status } = REASONS[denied.reason];
        if (status === 400) closing.add(request.socket);
        response.writeHead(status, status === 400 ? { connection: "close" } : {}).end(denied.reason);
        return;
      }
      handled.push(`${request.method} ${request.url}`);
      request.resume().on("end", () => response.end("served"));
    });
    server.on("clientError", (error, socket) => {
      const reason = reasonOfClientError(error as NodeJS.ErrnoException);
      if (socket.writable && !closing.has(socket))
        socket.end(`HTTP/1.1 ${REASONS[reason].status} Refused\r\nConnection: close\r\n\r\n${reason}`);
      else socket.destroy();
    });
    await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });

  function wireOf(request: IncomingMessage): Wire {
    const { method = "", url: target = "", httpVersion, rawHeaders, socket } = request;
    return { method, target, httpVersion, rawHeaders, peerAddress: socket.remoteAddress ?? "", encrypted: false };
  }

  /** Sends bytes, keeps the connection open for a moment, and returns all answers. */
  async function send(bytes: string): Promise<string> {
    handled.length = 0;
    const accepted = new Promise<Socket>((connected) => server.once("connection", connected));
    const socket = connect((server.address() as AddressInfo).port, "127.0.0.1", () => socket.write(bytes, "latin1"));
    let answer = "";
    socket.setEncoding("latin1").setTimeout(100, () => socket.destroy());
    socket.on("data", (chunk: string) => (answer += chunk)).on("error", () => undefined);
    const served = await accepted;
    await once(socket, "close");
    if (!served.closed) await once(served, "close");
    return answer;
  }

  const SMUGGLED = "GET /smuggled HTTP/1.1\r\nHost: app.example.com\r\n\r\n";
  const get = (headers: string, line = "GET / HTTP/1.1"): string => `${line}\r\n${headers}\r\n\r\n${SMUGGLED}`;
  const post = (headers: string, body = ""): string =>
    `POST / HTTP/1.1\r\nHost: app.example.com\r\n${headers}\r\n\r\n${body}${SMUGGLED}`;

  it.each<[string, string, Reason]>([
    ["CL.TE", post("Content-Length: 5\r\nTransfer-Encoding: chunked", "0\r\n\r\n"), "framing_ambiguous"],
    ["TE.CL", post("Transfer-Encoding: chunked\r\nContent-Length: 5", "0\r\n\r\n"), "framing_ambiguous"],
    ["an empty TE beside CL", post("Transfer-Encoding: \r\nContent-Length: 1", "x"), "framing_ambiguous"],
    ["TE: xchunked", post("Transfer-Encoding: xchunked", "0\r\n\r\n"), "framing_ambiguous"],
    ["TE: identity", post("Transfer-Encoding: identity"), "framing_ambiguous"],
    ["TE: gzip, chunked", post("Transfer-Encoding: gzip, chunked", "0\r\n\r\n"), "framing_ambiguous"],
    ["TE in other capitals", post("Transfer-Encoding: cHuNkEd", "0\r\n\r\n"), "framing_ambiguous"],
    ["TE twice", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: x", "0\r\n\r\n"), "framing_ambiguous"],
    ["TE before a space and colon", post("Transfer-Encoding : chunked", "0\r\n\r\n"), "request_malformed"],
    ["CL twice", post("Content-Length: 0\r\nContent-Length: 0"), "framing_ambiguous"],
    [
      "chunked in HTTP/1.0",
      `POST / HTTP/1.0\r\nHost: app.example.com\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${SMUGGLED}`,
      "framing_ambiguous",
    ],
    ["an obs-fold", get("Host: app.example.com\r\nX-A: b\r\n c"), "request_malformed"],
    ["a bare CR", get("Host: app.example.com\r\nX-A: b\rX-B: c"), "framing_ambiguous"],
    ["a bare LF", get("Host: app.example.com\nX-A: b"), "framing_ambiguous"],
    ["a NUL", get("Host: app.example.com\r\nX-A: \0"), "request_malformed"],
    ["two Hosts", get("Host: app.example.com\r\nHost: evil.invalid"), "host_malformed"],
    ["no Host", get("X-A: b"), "host_malformed"],
    ["no Host in HTTP/1.0", get("Connection: keep-alive", "GET / HTTP/1.0"), "host_malformed"],
    ["an empty Host", get("Host: "), "host_malformed"],
    ["a Host with userinfo", get("Host: app.example.com@evil.invalid"), "host_malformed"],
    [
      "an absolute target for another host",
      get("Host: app.example.com", "GET http://evil.invalid/ HTTP/1.1"),
      "host_malformed",
    ],
    ["a fragment", get("Host: app.example.com", "GET /#x HTTP/1.1"), "request_malformed"],
    ["a backslash", get("Host: app.example.com", "GET /\\evil.invalid HTTP/1.1"), "request_malformed"],
    ["HTTP/2.0 as a word", get("Host: app.example.com", "GET / HTTP/2.0"), "request_malformed"],
    ["HTTP/0.9", "GET /\r\n\r\n", "request_malformed"],
    ["an override header", get("Host: app.example.com\r\nX-HTTP-Method-Override: DELETE"), "method_override"],
    ["two cookies", get("Host: app.example.com\r\nCookie: a=1\r\nCookie: a=2"), "header_duplicated"],
  ])("answers %s with 400, closes, and never serves what follows", async (_, bytes, reason) => {
    const answer = await send(bytes);
    expect(answer).toMatch(/^HTTP\/1\.1 400 /u);
    expect(answer).toContain(reason);
    expect(answer.match(/HTTP\/1\.1 /gu)).toHaveLength(1);
    expect(handled).toEqual([]);
  });

  it.each<[string, string, number]>([
    ["TRACE", "TRACE / HTTP/1.1\r\nHost: app.example.com\r\n\r\n", 405],
    ["TRACK", "TRACK / HTTP/1.1\r\nHost: app.example.com\r\n\r\n", 501],
    ["PROPFIND", "PROPFIND / HTTP/1.1\r\nHost: app.example.com\r\n\r\n", 501],
    ["a made-up method", "FOO / HTTP/1.1\r\nHost: app.example.com\r\n\r\n", 501],
    ["another host", "GET / HTTP/1.1\r\nHost: evil.invalid\r\n\r\n", 421],
    ["another host in both places", "GET http://evil.invalid/ HTTP/1.1\r\nHost: evil.invalid\r\n\r\n", 421],
  ])("answers %s with its status, without serving or reflecting", async (_, bytes, status) => {
    const answer = await send(bytes);
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `, "u"));
    expect(answer).not.toContain("evil");
    expect(handled).toEqual([]);
  });

  it("serves what is well-formed, and the next request on the same connection", async () => {
    const chunked = post("Transfer-Encoding: chunked", "5\r\nhello\r\n0\r\n\r\n");
    expect((await send(chunked)).match(/HTTP\/1\.1 200 /gu)).toHaveLength(2);
    expect(handled).toEqual(["POST /", "GET /smuggled"]);
  });
});
