/** Whole passkey ceremonies: the page's script under the strict policy, Chromium's virtual authenticator, a session at the end. */
import { once } from "node:events";
import type { Server } from "node:http";
import express from "express";
import {
  authenticated,
  authenticationPages,
  glacis,
  keyRing,
  newKey,
  publicAccess,
  saas,
  type AuditRecord,
} from "glacis";
import {
  authenticationRoutes,
  enrolledFactors,
  memoryAuthentication,
  memoryPasskeys,
  passkeys,
  passkeyScript,
  type Passkeys,
} from "glacis/authentication";
import { access, requestOf, secureExpress } from "glacis/express";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openBrowser, plugIn, visit, type Visit } from "../apps/reference/test/support/browser.ts";
import { authenticationGround } from "./support/authentication-ground.ts";
import { freePort } from "./support/free-port.ts";

const TIMEOUT_MS = 120_000;
const USER = { userId: "ada", tenantId: "alpha", roles: [] };
const open = publicAccess("a test");

let browser: Awaited<ReturnType<typeof openBrowser>>;
let application: Application;
beforeAll(async () => {
  [browser, application] = await Promise.all([openBrowser(), startApplication()]);
}, TIMEOUT_MS);
afterAll(async () => {
  await browser.close();
  application.server.close();
});

interface Application {
  readonly origin: string;
  readonly server: Server;
  readonly keys: Passkeys;
  readonly records: readonly AuditRecord[];
}

/** An application of two pages on the public API: one registers a passkey for Ada, the other signs in with it and nothing else. */
async function startApplication(): Promise<Application> {
  const origin = `http://localhost:${await freePort()}`;
  const records: AuditRecord[] = [];
  const layers = saas({ origin, keys: keyRing(newKey("k1")), mode: "development", audit: (one) => records.push(one) });
  const security = glacis(layers);
  const keys = passkeys({
    name: "Test",
    origins: [origin],
    store: memoryPasskeys(),
    report: (event) => security.report(event),
  });
  const app = express();
  secureExpress(app, security);
  const page = (purpose: string): string => `<!doctype html><html lang="en"><title>${purpose}</title>
    <label>Name <input id="name"></label>
    <button type="button" data-passkey="${purpose}" data-options="/${purpose}/options" data-answer="/${purpose}" data-name="name"
      data-csrf="CSRF">Go</button><p role="status" data-passkey-status></p><script nonce="NONCE">${passkeyScript}</script></html>`;
  for (const purpose of ["register", "authenticate"])
    app.get(`/${purpose}`, access(open, { kind: "page" }), (request, response) => {
      const facts = requestOf(request);
      response.send(
        page(purpose)
          .replace("CSRF", layers.csrf.token(facts))
          .replace("NONCE", () => facts.nonce),
      );
    });
  app.post("/register/options", access(open), async (request, response) => {
    response.json(await keys.registrationOptions(requestOf(request), { userId: "ada", account: "ada@example.test" }));
  });
  app.post("/register", access(open), async (request, response) => {
    const { answer, name } = requestOf(request).body as { answer?: unknown; name?: unknown };
    const made = await keys.register(requestOf(request), "ada", answer, name);
    response.status(made === undefined ? 401 : 200).json({ location: "/authenticate" });
  });
  app.post("/authenticate/options", access(open), async (request, response) => {
    response.json(await keys.authenticationOptions(requestOf(request)));
  });
  app.post("/authenticate", access(open), async (request, response) => {
    const proof = await keys.authenticate(requestOf(request), (requestOf(request).body as { answer?: unknown }).answer);
    if (proof === undefined) return void response.status(401).json({});
    const made = await layers.sessions.establish(requestOf(request), [proof], USER);
    response.status(made.kind === "established" ? 200 : 401).json({ location: "/me" });
  });
  app.get("/me", access(authenticated(), { kind: "page" }), (request, response) => {
    const { principal } = requestOf(request);
    response.send(
      `<!doctype html><title>Me</title><p id="level">${principal.kind === "user" ? principal.assurance : 0}</p>`,
    );
  });
  const server = app.listen(Number(new URL(origin).port), "127.0.0.1");
  await once(server, "listening");
  return { origin, server, keys, records };
}

