/** The Security Center over real sockets in each framework, and in a browser in both themes. */
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { AuditRecord } from "glacis";
import {
  alarmEngine,
  mailAction,
  memoryAlarms,
  readAlarmDefinitions,
  SECURITY_ALARMS,
  webhookAction,
} from "glacis/audit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventArchive, memoryEvents } from "glacis/center";
import { accessibilityFaults, openBrowser, visit, type Visit } from "../apps/reference/test/support/browser.ts";
import { CENTER_BAIT, startCenter, weekOfEvents, type CenterGround, type Framework } from "./support/center-ground.ts";

const TIMEOUT_MS = 180_000;
const FRAMEWORKS: readonly Framework[] = ["express", "fastify", "hono"];
const TENANT_PAGES = ["", "/events", "/accounts", "/account?user=user-ada"];
const DEPLOYMENT_PAGES = ["/alarms", "/limits", "/csp", "/routes", "/keys", "/findings", "/audit"];
const HOSTILE = `"><script>alert(1)</script>\u202Egnp.exe`;

interface Client {
  readonly get: (path: string, headers?: Record<string, string>) => Promise<Response>;
  readonly post: (path: string, fields: Record<string, string>) => Promise<Response>;
  /** The CSRF token of a page. */
  readonly token: (path: string) => Promise<string>;
}

/** @param who a query of `/become` */
async function clientOf({ origin }: CenterGround, who?: string): Promise<Client> {
  const signedIn = who === undefined ? undefined : await fetch(`${origin}/become?${who}`);
  const cookie = (signedIn?.headers.getSetCookie() ?? []).map((line) => line.split(";")[0]).join("; ");
  const get: Client["get"] = async (path, headers = {}) =>
    fetch(`${origin}${path}`, { redirect: "manual", headers: { cookie, accept: "text/html", ...headers } });
  return {
    get,
    post: async (path, fields) =>
      fetch(`${origin}${path}`, {
        method: "POST",
        redirect: "manual",
        headers: { cookie, origin, "content-type": "application/x-www-form-urlencoded" },
        body: new URLSearchParams(fields).toString(),
      }),
    token: async (path) => /name="csrf_token" value="([^"]+)"/u.exec(await (await get(path)).text())?.[1] ?? "",
  };
}

