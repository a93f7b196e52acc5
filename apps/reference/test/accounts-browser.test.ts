/** An account from its beginning to its protection, in a real browser with a virtual authenticator. */
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DEMO } from "../src/demo.ts";
import { accessibilityFaults, openBrowser, plugIn, visit } from "./support/browser.ts";
import { startFolio, type Folio } from "./support/folio.ts";
import { mailedPath } from "./support/mail.ts";
import { nextCode } from "./support/totp.ts";

const TIMEOUT_MS = 240_000;
const PERSON = { email: "petra@protect.test", password: "pine needles in winter" };
let folio: Folio;
let browser: Browser;

beforeAll(async () => {
  [folio, browser] = await Promise.all([startFolio("demo"), openBrowser()]);
}, TIMEOUT_MS);
afterAll(async () => {
  await browser.close();
  await folio.stop();
});

const shots = process.env["FOLIO_SHOTS"];
async function judge(page: Page, name: string): Promise<void> {
  if (shots !== undefined) await page.screenshot({ path: `${shots}/${name}.png`, fullPage: true });
  expect(await accessibilityFaults(page), name).toEqual([]);
}

async function begin(page: Page, { email, password }: { email: string; password: string }): Promise<void> {
  await page.goto("/sign-in");
  await page.getByLabel("E-mail address").fill(email);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("main").getByRole("button", { name: "Sign in", exact: true }).click();
}

const heading = (page: Page, name: string) => page.getByRole("heading", { level: 1, name });

describe("a password", () => {
  it(
    "is shown while its owner wants it, pasted as it is, and sent and left behind masked",
    async () => {
      const own = await visit(browser, folio.settings.origin, { permissions: ["clipboard-read", "clipboard-write"] });
      const { page } = own;
      await page.goto("/sign-in");
      const field = page.getByLabel("Password");
      const type = (): Promise<string | null> => field.getAttribute("type");
      await page.evaluate("navigator.clipboard.writeText('pasted from a password manager')");
      await field.focus();
      await page.keyboard.press("Control+V");
      expect(await field.inputValue()).toBe("pasted from a password manager");
      await page.keyboard.press("Tab");
      await page.keyboard.press("Space");
      const button = page.getByRole("button", { name: "Show password", pressed: true });
      expect(await type()).toBe("text");
      expect(await button.getAttribute("aria-controls")).toBe(await field.getAttribute("id"));
      expect(await field.getAttribute("spellcheck")).toBe("false");
      await judge(page, "sign-in-shown");
      await button.click();
      expect(await type()).toBe("password");
      await page.getByRole("button", { name: "Show password", pressed: false }).click();
      await page.evaluate(`document.forms[0].addEventListener("submit", (event) => event.preventDefault())`);
      await field.press("Enter");
      expect(await type()).toBe("password");
      await page.goto("/sign-up");
      await judge(page, "sign-up-reveal");
      expect(own.complaints).toEqual([]);
      await own.close();
      const plain = await visit(browser, folio.settings.origin, { javaScriptEnabled: false });
      await plain.page.goto("/sign-in");
      expect(await plain.page.getByText("Show password").count()).toBe(0);
      await plain.close();
    },
    TIMEOUT_MS,
  );
});

