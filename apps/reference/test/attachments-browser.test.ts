import { readFileSync } from "node:fs";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { writePdf } from "../../../test/support/upload-samples.ts";
import { DEMO_DOCUMENTS } from "../src/demo.ts";
import { accessibilityFaults, openBrowser, visit } from "./support/browser.ts";
import { startFolio, type Folio } from "./support/folio.ts";

const TIMEOUT_MS = 240_000;
const PDF = writePdf();
let folio: Folio;
let browser: Browser;

beforeAll(async () => {
  [folio, browser] = await Promise.all([startFolio("demo"), openBrowser()]);
}, TIMEOUT_MS);
afterAll(async () => {
  await browser?.close();
  await folio?.stop();
});

async function openDocument(page: Page): Promise<void> {
  await page.goto("/sign-in");
  await page.getByLabel("E-mail address").fill("alice@alpha.test");
  await page.getByLabel("Password").fill("Alice-Correct-Horse-9");
  await page.getByRole("main").getByRole("button", { name: "Sign in" }).click();
  await page.goto(`/documents/${DEMO_DOCUMENTS.alpha}`);
}

async function choose(page: Page, name: string, mimeType: string, buffer: Buffer): Promise<void> {
  await page.getByLabel("Add a file").setInputFiles({ name, mimeType, buffer });
  await page.getByRole("button", { name: "Add file" }).click();
}

describe.each([
  ["with script", true],
  ["without script", false],
])("files of a document in a browser %s", (_, javaScriptEnabled) => {
  it(
    "are added, saved under the name that they came with, and removed",
    async () => {
      const { page, complaints, close } = await visit(browser, folio.settings.origin, { javaScriptEnabled });
      await openDocument(page);
      const name = "Plan f\u00fcr M\u00e4rz (2).pdf";
      await choose(page, name, "application/pdf", PDF);
      await page.getByText("The file is added.").waitFor();
      if (javaScriptEnabled) expect(await accessibilityFaults(page)).toEqual([]);

      const [download] = await Promise.all([
        page.waitForEvent("download"),
        page.getByRole("link", { name }).first().click(),
      ]);
      expect(download.suggestedFilename()).toBe(name);
      expect(readFileSync(await download.path()).equals(PDF)).toBe(true);

      await page.getByRole("link", { name: `Remove ${name}` }).click();
      await page.getByRole("heading", { level: 1, name: "Remove this file?" }).waitFor();
      if (javaScriptEnabled) expect(await accessibilityFaults(page)).toEqual([]);
      await page.getByRole("button", { name: "Remove for good" }).click();
      await page.getByText("The file is removed.").waitFor();
      await page.getByText("No files yet.").waitFor();
      expect(complaints).toEqual([]);
      await close();
    },
    TIMEOUT_MS,
  );

  it(
    "are refused where one sees it, with what would have been right",
    async () => {
      const { page, close } = await visit(browser, folio.settings.origin, { javaScriptEnabled });
      await openDocument(page);
      await choose(page, "page.pdf", "application/pdf", Buffer.from("<html><script>alert(1)</script>"));
      await page.getByRole("heading", { name: "There is a problem" }).waitFor();
      expect(await page.title()).toMatch(/^Error: /u);
      expect(await page.getByRole("alert").textContent()).toContain("PDF, Word, Excel");
      if (javaScriptEnabled) expect(await accessibilityFaults(page)).toEqual([]);
      await choose(page, "large.pdf", "application/pdf", Buffer.alloc(10 * 1024 * 1024 + 1, "%"));
      await page
        .getByText(`larger than 10 MB (${10 * 1024 * 1024} bytes)`)
        .first()
        .waitFor();
      await choose(page, "good.pdf", "application/pdf", PDF);
      await page.getByText("The file is added.").waitFor();
      await page.getByRole("link", { name: "Remove good.pdf" }).click();
      await page.getByRole("button", { name: "Remove for good" }).click();
      await page.getByText("No files yet.").waitFor();
      await close();
    },
    TIMEOUT_MS,
  );
});