describe.each(FRAMEWORKS)("the Security Center in %s", (framework) => {
  let ground: CenterGround;
  let ada: Client;
  beforeAll(async () => {
    ground = await startCenter(framework);
    for (const event of weekOfEvents(400, Date.now())) ground.archive.sink(event);
    await ground.archive.flush();
    ada = await clientOf(ground, "user=user-ada");
  }, TIMEOUT_MS);
  afterAll(() => ground.close());

  it("lets nobody in without a role, a second factor and a proof that is fresh", async () => {
    const strangers = [undefined, "user=user-amy", "user=user-ada&level=1", "user=user-ada&age=3600"];
    const statuses = await Promise.all(
      strangers.map(async (who) => {
        const client = await clientOf(ground, who);
        const answers = await Promise.all(
          [...TENANT_PAGES, "/events/live"].map((path) => client.get(`/security${path}`)),
        );
        return [...new Set(answers.map(({ status }) => status))];
      }),
    );
    expect(statuses).toEqual([[401], [403], [401], [401]]);
  });

  it("shows an administrator the own tenant, and nothing of another or of the deployment", async () => {
    for (const path of TENANT_PAGES) expect((await ada.get(`/security${path}`)).status).toBe(200);
    for (const path of [...DEPLOYMENT_PAGES, "/account?user=user-bob", "/account"])
      expect((await ada.get(`/security${path}`)).status).toBe(404);
    const [foreign] = await ground.archive.store.page({ tenant: "beta" }, 1);
    expect((await ada.get(`/security/event?id=${foreign?.id ?? ""}`)).status).toBe(404);
    expect(await (await ada.get("/security/events?tenant=beta")).text()).not.toContain("user-bob");
    for (const query of ["search=beta", "user=user-bob", `search=${foreign?.record.request_id ?? ""}`])
      expect(await (await ada.get(`/security/events?${query}`)).text()).toContain("Nothing found");
  });

  it("counts, ranks and relates nothing of another tenant, on any page", async () => {
    const time = new Date().toISOString();
    const shared = { time, request_id: "a-request-of-two-tenants" } as const;
    const refused = { event_type: "authorization_failure", status: "refused", event: "authz_fail" } as const;
    const another = { ...shared, ...refused, severity: "critical", tenant_id: "gamma" } as const;
    for (let index = 0; index < 500; index += 1)
      ground.archive.sink({ ...another, user_id: "user-of-gamma", ip_address: "198.51.100.250", route: "/of-gamma" });
    ground.archive.sink({ ...another, event: "tenant_cross_access", event_type: "tenant", user_id: "user-of-gamma" });
    ground.archive.sink({ ...shared, ...refused, severity: "info", tenant_id: "alpha", user_id: "user-ada" });
    await ground.archive.flush();
    const [own] = await ground.archive.store.page({ tenant: "alpha", search: shared.request_id }, 1);
    const counted = async (range: string): Promise<string> => {
      const text = await (await ada.get(`/security?range=${range}`)).text();
      expect(text).not.toMatch(/of-gamma|198\.51\.100\.250/u);
      return /tile-title">Events<\/span>\s*<span class="tile-value">([\d,]+)/u.exec(text)?.[1] ?? "";
    };
    for (const range of ["24h", "7d", "30d"]) expect(Number((await counted(range)).replace(",", ""))).toBeLessThan(450);
    for (const path of [...TENANT_PAGES, `/event?id=${own?.id ?? ""}`, "/events?severity=critical"]) {
      const answer = await ada.get(`/security${path}`);
      expect([path, answer.status]).toEqual([path, 200]);
      expect(await answer.text()).not.toMatch(/of-gamma|198\.51\.100\.250/u);
    }
  });

  it("pages without a gap, and says which conditions mean nothing", async () => {
    await ground.archive.flush();
    const all = await ground.archive.store.page({ tenant: "alpha" }, 5000);
    const seen: string[] = [];
    for (let path: string | undefined = "/security/events?tenant=alpha"; path !== undefined;) {
      const text = await (await ada.get(path)).text();
      seen.push(...[...text.matchAll(/\/security\/event\?id=(\d+)/gu)].map(([, id]) => id ?? ""));
      path = /<a[^>]* rel="next"[^>]* href="([^"]+)"|<a[^>]* href="([^"]+)"[^>]* rel="next"/u
        .exec(text)
        ?.slice(1)
        .find(Boolean)
        ?.replaceAll("&amp;", "&");
    }
    expect(new Set(seen).size).toBe(seen.length);
    expect(all.filter(({ id }) => !seen.includes(id))).toEqual([]);
    expect(await (await ada.get("/security/events?type=nonsense&from=soon")).text()).toMatch(
      /no value of its field: type, from/u,
    );
    for (const time of ["2026-02-30T10:00", "2026-02-29", "2026-13-01T00:00", "2026-01-01T24:00"])
      expect(await (await ada.get(`/security/events?to=${time}`)).text()).toContain("no value of its field: to.");
    expect((await ada.get(`/security/events?search=${"x".repeat(3000)}&before=${"9".repeat(500)}`)).status).toBe(200);
  });

  it("encodes what is hostile, in pages, in live rows and in files", async () => {
    const record = { event_type: "session", status: "refused", severity: "error", event: "session_refused" } as const;
    const time = new Date().toISOString();
    ground.archive.sink({ time, ...record, tenant_id: "alpha", user_id: HOSTILE, detail: "=cmd|'/c calc'!A1" });
    await ground.archive.flush();
    const page = await (await ada.get("/security/events?event=session_refused&severity=error")).text();
    expect(page).not.toContain("<script>alert");
    expect(page).not.toContain("\u202E");
    expect(page).toContain("&lt;script&gt;alert(1)&lt;/script&gt;\\u202Egnp.exe");
    const file = await ada.post("/security/events/export", {
      csrf_token: await ada.token("/security/events"),
      format: "csv",
      event: "session_refused",
    });
    expect(file.headers.get("content-disposition")).toMatch(/^attachment; filename="security-events-/u);
    expect(file.headers.get("content-type")).toContain("text/csv");
    const [, line = ""] = (await file.text()).split("\r\n");
    expect(line).toContain(`,"'=cmd|'/c calc'!A1",`);
    expect(line).toContain(`"""><script>alert(1)</script>\u202Egnp.exe"`);
  });

  it("says in a row what tells an event from others of its name", async () => {
    const time = new Date().toISOString();
    const violation = {
      event_type: "csp_violation",
      status: "refused",
      severity: "warning",
      event: "csp_violation",
    } as const;
    const blocked = `https://cdn.evil.example/${HOSTILE}`;
    ground.archive.sink({ time, ...violation, tenant_id: "alpha", directive: "img-src", blocked });
    await ground.archive.flush();
    const page = await (await ada.get("/security/events?type=csp_violation")).text();
    expect(page).toContain("img-src · https://cdn.evil.example/");
    expect(page).not.toContain("<script>alert");
    expect(page).not.toContain("\u202E");
  });

  it("streams an export of many pages whole, within the own tenant", async () => {
    const archive = eventArchive({ store: memoryEvents(50_000) });
    const large = await startCenter(framework, { archive });
    for (const event of weekOfEvents(4000, Date.now() - 60_000)) archive.sink(event);
    await archive.flush();
    const owner = await clientOf(large, "user=user-ada");
    const fields = {
      csrf_token: await owner.token("/security/events"),
      format: "jsonl",
      to: new Date(Date.now() - 60_000).toISOString().slice(0, 16),
    };
    const text = await (await owner.post("/security/events/export", fields)).text();
    const lines = text
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as { tenant_id: string });
    expect(lines.length).toBeGreaterThan(1000);
    expect(new Set(lines.map((line) => line.tenant_id))).toEqual(new Set(["alpha"]));
    await large.close();
  });

  it("follows events as they are written, and stops with its client", async () => {
    const abort = new AbortController();
    const cookie = (await fetch(`${ground.origin}/become?user=user-ada`)).headers
      .getSetCookie()
      .map((line) => line.split(";")[0])
      .join("; ");
    const response = await fetch(`${ground.origin}/security/events/live`, {
      headers: { cookie },
      signal: abort.signal,
    });
    expect(response.headers.get("content-type")).toContain("text/event-stream");
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    let text = "";
    const until = async (words: string): Promise<void> => {
      while (!text.includes(words)) text += Buffer.from((await reader.read()).value ?? []).toString();
    };
    await until("retry:");
    const event = {
      time: new Date().toISOString(),
      event_type: "session",
      status: "succeeded",
      severity: "info",
      event: "session_renewed",
    } as const;
    ground.archive.sink({ ...event, tenant_id: "beta", event: "session_ended" });
    ground.archive.sink({ ...event, tenant_id: "alpha" });
    await until("session_renewed");
    expect(text).not.toContain("session_ended");
    abort.abort();
  });

  it("ends sessions and unlocks accounts of the own tenant, with a token, and says who did it", async () => {
    const amy = await clientOf(ground, "user=user-amy&role=admin");
    expect((await amy.get("/security")).status).toBe(200);
    const path = "/security/account?user=user-amy";
    const token = await ada.token(path);
    expect((await ada.post("/security/accounts/revoke", { user: "user-amy" })).status).toBe(403);
    expect((await ada.post("/security/accounts/revoke", { user: "user-bob", csrf_token: token })).status).toBe(404);
    const done = await ada.post("/security/accounts/revoke", { user: "user-amy", csrf_token: token });
    expect([done.status, done.headers.get("location")]).toEqual([
      303,
      "/security/account?user=user-amy&notice=revoked-all",
    ]);
    expect((await amy.get("/security")).status).toBe(401);

    const request = { client: "192.0.2.1", cookies: new Map() } as never;
    for (let tries = 0; tries < 3; tries += 1) {
      const verdict = await ground.throttle.begin({ account: "amy@alpha.test", request, secret: `wrong ${tries}` });
      if (verdict.kind === "proceed") await verdict.ticket.failed();
    }
    expect(await (await ada.get(path)).text()).toContain("Failures in a row");
    expect((await ada.post("/security/accounts/unlock", { user: "user-amy", csrf_token: token })).status).toBe(303);
    expect(await (await ada.get(path)).text()).toContain("Nobody has failed");
    const actions = ground.records.filter(({ event, status }) => event === "admin_action" && status === "succeeded");
    expect(actions.filter(({ action }) => action !== "export")).toMatchObject([
      { action: "revoke_all", user_id: "user-ada", resource_id: "user-amy", tenant_id: "alpha" },
      { action: "unlock", user_id: "user-ada", resource_id: "user-amy" },
    ]);
  });
});

