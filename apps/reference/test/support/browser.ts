import chromium from "@sparticuz/chromium";
import axe from "axe-core";
import { chromium as engine, type Browser, type BrowserContext, type Page } from "playwright-core";

/**
 * Chromium from npm. The package's own flags are for a function without a screen and switch the web's security off; these switch off what a
 * container lacks and nothing that a test is about.
 */
const FLAGS = ["--no-sandbox", "--no-zygote", "--disable-gpu", "--disable-software-rasterizer"];

export async function openBrowser(): Promise<Browser> {
  return engine.launch({ executablePath: await chromium.executablePath(), args: FLAGS, headless: true });
}

export interface Visit {
  readonly page: Page;
  /** Everything that the browser complained about: policy violations, script errors, failed loads of a page's own parts. */
  readonly complaints: readonly string[];
  readonly close: () => Promise<void>;
}

type VisitOptions = NonNullable<Parameters<Browser["newContext"]>[0]>;

export async function visit(browser: Browser, baseURL: string, options: VisitOptions = {}): Promise<Visit> {
  // A colour on its way to another is no colour to judge.
  const context = await browser.newContext({ baseURL, reducedMotion: "reduce", ...options });
  const complaints: string[] = [];
  await listen(context, complaints);
  const page = await context.newPage();
  return { page, complaints, close: () => context.close() };
}

async function listen(context: BrowserContext, complaints: string[]): Promise<void> {
  await context.exposeFunction("complain", (text: string) => complaints.push(text));
  await context.addInitScript(`
    addEventListener("securitypolicyviolation", (event) => complain("violation: " + event.effectiveDirective + " " + event.blockedURI));
  `);
  context.on("weberror", (error) => complaints.push(`script: ${error.error().message}`));
  context.on("console", (message) => {
    if (/content security policy|trusted type|refused to/iu.test(message.text()))
      complaints.push(`console: ${message.text()}`);
  });
  context.on("response", (response) => {
    const part = response.request().resourceType() !== "document";
    if (part && response.status() >= 400) complaints.push(`${response.status()} ${response.url()}`);
  });
}

/** What axe finds against WCAG 2.2 A and AA, one line each. */
export async function accessibilityFaults(page: Page): Promise<readonly string[]> {
  await page.evaluate(axe.source);
  return page.evaluate(async () => {
    const { axe: judge } = globalThis as unknown as { axe: { run(options: object): Promise<AxeResult> } };
    const { violations } = await judge.run({
      runOnly: { type: "tag", values: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] },
    });
    return violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 120)}`));
  });
}

interface AxeResult {
  readonly violations: readonly { readonly id: string; readonly nodes: readonly { readonly html: string }[] }[];
}

/** Chromium's own authenticator: a device with a key for this tab, whose owner is there and known. */
export async function plugIn({ page }: Visit, more: { readonly isUserVerified?: boolean } = {}) {
  const cdp = await page.context().newCDPSession(page);
  await cdp.send("WebAuthn.enable");
  const { authenticatorId } = await cdp.send("WebAuthn.addVirtualAuthenticator", {
    options: {
      protocol: "ctap2",
      transport: "internal",
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
      ...more,
    },
  });
  return { cdp, authenticatorId };
}
