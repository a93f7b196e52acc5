import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DEMO_DOCUMENTS, DEMO_MARKERS } from "../src/demo.ts";
import { accessibilityFaults, openBrowser, visit } from "./support/browser.ts";
import { startFolio, type Folio } from "./support/folio.ts";
import { mailedPath } from "./support/mail.ts";

const TIMEOUT_MS = 240_000;
let folio: Folio;
let browser: Browser;

beforeAll(async () => {
  [folio, browser] = await Promise.all([startFolio("demo"), openBrowser()]);
}, TIMEOUT_MS);
afterAll(async () => {
  await browser.close();
  await folio.stop();
});

const eventsOf = (running: Folio): string => readFileSync(join(running.settings.dataFolder, "events.jsonl"), "utf8");

async function signUp(
  page: Page,
  person: { workspace: string; name: string; email: string; password: string },
): Promise<void> {
  await page.goto("/");
  await page.getByRole("main").getByRole("link", { name: "Create a workspace" }).click();
  await page.getByLabel("Workspace").fill(person.workspace);
  await page.getByLabel("Your name").fill(person.name);
  await page.getByLabel("E-mail address").fill(person.email);
  await page.getByLabel("Password").fill(person.password);
  await page.getByRole("button", { name: "Create workspace" }).click();
  await page.getByRole("heading", { level: 1, name: "Look into your mailbox" }).waitFor();
  await page.getByRole("link", { name: "open the outbox" }).click();
  await page.getByRole("heading", { level: 1, name: "Outbox" }).waitFor();
  await page.goto(await mailedPath(folio, person.email, "Confirm your address"));
  await page.getByLabel("Password").fill(person.password);
  await page.getByRole("button", { name: "Confirm and sign in" }).click();
  await page.waitForURL("**/documents");
}

async function signIn(page: Page, email: string, password: string): Promise<void> {
  await page.goto("/sign-in");
  await page.getByLabel("E-mail address").fill(email);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("main").getByRole("button", { name: "Sign in" }).click();
  await page.waitForURL("**/documents");
}

async function write(page: Page, title: string, text: string): Promise<string> {
  await page.goto("/documents");
  await page.getByRole("link", { name: "New document" }).first().click();
  await page.getByLabel("Title").fill(title);
  await page.getByLabel("Text").fill(text);
  await page.getByRole("button", { name: "Create document" }).click();
  await page.getByRole("heading", { level: 1, name: title }).waitFor();
  return new URL(page.url()).pathname;
}