describe("for the people of the deployment", () => {
  let ground: CenterGround;
  let ada: Client;
  beforeAll(async () => {
    ground = await startCenter("hono", { reach: "deployment" });
    ada = await clientOf(ground, "user=user-ada");
  }, TIMEOUT_MS);
  afterAll(() => ground.close());
  const read = async (path: string): Promise<string> => (await ada.get(path)).text();

  it("shows what rings and who is behind it, first of all, and that nothing does before", async () => {
    const alarms = ground.watch.alarms;
    await alarms?.tick();
    expect(await read("/security")).toMatch(/All quiet[\s\S]*Nobody is at the door/u);
    const failed = { event_type: "authentication", status: "failed", severity: "warning" } as const;
    for (let count = 0; count < 25; count += 1) {
      const record = {
        time: new Date().toISOString(),
        ...failed,
        event: "authn_login_fail",
        ip_address: "203.0.113.66",
      } as const;
      ground.security.layers.audit(record);
    }
    await alarms?.tick();
    ground.clock.nowMs += 60_000;
    await alarms?.tick();
    await ground.archive.flush();
    const page = await read("/security");
    expect(page).toContain("2 alarms ring");
    expect(page.indexOf("PasswordSpraying")).toBeLessThan(page.indexOf("HighFailedLogins"));
    expect(page).toMatch(/search=203\.0\.113\.66"[^>]*><span class="badge neutral">203\.0\.113\.66<\/span>/u);
    expect(page).toMatch(/Passwords guessed[\s\S]*under way[\s\S]*203\.0\.113\.66[\s\S]*>25</u);
    const list = await read("/security/alarms");
    expect(list).toMatch(/>rings<[\s\S]*>quiet</u);
    expect(list).toContain("AccountTakeoverUnderway");
    expect(await read("/security/events?event=sys_alarm_raised")).toContain("sys_alarm_raised");
  });

  it("reads the audit log when asked to, says what it found, and writes down who asked", async () => {
    ground.security.report({ event_type: "account", status: "succeeded", severity: "info", event: "user_created" });
    const token = await ada.token("/security/audit");
    expect((await ada.post("/security/audit/verify", {})).status).toBe(403);
    const verify = async (): Promise<string> => {
      const done = await ada.post("/security/audit/verify", { csrf_token: token });
      expect([done.status, done.headers.get("location")]).toEqual([303, "/security/audit?notice=verified"]);
      return read("/security/audit");
    };
    expect(await verify()).toMatch(/>intact<[\s\S]*just now/u);
    const actions = ground.records.filter(({ action }) => action === "verify");
    expect(actions.at(-1)).toMatchObject({ event: "admin_action", status: "succeeded", user_id: "user-ada" });
    const name = (await readdir(ground.logFolder)).find((one) => /^\D*\d+\.jsonl$/u.test(one)) ?? "";
    const segment = join(ground.logFolder, name);
    const text = await readFile(segment, "utf8");
    await writeFile(segment, text.replace("user_created", "user_deleted"));
    expect(await verify()).toMatch(/>broken<[\s\S]*altered at entry \d+/u);
    expect(ground.records.map(({ event }) => event)).toContain("audit_log_altered");
    await writeFile(segment, text);
  });

  it("shows whom his attacks have caught up with, lets him go on when asked to, and writes down who asked", async () => {
    expect(await read("/security/limits")).toMatch(/Held back for attacks[\s\S]*>Nobody</u);
    const amy = await clientOf(ground, "user=user-amy");
    await amy.get("/security", { "x-api-key": CENTER_BAIT });
    const limits = async (): Promise<string> => {
      await ground.archive.flush();
      return read("/security/limits");
    };
    await expect.poll(limits, { timeout: 5000 }).toMatch(/user-amy[\s\S]*>100<[\s\S]*slowed down, 10 min/u);
    const token = await ada.token("/security/limits");
    const fields = { kind: "user", id: "user-amy" };
    expect((await ada.post("/security/limits/release", fields)).status).toBe(403);
    expect((await ada.post("/security/limits/release", { ...fields, kind: "tenant", csrf_token: token })).status).toBe(
      404,
    );
    const done = await ada.post("/security/limits/release", { ...fields, csrf_token: token });
    expect([done.status, done.headers.get("location")]).toEqual([303, "/security/limits?notice=released"]);
    expect(await limits()).not.toContain("slowed down, 10 min");
    expect(ground.records.findLast(({ action }) => action === "release")).toMatchObject({
      event: "admin_action",
      user_id: "user-ada",
      resource_type: "user",
      resource_id: "user-amy",
      status: "succeeded",
    });
  });

  it("sends whoever is told of alarms a test message, and says who has not taken it and what to do", async () => {
    const mails: string[] = [];
    const hooks = createServer((request, response) => request.resume().on("end", () => response.writeHead(401).end()));
    hooks.listen(0, "127.0.0.1");
    await once(hooks, "listening");
    const { port } = hooks.address() as AddressInfo;
    const records: AuditRecord[] = [];
    const alarms = alarmEngine({
      definitions: readAlarmDefinitions(SECURITY_ALARMS),
      sink: (record) => void records.push(record),
      store: memoryAlarms(),
      actions: [
        mailAction({ to: ["security@example.com"], sendMail: ({ text }) => void mails.push(text) }),
        webhookAction({
          url: "https://hooks.example.com/alarms",
          fetch: async (_url, init) => fetch(`http://127.0.0.1:${port}/`, init),
        }),
      ],
    });
    const own = await startCenter("express", { reach: "deployment", alarms });
    const owner = await clientOf(own, "user=user-ada");
    const token = await owner.token("/security/alarms");
    expect((await owner.post("/security/alarms/test", {})).status).toBe(403);
    expect(mails).toEqual([]);
    const page = await (await owner.post("/security/alarms/test", { csrf_token: token })).text();
    expect(page).toMatch(
      />mail<[\s\S]*has taken it[\s\S]*>webhook<[\s\S]*has not taken it[\s\S]*answered 401[\s\S]*secret/u,
    );
    expect(mails).toEqual([expect.stringContaining("Nothing has happened")]);
    expect(records).toMatchObject([
      { event: "sys_alarm_undelivered", action: "webhook", detail: "test" },
      { event: "sys_alarm_receivers_tried", count: 1, severity: "error" },
    ]);
    expect(own.records.findLast(({ action }) => action === "test_alarms")).toMatchObject({ user_id: "user-ada" });
    await own.close();
    hooks.close();
  });

  it("reads the log for nobody of a single tenant", async () => {
    const own = await startCenter("hono");
    const owner = await clientOf(own, "user=user-ada");
    const token = await owner.token("/security/events");
    for (const path of ["/audit/verify", "/alarms/test", "/limits/release"])
      expect((await owner.post(`/security${path}`, { csrf_token: token, kind: "user", id: "user-bob" })).status).toBe(
        404,
      );
    await own.close();
  });

  it("says in its findings that events are kept in memory, and lists what keys are used for", async () => {
    const findings = await read("/security/findings");
    expect(findings).toContain("admin-interface/archive-in-memory");
    expect(findings).not.toContain("admin-interface/one-factor");
    expect(await read("/security/keys")).toMatch(/Used for[\s\S]*csrf/u);
  });
});

describe.each(["light", "dark"] as const)("in a browser, %s", (colorScheme) => {
  let browser: Awaited<ReturnType<typeof openBrowser>>;
  let ground: CenterGround;
  let visitor: Visit;
  beforeAll(async () => {
    [browser, ground] = await Promise.all([openBrowser(), startCenter("hono", { reach: "deployment" })]);
    for (const event of weekOfEvents(1500, Date.now())) ground.archive.sink(event);
    await ground.archive.flush();
    visitor = await visit(browser, ground.origin, { colorScheme });
    await visitor.page.goto("/become?user=user-ada");
  }, TIMEOUT_MS);
  afterAll(async () => {
    await browser.close();
    await ground.close();
  });

  it(
    "has no accessibility fault and no policy violation on any page",
    async () => {
      const before = visitor.complaints.length;
      for (const path of [...TENANT_PAGES, "/events?search=nobody", ...DEPLOYMENT_PAGES]) {
        await visitor.page.goto(`/security${path}`);
        expect([path, await accessibilityFaults(visitor.page)]).toEqual([path, []]);
      }
      expect(visitor.complaints.slice(before)).toEqual([]);
    },
    TIMEOUT_MS,
  );

  it(
    "fits the narrowest phone without a fault: rows become cards that say what each value is, and nothing is wider than the screen",
    async () => {
      const { page } = visitor;
      const long = "x".repeat(900);
      const refused = { event_type: "authorization_failure", status: "refused", event: "authz_fail" } as const;
      const about = { user_id: long, detail: long, route: long, request_id: "req-long" };
      for (const severity of ["info", "warning"] as const)
        ground.archive.sink({ time: new Date().toISOString(), ...refused, severity, ...about });
      await ground.archive.flush();
      const [event] = await ground.archive.store.page({ search: "req-long" }, 1);
      // What 400 % of an ordinary screen leaves (WCAG 1.4.10).
      await page.setViewportSize({ width: 320, height: 640 });
      for (const path of [...TENANT_PAGES, `/event?id=${event?.id ?? ""}`, ...DEPLOYMENT_PAGES]) {
        await page.goto(`/security${path}`);
        // Both themes are judged above, and width has no theme.
        if (colorScheme === "light") expect([path, await accessibilityFaults(page)]).toEqual([path, []]);
        expect([path, await page.evaluate("document.documentElement.scrollWidth - innerWidth")]).toEqual([path, 0]);
      }
      await page.goto("/security/events");
      const row = page.getByRole("table", { name: "Events, newest first" }).getByRole("row").nth(1);
      const outcome = row.getByRole("cell").nth(3);
      expect(
        await outcome.evaluate(
          (element) => element.ownerDocument.defaultView?.getComputedStyle(element, "::before").content,
        ),
      ).toBe('"Outcome"');
      const [frame, cell] = await Promise.all([row.boundingBox(), outcome.boundingBox()]);
      expect((cell?.x ?? 999) + (cell?.width ?? 999)).toBeLessThanOrEqual((frame?.x ?? 0) + (frame?.width ?? 0) + 1);
      await page.setViewportSize({ width: 1280, height: 800 });
    },
    TIMEOUT_MS,
  );

  it(
    "prints dark on light, whatever the screen has",
    async () => {
      const { page } = visitor;
      await page.goto("/security");
      await page.emulateMedia({ media: "print", colorScheme });
      expect(await page.evaluate("getComputedStyle(document.body).color")).toBe("rgb(23, 27, 33)");
      expect(await page.getByRole("navigation", { name: "Security Center" }).isVisible()).toBe(false);
      await page.emulateMedia({ media: "screen", colorScheme });
    },
    TIMEOUT_MS,
  );

  it(
    "follows live from the keyboard alone, and shows hostile text as text",
    async () => {
      const { page } = visitor;
      await page.goto("/security/events?event=enrolment_required");
      await page.keyboard.press("Tab");
      expect(await page.evaluate("document.activeElement.textContent")).toBe("Skip to content");
      await page.keyboard.press("Enter");
      const button = page.getByRole("button", { name: "Follow live" });
      for (let presses = 0; presses < 5; presses += 1) {
        await page.keyboard.press("Tab");
        if (await button.evaluate((element) => element === element.ownerDocument.activeElement)) break;
      }
      await page.keyboard.press("Space");
      expect(await button.getAttribute("aria-pressed")).toBe("true");
      const event = {
        event_type: "session",
        status: "observed",
        severity: "error",
        event: "enrolment_required",
      } as const;
      ground.archive.sink({ time: new Date().toISOString(), ...event, user_id: HOSTILE });
      await page.getByRole("link", { name: '"><script>alert(1)</script>\\u202Egnp.exe' }).waitFor();
      expect(await page.locator("#events tbody tr").count()).toBe(1);
    },
    TIMEOUT_MS,
  );
});
