import { createServer as createPlainServer } from "node:http";
import { createServer, type Server } from "node:https";
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { getEventListeners, once } from "node:events";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import tls from "node:tls";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { startDnsServer, type DnsRecord, type DnsServer } from "../../../../test/support/dns-server.ts";
import { testCertificate } from "../../../../test/support/tls-certificate.ts";
import type { Deployment } from "../core/control.ts";
import type { AuditEvent } from "../core/event.ts";
import { OutboundError } from "./outbound-error.ts";
import { dangerouslyAllowAddresses, outbound, type Outbound, type OutboundOptions } from "./outbound.ts";

const NAMES = ["app.example.com", "other.example.com", "files.example.com"];
const certificate = testCertificate(NAMES, ["127.0.0.1"]);

let answers: (name: string, type: "A" | "AAAA", before: number) => readonly DnsRecord[];
let handler: RequestListener;
let port: number;
let origin: string;
let dns: DnsServer;
/** Allowed, and not allowed: the same port on two addresses of this machine. */
let near: Server;
let far: Server;
let nearSockets = 0;
let farSockets = 0;
const events: AuditEvent[] = [];
const opened: Outbound[] = [];

const local: readonly DnsRecord[] = [{ type: "A", address: "127.0.0.1" }];

beforeAll(async () => {
  dns = await startDnsServer((name, type, before) => answers(name, type, before));
  near = createServer(certificate, (request, response) => handler(request, response));
  near.on("connection", () => (nearSockets += 1));
  near.listen(0, "127.0.0.1");
  await once(near, "listening");
  ({ port } = near.address() as AddressInfo);
  far = createServer(certificate, (_, response) => response.end("inside"));
  far.on("connection", () => (farSockets += 1));
  far.listen(port, "127.0.0.2");
  await once(far, "listening");
  origin = `https://app.example.com:${port}`;
});
beforeEach(() => {
  answers = (_, type) => (type === "A" ? local : []);
  handler = (_, response) => response.end("hello");
  nearSockets = 0;
  farSockets = 0;
  events.length = 0;
  dns.questions.clear();
});
afterEach(async () => {
  near.closeAllConnections();
  far.closeAllConnections();
  await Promise.all(opened.splice(0).map((way) => way.close()));
});
afterAll(() => {
  near.close();
  far.close();
  dns.close();
});

const open = (change?: Partial<OutboundOptions>): Outbound["fetch"] => openWay(change).fetch;

function openWay(change: Partial<OutboundOptions> = {}): Outbound {
  const way = outbound({
    hosts: [".example.com"],
    ports: [port],
    ca: certificate.cert,
    resolve: dns.resolve,
    report: (event) => events.push(event),
    [dangerouslyAllowAddresses]: ["127.0.0.1/32"],
    ...change,
  });
  opened.push(way);
  return way;
}