describe("two tenants in a browser", () => {
  it(
    "sign up, write, and never see each other, with no complaint from the browser",
    async () => {
      const north = { workspace: "North Ltd", name: "Nora", email: "nora@north.test", password: "north wind and rain" };
      const south = { workspace: "South Ltd", name: "Said", email: "said@south.test", password: "south wind and dust" };
      const [left, right] = [await visit(browser, folio.settings.origin), await visit(browser, folio.settings.origin)];
      await signUp(left.page, north);
      await signUp(right.page, south);
      await left.page.getByText("A clean desk").waitFor();

      const path = await write(left.page, "Plans for spring", '<script>alert(1)</script><b style="color:red">bold</b>');
      await left.page.getByText("<script>alert(1)</script>").waitFor();
      await write(right.page, "Plans for autumn", "Quite different ones.");

      const foreign = await right.page.goto(path);
      expect(foreign?.status()).toBe(404);
      expect(await right.page.getByRole("heading", { level: 1 }).textContent()).toBe("There is nothing here.");
      await right.page.goto("/documents?q=Plans");
      expect(
        await right.page
          .getByRole("list", { name: /Documents that contain/u })
          .getByRole("link")
          .allTextContents(),
      ).toEqual(["Plans for autumn"]);

      await left.page.goto(path);
      await left.page.getByRole("link", { name: "Edit" }).click();
      await left.page.getByLabel("Title").fill("Plans for summer");
      await left.page.getByRole("button", { name: "Save changes" }).click();
      await left.page.getByText("Your changes are saved.").waitFor();
      await left.page.getByRole("link", { name: "Delete" }).click();
      await left.page.getByRole("button", { name: "Delete for good" }).click();
      await left.page.getByText("The document is deleted.").waitFor();
      await left.page.getByRole("button", { name: "Sign out" }).click();
      await left.page.getByRole("heading", { level: 1, name: "Sign in" }).waitFor();
      await left.page.goto("/documents");
      expect(left.page.url()).toContain("/sign-in?next=%2Fdocuments");

      expect([...left.complaints, ...right.complaints]).toEqual([]);
      expect(eventsOf(folio)).not.toContain("csp_violation");
      await left.close();
      await right.close();
    },
    TIMEOUT_MS,
  );

  it(
    "share inside a tenant, to read and then to edit, and take it back",
    async () => {
      const [alice, amy] = [await visit(browser, folio.settings.origin), await visit(browser, folio.settings.origin)];
      await signIn(alice.page, "alice@alpha.test", "Alice-Correct-Horse-9");
      await signIn(amy.page, "amy@alpha.test", "Amy-Correct-Horse-91");
      const path = `/documents/${DEMO_DOCUMENTS.alpha}`;
      expect((await amy.page.goto(path))?.status()).toBe(404);

      await alice.page.goto(path);
      await alice.page.getByLabel("Colleague").selectOption({ label: "Amy Arden (amy@alpha.test)" });
      await alice.page.getByRole("button", { name: "Share" }).click();
      await alice.page.getByText("The document is shared.").waitFor();
      await amy.page.goto(path);
      await amy.page.getByText(DEMO_MARKERS.alpha).waitFor();
      expect(await amy.page.getByRole("link", { name: "Edit" }).count()).toBe(0);

      await alice.page.getByLabel("Colleague").selectOption({ label: "Amy Arden (amy@alpha.test)" });
      await alice.page.getByLabel("May").selectOption("edit");
      await alice.page.getByRole("button", { name: "Share" }).click();
      await alice.page.getByRole("listitem").filter({ hasText: "Amy Arden" }).getByText("can view and edit").waitFor();
      await amy.page.goto(`${path}/edit`);
      await alice.page.goto(`${path}/edit`);
      await amy.page.getByLabel("Link (optional)").fill("https://example.com/harbour");
      await amy.page.getByRole("button", { name: "Save changes" }).click();
      await amy.page.getByRole("link", { name: "https://example.com/harbour" }).waitFor();

      await alice.page.getByRole("button", { name: "Save changes" }).click();
      await alice.page.getByRole("alert").getByText("Somebody else saved this document").waitFor();
      await alice.page.goto(path);
      await alice.page.getByRole("button", { name: "Stop sharing with Amy Arden" }).click();
      await alice.page.getByText("The document is no longer shared with them.").waitFor();
      expect((await amy.page.goto(path))?.status()).toBe(404);
      expect([...alice.complaints, ...amy.complaints].filter((text) => !text.startsWith("404"))).toEqual([]);
      await alice.close();
      await amy.close();
    },
    TIMEOUT_MS,
  );

  it(
    "change name and password in the settings, and lose the other sessions",
    async () => {
      const [laptop, phone] = [
        await visit(browser, folio.settings.origin),
        await visit(browser, folio.settings.origin),
      ];
      await signIn(laptop.page, "bob@bravo.test", "Bob-Correct-Horse-99");
      await signIn(phone.page, "bob@bravo.test", "Bob-Correct-Horse-99");
      await laptop.page.getByRole("link", { name: "Settings" }).click();
      await laptop.page.getByLabel("Your name").fill("Robert Brandt");
      await laptop.page.getByRole("button", { name: "Save name" }).click();
      await laptop.page.getByText("Your name is changed.").waitFor();
      await laptop.page.getByLabel("Present password").fill("Bob-Correct-Horse-99");
      await laptop.page.getByLabel("New password").fill("Robert-Correct-Horse-1");
      await laptop.page.getByRole("button", { name: "Change password" }).click();
      await laptop.page.getByRole("heading", { level: 1, name: "Your password is changed" }).waitFor();
      await laptop.page.getByRole("link", { name: "Back to the settings" }).click();
      expect(await laptop.page.getByText("This one").count()).toBe(1);
      await phone.page.goto("/settings");
      expect(phone.page.url()).toContain("/sign-in");
      expect([...laptop.complaints, ...phone.complaints]).toEqual([]);
      await laptop.close();
      await phone.close();
    },
    TIMEOUT_MS,
  );
});

