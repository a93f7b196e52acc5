import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startFolio, type Folio } from "./support/folio.ts";
import type { Client } from "./support/client.ts";
import { mailedPath, tokenIn } from "./support/mail.ts";

/** What the library's throttle leaves free. */
const ATTEMPTS_PER_ACCOUNT = 5;
const FAILURES_PER_CLIENT = 30;
const alice = { email: "alice@alpha.test", password: "Alice-Correct-Horse-9" };
const wrong = (email: string) => ({ email, password: "wrong" });

async function statuses(
  client: Client,
  account: { email: string; password: string },
  times: number,
): Promise<number[]> {
  const seen: number[] = [];
  for (let count = 0; count < times; count += 1) seen.push((await client.signIn(account)).status);
  return seen;
}

describe("guessing passwords", () => {
  let folio: Folio;
  beforeAll(async () => {
    folio = await startFolio("test-target");
  });
  afterAll(() => folio.stop());

  it("judges five guesses of an account out of sixty-four at once, and tells the others to wait", async () => {
    const clients = Array.from({ length: 64 }, () => folio.client());
    const answers = await Promise.all(clients.map((client) => client.signIn(wrong("lock1@alpha.test"))));
    const judged = answers.filter(({ status }) => status === 401);
    expect(judged.length).toBeLessThanOrEqual(ATTEMPTS_PER_ACCOUNT);
    expect(answers.every(({ status }) => [401, 429, 503].includes(status))).toBe(true);
    // A machine that is out of breath may count too late, which refuses as well: nobody knows for how long.
    for (const { headers, status } of answers)
      if (status === 429) expect(Number(headers.get("retry-after"))).toBeGreaterThan(0);
    expect((await folio.client().signIn({ email: "lock1@alpha.test", password: "Lock-Me-Please-11" })).status).toBe(
      429,
    );
  });

  it("locks an address that has no account in the same words", async () => {
    const seen = await statuses(folio.client(), wrong("nobody@alpha.test"), ATTEMPTS_PER_ACCOUNT + 1);
    expect(seen).toEqual([401, 401, 401, 401, 401, 429]);
  });

  it("answers a wrong password and an unknown account alike", async () => {
    const [known, unknown] = [
      await folio.client().signIn(wrong("lock2@alpha.test")),
      await folio.client().signIn(wrong("who@alpha.test")),
    ];
    expect(known.status).toBe(unknown.status);
    const { request_id: _one, ...first } = known.json;
    const { request_id: _other, ...second } = unknown.json;
    expect(first).toEqual(second);
  });
});

describe("a client that keeps failing", () => {
  it("is blocked after thirty failures at most over many accounts, and successes do not count", async () => {
    const folio = await startFolio("test-target");
    try {
      const client = folio.client();
      for (let count = 0; count < FAILURES_PER_CLIENT + 5; count += 1) {
        expect((await folio.client().signIn(alice)).status).toBe(200);
      }
      let failures = 0;
      for (; failures <= FAILURES_PER_CLIENT; failures += 1) {
        const guess = { email: `spray${failures}@alpha.test`, password: `wrong ${failures}` };
        if ((await client.signIn(guess)).status === 429) break;
      }
      expect(failures).toBeGreaterThan(ATTEMPTS_PER_ACCOUNT);
      expect(failures).toBeLessThanOrEqual(FAILURES_PER_CLIENT);
      const page = await client.ask("/sign-in", { method: "POST", form: alice });
      expect(page.status).toBe(429);
      expect(page.text).toContain("Too many requests");
      expect(Number(page.headers.get("retry-after"))).toBeGreaterThan(0);
    } finally {
      await folio.stop();
    }
  }, 120_000);
});