/** The mounted routes, with a page that holds the two buttons. */
async function startRoutes(): Promise<{ readonly origin: string; readonly server: Server; readonly password: string }> {
  const origin = `http://localhost:${await freePort()}`;
  const keys = passkeys({ name: "Test", origins: [origin], store: memoryPasskeys() });
  const layers = saas({
    origin,
    keys: keyRing(newKey("k1")),
    mode: "development",
    audit: () => undefined,
    mfa: { enrolled: enrolledFactors({ passkeys: keys }) },
  });
  const ground = authenticationGround(memoryAuthentication(), layers.sessions, {
    now: Date.now,
    authenticators: { passkeys: keys },
  });
  const password = "correct horse battery staple";
  await ground.account({ email: "ada@example.com" }, password);
  const render = authenticationPages({ name: "Test" });
  const routes = authenticationRoutes(ground.flows, { csrf: layers.csrf, render, home: "/home" });
  const security = glacis({ ...layers, endpoints: [...layers.endpoints, ...routes] });
  const app = express();
  secureExpress(app, security);
  app.get("/home", access(open, { kind: "page" }), (request, response) => {
    const facts = requestOf(request);
    const { principal } = facts;
    const button = (purpose: string, path: string): string =>
      `<button type="button" data-passkey="${purpose}" data-options="${path}/options" data-answer="${path}" data-name="name"
        data-csrf="${layers.csrf.token(facts)}">${purpose}</button>`;
    response.send(`<!doctype html><html lang="en"><title>Home</title><label>Name <input id="name"></label>
      ${button("register", "/account/passkeys")}${button("authenticate", "/sign-in/passkey")}<p role="status" data-passkey-status></p>
      <p id="level">${principal.kind === "user" ? principal.assurance : 0}</p><script nonce="${facts.nonce}">${passkeyScript}</script></html>`);
  });
  const server = app.listen(Number(new URL(origin).port), "127.0.0.1");
  await once(server, "listening");
  return { origin, server, password };
}

async function press({ page }: Visit, path: string): Promise<void> {
  await page.goto(path);
  await page.getByLabel("Name").fill("Ada's laptop");
  await page.getByRole("button", { name: "Go" }).click();
}

const failed = ({ page }: Visit): Promise<void> => page.getByText("That did not work.").waitFor();
const details = (): unknown[] =>
  application.records.filter(({ control }) => control === "webauthn").map((one) => one.detail);

describe("a passkey in Chromium", () => {
  it(
    "is registered, signs in without a name or a password, and a copy of it does not",
    async () => {
      const tab = await visit(browser, application.origin);
      const { cdp, authenticatorId } = await plugIn(tab);
      await press(tab, "/register");
      await tab.page.waitForURL("**/authenticate");
      await press(tab, "/authenticate");
      await tab.page.waitForURL("**/me");
      expect(await tab.page.locator("#level").textContent()).toBe("3");
      const [passkey] = await application.keys.list("ada");
      expect(passkey).toMatchObject({ name: "Ada's laptop", deviceBound: true, backedUp: false });
      expect(passkey?.usedAtMs).toBeDefined();

      // The browser itself refuses to register the same device twice.
      await press(tab, "/register");
      await failed(tab);
      expect(await application.keys.list("ada")).toHaveLength(1);

      // A copy that was taken earlier still counts from where it was.
      const { credentials } = await cdp.send("WebAuthn.getCredentials", { authenticatorId });
      const copy = { ...credentials[0]!, signCount: 0 };
      await cdp.send("WebAuthn.removeCredential", { authenticatorId, credentialId: copy.credentialId });
      await cdp.send("WebAuthn.addCredential", { authenticatorId, credential: copy });
      await press(tab, "/authenticate");
      await failed(tab);
      expect(details().at(-1)).toBe("counter_regression");
      expect(tab.complaints.filter((text) => !text.startsWith("401"))).toEqual([]);
      await tab.close();
    },
    TIMEOUT_MS,
  );

  it(
    "does nothing without the user's finger or PIN, and nothing for whoever has none",
    async () => {
      const tab = await visit(browser, application.origin);
      const before = (await application.keys.list("ada")).length;
      await plugIn(tab, { isUserVerified: false });
      await press(tab, "/register");
      await failed(tab);
      await press(tab, "/authenticate");
      await failed(tab);
      expect(await application.keys.list("ada")).toHaveLength(before);
      await tab.page.goto("/me");
      expect(await tab.page.locator("#level").count()).toBe(0);
      await tab.close();
    },
    TIMEOUT_MS,
  );
});

describe("the mounted routes in Chromium", () => {
  it(
    "register a passkey for who is signed in, and sign in with it alone",
    async () => {
      const { origin, server, password } = await startRoutes();
      const tab = await visit(browser, origin);
      const { page } = tab;
      await plugIn(tab);
      await page.goto("/sign-in");
      await page.getByLabel("E-mail").fill("ada@example.com");
      await page.getByLabel("Password").fill(password);
      await page.getByRole("button", { name: "Show password", pressed: false }).click();
      expect(await page.getByLabel("Password").getAttribute("type")).toBe("text");
      await page.getByRole("button", { name: "Sign in" }).click();
      await page.waitForURL("**/home");
      expect(await page.locator("#level").textContent()).toBe("1");
      await page.getByLabel("Name").fill("Ada's laptop");
      await page.getByRole("button", { name: "register" }).click();
      await expect.poll(() => page.locator("#level").textContent()).toBe("3");

      await page.context().clearCookies();
      await page.goto("/home");
      expect(await page.locator("#level").textContent()).toBe("0");
      await page.getByRole("button", { name: "authenticate" }).click();
      await expect.poll(() => page.locator("#level").textContent()).toBe("3");
      expect(tab.complaints).toEqual([]);
      await tab.close();
      server.close();
    },
    TIMEOUT_MS,
  );
});
