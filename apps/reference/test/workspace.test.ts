import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startFolio, type Folio } from "./support/folio.ts";
import type { Answer, Client } from "./support/client.ts";
import { codeOf, nextCode } from "./support/totp.ts";

const OWNER = { email: "admin@alpha.test", password: "Alpha-Admin-Passw0rd!" };
const OWNER_SECRET = "GUZTIYRZMYYGCMJUGFRDINZUMZSWMYJQ";
const ALICE = { email: "alice@alpha.test", password: "Alice-Correct-Horse-9" };
const BEA = { email: "admin@bravo.test", password: "Bravo-Admin-Passw0rd!" };
const BOB = { email: "bob@bravo.test", password: "Bob-Correct-Horse-99" };
const KEY = /folio_sk_[0-9A-Za-z]{12}_[0-9A-Za-z]{49}/u;

/** What the owner of a workspace decides for everybody in it. */
describe("a workspace", () => {
  let folio: Folio;
  let owner: Client;
  beforeAll(async () => {
    folio = await startFolio("test-target");
    owner = folio.client();
    await owner.signIn(OWNER);
    const second = { method: "totp", code: await nextCode(OWNER_SECRET) };
    expect((await owner.ask("/sign-in/second-factor", { method: "POST", json: second })).status).toBe(200);
  });
  afterAll(() => folio.stop());

  async function keyFor(client: Client, access: "read" | "write", name = "nightly export") {
    const form = { name, access, days: "90" };
    const made = await client.ask("/settings/api-keys", { method: "POST", form });
    expect(made.status).toBe(200);
    const key = KEY.exec(made.text)?.[0] ?? "";
    return { key, id: key.split("_")[2] ?? "" };
  }
  const program = (key: string, path: string, method = "GET", json?: unknown): Promise<Answer> =>
    folio.client().ask(path, {
      method,
      csrf: false,
      headers: { authorization: `Bearer ${key}` },
      ...(json !== undefined && { json }),
    });

  describe("gives programs keys", () => {
    it("that are shown once, and read or write documents as their scope says", async () => {
      const reading = await keyFor(owner, "read");
      const writing = await keyFor(owner, "write", "importer");
      const page = await owner.ask("/settings/api-keys");
      expect(page.text).toContain(`folio_sk_${reading.id}_…`);
      expect(page.text).not.toMatch(KEY);
      expect((await program(reading.key, "/api/documents")).status).toBe(200);
      const refused = await program(reading.key, "/api/documents", "POST", { title: "Plan", body: "x" });
      expect(refused.status).toBe(403);
      const made = await program(writing.key, "/api/documents", "POST", { title: "Plan", body: "by a program" });
      expect(made.status).toBe(201);
      const id = String(made.json["id"]);
      expect((await program(reading.key, `/api/documents/${id}`)).json).toMatchObject({ body: "by a program" });
      expect((await owner.ask(`/api/documents/${id}`)).json).toMatchObject({ access: "owner" });
      expect((await program(writing.key, `/api/documents/${id}`, "PUT", { title: "Plan B" })).status).toBe(200);
      expect((await program(writing.key, `/api/documents/${id}`, "DELETE")).status).toBe(200);
      await expect.poll(async () => (await owner.ask("/settings/api-keys")).text).toMatch(/Last used/u);
    });

    it("that see no other workspace and nobody else's documents, and open nothing but documents", async () => {
      const { key } = await keyFor(owner, "write");
      for (const document of ["22222222-2222-4222-8222-222222222222", "11111111-1111-4111-8111-111111111111"])
        expect([document, (await program(key, `/api/documents/${document}`)).status]).toEqual([document, 404]);
      const elsewhere = [
        ["GET", "/api/me"],
        ["POST", "/api/profile"],
        ["GET", "/api/admin/users"],
        ["GET", "/settings"],
        ["GET", "/settings/api-keys"],
        ["POST", "/settings/api-keys"],
        ["POST", "/settings/second-factor-policy"],
        ["GET", "/people"],
        ["GET", "/documents"],
        ["GET", "/security"],
        ["POST", "/account/password"],
        ["POST", "/account/export"],
        ["POST", "/account/totp"],
        ["POST", "/api/documents/11111111-1111-4111-8111-111111111111/shares"],
      ] as const;
      for (const [method, path] of elsewhere) {
        const { status } = await program(key, path, method, method === "GET" ? undefined : {});
        expect([method, path, status]).toEqual([
          method,
          path,
          expect.toSatisfy((one) => [401, 403, 404, 422].includes(one)),
        ]);
      }
    });

    it("that are rotated with an overlap, revoked at once, and refused alike", async () => {
      const { key, id } = await keyFor(owner, "read");
      const rotated = await owner.ask(`/settings/api-keys/${id}/rotate`, { method: "POST", form: {} });
      const fresh = KEY.exec(rotated.text)?.[0] ?? "";
      expect(fresh.startsWith(`folio_sk_${id}_`) && fresh !== key).toBe(true);
      for (const one of [key, fresh]) expect((await program(one, "/api/documents")).status).toBe(200);
      const again = await owner.ask(`/settings/api-keys/${id}/rotate`, { method: "POST", form: {} });
      expect(again.headers.get("location")).toBe("/settings/api-keys?notice=unrotated");
      const revoked = await owner.ask(`/settings/api-keys/${id}/revoke`, { method: "POST", form: {} });
      expect(revoked.status).toBe(303);
      const answers = await Promise.all(
        [key, fresh, `${key.slice(0, -1)}x`].map((one) => program(one, "/api/documents")),
      );
      for (const { status, headers } of answers)
        expect([status, headers.get("www-authenticate")]).toEqual([401, 'Bearer error="invalid_token"']);
    });

    it("by its owner and admins alone, within their own workspace, and never by what is not asked for", async () => {
      const { id, key } = await keyFor(owner, "read");
      const [alice, bea] = [folio.client(), folio.client()];
      await alice.signIn(ALICE);
      await bea.signIn(BEA);
      expect((await alice.ask("/settings/api-keys")).status).toBe(403);
      expect((await alice.ask("/settings/api-keys", { method: "POST", form: { name: "x" } })).status).toBe(403);
      expect((await bea.ask("/settings/api-keys")).text).not.toContain(id);
      for (const step of ["rotate", "revoke"]) {
        const path = `/settings/api-keys/${id}/${step}`;
        expect((await bea.ask(path, { method: "POST", form: {} })).status).toBe(404);
        expect((await alice.ask(path, { method: "POST", form: {} })).status).toBe(403);
      }
      expect((await program(key, "/api/documents")).status).toBe(200);
      const good = { name: "x", access: "read", days: "90" };
      for (const bad of [
        { access: "admin" },
        { days: "0" },
        { days: "1e9" },
        { name: "" },
        { name: "\u2028" },
        { scopes: "all" },
      ]) {
        const { status } = await owner.ask("/settings/api-keys", { method: "POST", form: { ...good, ...bad } });
        expect([bad, status]).toEqual([bad, 422]);
      }
      expect((await owner.ask("/settings/api-keys/%00/revoke", { method: "POST", form: {} })).status).toBeLessThan(500);
    });
  });

  it(
    "requires a second factor of everybody once its owner says so, and lets nobody in without",
    { timeout: 120_000 },
    async () => {
      const [bea, bob, alice] = [folio.client(), folio.client(), folio.client()];
      for (const [client, account] of [
        [bea, BEA],
        [bob, BOB],
        [alice, ALICE],
      ] as const)
        await client.signIn(account);
      const policy = (client: Client, value: string): Promise<Answer> =>
        client.ask("/settings/second-factor-policy", { method: "POST", form: { second_factor: value } });
      expect((await policy(bob, "required")).status).toBe(403);
      const refused = await policy(bea, "required");
      expect([refused.status, refused.text.includes("of your own first")]).toEqual([422, true]);
      const secret = await enrol(bea);
      expect((await policy(bea, "required")).headers.get("location")).toBe("/settings?notice=required");

      expect((await bob.ask("/api/me")).status).toBe(401);
      expect((await alice.ask("/api/me")).status).toBe(200);
      expect((await bea.ask("/api/me")).status).toBe(200);
      const half = await bob.signIn(BOB);
      expect(half.json).toMatchObject({ status: "enrolment_required" });
      for (const path of ["/api/me", "/api/documents", "/settings"]) expect((await bob.ask(path)).status).toBe(401);
      const led = await bob.ask("/settings", { headers: { accept: "text/html" } });
      const stop = await bob.ask(led.headers.get("location") ?? "", { headers: { accept: "text/html" } });
      expect([stop.status, stop.headers.get("location")]).toEqual([303, "/account/totp?next=%2Fsettings"]);
      const afresh = await bob.ask("/sign-in", { headers: { accept: "text/html" } });
      expect([afresh.status, afresh.text.includes('name="password"')]).toEqual([200, true]);
      const page = await bob.ask("/account/totp", { headers: { accept: "text/html" } });
      expect([page.status, page.text.includes("requires a second factor")]).toEqual([200, true]);
      const wrong = await bob.ask("/account/totp", { method: "POST", form: { code: "000000" } });
      expect([wrong.status, (await bob.ask("/api/me")).status]).toEqual([401, 401]);
      await enrol(bob, "/account/totp");
      expect((await bob.ask("/api/me")).status).toBe(200);
      const kept = await bob.ask("/settings/authenticator/remove", { method: "POST", form: {} });
      expect(kept.headers.get("location")).toBe("/settings?notice=kept");

      expect((await policy(bea, "optional")).headers.get("location")).toBe("/settings?notice=optional");
      const removed = await bob.ask("/settings/authenticator/remove", { method: "POST", form: {} });
      expect(removed.headers.get("location")).toBe("/settings?notice=factors");
      expect((await folio.client().signIn(BOB)).json).toMatchObject({ status: "signed_in" });
      expect(secret).toMatch(/^[A-Z2-7]{32}$/u);
    },
  );

  /** Adds an authenticator app, in the settings or where a sign-in stands still. */
  async function enrol(client: Client, path?: "/account/totp"): Promise<string> {
    const offer =
      path === undefined
        ? await client.ask("/settings/authenticator", { method: "POST", form: {} })
        : await client.ask(path, { headers: { accept: "text/html" } });
    const secret = (/Key: <code>([A-Z2-7 ]+)<\/code>/u.exec(offer.text)?.[1] ?? "").replaceAll(" ", "");
    const form = { code: codeOf(secret, Math.floor(Date.now() / 30_000)) };
    const confirmed = await client.ask(path ?? "/settings/authenticator/confirm", { method: "POST", form });
    expect(confirmed.status).toBeLessThan(400);
    return secret;
  }
});