describe("a session", () => {
  let folio: Folio;
  beforeAll(async () => {
    folio = await startFolio("test-target");
  });
  afterAll(() => folio.stop());

  it("is new after every sign-in, and the old token is worth nothing", async () => {
    const client = folio.client();
    await client.signIn(alice);
    const first = client.cookies.get("__Host-session") ?? "";
    await client.signIn(alice);
    expect(client.cookies.get("__Host-session")).not.toBe(first);
    const thief = folio.client();
    thief.cookies.set("__Host-session", first);
    expect((await thief.ask("/api/me")).status).toBe(401);
  });

  it("ends at sign-out, on the server and not in the cookie alone", async () => {
    const client = folio.client();
    await client.signIn(alice);
    const token = client.cookies.get("__Host-session") ?? "";
    await client.ask("/sign-out", { method: "POST", json: {} });
    const thief = folio.client();
    thief.cookies.set("__Host-session", token);
    expect((await thief.ask("/api/me")).status).toBe(401);
  });

  it("ends everywhere else when the password changes, and this one is renewed", async () => {
    const amy = { email: "amy@alpha.test", password: "Amy-Correct-Horse-91" };
    const [laptop, phone] = [folio.client(), folio.client()];
    await laptop.signIn(amy);
    await phone.signIn(amy);
    const before = laptop.cookies.get("__Host-session");
    const form = { current_password: amy.password, password: "a completely different one" };
    const changed = await laptop.ask("/account/password", { method: "POST", form });
    expect(changed.status).toBe(200);
    expect(changed.text).toContain("Your password is changed");
    expect(laptop.cookies.get("__Host-session")).not.toBe(before);
    expect((await laptop.ask("/api/me")).status).toBe(200);
    expect((await phone.ask("/api/me")).status).toBe(401);
  });

  it("is not signed out by a link: GET has no such route", async () => {
    const client = folio.client();
    await client.signIn(alice);
    expect((await client.ask("/sign-out")).status).toBe(404);
    expect((await client.ask("/api/me")).status).toBe(200);
  });
});

describe("signing up", () => {
  let folio: Folio;
  beforeAll(async () => {
    folio = await startFolio("test-target");
  });
  afterAll(() => folio.stop());
  const fields = {
    workspace: "Delta Dyes",
    name: "Dora",
    email: "dora@delta.test",
    password: "four words and a comma,",
  };

  it("answers for an address that is taken as for a free one, and changes nothing", async () => {
    const free = await folio.client().ask("/sign-up", { method: "POST", form: fields });
    const taken = await folio
      .client()
      .ask("/sign-up", { method: "POST", form: { ...fields, email: " ALICE@Alpha.test " } });
    // The nonce of the page's one script differs, as it does each time.
    const withoutNonce = (text: string): string => text.replaceAll(/nonce="[^"]+"/gu, "");
    expect([taken.status, withoutNonce(taken.text)]).toEqual([free.status, withoutNonce(free.text)]);
    expect(free.status).toBe(202);
    expect((await folio.client().signIn(fields)).status).toBe(401);
    const token = tokenIn(await mailedPath(folio, fields.email, "Confirm your address"));
    await mailedPath(folio, alice.email, "You already have an account");
    const stranger = { token, password: "somebody else's password" };
    expect((await folio.client().ask("/sign-up/confirm", { method: "POST", json: stranger })).status).toBe(401);
    const confirmed = { token, password: fields.password };
    expect((await folio.client().ask("/sign-up/confirm", { method: "POST", json: confirmed })).status).toBe(200);
    expect((await folio.client().ask("/sign-up/confirm", { method: "POST", json: confirmed })).status).toBe(400);
    expect((await folio.client().signIn({ email: alice.email, password: fields.password })).status).toBe(401);
    expect((await folio.client().signIn(alice)).status).toBe(200);
    expect((await folio.client().signIn({ email: "Dora@DELTA.test", password: fields.password })).status).toBe(200);
  });

  it("shows what is wrong beside each field, keeps what was typed, and never the password", async () => {
    const page = await folio
      .client()
      .ask("/sign-up", { method: "POST", form: { ...fields, email: "dora", password: "short" } });
    expect(page.status).toBe(422);
    expect(page.text).toContain("<title>Error: Create a workspace");
    expect(page.text).toMatch(/<a href="#email">[^<]*: This is not an e-mail address/u);
    expect(page.text).toContain('value="Delta Dyes"');
    expect(page.text).not.toContain("short");
  });

  it("takes no password that is the name or the address again, or that everybody has", async () => {
    for (const password of ["dora@delta.test", "Delta Dyes Delta Dyes", "dora@delta.test1", "passwordpassword"]) {
      const answer = await folio.client().ask("/sign-up", { method: "POST", json: { ...fields, password } });
      expect(answer.status, password).toBe(422);
    }
  });
});
