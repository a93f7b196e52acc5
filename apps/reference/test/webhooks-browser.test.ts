/** The page of webhooks as a person uses it, without JavaScript. */
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { dangerouslyAllowAddresses } from "glacis/network";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { testCertificate } from "../../../test/support/tls-certificate.ts";
import { accessibilityFaults, openBrowser, visit } from "./support/browser.ts";
import { startFolio, type Folio } from "./support/folio.ts";
import { nextCode } from "./support/totp.ts";

const TIMEOUT_MS = 180_000;
const certificate = testCertificate(["hooks.example.com"]);
let receiver: Server;
let origin: string;
let folio: Folio;
let browser: Browser;

beforeAll(async () => {
  receiver = createServer(certificate, (request, response) => {
    response.writeHead(request.url === "/broken" ? 500 : 200).end();
  });
  await new Promise<void>((resolve) => receiver.listen(0, "127.0.0.1", resolve));
  const { port } = receiver.address() as AddressInfo;
  origin = `https://hooks.example.com:${port}`;
  const webhookOutbound = {
    ports: [port],
    ca: certificate.cert,
    resolve: async (name: string) => (name === "hooks.example.com" ? ["127.0.0.1"] : ["10.0.0.7"]),
    [dangerouslyAllowAddresses]: ["127.0.0.1/32"],
  };
  [folio, browser] = await Promise.all([startFolio("demo", {}, { webhookOutbound }), openBrowser()]);
}, TIMEOUT_MS);
afterAll(async () => {
  await browser?.close();
  await folio?.stop();
  receiver?.close();
});

const shots = process.env["FOLIO_SHOTS"];
async function judge(page: Page, name: string): Promise<void> {
  if (shots !== undefined) await page.screenshot({ path: `${shots}/${name}.png`, fullPage: true });
}

async function signIn(page: Page): Promise<void> {
  await page.goto("/sign-in");
  await page.getByLabel("E-mail address").fill("admin@alpha.test");
  await page.getByLabel("Password").fill("Alpha-Admin-Passw0rd!");
  await page.getByRole("main").getByRole("button", { name: "Sign in", exact: true }).click();
  await page.getByLabel("Code", { exact: true }).fill(await nextCode("GUZTIYRZMYYGCMJUGFRDINZUMZSWMYJQ"));
  await page.getByRole("main").getByRole("button").first().click();
  await page.waitForURL("**/documents");
}

async function add(page: Page, endpoint: string): Promise<void> {
  await page.getByLabel("Address").fill(endpoint);
  await page.getByRole("button", { name: "Add the webhook" }).click();
}

describe("the page of webhooks", () => {
  it(
    "is found from the settings, and works without JavaScript",
    async () => {
      const own = await visit(browser, folio.settings.origin, { javaScriptEnabled: false });
      const { page } = own;
      await signIn(page);
      await page.goto("/settings");
      await page.getByRole("link", { name: "Manage webhooks" }).click();
      await add(page, origin.replace("hooks", "inside"));
      const field = page.getByLabel("Address");
      expect(await field.getAttribute("aria-invalid")).toBe("true");
      const refused = await page.getByText("leads into a private network").count();
      expect(refused).toBeGreaterThan(0);
      await judge(page, "webhooks-refused");
      for (const path of ["/events", "/broken"]) {
        await page.goto("/settings/webhooks");
        await add(page, origin + path);
        expect(await page.locator(".key code").textContent()).toMatch(/^whsec_/u);
        await judge(page, "webhooks-new");
        await page.getByRole("link", { name: "I have kept it" }).click();
        await page.getByRole("button", { name: `Send a test to ${origin}${path}` }).click();
      }
      const settled = async (): Promise<string> => {
        await page.goto("/settings/webhooks");
        return page.getByRole("main").innerText();
      };
      await expect.poll(settled, { timeout: 15_000 }).toContain("Tried once, and will be again: answered with 500.");
      expect(await settled()).toContain("Delivered: answered with 200.");
      await judge(page, "webhooks");
      await page.getByRole("button", { name: `Remove ${origin}/broken` }).click();
      expect(await page.getByRole("main").innerText()).not.toContain("/broken");
      expect(own.complaints).toEqual([]);
      await own.close();
    },
    TIMEOUT_MS,
  );

  it(
    "has nothing that a reader of screens would miss",
    async () => {
      const own = await visit(browser, folio.settings.origin);
      await signIn(own.page);
      await own.page.goto("/settings/webhooks");
      expect(await own.page.getByRole("list", { name: /^Last deliveries to/u }).count()).toBe(1);
      expect(await accessibilityFaults(own.page)).toEqual([]);
      await add(own.page, "https://169.254.169.254/");
      expect(await accessibilityFaults(own.page)).toEqual([]);
      expect(own.complaints).toEqual([]);
      await own.close();
    },
    TIMEOUT_MS,
  );
});