describe("a person without a mouse or without script", () => {
  it(
    "signs in by keyboard alone, past a skip link, and lands on what is wrong",
    async () => {
      const { page, complaints, close } = await visit(browser, folio.settings.origin);
      await page.goto("/sign-up");
      await page.getByLabel("Workspace").blur();
      await page.goto("/documents");
      expect(page.url()).toContain("/sign-in");
      const focused = (): Promise<string | undefined> =>
        page.evaluate(() => document.activeElement?.id || document.activeElement?.getAttribute("role") || "");
      await expect.poll(focused).toBe("email");
      await page.keyboard.type("alice@alpha.test");
      await page.keyboard.press("Tab");
      await page.keyboard.type("not her password");
      await page.keyboard.press("Enter");
      await page.getByRole("alert").waitFor();
      expect(await page.title()).toMatch(/^Error: /u);
      await expect.poll(focused).toBe("alert");
      await page.getByLabel("E-mail address").focus();
      expect(await page.getByLabel("E-mail address").inputValue()).toBe("alice@alpha.test");
      await page.keyboard.press("Tab");
      await page.keyboard.type("Alice-Correct-Horse-9");
      await page.keyboard.press("Enter");
      await page.waitForURL("**/documents");
      await page.keyboard.press("Tab");
      expect(await page.evaluate(() => document.activeElement?.textContent)).toBe("Skip to content");
      await page.keyboard.press("Enter");
      await expect.poll(focused).toBe("main");
      expect(complaints).toEqual([]);
      await close();
    },
    TIMEOUT_MS,
  );

  it(
    "does everything with script switched off",
    async () => {
      const { page, close } = await visit(browser, folio.settings.origin, { javaScriptEnabled: false });
      await signIn(page, "alice@alpha.test", "Alice-Correct-Horse-9");
      const path = await write(page, "Without script", "\nA first line that is empty.");
      expect(await page.locator(".prose").textContent()).toBe("\nA first line that is empty.");
      await page.goto(`${path}/edit`);
      expect(await page.getByLabel("Text").inputValue()).toBe("\nA first line that is empty.");
      await page.goto(`${path}/delete`);
      await page.getByRole("button", { name: "Delete for good" }).click();
      await page.getByText("The document is deleted.").waitFor();
      await page.goto("/documents/new");
      await page.getByLabel("Title").fill("Too late");
      await page.context().clearCookies();
      await page.getByRole("button", { name: "Create document" }).click();
      await page.getByText("You have been signed out").waitFor();
      await page.getByRole("link", { name: "Sign in" }).click();
      await page.getByRole("heading", { level: 1, name: "Sign in" }).waitFor();
      await close();
    },
    TIMEOUT_MS,
  );
});

describe("a person with script", () => {
  it(
    "keeps what was written when the session ends meanwhile, and saves it after the next sign-in, as the same person only",
    async () => {
      const { page, complaints, close } = await visit(browser, folio.settings.origin);
      await signIn(page, "alice@alpha.test", "Alice-Correct-Horse-9");
      await page.goto("/documents/new");
      await page.getByLabel("Title").fill("An hour of thought");
      await page.getByLabel("Text").fill("Not to be lost.");
      const save = page.getByRole("button", { name: "Create document" });
      const other = await page.context().newPage();
      await other.goto("/documents");
      await other.getByRole("button", { name: "Sign out" }).click();
      await other.waitForURL("**/sign-in");
      const said = page.getByRole("alert");

      await save.click();
      await said.getByText("You have been signed out.").waitFor();
      expect(await said.evaluate((box) => box === document.activeElement)).toBe(true);
      expect(await accessibilityFaults(page)).toEqual([]);
      expect(await said.getByRole("link", { name: "Sign in" }).getAttribute("target")).toBe("_blank");

      await signIn(other, "admin@bravo.test", "Bravo-Admin-Passw0rd!");
      const [asked] = await Promise.all([page.waitForResponse("**/api/me"), save.click()]);
      expect(asked.status()).toBe(200);
      await other.goto("/documents?q=hour");
      expect(await other.getByText("An hour of thought").count()).toBe(0);
      await other.getByRole("button", { name: "Sign out" }).click();
      await other.waitForURL("**/sign-in");

      await signIn(other, "alice@alpha.test", "Alice-Correct-Horse-9");
      await page.context().setOffline(true);
      await save.click();
      await said.getByText("Folio could not be asked to save this.").waitFor();
      await page.context().setOffline(false);
      await save.click();
      await page.getByRole("heading", { level: 1, name: "An hour of thought" }).waitFor();
      await page.getByText("Not to be lost.").waitFor();
      expect(complaints.filter((text) => !/^401 .*\/api\/me$/u.test(text))).toEqual([]);
      await close();
    },
    TIMEOUT_MS,
  );

  it(
    "creates one document however often the button is pressed",
    async () => {
      const { page, close } = await visit(browser, folio.settings.origin);
      await signIn(page, "amy@alpha.test", "Amy-Correct-Horse-91");
      await page.goto("/documents/new");
      await page.getByLabel("Title").fill("Pressed thrice");
      await page.getByRole("button", { name: "Create document" }).evaluate((button: HTMLButtonElement) => {
        for (let press = 0; press < 3; press += 1) button.click();
      });
      await page.getByRole("heading", { level: 1, name: "Pressed thrice" }).waitFor();
      await page.goto("/documents?q=thrice");
      expect(await page.getByRole("link", { name: "Pressed thrice" }).count()).toBe(1);
      await close();
    },
    TIMEOUT_MS,
  );

  it(
    "reads text that runs from right to left as it runs, beside text that does not",
    async () => {
      const { page, close } = await visit(browser, folio.settings.origin);
      await signIn(page, "amy@alpha.test", "Amy-Correct-Horse-91");
      await write(page, "\u05E9\u05DC\u05D5\u05DD", "\u05E9\u05DC\u05D5\u05DD.\nAnd a line in English.");
      const direction = (selector: string): Promise<string> =>
        page
          .locator(selector)
          .first()
          .evaluate((part) => getComputedStyle(part).direction);
      expect([await direction("h1"), await direction(".prose"), await direction("html")]).toEqual([
        "rtl",
        "rtl",
        "ltr",
      ]);
      await page.getByRole("link", { name: "Edit" }).click();
      await page.getByLabel("Title").waitFor();
      expect([await direction("#title"), await direction("#body"), await direction("#link")]).toEqual([
        "rtl",
        "rtl",
        "ltr",
      ]);
      await close();
    },
    TIMEOUT_MS,
  );

  it(
    "reads times in the own time zone, and is asked before unsaved text is lost",
    async () => {
      const { page, complaints, close } = await visit(browser, folio.settings.origin, { timezoneId: "Asia/Tokyo" });
      await signIn(page, "alice@alpha.test", "Alice-Correct-Horse-9");
      await page.goto(`/documents/${DEMO_DOCUMENTS.alpha}`);
      expect(await page.locator("dd time").last().textContent()).toMatch(/23.*Nov|Nov.*23/u);
      expect(await page.locator("dd time").last().textContent()).toMatch(/6:25/u);
      await page.goto(`/documents/${DEMO_DOCUMENTS.alpha}/edit`);
      await page.getByLabel("Title").pressSequentially("!");
      const asked = page.waitForEvent("dialog");
      await page.close({ runBeforeUnload: true });
      const dialog = await asked;
      expect(dialog.type()).toBe("beforeunload");
      await dialog.accept();
      expect(complaints).toEqual([]);
      await close();
    },
    TIMEOUT_MS,
  );
});

