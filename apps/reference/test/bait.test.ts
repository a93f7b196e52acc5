import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { AuditRecord } from "glacis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BAIT, DEMO } from "../src/demo.ts";
import type { Client } from "./support/client.ts";
import { startFolio, type Folio } from "./support/folio.ts";

/** An account and a document that nobody has a reason to touch, among all the others. */

describe("bait", () => {
  let folio: Folio;
  let member: Client;

  const events = (): readonly AuditRecord[] =>
    readFileSync(join(folio.settings.dataFolder, "events.jsonl"), "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as AuditRecord);
  const touched = (): readonly AuditRecord[] => events().filter(({ event }) => event === "malicious_honeytoken");

  beforeAll(async () => {
    folio = await startFolio("demo");
    member = folio.client();
    const person = DEMO[0]?.people.find(({ key }) => key === "a_user");
    await member.signIn(person ?? { email: "", password: "" });
  });
  afterAll(() => folio.stop());

  it("is seen by nobody who works here", async () => {
    for (const path of ["/documents", "/people", "/sign-in"]) {
      const { text } = await member.ask(path);
      expect(text).not.toContain(BAIT.document.title);
      expect(text).not.toContain(BAIT.person.name);
      expect(text).not.toContain(BAIT.person.email);
    }
    expect(touched()).toEqual([]);
  });

  it("answers as what is not there, and tells who asked for the document", async () => {
    const none = await member.ask("/documents/e0000000-0000-4000-8000-0000000000e1");
    const bait = await member.ask(`/documents/${BAIT.document.id}`);
    expect([none.status, bait.status]).toEqual([404, 404]);
    await expect.poll(() => touched().length).toBe(1);
    expect(touched()).toMatchObject([
      { event_type: "data_access", severity: "critical", detail: "resource_id", user_id: DEMO[0]?.people[1]?.id },
    ]);
    expect(JSON.stringify(touched())).not.toContain(BAIT.document.id);
  });

  it("lets nobody in, and tells of whoever tries the account", async () => {
    const thief = folio.client();
    const wrong = await thief.signIn({ email: BAIT.person.email, password: "Guess-from-the-dump-1" });
    const unknown = await folio.client().signIn({ email: "nobody@alpha.test", password: "Guess-from-the-dump-1" });
    expect(wrong.status).toBe(unknown.status);
    await expect.poll(() => touched().length).toBe(2);
    expect(touched().at(-1)).toMatchObject({ detail: "user_id", severity: "critical", user_id: BAIT.person.id });
  });
});
