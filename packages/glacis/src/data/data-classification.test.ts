import { afterAll, describe, expect, it } from "vitest";
import { testDatabase } from "../../../../test/support/services.ts";
import type { Control, Deployment } from "../core/control.ts";
import { dataClassification } from "./data-classification.ts";
import { personalData, type PersonalDataOptions } from "./personal-data.ts";
import { personalDataPosture } from "./personal-posture.ts";
import { retentionErasure } from "./retention-erasure.ts";

const ground = await testDatabase("data_classification");
const deployment: Deployment = {
  mode: "production",
  nodeVersion: "24.4.0",
  variables: new Map(),
  nodeOptions: [],
  nowMs: 0,
};

const sound: PersonalDataOptions = {
  subject: "users",
  tables: {
    users: {
      columns: { id: "internal", email: "personal", password_hash: "secret" },
      hashed: ["password_hash"],
      retention: { basis: "while the account exists" },
    },
    logins: {
      columns: { id: "internal", user_id: "internal", ip: "personal", at: "internal" },
      subject: "user_id",
      retention: { column: "at", days: 30 },
    },
  },
};

function findings(control: Control): readonly string[] {
  return control
    .check(deployment)
    .map(
      ({ rule, at, detail }) =>
        `${rule.id} ${"name" in at ? at.name : ""}${detail === undefined ? "" : ` (${detail})`}`,
    );
}

describe("dataClassification and retentionErasure", () => {
  it("have nothing to say about a sound map", () => {
    const map = personalData(sound);
    expect([...findings(dataClassification({ map })), ...findings(retentionErasure({ map }))]).toEqual([]);
  });

  it("find what the map itself gets wrong", () => {
    const map = personalData({
      subject: "users",
      tables: {
        users: { columns: { id: "internal", email: "public", iban: "sensitive", phone: "personal" }, encrypted: [] },
        leads: { columns: { id: "internal", email: "personal" } },
      },
    });
    expect(findings(dataClassification({ map }))).toEqual([
      "data-classification/class-too-low users.email (public, looks personal)",
      "data-classification/unprotected users.iban (sensitive)",
    ]);
    expect(findings(retentionErasure({ map }))).toEqual([
      "retention-erasure/no-retention users",
      "retention-erasure/no-way-to-person leads",
      "retention-erasure/no-retention leads",
    ]);
  });
});

describe.runIf(ground !== undefined)("personalDataPosture", () => {
  afterAll(() => ground?.drop());

  it("finds what the database has and the map has not, and what would stop an erasure", async () => {
    const pool = ground?.pool as NonNullable<typeof ground>["pool"];
    await pool.query(`create table users (id int primary key, email text, phone text, locale text);
      create table logins (id int primary key, user_id int references users, ip inet, at timestamptz);
      create table newsletter (id int primary key, email text, topic text);
      create table audit (id int primary key, user_id int references users);
      create table likes (id int primary key, user_id int references users on delete cascade);
      create table drafts (id int primary key, user_id int references users on delete set null);
      create table glacis_sessions (id int, token text)`);
    const map = personalData(sound);
    const posture = await personalDataPosture(pool, map);
    expect(findings(dataClassification({ map, posture }))).toEqual([
      "data-classification/personal-unclassified public.newsletter.email (looks personal)",
      "data-classification/personal-unclassified public.users.phone (looks personal)",
      "data-classification/unclassified public.users.locale",
      "data-classification/no-such-column public.users.password_hash",
    ]);
    expect(findings(retentionErasure({ map, posture }))).toEqual([
      "retention-erasure/blocked public.audit (audit_user_id_fkey to public.users)",
      "retention-erasure/cascades-unseen public.likes (likes_user_id_fkey)",
    ]);
    expect(posture).toHaveLength(6);
    await expect(personalDataPosture(pool, map, { schema: [] } as never)).rejects.toThrow(/Did you mean "schemas"/u);
  });
});
