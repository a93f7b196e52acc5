import { afterAll, beforeAll, expect, it, describe } from "vitest";
import { randomBytes, randomUUID } from "node:crypto";
import { rmSync } from "node:fs";
import type { User } from "glacis";
import { postgresAuthentication } from "glacis/authentication";
import { testDatabase } from "../../../test/support/services.ts";
import { accountsIn, systemScope, type Accounts } from "../src/accounts/accounts.ts";
import type { Role } from "../src/accounts/memberships.ts";
import { openEmbedded } from "../src/database/embedded.ts";
import type { Database } from "../src/database/database.ts";
import { openPostgres } from "../src/database/postgres.ts";
import { startFolio, temporaryFolder } from "./support/folio.ts";
import { mailedPath, signUp, tokenIn } from "./support/mail.ts";

const postgres = await testDatabase("memberships");
const suffix = randomBytes(6).toString("hex");
const roles = {
  runtime: `members_app_${suffix}`,
  library: `members_library_${suffix}`,
  signIn: `members_sign_in_${suffix}`,
};
const folder = temporaryFolder();

const grounds: Readonly<Record<string, () => Promise<Database>>> = {
  PGlite: () => openEmbedded(folder),
  ...(postgres !== undefined && { Postgres: () => openPostgres(postgres.url, roles) }),
};

afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  if (postgres === undefined) return;
  for (const role of Object.values(roles))
    await postgres.pool.query(`drop owned by ${role} cascade; drop role ${role}`);
  await postgres.drop();
});

describe.each(Object.entries(grounds))("memberships on %s", (_, open) => {
  let database: Database;
  let accounts: Accounts;
  beforeAll(async () => {
    database = await open();
    accounts = accountsIn(database);
  });
  afterAll(() => database.close());

  /** A workspace with a person for each role, the first of them twice. */
  async function workspace(): Promise<(role: Role | "second") => User> {
    const tenantId = randomUUID();
    const ids: Record<string, string> = {};
    for (const name of ["owner", "second", "admin", "member", "viewer"]) {
      const id = (ids[name] = randomUUID());
      const role = name === "second" ? "owner" : (name as Role);
      const account = {
        userId: id as User["id"],
        email: `${id}@x.test`,
        passwordHash: null,
        status: "active",
      } as const;
      const library = postgresAuthentication(database.driver).accounts;
      expect(await library.create({ ...account, verifiedAtMs: 0, version: 1, createdAtMs: 0 })).toBe(true);
      if (name === "owner") await accounts.createTenant({ id: tenantId, name: "T" }, { id, name, role });
      else await accounts.addPerson(systemScope(tenantId, "test"), { id, name, role });
    }
    return (role) => ({
      kind: "user",
      id: ids[role] as User["id"],
      tenantId: tenantId as User["tenantId"],
      roles: [role === "second" ? "owner" : role],
      assurance: 1,
      authenticatedAtMs: 0,
    });
  }

  it("keep one owner when two demote each other at once, ten times", async () => {
    for (let round = 0; round < 10; round += 1) {
      const as = await workspace();
      const results = await Promise.allSettled([
        accounts.changeRole(as("owner"), as("second").id, "member"),
        accounts.changeRole(as("second"), as("owner").id, "member"),
      ]);
      expect(results.filter((result) => result.status === "fulfilled" && result.value === "changed")).toHaveLength(1);
      const people = await accounts.people(systemScope(as("owner").tenantId, "test"));
      expect(people.filter(({ role }) => role === "owner")).toHaveLength(1);
    }
  });

  it("refuse the last owner's own leaving and stepping down", async () => {
    const as = await workspace();
    expect(await accounts.removePerson(as("owner"), as("second").id)).toBe("changed");
    expect(await accounts.removePerson(as("owner"), as("owner").id)).toBe("last_owner");
    expect(await accounts.changeRole(as("owner"), as("owner").id, "admin")).toBe("last_owner");
  });

  it("judge by the database, whatever the session still says", async () => {
    const as = await workspace();
    await accounts.changeRole(as("owner"), as("admin").id, "viewer");
    await expect(accounts.changeRole(as("admin"), as("member").id, "viewer")).rejects.toThrow();
    const pretender: User = { ...as("member"), roles: ["owner"] };
    await expect(accounts.changeRole(pretender, pretender.id, "owner")).rejects.toThrow();
  });

  it("give a place by an invitation only while whoever invited may give that role", async () => {
    const [as, there] = [await workspace(), await workspace()];
    const scope = systemScope(as("owner").tenantId, "test");
    const joins = async (by: string, role: Role): Promise<Role | undefined> => {
      const id = randomUUID();
      await accounts.addPerson(scope, { id, name: "Guest", role }, by);
      return (await accounts.belonging(id))?.role;
    };
    expect(await joins(as("admin").id, "admin")).toBe("admin");
    expect(await joins(as("admin").id, "owner")).toBeUndefined();
    expect(await joins(as("member").id, "viewer")).toBeUndefined();
    expect(await joins(there("owner").id, "viewer")).toBeUndefined();
    expect(await joins(randomUUID(), "viewer")).toBeUndefined();
    await accounts.removePerson(as("owner"), as("admin").id);
    expect(await joins(as("admin").id, "viewer")).toBeUndefined();
  });

  it("keep one owner when both leave at once, and when one is promoted while the other steps down, ten times", async () => {
    for (let round = 0; round < 10; round += 1) {
      const as = await workspace();
      const owners = async () =>
        (await accounts.people(systemScope(as("owner").tenantId, "test"))).filter(({ role }) => role === "owner");
      const left = await Promise.allSettled([
        accounts.removePerson(as("owner"), as("owner").id),
        accounts.removePerson(as("second"), as("second").id),
      ]);
      expect(left.map((one) => (one.status === "fulfilled" ? one.value : one.reason)).toSorted()).toEqual([
        "changed",
        "last_owner",
      ]);
      const [last] = await owners();
      expect(await owners()).toHaveLength(1);
      const boss = { ...as("owner"), id: last?.id as User["id"] };
      const moved = await Promise.allSettled([
        accounts.changeRole(boss, as("admin").id, "owner"),
        accounts.changeRole(boss, boss.id, "viewer"),
      ]);
      // Whoever has stepped down first promotes nobody.
      expect((await owners()).length).toBeGreaterThan(0);
      expect(moved[0].status === "fulfilled" || moved[1].status === "fulfilled").toBe(true);
    }
  });

  it("know nobody of another workspace", async () => {
    const [here, there] = [await workspace(), await workspace()];
    expect(await accounts.changeRole(here("owner"), there("member").id, "viewer")).toBe("not_found");
    expect(await accounts.removePerson(here("owner"), there("member").id)).toBe("not_found");
  });
});

