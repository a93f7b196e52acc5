import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DEMO } from "../src/demo.ts";
import { SUPPORT_TENANT } from "../src/operations/settings.ts";
import { accessibilityFaults, openBrowser, visit } from "./support/browser.ts";
import { startFolio, type Folio } from "./support/folio.ts";
import { nextCode } from "./support/totp.ts";

const TIMEOUT_MS = 120_000;
const shots = process.env["SCREENSHOTS"];
const [owner, sue] = [DEMO[1]!.people[0]!, DEMO.find(({ id }) => id === SUPPORT_TENANT)!.people[0]!];

let folio: Folio;
let browser: Browser;
beforeAll(async () => {
  folio = await startFolio("demo");
  browser = await openBrowser();
}, TIMEOUT_MS);
afterAll(async () => {
  await browser?.close();
  await folio?.stop();
});

async function judge(page: Page, name: string): Promise<void> {
  if (shots !== undefined) await page.screenshot({ path: `${shots}/${name}.png`, fullPage: true });
  expect(await accessibilityFaults(page), name).toEqual([]);
}

async function signIn(page: Page, { email, password }: { readonly email: string; readonly password: string }) {
  await page.goto("/sign-in");
  await page.getByLabel("E-mail address").fill(email);
  await page.getByLabel("Password", { exact: true }).fill(password);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
}

describe("a visit of support in a browser", () => {
  it(
    "is allowed, begun, seen and ended without a script, on pages that everybody can use",
    async () => {
      // Judged with a script of the test's own, which a browser without scripts would not run: the forms are used as they are.
      const [customer, staff] = [
        await visit(browser, folio.settings.origin),
        await visit(browser, folio.settings.origin, { colorScheme: "dark", viewport: { width: 390, height: 800 } }),
      ];
      await signIn(customer.page, owner);
      await customer.page.waitForURL("**/documents");
      await customer.page.goto("/settings");
      await customer.page.getByRole("link", { name: "Allow it, end it, see what was done" }).click();
      await judge(customer.page, "support-consent");
      await customer.page.getByLabel("One day").check();
      await customer.page.getByRole("button", { name: "Allow it" }).click();
      await customer.page.getByText("Support may look in now.").waitFor();
      await judge(customer.page, "support-standing");

      await signIn(staff.page, sue);
      await staff.page.getByLabel("Code", { exact: true }).fill(await nextCode(sue.totpSecret ?? ""));
      await staff.page.getByRole("button", { name: "Sign in", exact: true }).click();
      await staff.page.waitForURL("**/documents");
      await staff.page.getByRole("link", { name: "Support desk" }).click();
      await judge(staff.page, "support-desk");
      await staff.page.getByRole("button", { name: "Begin the visit" }).click();
      await staff.page.getByRole("alert").waitFor();
      await judge(staff.page, "support-desk-error");
      await staff.page.getByLabel("What for?").fill("Request 4711: the list stays empty");
      await staff.page.getByRole("button", { name: "Begin the visit" }).click();
      await staff.page.waitForURL("**/documents");
      await judge(staff.page, "support-visit");
      await staff.page.goto("/people");
      await judge(staff.page, "support-visit-people");
      await staff.page.setViewportSize({ width: 1200, height: 800 });
      await staff.page.emulateMedia({ colorScheme: "light" });
      await judge(staff.page, "support-visit-wide");
      await staff.page.getByRole("button", { name: "End the visit" }).click();
      await staff.page.getByText("The visit is over.").waitFor();
      await judge(staff.page, "support-desk-after");

      await customer.page.reload();
      await customer.page.getByText("Sue Support").first().waitFor();
      await judge(customer.page, "support-records");
      await customer.page.getByRole("button", { name: "End it now" }).click();
      await customer.page.getByText("Support may not look in any more").waitFor();
      expect([...customer.complaints, ...staff.complaints]).toEqual([]);
      await customer.close();
      await staff.close();
    },
    TIMEOUT_MS,
  );

  it(
    "is allowed and ended where scripts are off",
    async () => {
      const plain = await visit(browser, folio.settings.origin, { javaScriptEnabled: false });
      await signIn(plain.page, owner);
      await plain.page.goto("/settings/support");
      await plain.page.getByRole("button", { name: "Allow it" }).click();
      await plain.page.getByText("Support may look in now.").waitFor();
      await plain.page.getByRole("button", { name: "End it now" }).click();
      await plain.page.getByText("Support may not look in any more").waitFor();
      expect(plain.complaints).toEqual([]);
      await plain.close();
    },
    TIMEOUT_MS,
  );
});
