import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { mailsIn } from "../src/outbox/mails.ts";
import type { Answer, Client } from "./support/client.ts";
import { startFolio, type Folio } from "./support/folio.ts";
import { nextCode } from "./support/totp.ts";

const OWNER_SECRET = "GUZTIYRZMYYGCMJUGFRDINZUMZSWMYJQ";

describe("an Idempotency-Key", () => {
  let folio: Folio;
  let [owner, alice, bob]: Client[] = [];
  const as = async (email: string, password: string): Promise<Client> => {
    const client = folio.client();
    await client.signIn({ email, password });
    return client;
  };
  beforeAll(async () => {
    folio = await startFolio("test-target");
    owner = await as("admin@alpha.test", "Alpha-Admin-Passw0rd!");
    const second = { method: "totp", code: await nextCode(OWNER_SECRET) };
    expect((await owner.ask("/sign-in/second-factor", { method: "POST", json: second })).status).toBe(200);
    alice = await as("alice@alpha.test", "Alice-Correct-Horse-9");
    bob = await as("bob@bravo.test", "Bob-Correct-Horse-99");
  });
  afterAll(() => folio.stop());

  const post = (client: Client | undefined, path: string, json: unknown, key: string): Promise<Answer> =>
    (client as Client).ask(path, { method: "POST", json, headers: { "idempotency-key": key } });
  const titled = async (client: Client | undefined, title: string): Promise<number> => {
    const { json } = await (client as Client).ask(`/api/documents?q=${title}`);
    return (json["documents"] as unknown[]).length;
  };

  it("makes a document once, however often its maker sends it", async () => {
    const [key, title] = [randomUUID(), "Sent-again"];
    const answers = await Promise.all(Array.from({ length: 8 }, () => post(alice, "/api/documents", { title }, key)));
    const again = await post(alice, "/api/documents", { title }, key);
    expect(again).toMatchObject({ status: 201, json: { id: expect.any(String) } });
    expect(again.headers.get("idempotent-replayed")).toBe("true");
    expect(again.headers.get("location")).toBe(`/api/documents/${String(again.json["id"])}`);
    for (const { status, json } of answers) expect(status === 409 || json["id"] === again.json["id"]).toBe(true);
    expect(await titled(alice, title)).toBe(1);
    expect((await post(alice, "/api/documents", { title: "Other" }, key)).status).toBe(422);
  });

  it("of somebody else, in this workspace or another, shows nobody's answer", async () => {
    const [key, title] = [randomUUID(), "Same-key"];
    const made = [];
    for (const client of [alice, owner, bob]) made.push(await post(client, "/api/documents", { title }, key));
    expect(made.map(({ status }) => status)).toEqual([201, 201, 201]);
    expect(made.map(({ headers }) => headers.get("idempotent-replayed"))).toEqual([null, null, null]);
    expect(new Set(made.map(({ json }) => json["id"])).size).toBe(3);
  });

  it("sends an invitation once, and none for whoever may not invite", async () => {
    const [key, email] = [randomUUID(), "once@newcomer.test"];
    const invitation = { email, role: "member" };
    expect((await post(alice, "/api/invitations", invitation, key)).status).toBe(403);
    for (let time = 0; time < 3; time += 1)
      expect((await post(owner, "/api/invitations", invitation, key)).status).toBe(202);
    const mails = async () => (await mailsIn(folio.settings.mailFolder)).filter(({ to }) => to.includes(email));
    await expect.poll(async () => (await mails()).length, { timeout: 15_000 }).toBe(1);
    await post(owner, "/api/invitations", { email: "later@newcomer.test", role: "member" }, randomUUID());
    const later = async () => (await mailsIn(folio.settings.mailFolder)).some(({ to }) => to.includes("later@"));
    await expect.poll(later, { timeout: 15_000 }).toBe(true);
    expect(await mails()).toHaveLength(1);
  });

  it("is nobody's duty, and must be one where it is sent", async () => {
    const plain = (): Promise<Answer> =>
      (alice as Client).ask("/api/documents", { method: "POST", json: { title: "x" } });
    expect([(await plain()).status, (await plain()).status]).toEqual([201, 201]);
    expect((await post(alice, "/api/documents", { title: "x" }, "two words")).status).toBe(400);
  });
});
