/** What browsers do on their own account or at a page's wish, in front of everything that is on by default: nothing honest is refused. */
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import express from "express";
import { glacis, keyRing, newKey, publicAccess, saas, type AuditRecord } from "glacis";
import { access, guardServer, requestOf, secureExpress, serverOptions } from "glacis/express";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { openBrowser, visit, type Visit } from "../apps/reference/test/support/browser.ts";
import { freePort } from "./support/free-port.ts";

const TIMEOUT_MS = 120_000;
const open = publicAccess("a test");
const WORKER = `
  addEventListener("install", (event) => event.waitUntil(skipWaiting()));
  addEventListener("activate", (event) => event.waitUntil(clients.claim()));
  addEventListener("fetch", (event) => {
    if (new URL(event.request.url).pathname === "/api/through-worker") event.respondWith(fetch("/api/data"));
  });
`;
const page = (title: string, body: string): string =>
  `<!doctype html><html lang="en"><title>${title}</title><style nonce="NONCE">@view-transition { navigation: auto }</style><h1>${title}</h1>${body}</html>`;
const form = (target: string): string =>
  `<form method="post" action="/save" ${target}><input type="hidden" name="csrf_token" value="CSRF"><button>Save</button></form>`;

/** The library of the DOM does not know them yet. */
interface TrustedTypesWindow {
  readonly trustedTypes: {
    createPolicy(
      name: string,
      rules: { createScriptURL(path: string): string },
    ): { createScriptURL(path: string): string };
  };
}

let browser: Awaited<ReturnType<typeof openBrowser>>;
let server: Server;
let origin: string;
let visitor: Visit;
const records: AuditRecord[] = [];
const saved: string[] = [];

beforeAll(async () => {
  origin = `http://localhost:${await freePort()}`;
  const layers = saas({ origin, keys: keyRing(newKey("k1")), mode: "development", audit: (one) => records.push(one) });
  const security = glacis(layers);
  const app = express();
  secureExpress(app, security);
  const show = (path: string, title: string, body: string, headers: Readonly<Record<string, string>> = {}): void => {
    app.get(path, access(open, { kind: "page" }), (request, response) => {
      const facts = requestOf(request);
      const token = layers.csrf.token(facts);
      response.set(headers).send(page(title, body).replaceAll("NONCE", facts.nonce).replaceAll("CSRF", token));
    });
  };
  show("/", "Home", `<a href="/other">Other</a>${form("")}`);
  show("/other", "Other", '<a href="/">Home</a>');
  show("/window", "Window", form('target="_blank"'));
  show("/secret", "Secret", form(""), { "referrer-policy": "no-referrer" });
  show("/saved", "Saved", "");
  app.post("/save", access(open), (_request, response) => {
    saved.push("form");
    response.redirect(303, "/saved");
  });
  app.post("/api/beacon", access(open), (_request, response) => {
    saved.push("beacon");
    response.status(204).end();
  });
  app.get("/api/data", access(open), (_request, response) => void response.json({ data: true }));
  app.get("/api/events", access(open), (_request, response) => {
    response.set("content-type", "text/event-stream").write("data: one\n\n");
    response.end("data: two\n\n");
  });
  app.get("/worker.js", access(open, { kind: "asset" }), (_request, response) => void response.type("js").send(WORKER));
  server = guardServer(createServer(serverOptions(security), app), security);
  server.listen(Number(new URL(origin).port), "localhost");
  server.on("upgrade", (_request, socket) =>
    socket.end("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"),
  );
  await Promise.all([once(server, "listening"), openBrowser().then((opened) => (browser = opened))]);
}, TIMEOUT_MS);
afterAll(async () => {
  await browser?.close();
  server?.close();
});
beforeEach(async () => {
  await visitor?.close();
  visitor = await visit(browser, origin);
  records.length = 0;
  saved.length = 0;
});

const refused = (): readonly string[] => records.filter(({ status }) => status === "refused").map(({ event }) => event);

