import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DEMO_DOCUMENTS, TEST_TENANTS } from "../src/demo.ts";
import type { Client } from "./support/client.ts";
import { startFolio, type Folio } from "./support/folio.ts";
import { nextCode } from "./support/totp.ts";

/** What owners and admins can read of what was done. */

const people = TEST_TENANTS.flatMap((tenant) => tenant.people);
const person = (key: string) => {
  const found = people.find((one) => one.key === key);
  if (found === undefined) throw new Error(`There is no ${key}.`);
  return found;
};

describe("the activity of a workspace", () => {
  let folio: Folio;
  let owner: Client;
  let member: Client;
  let stranger: Client;

  beforeAll(async () => {
    folio = await startFolio("test-target");
    const signedIn = async (key: string): Promise<Client> => {
      const client = folio.client();
      const { totpSecret, ...credentials } = person(key);
      await client.signIn(credentials);
      if (totpSecret !== undefined) {
        const code = await nextCode(totpSecret);
        expect(
          (await client.ask("/sign-in/second-factor", { method: "POST", json: { method: "totp", code } })).status,
        ).toBe(200);
      }
      return client;
    };
    [owner, member, stranger] = [await signedIn("a_admin"), await signedIn("a_user"), await signedIn("b_admin")];
  });
  afterAll(() => folio.stop());

  it("records who changed what, and not a word of what a document says", async () => {
    const edited = { title: "=cmd|secret plan", body: "Nobody reads this but me.", link: "", version: "1" };
    const saved = await member.ask(`/documents/${DEMO_DOCUMENTS.alpha}`, { method: "POST", form: edited });
    expect(saved.status).toBe(303);
    const page = (await owner.ask("/activity")).text;
    expect(page).toContain("changed a document");
    expect(page).toContain(person("a_user").name);
    expect(page).toContain("title: not shown → not shown");
    expect(page).not.toMatch(/secret plan|Nobody reads this/u);
  });

  it("is for the owner and admins of that workspace alone", async () => {
    expect((await member.ask("/activity")).status).toBe(403);
    expect((await member.ask("/activity/export", { method: "POST", form: { format: "csv" } })).status).toBe(403);
    expect((await member.ask("/documents")).text).not.toContain('href="/activity"');
    const elsewhere = (await stranger.ask("/activity")).text;
    expect(elsewhere).not.toContain(DEMO_DOCUMENTS.alpha);
  });

  it("is saved as a file, and that is an event", async () => {
    const csv = await owner.ask("/activity/export", { method: "POST", form: { format: "csv" } });
    expect(csv.headers.get("content-disposition")).toBe('attachment; filename="activity.csv"');
    expect(csv.text).toContain(`document.change,document,${DEMO_DOCUMENTS.alpha}`);
    const json = await owner.ask("/activity/export", { method: "POST", form: { format: "json" } });
    const entries = json.text
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as { readonly action: string });
    expect(entries.map(({ action }) => action)).toContain("document.change");
    const events = (): string => readFileSync(join(folio.settings.dataFolder, "events.jsonl"), "utf8");
    await expect.poll(events).toContain("audit_trail_exported");
    expect((await owner.ask("/activity/export", { method: "POST", form: { format: "xml" } })).status).toBe(422);
    expect((await owner.ask("/activity?before=1'--")).status).toBe(422);
  });

  it("records changes of roles, with both", async () => {
    const { id } = person("a_user2");
    const changed = await owner.ask(`/people/${id}/role`, { method: "POST", form: { role: "viewer" } });
    expect(changed.status).toBe(303);
    const page = (await owner.ask("/activity")).text;
    expect(page).toMatch(/changed a role[\s\S]*role: member → viewer/u);
  });
});
