/** A `SameSite=Strict` session and the links that lead to it from elsewhere, in a real browser. */
import { createServer, type Server } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openBrowser } from "./support/browser.ts";
import { startFolio, type Folio } from "./support/folio.ts";
import { signUp } from "./support/mail.ts";

const TIMEOUT_MS = 240_000;
const PERSON = { email: "rita@return.test", password: "returns by every road" };
let folio: Folio;
let browser: Browser;
let elsewhere: Server;
let foreign = "";

/** Another site: a page with a link, a form and a frame, and an address that sends on, as an identity provider does. */
async function openElsewhere(): Promise<Server> {
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://elsewhere.test");
    const to = searchParams.get("to") ?? "";
    if (pathname === "/back") return void response.writeHead(303, { location: to }).end();
    const address = to.replaceAll("&", "&amp;").replaceAll('"', "&quot;");
    response
      .writeHead(200, { "content-type": "text/html" })
      .end(
        `<!doctype html><a id="link" href="${address}">link</a><a id="window" target="_blank" rel="noopener" href="${address}">window</a>` +
          `<a id="provider" href="/back?to=${encodeURIComponent(to)}">provider</a>` +
          `<form id="form" method="post" action="${address}"><button>post</button></form>` +
          (pathname === "/frame" ? `<iframe src="${address}"></iframe>` : ""),
      );
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

beforeAll(async () => {
  [folio, browser, elsewhere] = await Promise.all([startFolio("demo"), openBrowser(), openElsewhere()]);
  foreign = `http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}`;
  await signUp(folio, { ...PERSON, workspace: "Return Ltd", name: "Rita" });
}, TIMEOUT_MS);
afterAll(async () => {
  await browser.close();
  await folio.stop();
  elsewhere.close();
});

async function signedIn(options: Parameters<Browser["newContext"]>[0] = {}): Promise<BrowserContext> {
  const context = await browser.newContext({ baseURL: folio.settings.origin, ...options });
  const page = await context.newPage();
  await page.goto("/sign-in");
  await page.getByLabel("E-mail address").fill(PERSON.email);
  await page.getByLabel("Password").fill(PERSON.password);
  await page.getByRole("main").getByRole("button", { name: "Sign in" }).click();
  await page.waitForURL("**/documents");
  return context;
}

/** Which requests for pages of the application carried the session. */
function recorded(context: BrowserContext): string[] {
  const seen: string[] = [];
  context.on("request", (request) => {
    if (request.resourceType() !== "document" || !request.url().startsWith(folio.settings.origin)) return;
    const at = seen.push("") - 1;
    void request.allHeaders().then(({ cookie = "" }) => {
      seen[at] = cookie.includes("__Host-session=") ? "session" : "none";
    });
  });
  return seen;
}

async function follow(page: Page, id: string, to: string): Promise<void> {
  await page.goto(`${foreign}/?to=${encodeURIComponent(to)}`);
  await page.locator(`#${id}`).click();
}

describe("a Strict session", () => {
  it.each([
    ["a link on another site", "link", {}],
    ["a link on another site, without script", "link", { javaScriptEnabled: false }],
    ["the return from an identity provider", "provider", {}],
    ["the return from an identity provider, without script", "provider", { javaScriptEnabled: false }],
  ])(
    "survives %s",
    async (_, id, options) => {
      const context = await signedIn(options);
      const page = await context.newPage();
      const seen = recorded(context);
      const target = `${folio.settings.origin}/documents?q=a&x=%22%27%3Cb%3E&y='`;
      await follow(page, id, target);
      await page.getByRole("heading", { level: 1, name: "Documents" }).waitFor();
      expect(new URL(page.url()).search.replaceAll("%27", "'")).toBe(new URL(target).search.replaceAll("%27", "'"));
      expect(seen).toEqual(["none", "session"]);
      await context.close();
    },
    TIMEOUT_MS,
  );

  it(
    "survives a link that opens a window, as a mail in the browser does",
    async () => {
      const context = await signedIn();
      const page = await context.newPage();
      const opened = context.waitForEvent("page");
      await follow(page, "window", `${folio.settings.origin}/documents`);
      const heading = (await opened).getByRole("heading", { level: 1, name: "Documents" });
      await heading.waitFor();
      expect(await heading.isVisible()).toBe(true);
      await context.close();
    },
    TIMEOUT_MS,
  );

  it(
    "needs no second request where the address is typed",
    async () => {
      const context = await signedIn();
      const seen = recorded(context);
      const page = await context.newPage();
      await page.goto("/documents");
      await page.getByRole("heading", { level: 1, name: "Documents" }).waitFor();
      expect(seen).toEqual(["session"]);
      await context.close();
    },
    TIMEOUT_MS,
  );

  it(
    "is not lent to a form of another site",
    async () => {
      const context = await signedIn();
      const seen = recorded(context);
      const page = await context.newPage();
      await page.goto(`${foreign}/?to=${encodeURIComponent(`${folio.settings.origin}/sign-out`)}`);
      const answered = page.waitForResponse(`${folio.settings.origin}/sign-out`);
      await page.locator("#form button").click();
      expect((await answered).status()).toBe(403);
      expect(seen[0]).toBe("none");
      await page.goto(`${folio.settings.origin}/documents`);
      await page.getByRole("heading", { level: 1, name: "Documents" }).waitFor();
      await context.close();
    },
    TIMEOUT_MS,
  );

  it(
    "is not lent to a frame of another site",
    async () => {
      const context = await signedIn();
      const seen = recorded(context);
      const page = await context.newPage();
      await page.goto(`${foreign}/frame?to=${encodeURIComponent(`${folio.settings.origin}/documents`)}`);
      await page.waitForLoadState("networkidle");
      expect(seen).not.toContain("session");
      expect(seen.length).toBeGreaterThan(0);
      await context.close();
    },
    TIMEOUT_MS,
  );

  it(
    "shows a stranger nothing in between, and a browser whose session is over the sign-in page",
    async () => {
      const stranger = await browser.newContext();
      const before = recorded(stranger);
      const page = await stranger.newPage();
      await follow(page, "link", `${folio.settings.origin}/documents`);
      await page.getByRole("heading", { level: 1, name: "Sign in" }).waitFor();
      expect(before).toEqual(["none", "none"]);
      await stranger.close();

      const over = await signedIn();
      const seen = recorded(over);
      await over.clearCookies({ name: "__Host-session" });
      const late = await over.newPage();
      await follow(late, "link", `${folio.settings.origin}/documents`);
      await late.getByRole("heading", { level: 1, name: "Sign in" }).waitFor();
      expect(seen).toEqual(["none", "none", "none"]);
      await over.close();
    },
    TIMEOUT_MS,
  );
});