describe("a browser", () => {
  it("posts a form, also into a new window, and goes back and forth through its history", async () => {
    await visitor.page.goto("/");
    await visitor.page.getByRole("button", { name: "Save" }).click();
    await visitor.page.getByRole("heading", { name: "Saved" }).waitFor();
    await visitor.page.goBack();
    await visitor.page.getByRole("heading", { name: "Home" }).waitFor();
    await visitor.page.goForward();
    await visitor.page.goto("/window");
    const [popup] = await Promise.all([
      visitor.page.waitForEvent("popup"),
      visitor.page.getByRole("button", { name: "Save" }).click(),
    ]);
    await popup.getByRole("heading", { name: "Saved" }).waitFor();
    expect([saved, refused(), visitor.complaints]).toEqual([["form", "form"], [], []]);
  });

  it("posts a form from a page that sends no referrer, whose Origin is null then", async () => {
    const sent: string[] = [];
    visitor.page.on("request", (request) => {
      if (request.method() === "POST") void request.headerValue("origin").then((value) => sent.push(String(value)));
    });
    await visitor.page.goto("/secret");
    await visitor.page.getByRole("button", { name: "Save" }).click();
    await visitor.page.getByRole("heading", { name: "Saved" }).waitFor();
    expect([saved, sent, refused()]).toEqual([["form"], ["null"], []]);
  });

  it("fetches, through a service worker too, and follows a stream of events", async () => {
    await visitor.page.goto("/");
    const seen = await visitor.page.evaluate(async () => {
      const json = async (path: string): Promise<unknown> => (await fetch(path)).json();
      const { trustedTypes } = globalThis as unknown as TrustedTypesWindow;
      const policy = trustedTypes.createPolicy("worker", { createScriptURL: (path) => path });
      await navigator.serviceWorker.register(policy.createScriptURL("/worker.js"));
      await navigator.serviceWorker.ready;
      while (navigator.serviceWorker.controller === null) await new Promise((resolve) => setTimeout(resolve, 20));
      const source = new EventSource("/api/events");
      const events: string[] = [];
      await new Promise<void>((resolve) => {
        source.addEventListener("message", (event: MessageEvent<string>) => {
          events.push(event.data);
          if (events.length === 2) resolve();
        });
      });
      source.close();
      return [await json("/api/data"), await json("/api/through-worker"), events];
    });
    expect(seen).toEqual([{ data: true }, { data: true }, ["one", "two"]]);
    expect([refused(), visitor.complaints]).toEqual([[], []]);
  });

  it("sends a beacon with the page's token, and a request that outlives the page", async () => {
    await visitor.page.goto("/");
    await visitor.page.evaluate(() => {
      const token = document.querySelector("input")?.value ?? "";
      navigator.sendBeacon("/api/beacon", new URLSearchParams({ csrf_token: token }));
      void fetch("/api/beacon", { method: "POST", keepalive: true, headers: { "x-csrf-token": token } });
    });
    await visitor.page.goto("/other");
    await expect.poll(() => saved).toEqual(["beacon", "beacon"]);
    expect(refused()).toEqual([]);
  });

  it("fetches a page ahead, moves to it by a transition, and shows it", async () => {
    await visitor.page.goto("/");
    await visitor.page.evaluate(async () => {
      const link = Object.assign(document.createElement("link"), { rel: "prefetch", href: "/other" });
      await new Promise((resolve) => {
        link.addEventListener("load", resolve);
        link.addEventListener("error", resolve);
        document.head.append(link);
      });
      await document.startViewTransition(() => document.body.append("moved")).finished;
    });
    await visitor.page.getByRole("link", { name: "Other" }).click();
    await visitor.page.getByRole("heading", { name: "Other" }).waitFor();
    expect([refused(), visitor.complaints]).toEqual([[], []]);
  });

  it("opens a WebSocket to its own origin", async () => {
    await visitor.page.goto("/");
    const asked = once(server, "upgrade");
    await visitor.page.evaluate((url) => void new WebSocket(url), `${origin.replace("http", "ws")}/socket`);
    await asked;
    expect([refused(), visitor.complaints]).toEqual([[], []]);
  });
});