describe.runIf(postgres !== undefined)("a place that is given while somebody loses the right to give it", () => {
  it("is given to nobody", async () => {
    const database = await openPostgres(postgres?.url ?? "", roles);
    const accounts = accountsIn(database);
    const [tenantId, owner, admin, guest] = [randomUUID(), randomUUID(), randomUUID(), randomUUID()];
    const scope = systemScope(tenantId, "test");
    const other = await postgres?.pool.connect();
    try {
      await accounts.createTenant({ id: tenantId, name: "T" }, { id: owner, name: "O", role: "owner" });
      await accounts.addPerson(scope, { id: admin, name: "A", role: "admin" });
      await other?.query("begin");
      await other?.query("update memberships set role = 'viewer' where user_id = $1", [admin]);
      // It has to wait for what the other transaction makes of whoever invited.
      const joining = accounts.addPerson(scope, { id: guest, name: "G", role: "admin" }, admin);
      await other?.query("commit");
      await joining;
      expect(await accounts.belonging(guest)).toBeUndefined();
    } finally {
      other?.release();
      await database.close();
    }
  });
});

describe("the people of the API", () => {
  let folio: Awaited<ReturnType<typeof startFolio>>;
  beforeAll(async () => {
    folio = await startFolio("test-target");
  });
  afterAll(() => folio.stop());

  it("refuse an admin who reaches above himself, and end the sessions of whoever was changed", async () => {
    const email = (name: string): string => `${name}@people.test`;
    const account = { email: email(randomUUID()), password: "a long walk by the river" };
    const owner = await signUp(folio, account);
    const { user } = (await owner.ask("/api/me")).json as { user: { id: string } };
    const patch = (id: string, role: string) => owner.ask(`/api/people/${id}`, { method: "PATCH", json: { role } });
    expect((await patch(user.id, "admin")).status).toBe(422);
    expect((await patch(randomUUID(), "admin")).status).toBe(404);
    expect((await patch("nobody", "admin")).status).toBe(404);
    expect((await patch(user.id, "root")).status).toBe(422);
    // The same role again is a change like any other: it ends the sessions.
    expect((await patch(user.id, "owner")).status).toBe(200);
    expect((await owner.ask("/api/me")).status).toBe(401);
    expect((await owner.signIn(account)).status).toBe(200);
  });

  it("let nobody in by the invitation of an admin who is none any more", async () => {
    const [password, stamp] = ["a long walk by the river", randomUUID()];
    const owner = await signUp(folio, { email: `owner-${stamp}@people.test`, password });
    const invite = (by: typeof owner, email: string, role: string) =>
      by.ask("/api/invitations", { method: "POST", json: { email, role } });
    const accept = async (email: string) => {
      const guest = folio.client();
      const token = tokenIn(await mailedPath(folio, email, "You are invited"));
      const answer = await guest.ask("/invitation", { method: "POST", json: { token, password, name: "Guest" } });
      return { guest, status: answer.status };
    };
    const email = `admin-${stamp}@people.test`;
    expect((await invite(owner, email, "admin")).status).toBe(202);
    const admin = await accept(email);
    expect(admin.status).toBe(200);
    for (const name of ["friend", "self"])
      expect((await invite(admin.guest, `${name}-${stamp}@people.test`, "admin")).status).toBe(202);
    expect((await accept(`friend-${stamp}@people.test`)).status).toBe(200);
    const { user } = (await admin.guest.ask("/api/me")).json as { user: { id: string } };
    expect((await owner.ask(`/api/people/${user.id}`, { method: "PATCH", json: { role: "member" } })).status).toBe(200);
    expect((await accept(`self-${stamp}@people.test`)).status).toBe(400);
  });

  it("answer a stranger and a member with a refusal", async () => {
    expect((await folio.client().ask(`/api/people/${randomUUID()}`, { method: "DELETE" })).status).toBe(401);
    const member = folio.client();
    await member.signIn({ email: "alice@alpha.test", password: "Alice-Correct-Horse-9" });
    const { user } = (await member.ask("/api/me")).json as { user: { id: string } };
    const rise = await member.ask(`/api/people/${user.id}`, { method: "PATCH", json: { role: "owner" } });
    expect(rise.status).toBe(403);
  });
});