describe("an account", () => {
  it(
    "is made with an address that was proved, and gets a new password by mail",
    async () => {
      const own = await visit(browser, folio.settings.origin);
      const { page } = own;
      await page.goto("/sign-up");
      await judge(page, "sign-up");
      await page.getByLabel("Workspace").fill("Protect Ltd");
      await page.getByLabel("Your name").fill("Petra");
      await page.getByLabel("E-mail address").fill(PERSON.email);
      await page.getByLabel("Password").fill(PERSON.password);
      await page.getByRole("button", { name: "Create workspace" }).click();
      await heading(page, "Look into your mailbox").waitFor();
      await judge(page, "mail-sent");
      await mailedPath(folio, PERSON.email, "Confirm your address");
      await page.goto("/outbox");
      await judge(page, "outbox");
      await page.getByRole("article").first().getByRole("link").click();
      await heading(page, "Confirm your address").waitFor();
      await judge(page, "confirm-address");
      await page.getByLabel("Password").fill(PERSON.password);
      await page.getByRole("button", { name: "Confirm and sign in" }).click();
      await page.waitForURL("**/documents");
      await page.getByRole("button", { name: "Sign out" }).click();

      await heading(page, "Sign in").waitFor();
      await judge(page, "sign-in");
      await page.getByRole("link", { name: "Forgot your password?" }).click();
      await page.getByLabel("E-mail address").fill(PERSON.email);
      await judge(page, "forgot");
      await page.getByRole("button", { name: "Send me a link" }).click();
      await heading(page, "Look into your mailbox").waitFor();
      const link = await mailedPath(folio, PERSON.email, "Choose a new password");
      await page.goto(link);
      await judge(page, "reset");
      PERSON.password = "pine needles in summer";
      await page.getByLabel("New password").fill(PERSON.password);
      await page.getByRole("button", { name: "Save the new password" }).click();
      await heading(page, "Sign in").waitFor();
      await page.goto(link);
      await heading(page, "This link does not work any more").waitFor();
      await judge(page, "link-invalid");
      await begin(page, PERSON);
      await page.waitForURL("**/documents");
      expect(own.complaints).toEqual([]);
      await own.close();
    },
    TIMEOUT_MS,
  );

  it(
    "is protected by an app, whose code is asked for, and by codes on paper",
    async () => {
      const own = await visit(browser, folio.settings.origin);
      const { page } = own;
      const bea = DEMO[1]?.people[0] ?? PERSON;
      await begin(page, bea);
      await page.waitForURL("**/documents");
      await page.goto("/settings");
      await judge(page, "settings");
      await page.getByRole("button", { name: "Add an app" }).click();
      await heading(page, "Add an authenticator app").waitFor();
      await judge(page, "authenticator");
      const secret = ((await page.locator(".key code").textContent()) ?? "").replaceAll(" ", "");
      await page.getByLabel("Code", { exact: true }).fill("000000");
      await page.getByRole("button", { name: "Add the app" }).click();
      await page.getByRole("alert").waitFor();
      await page.getByLabel("Code", { exact: true }).fill(await nextCode(secret));
      await page.getByRole("button", { name: "Add the app" }).click();
      await heading(page, "Your recovery codes").waitFor();
      await judge(page, "recovery-codes");
      const codes = await page.locator(".codes li").allTextContents();
      expect(codes).toHaveLength(10);
      await page.getByRole("link", { name: "I have kept them" }).click();
      await page.getByText("Your second factors are changed").waitFor();
      await page.getByRole("button", { name: "Sign out" }).click();

      await begin(page, bea);
      await heading(page, "One more step").waitFor();
      await judge(page, "second-factor");
      await page.getByLabel("Code", { exact: true }).fill(await nextCode(secret));
      await page.getByRole("button", { name: "Sign in", exact: true }).click();
      await page.waitForURL("**/documents");
      await page.getByRole("button", { name: "Sign out" }).click();
      await begin(page, bea);
      await page.getByText("Use a recovery code").click();
      await page.getByLabel("Recovery code").fill(codes[0]?.trim() ?? "");
      await page.getByRole("button", { name: "Sign in with a recovery code" }).click();
      await page.waitForURL("**/documents");
      await page.goto("/settings");
      await page.getByText("9 left").waitFor();
      await judge(page, "settings-protected");
      await page.getByRole("button", { name: "Remove the app" }).click();
      await page.getByRole("button", { name: "Add an app" }).waitFor();
      await page.goto("/people");
      await judge(page, "people");
      expect(own.complaints).toEqual([]);
      await own.close();
    },
    TIMEOUT_MS,
  );

  it(
    "is protected by a passkey, which signs in alone and confirms",
    async () => {
      const own = await visit(browser, folio.settings.origin);
      const { page } = own;
      await plugIn(own);
      const bob = DEMO[1]?.people[1] ?? PERSON;
      await begin(page, bob);
      await page.waitForURL("**/documents");
      await page.goto("/settings");
      await page.getByLabel("Name of a new passkey").fill("Laptop");
      await page.getByRole("button", { name: "Add a passkey" }).click();
      await page.getByText("Passkey: Laptop").waitFor();
      await judge(page, "settings-passkey");
      await page.getByRole("button", { name: "Sign out" }).click();
      await page.getByRole("button", { name: "Use a passkey" }).click();
      await page.waitForURL("**/documents");
      await page.goto("/confirm?next=%2Faccount%2Femail");
      await judge(page, "confirm");
      await page.getByRole("button", { name: "Use a passkey" }).click();
      await page.waitForURL("**/account/email");
      await page.goto("/settings");
      await page.getByRole("button", { name: "Remove Laptop" }).click();
      await page.getByText("Your second factors are changed").waitFor();
      expect(await page.getByText("Passkey: Laptop").count()).toBe(0);
      expect(own.complaints).toEqual([]);
      await own.close();
    },
    TIMEOUT_MS,
  );
});