async function failure(pending: Promise<unknown>): Promise<OutboundError> {
  const error: unknown = await pending.then(
    () => expect.fail("It succeeded."),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(OutboundError);
  return error as OutboundError;
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

describe("outbound().fetch", () => {
  it("fetches as the platform does", async () => {
    handler = (request, response) => {
      response.setHeader("content-type", "application/json");
      response.setHeader("set-cookie", ["a=1", "b=2"]);
      response.statusCode = 201;
      response.end(JSON.stringify({ url: request.url, host: request.headers.host }));
    };
    const response = await open()(`${origin}/path?q=1#fragment`);
    expect(response).toBeInstanceOf(Response);
    expect(response.status).toBe(201);
    expect(response.ok).toBe(true);
    expect(response.url).toBe(`${origin}/path?q=1`);
    expect(response.redirected).toBe(false);
    expect(response.headers.getSetCookie()).toEqual(["a=1", "b=2"]);
    expect(await response.json()).toEqual({ url: "/path?q=1", host: `app.example.com:${port}` });
  });

  it("sends every kind of body with its type", async () => {
    handler = (request, response) => {
      void bodyOf(request).then((text) => {
        response.end(JSON.stringify([request.method, (request.headers["content-type"] ?? "none").split(";")[0], text]));
      });
    };
    const fetch = open();
    const form = new FormData();
    form.set("name", "value");
    const send = async (body: RequestInit["body"]): Promise<unknown> =>
      (await fetch(origin, { method: "post", body })).json();
    expect(await send("text")).toEqual(["POST", "text/plain", "text"]);
    expect(await send(Buffer.from("bytes"))).toEqual(["POST", "none", "bytes"]);
    expect(await send(new TextEncoder().encode("buffer").buffer)).toEqual(["POST", "none", "buffer"]);
    expect(await send(new URLSearchParams({ a: "1 2" }))).toEqual([
      "POST",
      "application/x-www-form-urlencoded",
      "a=1+2",
    ]);
    expect(await send(new Blob(["blob"], { type: "image/x" }))).toEqual(["POST", "image/x", "blob"]);
    expect(await send(new Response("stream").body)).toEqual(["POST", "none", "stream"]);
    const [, type, text] = (await send(form)) as [string, string, string];
    expect(type).toBe("multipart/form-data");
    expect(text).toContain('name="name"\r\n\r\nvalue');
    const request = new Request(origin, { method: "PUT", body: "r", headers: { "content-type": "a/b" } });
    expect(await (await fetch(request)).json()).toEqual(["PUT", "a/b", "r"]);
  });

  it("keeps connections alive, and hands back those of responses that nobody reads", async () => {
    const fetch = open();
    for (let index = 0; index < 20; index += 1) expect((await fetch(origin)).status).toBe(200);
    // A request that follows at once may meet its connection still saying goodbye to the last one.
    expect(nearSockets).toBeLessThanOrEqual(2);
    expect(dns.questions.get("A app.example.com")).toBe(nearSockets);
  });

  it("answers HEAD, 204 and 304 without a body", async () => {
    handler = (request, response) => {
      response.statusCode = Number((request.url ?? "").slice(1));
      response.setHeader("content-length", request.method === "HEAD" ? 10_000_000_000 : 0);
      if (response.statusCode !== 200) response.removeHeader("content-length");
      response.end();
    };
    const fetch = open();
    const head = await fetch(`${origin}/200`, { method: "HEAD" });
    expect([head.status, head.body, head.headers.get("content-length")]).toEqual([200, null, "10000000000"]);
    expect((await fetch(`${origin}/204`)).body).toBe(null);
    expect((await fetch(`${origin}/304`)).body).toBe(null);
  });

  it("checks the certificate against the name, whatever the environment says", async () => {
    const before = process.env["NODE_TLS_REJECT_UNAUTHORIZED"];
    process.env["NODE_TLS_REJECT_UNAUTHORIZED"] = "0";
    try {
      const otherName = await failure(open()(`https://www.example.com:${port}/`));
      expect(otherName.reason).toBe("connection-failed");
      expect(otherName.cause).toMatchObject({ code: "ERR_TLS_CERT_ALTNAME_INVALID" });
      const otherAuthority = await failure(open({ ca: testCertificate(NAMES).cert })(origin));
      expect(otherAuthority.cause).toMatchObject({ code: "DEPTH_ZERO_SELF_SIGNED_CERT" });
    } finally {
      if (before === undefined) delete process.env["NODE_TLS_REJECT_UNAUTHORIZED"];
      else process.env["NODE_TLS_REJECT_UNAUTHORIZED"] = before;
    }
  });

  it("speaks no TLS before 1.2, whatever the process would", async () => {
    const before = [tls.DEFAULT_MIN_VERSION, tls.DEFAULT_CIPHERS] as const;
    const weak = { minVersion: "TLSv1", ciphers: "DEFAULT@SECLEVEL=0" } as const;
    const old = createServer({ ...certificate, ...weak, maxVersion: "TLSv1.1" }, (_, response) => response.end("old"));
    old.listen(0, "127.0.0.1");
    await once(old, "listening");
    const address = old.address() as AddressInfo;
    Object.assign(tls, { DEFAULT_MIN_VERSION: weak.minVersion, DEFAULT_CIPHERS: weak.ciphers });
    try {
      const willing = tls.connect({ port: address.port, host: "127.0.0.1", rejectUnauthorized: false });
      await once(willing, "secureConnect");
      expect(willing.getProtocol()).toBe("TLSv1.1");
      willing.destroy();
      const error = await failure(open({ ports: [address.port] })(`https://app.example.com:${address.port}/`));
      expect(error).toMatchObject({ reason: "connection-failed" });
    } finally {
      Object.assign(tls, { DEFAULT_MIN_VERSION: before[0], DEFAULT_CIPHERS: before[1] });
      old.close();
    }
  });

  it("says that a server without TLS is none", async () => {
    const plain = createPlainServer((_, response) => response.end()).listen(0, "127.0.0.1");
    await once(plain, "listening");
    const address = plain.address() as AddressInfo;
    const error = await failure(open({ ports: [address.port] })(`https://app.example.com:${address.port}/`));
    expect(error).toMatchObject({ reason: "connection-failed", blocked: false, status: undefined });
    plain.close();
  });
});

describe("resolution", () => {
  it("does not follow a name whose second answer leads inside (DNS rebinding)", async () => {
    answers = (_, type, before) =>
      type === "A" ? [{ type: "A", address: before === 0 ? "127.0.0.1" : "127.0.0.2" }] : [];
    handler = (_, response) => response.setHeader("connection", "close").end("outside");
    const fetch = open();
    expect(await (await fetch(origin)).text()).toBe("outside");
    expect(dns.questions.get("A app.example.com")).toBe(1);
    expect((await failure(fetch(origin))).reason).toBe("address-not-public");
    expect([nearSockets, farSockets]).toEqual([1, 0]);
  });

  it.each<[string, readonly DnsRecord[], readonly DnsRecord[]]>([
    ["a private address alone", [{ type: "A", address: "127.0.0.2" }], []],
    [
      "a private address last",
      [
        { type: "A", address: "127.0.0.1" },
        { type: "A", address: "127.0.0.2" },
      ],
      [],
    ],
    [
      "a private address first",
      [
        { type: "A", address: "127.0.0.2" },
        { type: "A", address: "127.0.0.1" },
      ],
      [],
    ],
    ["a private IPv6 address beside", [{ type: "A", address: "127.0.0.1" }], [{ type: "AAAA", address: "::1" }]],
    [
      "a mapped address beside",
      [{ type: "A", address: "127.0.0.1" }],
      [{ type: "AAAA", address: "0:0:0:0:0:ffff:7f00:2" }],
    ],
    ["a NAT64 address beside", [{ type: "A", address: "127.0.0.1" }], [{ type: "AAAA", address: "64:ff9b::7f00:2" }]],
    ["metadata", [{ type: "A", address: "169.254.169.254" }], []],
    [
      "an alias to a private address",
      [
        { type: "CNAME", target: "db.inside.example.com" },
        { type: "A", address: "127.0.0.2" },
      ],
      [],
    ],
  ])("refuses %s", async (_, four, six) => {
    answers = (_, type) => (type === "A" ? four : six);
    expect((await failure(open()(origin))).reason).toBe("address-not-public");
    expect([nearSockets, farSockets]).toEqual([0, 0]);
    expect(events).toMatchObject([
      { event_type: "ssrf_blocked", detail: "address-not-public", blocked: "app.example.com" },
    ]);
  });

  it("follows an alias to an allowed address", async () => {
    answers = (_, type) => (type === "A" ? [{ type: "CNAME", target: "edge.cdn.example.com" }, ...local] : []);
    expect(await (await open()(origin)).text()).toBe("hello");
  });

  it("fails where a name does not exist, is answered by a broken resolver, or has too many addresses", async () => {
    answers = () => [];
    expect((await failure(open()(origin))).reason).toBe("resolution-failed");
    const thrown = open({ resolve: () => Promise.reject(new Error("refused")) });
    expect((await failure(thrown(origin))).reason).toBe("resolution-failed");
    const many = open({ resolve: async () => Array.from({ length: 65 }, () => "127.0.0.1") });
    expect((await failure(many(origin))).reason).toBe("resolution-failed");
    const nonsense = open({ resolve: async () => undefined as unknown as string[] });
    expect((await failure(nonsense(origin))).reason).toBe("resolution-failed");
  });

  it("asks no resolver for an address, and vets it all the same", async () => {
    const fetch = open({ hosts: ["127.0.0.1", "127.0.0.2"] });
    expect(await (await fetch(`https://127.0.0.1:${port}/`)).text()).toBe("hello");
    expect((await failure(fetch(`https://127.0.0.2:${port}/`))).reason).toBe("address-not-public");
    expect([dns.questions.size, farSockets]).toEqual([0, 0]);
  });

  it("waits for a resolver no longer than for a connection", async () => {
    const fetch = open({ resolve: () => new Promise(() => undefined), connectTimeoutMs: 100 });
    expect((await failure(fetch(origin))).reason).toBe("timed-out");
  });
});

describe("outbound().vet", () => {
  it("says for every destination what fetch would, and goes nowhere", async () => {
    const { vet } = openWay();
    expect(await vet(`${origin}/hook?a=b`)).toBeUndefined();
    expect(await openWay({ hosts: ["127.0.0.1"] }).vet(`https://127.0.0.1:${port}/`)).toBeUndefined();
    expect(events).toEqual([]);
    answers = (name, type) => (type === "A" && name === "in.example.com" ? [{ type: "A", address: "127.0.0.2" }] : []);
    for (const [url, reason] of [
      [`http://app.example.com:${port}/`, "scheme-refused"],
      [`https://user@app.example.com:${port}/`, "userinfo-refused"],
      ["https://app.example.com:22/", "port-refused"],
      ["https://evil.example/", "host-not-listed"],
      [`https://0x7f.1:${port}/`, "host-malformed"],
      [`https://in.example.com:${port}/`, "address-not-public"],
    ] as const) {
      events.length = 0;
      expect([url, (await failure(vet(url))).reason]).toEqual([url, reason]);
      expect(events).toMatchObject([{ event: "egress.blocked", detail: reason }]);
    }
    events.length = 0;
    expect((await failure(vet(`${origin}/`))).reason).toBe("resolution-failed");
    expect(events).toEqual([]);
    const inside = openWay({ hosts: ["127.0.0.2", "[::1]"] });
    for (const host of ["127.0.0.2", "[::1]"])
      expect((await failure(inside.vet(`https://${host}:${port}/`))).reason).toBe("address-not-public");
    expect([nearSockets, farSockets]).toEqual([0, 0]);
  });

  it("waits for a resolver no longer than for a connection", async () => {
    const { vet } = openWay({ resolve: () => new Promise(() => undefined), connectTimeoutMs: 100 });
    expect((await failure(vet(origin))).reason).toBe("timed-out");
  });
});

describe("redirects", () => {
  const redirectTo = (status: number, location: string) => (request: IncomingMessage, response: ServerResponse) => {
    if (request.url !== "/start") {
      void bodyOf(request).then((text) =>
        response.end(JSON.stringify({ method: request.method, headers: request.headers, text, path: request.url })),
      );
      return;
    }
    response.writeHead(status, { location }).end("moved");
  };

  it("are refused by default, and can be taken as they are", async () => {
    handler = redirectTo(302, "/next");
    const fetch = open();
    expect(await failure(fetch(`${origin}/start`))).toMatchObject({ reason: "redirect-refused", blocked: true });
    const manual = await fetch(`${origin}/start`, { redirect: "manual" });
    expect([manual.status, manual.headers.get("location"), await manual.text()]).toEqual([302, "/next", "moved"]);
  });

  it("are followed up to the limit", async () => {
    handler = (request, response) => {
      const left = Number((request.url ?? "").slice(1));
      if (left === 0) response.end("there");
      else response.writeHead(302, { location: `/${left - 1}`, "content-length": 0 }).end();
    };
    const fetch = open({ redirects: 3 });
    const response = await fetch(`${origin}/3`);
    expect([await response.text(), response.redirected, response.url]).toEqual(["there", true, `${origin}/0`]);
    expect(nearSockets).toBeLessThanOrEqual(2);
    expect((await failure(fetch(`${origin}/4`))).reason).toBe("redirect-refused");
    expect((await failure(fetch(`${origin}/1`, { redirect: "error" }))).reason).toBe("redirect-refused");
  });

  it.each([
    ["https://169.254.169.254/latest/meta-data/", "host-not-listed"],
    ["http://app.example.com/", "scheme-refused"],
    ["https://evil.example/", "host-not-listed"],
    ["//evil.example/", "host-not-listed"],
    ["/\\evil.example/", "url-invalid"],
    ["https://app.example.com:22/", "port-refused"],
    ["https://user:pass@app.example.com/", "userinfo-refused"],
    ["file:///etc/passwd", "scheme-refused"],
    ["gopher://app.example.com/", "scheme-refused"],
    ["javascript:alert(1)", "scheme-refused"],
  ])("to %s are refused as %s", async (location, reason) => {
    handler = redirectTo(302, location);
    const error = await failure(open({ redirects: 3 })(`${origin}/start`));
    expect(error.reason).toBe(reason);
    expect(events).toMatchObject([{ detail: reason }]);
    expect(nearSockets).toBe(1);
  });

  it("to a name that leads inside are refused", async () => {
    answers = (name, type) =>
      type === "A" ? [{ type: "A", address: name === "app.example.com" ? "127.0.0.1" : "127.0.0.2" }] : [];
    handler = redirectTo(307, `https://other.example.com:${port}/`);
    expect((await failure(open({ redirects: 3 })(`${origin}/start`))).reason).toBe("address-not-public");
    expect(farSockets).toBe(0);
  });

  const credentials = {
    authorization: "Bearer s",
    cookie: "a=b",
    "x-api-key": "k",
    "accept-language": "de",
    "content-type": "a/b",
  };

  it("to another origin lose every header that could be a credential", async () => {
    handler = redirectTo(302, `https://other.example.com:${port}/next`);
    const response = await open({ redirects: 1 })(`${origin}/start`, { headers: credentials });
    const { headers } = (await response.json()) as { headers: Record<string, string> };
    expect(Object.keys(headers).toSorted()).toEqual([
      "accept",
      "accept-encoding",
      "accept-language",
      "connection",
      "host",
    ]);
    expect(headers["host"]).toBe(`other.example.com:${port}`);
  });

  it("within the origin keep them", async () => {
    handler = redirectTo(308, "/next");
    const response = await open({ redirects: 1 })(`${origin}/start`, { headers: credentials });
    const { headers } = (await response.json()) as { headers: Record<string, string> };
    expect(headers).toMatchObject(credentials);
  });

  it.each([301, 302, 303])("of a form post with %i become GET without the body", async (status) => {
    handler = redirectTo(status, "/next");
    const init = { method: "POST", body: "secret", headers: { "content-type": "a/b", "x-a": "1" } };
    const response = await open({ redirects: 1 })(`${origin}/start`, init);
    const { method, text, headers } = (await response.json()) as {
      method: string;
      text: string;
      headers: Record<string, string>;
    };
    expect([method, text, headers["content-type"], headers["x-a"]]).toEqual(["GET", "", undefined, "1"]);
  });

  it.each([307, 308])("of a post with %i are refused: the server would choose who gets the body", async (status) => {
    handler = redirectTo(status, `https://other.example.com:${port}/`);
    const sent = open({ redirects: 1 })(`${origin}/start`, { method: "POST", body: "secret" });
    expect((await failure(sent)).reason).toBe("redirect-refused");
  });
});

describe("bounds", () => {
  const MEGABYTE = 1024 * 1024;

  it.each(["declared", "chunked"])("end a response that is too large, %s", async (how) => {
    handler = (_, response) => {
      if (how === "declared") response.setHeader("content-length", 2 * MEGABYTE);
      response.write(Buffer.alloc(2 * MEGABYTE));
      response.end();
    };
    const fetch = open({ maxResponseBytes: MEGABYTE });
    const read = fetch(origin).then((response) => response.arrayBuffer());
    expect((await failure(read)).reason).toBe("response-too-large");
    handler = (_, response) => {
      response.write(Buffer.alloc(MEGABYTE));
      response.end();
    };
    expect((await (await fetch(origin)).arrayBuffer()).byteLength).toBe(MEGABYTE);
  });

  it.each([
    ["gzip", gzipSync],
    // At its usual quality a busy machine takes half a minute for as much.
    ["br", (bytes: Buffer) => brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } })],
  ])("end a %s body that expands too far, early", async (coding, compress) => {
    const bomb = compress(Buffer.alloc(64 * MEGABYTE));
    expect(bomb.length).toBeLessThan(100_000);
    handler = (_, response) => response.setHeader("content-encoding", coding).end(bomb);
    const response = await open({ maxResponseBytes: MEGABYTE })(origin);
    let received = 0;
    const read = (async () => {
      for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) received += chunk.length;
    })();
    expect((await failure(read)).reason).toBe("response-too-large");
    expect(received).toBeLessThanOrEqual(MEGABYTE);
  });

  it("count what is sent as well as what comes out", async () => {
    const empty = gzipSync("");
    handler = (_, response) => {
      response.setHeader("content-encoding", "gzip");
      for (let index = 0; index < 4000; index += 1) response.write(empty);
      response.end();
    };
    const read = open({ maxResponseBytes: 50_000 })(origin).then((response) => response.text());
    expect((await failure(read)).reason).toBe("response-too-large");
  });

  it("let compressed bodies within them through, decoded and described as decoded", async () => {
    for (const [coding, compress] of [
      ["gzip", gzipSync],
      ["x-gzip", gzipSync],
      ["BR", brotliCompressSync],
      ["identity", (bytes: Buffer) => bytes],
    ] as const) {
      handler = (request, response) => {
        expect(request.headers["accept-encoding"]).toBe("gzip, br");
        const body = compress(Buffer.from("text"));
        response.setHeader("content-encoding", coding).setHeader("content-length", body.length).end(body);
      };
      const response = await open()(origin);
      expect(await response.text(), coding).toBe("text");
      if (coding === "identity") continue;
      expect([response.headers.has("content-encoding"), response.headers.has("content-length")]).toEqual([
        false,
        false,
      ]);
    }
  });

  it.each(["gzip, gzip", "deflate", "zstd", "compress", "gzip,br,gzip", "nonsense"])(
    "refuse the encoding %s",
    async (coding) => {
      handler = (_, response) => response.setHeader("content-encoding", coding).end("x");
      expect((await failure(open()(origin))).reason).toBe("encoding-refused");
    },
  );

  it("turn a damaged body into an error", async () => {
    handler = (_, response) => response.setHeader("content-encoding", "gzip").end("no gzip");
    const read = open()(origin).then((response) => response.text());
    expect((await failure(read)).reason).toBe("connection-failed");
    handler = (_, response) => {
      response.setHeader("content-length", 100).write("half");
      setTimeout(() => response.destroy(), 20);
    };
    expect((await failure(open()(origin))).reason).toBe("connection-failed");
  });

  it("end a response whose head is too large", async () => {
    handler = (_, response) => response.setHeader("x-large", "a".repeat(20_000)).end();
    expect((await failure(open()(origin))).reason).toBe("headers-too-large");
  });

  it("end a request that takes too long, before the head, in a short body and in a long one", async () => {
    const fetch = open({ timeoutMs: 150 });
    handler = () => undefined;
    expect((await failure(fetch(origin))).reason).toBe("timed-out");
    handler = (_, response) => response.setHeader("content-length", 10).write("h");
    expect((await failure(fetch(origin))).reason).toBe("timed-out");
    handler = (_, response) => {
      const drip = setInterval(() => response.write("."), 10);
      response.on("close", () => clearInterval(drip));
    };
    const started = performance.now();
    const read = fetch(origin).then((response) => response.text());
    expect((await failure(read)).reason).toBe("timed-out");
    expect(performance.now() - started).toBeLessThan(2000);
  });

  /** Drips for ever; tells when the connection has ended. */
  const dripping = (status: number, headers: Readonly<Record<string, string>>): Promise<string> =>
    new Promise((resolve) => {
      handler = (request, response) => {
        response.writeHead(status, headers).write(".");
        const drip = setInterval(() => response.write("."), 10);
        request.socket.on("close", () => {
          clearInterval(drip);
          resolve("closed");
        });
      };
    });

  it.each([
    ["a 205 without a length", 205, {}],
    ["a 205 with a length", 205, { "content-length": "60000" }],
    ["a redirect that is refused", 302, { location: "/", "content-length": "60000" }],
  ] as const)("end what nobody reads of %s", async (_, status, headers) => {
    const closed = dripping(status, headers);
    await open({ timeoutMs: 300 })(origin).catch(() => undefined);
    expect(await Promise.race([closed, delay(3000, "still open", { ref: false })])).toBe("closed");
  });

  it("end a response that nobody reads, compressed or not", async () => {
    for (const headers of [{}, { "content-encoding": "gzip" }]) {
      const closed = dripping(200, headers);
      const response = await open({ timeoutMs: 200 })(origin);
      expect(await Promise.race([closed, delay(3000, "still open", { ref: false })])).toBe("closed");
      await expect(response.text()).rejects.toMatchObject({ reason: expect.stringMatching(/timed-out|connection/u) });
    }
  });

  it.each(["HTTP/1.1 999 Odd", "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade"])(
    "take %j for no answer",
    async (head) => {
      handler = (request) => void request.socket.end(`${head}\r\ncontent-length: 0\r\n\r\n`);
      expect((await failure(open()(origin))).reason).toBe("connection-failed");
    },
  );

  it("hold over all redirects together", async () => {
    handler = (_, response) => void delay(60).then(() => response.writeHead(302, { location: "/" }).end());
    expect((await failure(open({ timeoutMs: 200, redirects: 10 })(origin))).reason).toBe("timed-out");
  });

  it("keep further requests to a host waiting", async () => {
    let most = 0;
    let now = 0;
    handler = (_, response) => {
      now += 1;
      most = Math.max(most, now);
      void delay(20).then(() => {
        now -= 1;
        response.end();
      });
    };
    const fetch = open({ maxConnectionsPerHost: 2 });
    await Promise.all(Array.from({ length: 8 }, () => fetch(origin)));
    expect([most, nearSockets]).toEqual([2, 2]);
  });
});

