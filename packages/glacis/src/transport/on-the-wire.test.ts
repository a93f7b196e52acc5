import { once } from "node:events";
import { request, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import express from "express";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { access, secureExpress } from "../adapters/express.ts";
import { publicAccess } from "../core/access.ts";
import type { AuditRecord } from "../core/event.ts";
import { glacis } from "../glacis.ts";
import { bareLayers } from "../testing/layers.ts";
import { cookies } from "./cookies.ts";
import { cors } from "./cors.ts";
import { redirectGuard } from "./redirect-guard.ts";
import { securityTxt } from "./security-txt.ts";

const ORIGIN = "https://partner.example";
const contact = securityTxt({
  contact: ["mailto:security@example.com"],
  expires: "2099-01-01T00:00:00Z",
});
const layers = bareLayers({
  transport: [
    cors({ origins: [ORIGIN], allowedHeaders: ["x-request-id"], paths: ["/api"] }),
    redirectGuard({ origin: "https://app.example.com" }),
    cookies({ registry: { theme: { purpose: "preference", scriptReadable: true } } }),
    contact.control,
  ],
  endpoints: [contact.endpoint],
});

let server: Server;

beforeAll(async () => {
  const app = express();
  secureExpress(app, glacis(layers));
  const open = access(publicAccess("a test"));
  app.get("/api/data", open, (_request, response) => {
    response.set("access-control-allow-origin", "*").json({ ok: true });
  });
  app.get("/api/broken", open, () => {
    throw new Error("broken on purpose");
  });
  app.get("/away", open, ({ query }, response) => response.redirect(query["to"] as string));
  app.get("/cookies", open, (_request, response) => {
    response.cookie("connect.sid", "1").cookie("theme", "dark").cookie("bad", "1", { domain: "example.com" }).end("ok");
  });
  server = app.listen(0, "127.0.0.1");
  await once(server, "listening");
});

afterAll(() => server.close());

function ask(method: string, path: string, headers: Readonly<Record<string, string>> = {}): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const { port } = server.address() as AddressInfo;
    const outgoing = request({ host: "127.0.0.1", port, method, path, headers, agent: false }, (response) => {
      response.resume();
      response.on("end", () => resolve(response));
    });
    outgoing.on("error", reject).end();
  });
}

const eventsOf = (id: string): readonly AuditRecord[] => layers.records.filter(({ control }) => control === id);

describe("on the wire", () => {
  it("replaces a wildcard that the application wrote, for a listed origin and for another", async () => {
    const listed = await ask("GET", "/api/data", { origin: ORIGIN });
    expect(listed.headers).toMatchObject({
      "access-control-allow-origin": ORIGIN,
      vary: expect.stringContaining("Origin"),
    });
    const other = await ask("GET", "/api/data", { origin: "https://evil.test" });
    expect(other.headers["access-control-allow-origin"]).toBeUndefined();
    expect(other.headers.vary).toContain("Origin");
    expect(eventsOf("cors").map(({ event }) => event)).toEqual(["sys_header_replaced"]);
  });

  it("lets a listed origin read errors and 404s too", async () => {
    for (const [path, status] of [
      ["/api/broken", 500],
      ["/api/missing", 404],
    ] as const) {
      const response = await ask("GET", path, { origin: ORIGIN });
      expect(response.statusCode).toBe(status);
      expect(response.headers["access-control-allow-origin"]).toBe(ORIGIN);
    }
  });

  it("answers a preflight before routing, and refuses one for anything unlisted", async () => {
    const asked = { origin: ORIGIN, "access-control-request-method": "PUT" };
    const allowed = await ask("OPTIONS", "/api/data", { ...asked, "access-control-request-headers": "x-request-id" });
    expect(allowed.statusCode).toBe(204);
    expect(allowed.headers).toMatchObject({
      "access-control-allow-origin": ORIGIN,
      "access-control-allow-headers": "x-request-id",
      "access-control-max-age": "600",
      vary: "Origin, Access-Control-Request-Method, Access-Control-Request-Headers",
    });
    const refused = await ask("OPTIONS", "/api/data", { ...asked, "access-control-request-headers": "x-evil" });
    expect(refused.statusCode).toBe(403);
    expect(Object.keys(refused.headers).filter((name) => name.startsWith("access-control"))).toEqual([]);
  });

  it("leaves an OPTIONS request that is no preflight to routing, which does not know it", async () => {
    const response = await ask("OPTIONS", "/api/data", { origin: ORIGIN });
    expect(response.statusCode).toBe(405);
    expect(response.headers.allow).toContain("GET");
  });

  it("sends a redirect that leaves home to the fallback", async () => {
    expect((await ask("GET", "/away?to=/next")).headers.location).toBe("/next");
    expect((await ask("GET", "/away?to=//evil.test")).headers.location).toBe("/");
    expect((await ask("GET", "/away?to=https://app.example.com@evil.test/")).headers.location).toBe("/");
    expect(eventsOf("open-redirect")).toHaveLength(2);
  });

  it("makes every cookie strict, each on its own line", async () => {
    const response = await ask("GET", "/cookies");
    expect(response.headers["set-cookie"]).toEqual([
      "connect.sid=1; Path=/; Secure; HttpOnly; SameSite=Lax",
      "theme=dark; Path=/; Secure; SameSite=Lax",
      "bad=1; Path=/; Secure; HttpOnly; SameSite=Lax",
    ]);
  });

  it("serves security.txt before routing", async () => {
    const response = await ask("GET", "/.well-known/security.txt");
    expect(response.statusCode).toBe(200);
    expect(response.headers["content-type"]).toBe("text/plain; charset=utf-8");
  });
});
