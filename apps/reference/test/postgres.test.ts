import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { testDatabase } from "../../../test/support/services.ts";
import { ROLES } from "../src/database/migrations.ts";
import { startFolio, type Folio } from "./support/folio.ts";
import { signUp } from "./support/mail.ts";

const postgres = await testDatabase("walk");

describe.runIf(postgres !== undefined)("the whole application on a real Postgres", () => {
  let folio: Folio;
  beforeAll(async () => {
    folio = await startFolio("test-target", { DATABASE_URL: postgres?.url ?? "" });
  });
  afterAll(async () => {
    await folio?.stop();
    await postgres?.drop();
  });

  it("is signed in to, written in, shared in, and shows nothing of it to another tenant", async () => {
    const [alice, amy] = [folio.client(), folio.client()];
    expect((await alice.signIn({ email: "alice@alpha.test", password: "Alice-Correct-Horse-9" })).status).toBe(200);
    expect((await amy.signIn({ email: "amy@alpha.test", password: "Amy-Correct-Horse-91" })).status).toBe(200);
    const stranger = { email: "walk@elsewhere.test", password: "a long walk by the river" };
    const bob = await signUp(folio, stranger);
    expect((await bob.signIn(stranger)).status).toBe(200);

    const json = { title: "Walk", body: "By the river" };
    const created = await alice.ask("/api/documents", { method: "POST", json });
    expect(created.status).toBe(201);
    const path = `/api/documents/${String(created.json["id"])}`;
    expect((await amy.ask(path)).status).toBe(404);
    const { user } = (await amy.ask("/api/me")).json as { user: { id: string } };
    const share = { userId: user.id, permission: "view" };
    expect((await alice.ask(`${path}/shares`, { method: "POST", json: share })).status).toBe(201);
    expect((await amy.ask(path)).json).toMatchObject({ title: "Walk", access: "view" });
    expect((await amy.ask(path, { method: "PATCH", json: { title: "Mine" } })).status).not.toBe(200);

    for (const method of ["GET", "DELETE"]) expect((await bob.ask(path, { method })).status, method).toBe(404);
    expect((await bob.ask(path, { method: "PATCH", json: { title: "Stolen" } })).status).toBe(404);
    expect((await bob.ask(`${path}/shares`, { method: "POST", json: share })).status).toBe(404);
    expect((await alice.ask(path)).json).toMatchObject({ title: "Walk" });
  });

  it("is connected as the two roles that own nothing, in every connection", async () => {
    const seen = await postgres?.pool.query(
      "select distinct usename::text as role from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() order by 1",
    );
    expect(seen?.rows).toEqual([{ role: ROLES.runtime }, { role: ROLES.library }]);
  });
});
