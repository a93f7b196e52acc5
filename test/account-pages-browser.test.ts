/** The pages that come with `accounts()`, as a person meets them in Chromium: from sign-up to a passkey, under the strict policy. */
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import type { Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import express from "express";
import { glacis, keyRing, newKey, saas } from "glacis";
import { accounts } from "glacis/accounts";
import { outboxMail, type OutboxMail } from "glacis/authentication";
import { secureExpress } from "glacis/express";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { accessibilityFaults, openBrowser, plugIn, visit, type Visit } from "../apps/reference/test/support/browser.ts";
import { freePort } from "./support/free-port.ts";

const TIMEOUT_MS = 120_000;
const PASSWORD = "seven purple lanterns float";

let browser: Awaited<ReturnType<typeof openBrowser>>;
let application: Awaited<ReturnType<typeof start>>;
let strict: Awaited<ReturnType<typeof start>>;
beforeAll(async () => {
  [browser, application, strict] = await Promise.all([openBrowser(), start(), start({ phishingResistant: ["owner"] })]);
}, TIMEOUT_MS);
afterAll(async () => {
  await browser.close();
  await Promise.all([application.stop(), strict.stop()]);
});

async function start(mfa: { readonly phishingResistant?: readonly string[] } = {}) {
  const origin = `http://localhost:${await freePort()}`;
  const folder = mkdtempSync(join(tmpdir(), "glacis-outbox-"));
  const outbox = outboxMail({ folder });
  const layers = saas({
    origin,
    keys: keyRing(newKey("k1")),
    mode: "development",
    audit: () => undefined,
    mfa,
    accounts: accounts({
      name: "Lantern",
      application: {
        membership: async (userId) => ({ tenantId: userId, roles: ["owner"] }),
        exportData: async () => ({ lanterns: 7 }),
      },
      mail: outbox,
      profile: ["company_name"],
      home: "/account",
      // A way in that this team does not have.
      without: ["/account/delete"],
    }),
  });
  const worker = layers.accounts.flows.worker.start();
  const app = express();
  secureExpress(app, glacis(layers));
  const server: Server = app.listen(Number(new URL(origin).port), "127.0.0.1");
  await once(server, "listening");
  return {
    origin,
    outbox,
    async stop() {
      await worker.stop();
      server.close();
      rmSync(folder, { recursive: true });
    },
  };
}

async function linkIn(outbox: OutboxMail): Promise<string> {
  for (let turn = 0; turn < 300; turn += 1) {
    const found = /https?:\/\/\S+/u.exec(outbox.recent()[0]?.text ?? "")?.[0];
    if (found !== undefined) return found;
    await new Promise((resolve) => void setTimeout(resolve, 50));
  }
  throw new Error("No mail came.");
}

/** Nothing to complain about for whoever looks, in both colours, and for whoever listens. */
async function isSound({ page }: Visit): Promise<void> {
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme });
    expect([page.url(), await accessibilityFaults(page)]).toEqual([page.url(), []]);
  }
}

describe("the pages of accounts()", () => {
  it(
    "lead from a sign-up to a passkey and back in with it, in both colours and for a screen reader",
    async () => {
      const tab = await visit(browser, application.origin);
      const { page } = tab;
      await plugIn(tab);
      await page.goto("/sign-up");
      await isSound(tab);

      // What was wrong is said at its field, and nothing else has to be typed again.
      await page.getByLabel("Company name").fill("Lanterns Ltd");
      await page.getByLabel("E-mail address").fill("ada@example.com");
      await page.getByLabel("Password", { exact: true }).fill("short");
      await page.getByRole("button", { name: "Sign up" }).click();
      await page.getByRole("alert").waitFor();
      expect(await page.getByLabel("Company name").inputValue()).toBe("Lanterns Ltd");
      expect(await page.title()).toMatch(/^Not yet/u);
      await isSound(tab);
      await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
      await page.getByRole("button", { name: "Sign up" }).click();
      await page.getByRole("heading", { name: "Look into your mailbox" }).waitFor();

      await page.goto(await linkIn(application.outbox));
      await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
      await page.getByRole("button", { name: "Confirm" }).click();
      await page.waitForURL("**/account");
      await isSound(tab);
      expect(await page.getByRole("link", { name: "Delete account" }).count()).toBe(0);

      await page.getByLabel("Name of a new passkey").fill("Laptop");
      await page.getByRole("button", { name: "Add a passkey" }).click();
      await page.getByRole("button", { name: "Remove Laptop" }).waitFor();
      await page.getByRole("button", { name: "Make codes" }).click();
      await page.getByRole("heading", { name: "Recovery codes" }).waitFor();
      expect(await page.locator(".codes li").count()).toBe(10);
      await isSound(tab);
      await page.getByRole("link", { name: "Your account" }).click();
      await page.getByText("10 left").waitFor();
      await page.getByRole("button", { name: "Sign out" }).click();
      await page.waitForURL("**/sign-in");
      await isSound(tab);

      await page.goto("/sign-in?next=/account/password");
      await page.getByRole("button", { name: "Use a passkey" }).click();
      await page.waitForURL("**/account/password");
      expect(tab.complaints.filter((text) => !text.startsWith("401") && !text.startsWith("422"))).toEqual([]);
      await tab.close();
    },
    TIMEOUT_MS,
  );

  it(
    "let somebody add the passkey that his role takes before he is signed in",
    async () => {
      const tab = await visit(browser, strict.origin);
      const { page } = tab;
      await plugIn(tab);
      await page.goto("/sign-up");
      await page.getByLabel("Company name").fill("Lanterns Ltd");
      await page.getByLabel("E-mail address").fill("grace@example.com");
      await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
      await page.getByRole("button", { name: "Sign up" }).click();
      await page.getByRole("heading", { name: "Look into your mailbox" }).waitFor();
      await page.goto(await linkIn(strict.outbox));
      await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
      await page.getByRole("button", { name: "Confirm" }).click();
      await page.getByRole("heading", { name: "Add a second factor" }).waitFor();
      expect(await page.getByLabel("Code").count()).toBe(0);
      await isSound(tab);
      await page.getByRole("button", { name: "Add a passkey" }).click();
      await page.waitForURL("**/account");
      await page.getByText("Passkey since").waitFor();
      expect(tab.complaints).toEqual([]);
      await tab.close();
    },
    TIMEOUT_MS,
  );

  it(
    "show a refusal as a page of the same kind",
    async () => {
      const tab = await visit(browser, application.origin);
      const { page } = tab;
      await page.goto("/nowhere");
      const width = await page.locator("main").evaluate((main) => getComputedStyle(main).maxWidth);
      expect(width).not.toBe("none");
      await isSound(tab);
      await page.goto("/outbox");
      await isSound(tab);
      expect(tab.complaints).toEqual([]);
      await tab.close();
    },
    TIMEOUT_MS,
  );
});
