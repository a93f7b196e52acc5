import { generateKeyPairSync } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { testDatabase } from "../../../test/support/services.ts";
import { ROLES } from "../src/database/migrations.ts";
import { startFolio, type Folio } from "./support/folio.ts";
import { signUp } from "./support/mail.ts";

const postgres = await testDatabase("walk");
/** Processes that write one log sign it with one key. */
const signingKey = generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" }).toString();
const environment = { DATABASE_URL: postgres?.url ?? "", AUDIT_SIGNING_KEY: signingKey };

describe.runIf(postgres !== undefined)("the whole application on a real Postgres", () => {
  let folio: Folio;
  beforeAll(async () => {
    folio = await startFolio("test-target", environment);
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

  it("keeps its audit log where nobody rewrites it, and one of two processes evaluates the alarms of both", async () => {
    const other = await startFolio("demo", environment);
    const watches = [folio.watch, other.watch];
    for (const { alarms } of watches) await alarms?.tick();
    const { rows: leases } = (await postgres?.pool.query("select holder from glacis_alarm_evaluator")) ?? { rows: [] };
    expect(leases).toHaveLength(1);
    expect(await folio.watch.alarms?.status()).toEqual(await other.watch.alarms?.status());
    await other.stop();
    const chain = await folio.watch.chain?.verify();
    expect(chain).toMatchObject({ intact: true });
    expect(chain?.fault).toBeUndefined();
    expect(chain?.entries).toBeGreaterThan(10);
    expect(chain?.checkpoints).toBeGreaterThan(0);
    const forge = "update glacis_audit_events set line = '{}'";
    await expect(postgres?.pool.query(forge)).rejects.toThrow(/append-only/u);
    await expect(postgres?.pool.query(`set role ${ROLES.library}; ${forge}`)).rejects.toThrow(/permission denied/u);
  }, 120_000);
});