describe("the caller's signal", () => {
  it("ends the request with its own reason, before, during and after the head", async () => {
    const reason = new Error("no longer wanted");
    await expect(open()(origin, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    handler = () => undefined;
    const waiting = new AbortController();
    setTimeout(() => waiting.abort(reason), 50);
    await expect(open()(origin, { signal: waiting.signal })).rejects.toBe(reason);

    const closed = new Promise<void>((resolve) => {
      handler = (request, response) => {
        response.write("first");
        request.socket.on("close", () => resolve());
      };
    });
    const reading = new AbortController();
    const response = await open()(origin, { signal: reading.signal });
    setTimeout(() => reading.abort(), 20);
    await expect(response.text()).rejects.toMatchObject({ name: "AbortError" });
    await closed;
  });

  it("is let go when the request is over", async () => {
    const controller = new AbortController();
    await (await open()(origin, { signal: controller.signal })).text();
    expect(getEventListeners(controller.signal, "abort")).toEqual([]);
    handler = () => undefined;
    const pending = open({ timeoutMs: 100 })(origin, { signal: controller.signal });
    expect(getEventListeners(controller.signal, "abort")).toHaveLength(1);
    await failure(pending);
    expect(getEventListeners(controller.signal, "abort")).toEqual([]);
  });

  it("frees the connection when the reader cancels", async () => {
    const closed = new Promise<void>((resolve) => {
      handler = (request, response) => {
        response.write("first");
        request.socket.on("close", () => resolve());
      };
    });
    const response = await open()(origin);
    await response.body?.cancel();
    await expect(closed).resolves.toBeUndefined();
  });
});

describe("what a programmer gets wrong", () => {
  it("is said at construction", () => {
    const wrong =
      (options: unknown): (() => unknown) =>
      () =>
        outbound(options as OutboundOptions);
    expect(wrong({ host: ["a.example"] })).toThrow(/Did you mean "hosts"/u);
    expect(wrong({})).toThrow(/needs hosts/u);
    expect(wrong({ hosts: [] })).toThrow(/needs hosts/u);
    expect(wrong({ hosts: "any" })).toThrow(/needs hosts/u);
    expect(wrong({ hosts: "public-only", ports: [0] })).toThrow(/1 to 65535/u);
    expect(wrong({ hosts: "public-only", redirects: 11 })).toThrow(/redirects as a whole number from 0 to 10/u);
    expect(wrong({ hosts: "public-only", timeoutMs: Infinity })).toThrow(/timeoutMs/u);
    expect(wrong({ hosts: "public-only", maxResponseBytes: 0 })).toThrow(/maxResponseBytes/u);
    expect(wrong({ hosts: "public-only", [dangerouslyAllowAddresses]: ["10.0.0.1/8"] })).toThrow(/beyond the prefix/u);
  });

  it.each(["host", "transfer-encoding", "te", "trailer", "upgrade", "expect", "proxy-authorization", "http2-settings"])(
    "a header %s is not sent",
    async (name) => {
      await expect(open()(origin, { headers: { [name]: "x" } })).rejects.toThrow(TypeError);
      expect(nearSockets).toBe(0);
    },
  );

  it("nor another method, dispatcher, body or size than fetch has", async () => {
    const fetch = open();
    for (const method of ["CONNECT", "TRACE", "G ET", "GET\r\nX: y", ""])
      await expect(fetch(origin, { method }), method).rejects.toThrow(TypeError);
    await expect(fetch(origin, { dispatcher: {} } as object)).rejects.toThrow(/dispatcher/u);
    const bodied = { body: "x" };
    await expect(fetch(origin, bodied)).rejects.toThrow(/no body with GET/u);
    await expect(fetch(origin, { headers: { "x-a": "a\r\nb: c" } })).rejects.toThrow(TypeError);
    await expect(fetch(origin, { headers: { "x-a": "a".repeat(17_000) } })).rejects.toThrow(/16384 bytes/u);
    expect(nearSockets).toBe(0);
  });

  it("drops what belongs to another connection", async () => {
    handler = (request, response) => response.end(JSON.stringify(request.headers));
    const headers = { connection: "close", "keep-alive": "1", "content-length": "5" };
    const response = await open()(origin, { method: "POST", body: "four", headers });
    expect(await response.json()).toMatchObject({ connection: "keep-alive", "content-length": "4" });
  });
});

describe("behind an egress proxy", () => {
  afterEach(() => {
    delete process.env["HTTPS_PROXY"];
  });

  it("throws until it is told to connect past it", async () => {
    process.env["HTTPS_PROXY"] = "http://user:secret@proxy.example:3128";
    expect(() => open()).toThrow(/HTTPS_PROXY is set/u);
    expect(() => open()).not.toThrow(/secret/u);
    expect(await (await open({ proxy: "direct" })(origin)).text()).toBe("hello");
  });
});

describe("check", () => {
  const production: Deployment = {
    mode: "production",
    nodeVersion: "22.20.0",
    variables: new Map(),
    nodeOptions: [],
    nowMs: 0,
  };
  const judge = (options: OutboundOptions, change: Partial<Deployment> = {}): readonly string[] =>
    outbound(options)
      .control.check({ ...production, ...change })
      .map(({ rule, detail }) => `${rule.severity} ${rule.id} ${detail ?? ""}`.trim());

  it("has nothing to say about a list of hosts", () => {
    expect(judge({ hosts: ["api.example.com"] })).toEqual([]);
  });

  it("names what is open", () => {
    const inside = { [dangerouslyAllowAddresses]: ["10.2.0.0/16"] };
    expect(judge({ hosts: "public-only" })).toEqual(["note ssrf-guard/any-host"]);
    expect(judge({ hosts: ["a.example.com"], ...inside })).toEqual([
      "warning ssrf-guard/private-addresses 10.2.0.0/16",
    ]);
    expect(judge({ hosts: "public-only", ...inside })).toEqual([
      "note ssrf-guard/any-host",
      "error ssrf-guard/private-for-users 10.2.0.0/16",
    ]);
    expect(judge({ hosts: "public-only", ...inside }, { mode: "test" })).toEqual([]);
    const variables = new Map([["https_proxy", "http://secret@proxy"]]);
    expect(judge({ hosts: ["a.example.com"], proxy: "direct" }, { variables })).toEqual([
      "warning ssrf-guard/proxy-bypassed",
    ]);
  });
});
