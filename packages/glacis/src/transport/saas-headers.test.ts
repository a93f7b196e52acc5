import { once } from "node:events";
import { request, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import express from "express";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { access, secureExpress } from "../adapters/express.ts";
import { publicAccess } from "../core/access.ts";
import type { ClientAddress } from "../core/brand.ts";
import type { AuditRecord } from "../core/event.ts";
import { currentRequest } from "../primitives/request-context.ts";
import type { Observation } from "../core/response.ts";
import { keyRing, newKey } from "../data/key-ring.ts";
import { glacis } from "../glacis.ts";
import { saas } from "../presets/saas.ts";
import { observatoryScore, OBSERVATORY_ORIGIN } from "../testing/observatory.ts";
import { gradeCsp } from "./csp-grade.ts";

const records: AuditRecord[] = [];
const ORIGIN = "https://app.example.com";

/** Everything that saas() mounts, except that TLS is taken for granted unless a request says `x-plain`. */
const composed = saas({
  origin: ORIGIN,
  keys: keyRing(newKey("k1")),
  mode: "test",
  audit: (record) => void records.push(record),
});
const security = glacis({
  ...composed,
  interpretation: {
    ...composed.interpretation,
    resolve: (wire) => ({
      client: wire.peerAddress as ClientAddress,
      scheme: wire.rawHeaders.includes("x-plain") ? "http" : "https",
      authority: "app.example.com",
    }),
  },
});

let server: Server;

beforeAll(async () => {
  const app = express();
  secureExpress(app, security);
  const open = publicAccess("a test");
  app.get("/", access(open), (_request, response) => {
    const nonce = currentRequest()?.nonce;
    response.type("html").send(`<!doctype html><script nonce="${nonce}" src="/app.js" integrity="sha384-x"></script>`);
  });
  app.get("/pricing", access(open, { cacheControl: "public, max-age=60" }), (_request, response) => {
    response.type("html").send("prices");
  });
  app.get("/api/data", access(open, { kind: "api" }), (_request, response) => void response.json({ ok: true }));
  app.get("/api/html", access(open, { kind: "api" }), (_request, response) => void response.send("<b>reflected</b>"));
  app.get("/api/broken", access(open, { kind: "api" }), () => {
    throw new Error("broken on purpose");
  });
  app.get(
    "/file",
    access(open, { kind: "download" }),
    (_request, response) => void response.type("html").send("<b>upload</b>"),
  );
  app.get("/bytes", access(open), (_request, response) => void response.end("bytes"));
  app.get("/moved", access(open), (_request, response) => response.redirect("/"));
  server = app.listen(0, "127.0.0.1");
  await once(server, "listening");
});

afterAll(() => server.close());

interface Answer extends Observation {
  readonly body: string;
  readonly header: (name: string) => string | undefined;
}

function ask(path: string, headers: Readonly<Record<string, string>> = {}, method = "GET", body = ""): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { port } = server.address() as AddressInfo;
    const length = body === "" ? {} : { "content-length": String(Buffer.byteLength(body)) };
    const all = { host: "app.example.com", ...headers, ...length };
    const outgoing = request({ host: "127.0.0.1", port, method, path, headers: all, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () => {
        const pairs = response.rawHeaders.flatMap((name, index, raw) =>
          index % 2 === 0 ? [[name.toLowerCase(), raw[index + 1] ?? ""] as const] : [],
        );
        resolve({
          url: `${ORIGIN}${path}`,
          scheme: headers["x-plain"] === undefined ? "https" : "http",
          status: response.statusCode ?? 0,
          headers: pairs,
          body: Buffer.concat(chunks).toString(),
          header: (name) => pairs.find(([candidate]) => candidate === name)?.[1],
        });
      });
    });
    outgoing.on("error", reject).end(body);
  });
}

const page = { accept: "text/html" };
const ids = (answer: Observation): readonly string[] =>
  composed.transport.flatMap((control) => (control.observe?.(answer) ?? []).map(({ rule }) => rule.id));