describe("every page", () => {
  const pages = [
    "/documents",
    "/documents?q=nothing-like-it",
    "/documents/new",
    `/documents/${DEMO_DOCUMENTS.alpha}`,
    `/documents/${DEMO_DOCUMENTS.alpha}/edit`,
    `/documents/${DEMO_DOCUMENTS.alpha}/delete`,
    "/people",
    "/settings",
    "/account/email",
    "/account/delete",
    "/confirm",
    "/outbox",
    "/no-such-page",
  ];

  it.each([
    ["light", { colorScheme: "light" }],
    ["dark", { colorScheme: "dark" }],
    ["on a phone", { viewport: { width: 360, height: 740 } }],
  ] as const)(
    "has no fault that axe finds, and does not scroll sideways (%s)",
    async (_name, options) => {
      const { page, close } = await visit(browser, folio.settings.origin, options);
      const judge = async (path: string): Promise<void> => {
        await page.goto(path);
        expect(await accessibilityFaults(page), path).toEqual([]);
        const overflow = await page.evaluate(
          () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
        );
        expect(overflow, path).toBe(0);
      };
      for (const path of ["/", "/sign-in", "/sign-up", "/forgot-password"]) await judge(path);
      await page.goto("/sign-up");
      await page.getByRole("button", { name: "Create workspace" }).click();
      expect(await accessibilityFaults(page), "the errors of a form").toEqual([]);
      expect(await page.getByRole("alert").getByRole("link").allTextContents()).toEqual([
        "Workspace: This field is needed.",
        "Your name: This field is needed.",
        "E-mail address: This field is needed.",
        "Password: This field is needed.",
      ]);
      await signIn(page, "alice@alpha.test", "Alice-Correct-Horse-9");
      for (const path of pages) await judge(path);
      await close();
    },
    TIMEOUT_MS,
  );
});

describe("the instrument", () => {
  it(
    "would have heard a violation on the page, and hears the browser's own report at the endpoint",
    async () => {
      // An application of its own: the tests above may have used up what one address may ask for without a session.
      const own = await startFolio("demo");
      const { page, complaints, close } = await visit(browser, own.settings.origin);
      await page.goto("/sign-in");
      await page.evaluate(() => document.body.setAttribute("style", "color: red"));
      await expect.poll(() => complaints.join(), { timeout: 10_000 }).toContain("violation: style-src");
      await expect.poll(() => eventsOf(own), { timeout: 10_000 }).toContain("csp_violation");
      await close();
      await own.stop();
    },
    TIMEOUT_MS,
  );
});
