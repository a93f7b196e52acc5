/** An attack on the running application, and what its Security Center shows of it to each who may look, in a real browser. */
import { readFileSync, rmSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { join } from "node:path";
import type { Browser, Locator, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DEMO } from "../src/demo.ts";
import { mailsIn } from "../src/outbox/mails.ts";
import { accessibilityFaults, openBrowser, visit, type Visit } from "./support/browser.ts";
import { startFolio, temporaryFolder, type Folio } from "./support/folio.ts";
import { nextCode } from "./support/totp.ts";

const TIMEOUT_MS = 300_000;
const PEOPLE = DEMO.flatMap(({ people }) => people);
const OPERATOR = personOf("operator@folio.test");
const ADA = personOf("admin@alpha.test");
const ALICE = personOf("alice@alpha.test");
const BEA = personOf("admin@bravo.test");
const RINGING = [
  "AccountTakeoverUnderway",
  "ActorHeldBack",
  "AuthorizationFailuresOfOneUser",
  "BaitTouched",
  "CspViolationSpike",
  "GuessingDetected",
  "HighFailedLogins",
  "IdWalking",
  "ScannerAtWork",
  "SsrfAttempts",
];

function personOf(wanted: string) {
  const found = PEOPLE.find(({ email }) => email === wanted);
  if (found === undefined) throw new Error(`The demonstration has no ${wanted}.`);
  return found;
}

/** The alarms' clock, which stands still unless it is moved: what a minute of the test's machine holds does not matter. */
const clock = { nowMs: Date.now() - 300_000 };
let folder: string;
let folio: Folio;
let browser: Browser;

beforeAll(async () => {
  folder = temporaryFolder();
  [folio, browser] = await Promise.all([
    startFolio("demo", { DATA_DIR: folder }, { alarmClock: () => clock.nowMs }),
    openBrowser(),
  ]);
}, TIMEOUT_MS);
afterAll(async () => {
  await browser.close();
  await folio.stop();
  rmSync(folder, { recursive: true, force: true });
});

const shots = process.env["FOLIO_SHOTS"];
async function judge({ page, complaints }: Visit, name: string): Promise<void> {
  if (shots !== undefined) await page.screenshot({ path: `${shots}/${name}.png`, fullPage: true });
  expect([name, await accessibilityFaults(page)]).toEqual([name, []]);
  expect([name, complaints]).toEqual([name, []]);
}

/** As the Security Center shows an id: both ends of it. */
const shortened = (id: string): string => `${id.slice(0, 8)}…${id.slice(-8)}`;
const heading = (page: Page, name: string) => page.getByRole("heading", { level: 1, name });

async function signIn(page: Page, { email, password, totpSecret }: (typeof PEOPLE)[number]): Promise<void> {
  await page.goto("/sign-in");
  await page.getByLabel("E-mail address").fill(email);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("main").getByRole("button", { name: "Sign in", exact: true }).click();
  if (totpSecret !== undefined) {
    await heading(page, "One more step").waitFor();
    await page.getByLabel("Code", { exact: true }).fill(await nextCode(totpSecret));
    await page.getByRole("button", { name: "Sign in", exact: true }).click();
  }
  await page.waitForURL("**/documents");
}

interface Reply {
  readonly status: number;
  readonly cookie: string;
  readonly text: string;
}

/** One request from an address of the loopback network: an attacker has more than one. */
async function from(
  address: string,
  path: string,
  headers: Readonly<Record<string, string>> = {},
  body?: string,
): Promise<Reply> {
  const { port } = folio.settings;
  const { host, origin } = new URL(folio.settings.origin);
  const options = { host: "127.0.0.1", port, path, localAddress: address, method: body === undefined ? "GET" : "POST" };
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest({ ...options, headers: { host, origin, ...headers } }, (response) => {
      let text = "";
      response.on("data", (chunk: Buffer) => (text += String(chunk)));
      response.on("end", () => {
        const cookie = (response.headers["set-cookie"] ?? []).map((line) => line.split(";")[0]).join("; ");
        resolve({ status: response.statusCode ?? 0, cookie, text });
      });
    });
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}

/** One password over many accounts, from two addresses. */
async function spray(): Promise<void> {
  for (let account = 0; account < 12; account += 1) {
    const address = account % 2 === 0 ? "127.0.0.2" : "127.0.0.3";
    const { cookie, text } = await from(address, "/api/csrf");
    const { csrfToken } = JSON.parse(text) as { csrfToken: string };
    const headers = {
      cookie,
      "x-csrf-token": csrfToken,
      "content-type": "application/json",
      accept: "application/json",
    };
    const guess = JSON.stringify({ email: `person${account}@alpha.test`, password: "Summer-Holiday-2026" });
    // A password that failed at ten accounts is not tried for strangers any more.
    expect((await from(address, "/sign-in", headers, guess)).status).toBe(account < 10 ? 401 : 429);
  }
}

/** One id after another, by somebody who is signed in. */
async function walk(): Promise<void> {
  const alice = folio.client();
  expect((await alice.signIn(ALICE)).status).toBe(200);
  for (let index = 0; index < 24; index += 1) {
    const id = `11111111-1111-4111-8111-${String(index).padStart(12, "0")}`;
    expect((await alice.ask(`/api/documents/${id}`)).status).toBe(404);
  }
  for (const url of ["http://169.254.169.254/latest/meta-data/", "http://[::1]:5432/", "http://10.0.0.7/admin"])
    expect((await alice.ask("/api/preview", { method: "POST", json: { url } })).status).toBe(422);
}

/** What a scanner asks for first, and what lay in a folder that was copied. */
async function scan(): Promise<void> {
  for (const path of ["/.env", "/.git/config", "/wp-login.php", "/phpmyadmin", "/.aws/credentials"])
    expect((await from("127.0.0.4", path)).status).toBe(404);
  const token = readFileSync(join(folder, "deploy-token"), "utf8").trim();
  await from("127.0.0.4", "/api/me", { authorization: `Bearer ${token}` });
}

/** What browsers say of pages into which somebody has written scripts; sent by hand, for browsers send when it suits them. */
async function violate(page: Page): Promise<void> {
  const statuses = await page.evaluate(async () => {
    const headers = { "content-type": "application/reports+json" };
    const reportOf = (index: number) => ({
      type: "csp-violation",
      age: 1,
      url: location.href,
      body: {
        documentURL: location.href,
        effectiveDirective: "script-src-elem",
        blockedURL: `https://cdn${index}.evil.example/x.js`,
        disposition: "enforce",
      },
    });
    const seen: number[] = [];
    for (let first = 0; first < 60; first += 20) {
      const body = JSON.stringify(Array.from({ length: 20 }, (_, index) => reportOf(first + index)));
      seen.push((await fetch("/csp-report", { method: "POST", headers, body })).status);
    }
    return seen;
  });
  expect(statuses).toEqual([204, 204, 204]);
}

/** Lets the minute end in which the alarms counted. */
async function endMinute(): Promise<void> {
  await folio.watch.alarms?.tick();
  await folio.watch.alarms?.tick();
  clock.nowMs += 80_000;
  await folio.watch.alarms?.tick();
}

/** Events reach the archive a moment after they happened. */
const eventually = (page: Page, wanted: Locator): Promise<void> =>
  expect
    .poll(
      async () => {
        await page.reload();
        return wanted.count();
      },
      { timeout: 20_000 },
    )
    .toBeGreaterThan(0);

const cell = (page: Page, table: string, text: string) =>
  page.getByRole("table", { name: table }).getByRole("row").filter({ hasText: text });

describe("an attack on the running application", () => {
  let operator: Visit;
  beforeAll(async () => {
    operator = await visit(browser, folio.settings.origin, { viewport: { width: 1360, height: 900 } });
  });

  it(
    "finds all quiet before, by the link in the navigation",
    async () => {
      const { page } = operator;
      await signIn(page, OPERATOR);
      await folio.watch.alarms?.tick();
      await page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "Security" }).click();
      await heading(page, "Now").waitFor();
      await page.getByRole("heading", { name: "All quiet" }).waitFor();
      expect(await page.getByText("Nobody is at the door").count()).toBe(1);
      await judge(operator, "security-quiet");
    },
    TIMEOUT_MS,
  );

  it(
    "raises the right alarms and no other, calls somebody, and shows who is behind it",
    async () => {
      const { page } = operator;
      await walk();
      await spray();
      await scan();
      await violate(page);
      await endMinute();
      const rings = (await folio.watch.alarms?.status())?.filter(({ state }) => state === "ALARM");
      expect(rings?.map(({ alarm }) => alarm).toSorted()).toEqual(RINGING);

      await page.goto("/security");
      await page.getByRole("heading", { name: `${RINGING.length} alarms ring` }).waitFor();
      for (const alarm of ["SsrfAttempts", "GuessingDetected", "BaitTouched", "AccountTakeoverUnderway"])
        await page.locator(".alarms").getByText(alarm, { exact: true }).waitFor();
      const attacks = "Attacks of the last hour";
      for (const [attack, who] of [
        ["Passwords sprayed over accounts", "127.0.0."],
        ["Ids tried one after another", shortened(ALICE.id)],
        ["Internal addresses called (SSRF)", shortened(ALICE.id)],
        ["Pages made to load foreign code", OPERATOR.name],
        ["Scanner's paths asked for", "127.0.0.4"],
        ["Bait touched", "127.0.0.4"],
      ] as const)
        await eventually(page, cell(page, attacks, attack).filter({ hasText: who }).filter({ hasText: "under way" }));
      await judge(operator, "security-now");

      const mails = (await mailsIn(folio.settings.mailFolder)).filter(({ to }) => to.includes(OPERATOR.email));
      const called = mails.map(({ subject }) => subject).filter((subject) => subject.startsWith("[ALARM]"));
      expect(called.map((subject) => subject.replace("[ALARM] ", "")).toSorted()).toEqual(RINGING);
    },
    TIMEOUT_MS,
  );

  it(
    "leads from there to the events, the policy that was violated, and a log that verifies",
    async () => {
      const { page } = operator;
      await cell(page, "Attacks of the last hour", "Internal addresses called (SSRF)")
        .getByRole("link")
        .first()
        .click();
      await heading(page, "Events").waitFor();
      expect(await page.locator("#events tbody tr").count()).toBe(3);
      const side = page.getByRole("navigation", { name: "Security Center" });
      for (const [link, title, text] of [
        ["Alarms", "Alarms", "One actor has tried twenty different ids"],
        ["CSP reports", "CSP reports", "https://cdn7.evil.example"],
        ["Rate limits", "Rate limits and lockouts", "127.0.0."],
        ["Accounts", "Accounts and sessions", "Olga Operator"],
        ["Routes", "Policies and routes", "/api/documents/:id"],
        ["Keys", "Keys", "password-pepper"],
        ["Findings", "Deploy findings", "debug-off/development-mode"],
        ["Audit chain", "Audit chain", "Root over all entries"],
      ] as const) {
        await side.getByRole("link", { name: link, exact: true }).click();
        await heading(page, title).waitFor();
        if (link === "Audit chain") {
          await page.getByRole("button", { name: "Verify now" }).click();
          await page.getByText("read from its first entry to its last").waitFor();
          await page.getByText("intact", { exact: true }).waitFor();
        }
        await page.getByText(text).first().waitFor();
        await judge(operator, `security-${link.toLowerCase().replaceAll(" ", "-")}`);
      }
      await page.getByRole("link", { name: "Back to Folio" }).click();
      await heading(page, "Documents").waitFor();
    },
    TIMEOUT_MS,
  );

  it(
    "shows the owner of a workspace what happened in it, and nothing of the deployment or of another workspace",
    async () => {
      const own = await visit(browser, folio.settings.origin, { colorScheme: "dark" });
      const { page } = own;
      await signIn(page, ADA);
      await page.goto("/security");
      const walked = cell(page, "Attacks of the last hour", "Ids tried one after another");
      await walked.filter({ hasText: ALICE.name }).waitFor();
      expect(await page.getByText("alarms ring").count()).toBe(0);
      expect(await page.getByText("127.0.0.4").count()).toBe(0);
      await judge(own, "security-workspace");
      for (const path of ["/alarms", "/audit", "/findings", "/keys", "/routes", "/csp", "/limits"])
        expect((await page.goto(`/security${path}`))?.status(), path).toBe(404);
      await own.close();
    },
    TIMEOUT_MS,
  );

  it(
    "lets no password in alone, shows the way to a second factor, and no link to whoever may not look",
    async () => {
      const own = await visit(browser, folio.settings.origin);
      const { page } = own;
      await signIn(page, BEA);
      await page.getByRole("link", { name: "Security", exact: true }).click();
      await heading(page, "First a second factor").waitFor();
      await judge(own, "security-access");
      await page.getByRole("link", { name: "Add a second factor" }).click();
      await heading(page, "Settings").waitFor();
      await own.close();
      const other = await visit(browser, folio.settings.origin);
      await signIn(other.page, ALICE);
      expect(await other.page.getByRole("link", { name: "Security", exact: true }).count()).toBe(0);
      expect((await other.page.goto("/security"))?.status()).toBe(403);
      await other.close();
    },
    TIMEOUT_MS,
  );

  it(
    "is still known after a restart",
    async () => {
      await operator.close();
      await folio.stop();
      folio = await startFolio("demo", { DATA_DIR: folder }, { alarmClock: () => clock.nowMs });
      const rings = (await folio.watch.alarms?.status())?.filter(({ state }) => state === "ALARM");
      expect(rings?.map(({ alarm }) => alarm).toSorted()).toEqual(RINGING);
      expect(await folio.watch.chain?.verify()).toMatchObject({ intact: true });
    },
    TIMEOUT_MS,
  );
});