describe("the transport layer of saas() on real sockets", () => {
  it("scores at least 160 with the Observatory, and A with the CSP evaluator", async () => {
    const answer = await ask("/", page);
    const cors = await ask("/", { ...page, origin: OBSERVATORY_ORIGIN });
    const plain = await ask("/", { ...page, "x-plain": "1" });
    expect(plain).toMatchObject({ status: 308 });
    expect(plain.header("location")).toBe(`${ORIGIN}/`);
    const plainHttp = ["http://app.example.com/", plain.header("location") as string];
    const withCookie = {
      ...answer,
      headers: [...answer.headers, ["set-cookie", "__Host-session=x; Path=/; Secure; HttpOnly; SameSite=Lax"] as const],
    };
    expect(observatoryScore({ page: withCookie, html: answer.body, plainHttp, cors })).toMatchObject({
      score: 160,
      grade: "A+",
    });
    expect(gradeCsp([answer.header("content-security-policy") ?? ""]).letter).toBe("A");
  });

  it("gives each response its own nonce, the one that its page uses", async () => {
    const [first, second] = [await ask("/", page), await ask("/", page)];
    const nonces = [first, second].map(
      (answer) => /'nonce-([^']+)'/u.exec(answer.header("content-security-policy") ?? "")?.[1],
    );
    expect(new Set(nonces).size).toBe(2);
    for (const [index, answer] of [first, second].entries()) {
      expect(nonces[index]).toMatch(/^[\w-]{22}$/u);
      expect(answer.body).toContain(`nonce="${nonces[index]}"`);
    }
  });

  it.each([
    ["a page", "/", page, "GET", 200],
    ["a page's head", "/", page, "HEAD", 200],
    ["data", "/api/data", {}, "GET", 200],
    ["an unknown path", "/nowhere", {}, "GET", 404],
    ["an unknown page", "/nowhere", page, "GET", 404],
    ["an error", "/api/broken", {}, "GET", 500],
    [
      "a refusal",
      "/api/data",
      { "sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors", "sec-fetch-dest": "image" },
      "GET",
      403,
    ],
    ["bytes without a type", "/bytes", {}, "GET", 200],
    ["a redirect", "/moved", page, "GET", 302],
    ["a refused method", "/", {}, "DELETE", 405],
  ])("leaves a probe nothing to find on %s", async (_, path, headers, method, status) => {
    const answer = await ask(path, headers, method);
    expect(answer.status).toBe(status);
    expect(ids(answer)).toEqual([]);
  });

  it("keeps HTML from an API, and a download, from being a page", async () => {
    const html = await ask("/api/html");
    expect(html.header("content-security-policy")).toBe("default-src 'none'; frame-ancestors 'none'; sandbox");
    const file = await ask("/file");
    expect(file.header("content-disposition")).toBe("attachment");
    expect(file.header("content-security-policy")).toContain("sandbox");
    const opened = await ask("/api/data", {
      ...page,
      "sec-fetch-site": "none",
      "sec-fetch-mode": "navigate",
      "sec-fetch-dest": "document",
    });
    expect(opened.status).toBe(403);
    expect(records.at(-1)).toMatchObject({ reason: "context_refused", detail: "navigation" });
  });

  it("lets a declared page be stored, and nothing else", async () => {
    const pricing = await ask("/pricing", page);
    expect([pricing.header("cache-control"), pricing.header("vary"), pricing.header("etag")]).toEqual([
      "public, max-age=60",
      "Cookie",
      undefined,
    ]);
    expect((await ask("/", page)).header("cache-control")).toBe("no-store");
    expect((await ask("/pricing", { ...page, "x-plain": "1" })).header("cache-control")).toBe("no-store");
  });

  it("refuses an API call over plain HTTP, and says that its credential crossed in the clear", async () => {
    const answer = await ask("/api/data", { "x-plain": "1", authorization: "Bearer s3cret" });
    expect(answer.status).toBe(403);
    expect(answer.header("location")).toBeUndefined();
    expect(JSON.parse(answer.body)).toMatchObject({ code: "insecure_transport" });
    expect(
      records.some(({ event, detail }) => event === "transport.cleartext_credential" && detail === "authorization"),
    ).toBe(true);
    expect(JSON.stringify(records)).not.toContain("s3cret");
  });

  it("collects reports in both formats, and answers what is none without an echo", async () => {
    const violation = {
      "document-uri": `${ORIGIN}/a`,
      "effective-directive": "img-src",
      "blocked-uri": "https://evil.test/x?y",
    };
    const send = (type: string, body: string): Promise<Answer> =>
      ask(
        "/csp-report",
        {
          "content-type": type,
          "sec-fetch-site": "same-origin",
          "sec-fetch-mode": "no-cors",
          "sec-fetch-dest": "report",
        },
        "POST",
        body,
      );
    expect((await send("application/csp-report", JSON.stringify({ "csp-report": violation }))).status).toBe(204);
    expect(records.at(-1)).toMatchObject({
      event_type: "csp_violation",
      directive: "img-src",
      blocked: "https://evil.test",
      document: `${ORIGIN}/a`,
    });
    const list = [
      {
        type: "csp-violation",
        body: { documentURL: `${ORIGIN}/b`, blockedURL: "inline", effectiveDirective: "script-src-attr" },
      },
    ];
    expect((await send("application/reports+json", JSON.stringify(list))).status).toBe(204);
    expect(records.at(-1)).toMatchObject({ directive: "script-src-attr", blocked: "inline" });
    expect(await send("application/csp-report", "{")).toMatchObject({ status: 400, body: "" });
    expect(
      (await send("application/csp-report", JSON.stringify({ "csp-report": { ...violation, x: "x".repeat(17_000) } })))
        .status,
    ).toBe(413);
    expect((await send("text/plain", "x")).status).toBe(415);
  });
});
