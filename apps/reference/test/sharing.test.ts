import { randomBytes, randomUUID } from "node:crypto";
import type { User } from "glacis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { testDatabase } from "../../../test/support/services.ts";
import { accountsIn, personOf, systemScope, type Accounts } from "../src/accounts/accounts.ts";
import type { Database } from "../src/database/database.ts";
import { openPostgres } from "../src/database/postgres.ts";
import { documentsIn, type Documents } from "../src/documents/documents.ts";

/** Sharing while somebody else changes who is here, what is there and who may: the races need two connections. */

const postgres = await testDatabase("sharing");
const suffix = randomBytes(6).toString("hex");
const roles = {
  runtime: `sharing_app_${suffix}`,
  library: `sharing_library_${suffix}`,
  signIn: `sharing_sign_in_${suffix}`,
};

describe.runIf(postgres !== undefined)("sharing a document", () => {
  if (postgres === undefined) return;
  let database: Database;
  let accounts: Accounts;
  let shelf: Documents;
  beforeAll(async () => {
    database = await openPostgres(postgres.url, roles);
    accounts = accountsIn(database);
    shelf = documentsIn(database);
  });
  afterAll(async () => {
    await database.close();
    for (const role of Object.values(roles))
      await postgres.pool.query(`drop owned by ${role} cascade; drop role ${role}`);
    await postgres.drop();
  });

  interface Workspace {
    readonly as: (name: "owner" | "member" | "viewer" | "other") => User;
    readonly id: string;
  }

  /** A workspace in which the member has a document of his own. */
  async function workspace(): Promise<Workspace> {
    const tenantId = randomUUID();
    const people = { owner: "owner", member: "member", viewer: "viewer", other: "member" } as const;
    const ids = Object.fromEntries(Object.keys(people).map((name) => [name, randomUUID()]));
    const as: Workspace["as"] = (name) => personOf(tenantId, ids[name] ?? "", people[name]);
    await accounts.createTenant({ id: tenantId, name: "T" }, { id: ids["owner"] ?? "", name: "O", role: "owner" });
    for (const name of ["member", "viewer", "other"] as const)
      await accounts.addPerson(systemScope(tenantId, "test"), { id: as(name).id, name, role: people[name] });
    return { as, id: await shelf.create(as("member"), { title: "His", body: "" }) };
  }

  /** Does the work once Postgres makes the other one wait for it. */
  async function whileOpen<Result>(first: string, values: unknown[], work: () => Promise<Result>): Promise<Result> {
    const client = await postgres!.pool.connect();
    try {
      await client.query("begin");
      await client.query(first, values);
      const running = work();
      // It may be done without meeting the lock, when the other of two gets there first.
      const over = new AbortController();
      const end = (): void => over.abort();
      void running.then(end, end);
      const waiting = "select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
      while (!over.signal.aborted && (await postgres!.pool.query(waiting)).rowCount === 0)
        await new Promise((resolve) => setTimeout(resolve, 5));
      await client.query("commit");
      return await running;
    } finally {
      client.release();
    }
  }

  it("is refused for somebody of another workspace, for oneself, and for somebody who left, all alike", async () => {
    const [{ as, id }, there] = [await workspace(), await workspace()];
    const share = (userId: string) => shelf.share(as("member"), id, { userId, permission: "edit" });
    await accounts.removePerson(as("owner"), as("other").id);
    for (const userId of [there.as("member").id, as("other").id, as("member").id, randomUUID()])
      expect(await share(userId)).toBe("unknown_colleague");
    expect(await shelf.shares(as("member"), id)).toEqual([]);
  });

  it("is refused where the colleague leaves in the same moment", async () => {
    const { as, id } = await workspace();
    const leaving = "delete from memberships where user_id = $1";
    const result = await whileOpen(leaving, [as("other").id], () =>
      shelf.share(as("member"), id, { userId: as("other").id, permission: "view" }),
    );
    expect(result).toBe("unknown_colleague");
  });

  it("finds nothing where the document goes in the same moment", async () => {
    const { as, id } = await workspace();
    const result = await whileOpen("delete from documents where id = $1", [id], () =>
      shelf.share(as("member"), id, { userId: as("other").id, permission: "view" }),
    );
    expect(result).toBe("not_found");
  });

  it("lets a reader neither change, share nor delete, an editor neither share nor delete, and a viewer never write", async () => {
    const { as, id } = await workspace();
    for (const [name, permission, changed] of [
      ["other", "view", "not_found"],
      ["other", "edit", "changed"],
      ["viewer", "edit", "not_found"],
    ] as const) {
      expect(await shelf.share(as("member"), id, { userId: as(name).id, permission })).toBe("shared");
      expect(await shelf.read(as(name), id)).toMatchObject({ access: permission });
      expect((await shelf.change(as(name), id, { title: "Changed" })).kind, `${name} ${permission}`).toBe(changed);
      expect(await shelf.share(as(name), id, { userId: as("owner").id, permission: "view" })).toBe("not_found");
      expect(await shelf.unshare(as(name), id, as(name).id)).toBe(false);
      expect(await shelf.shares(as(name), id)).toBeUndefined();
      expect(await shelf.remove(as(name), id)).toBe(false);
    }
  });

  it("ends with the share: nothing is read, listed, searched or saved behind it", async () => {
    const { as, id } = await workspace();
    const colleague = { userId: as("other").id, permission: "edit" } as const;
    await shelf.share(as("member"), id, colleague);
    expect((await shelf.list(as("other"), { q: "his", sort: "title" })).documents).toHaveLength(1);
    expect(await shelf.unshare(as("member"), id, as("other").id)).toBe(true);
    expect(await shelf.unshare(as("member"), id, as("other").id)).toBe(false);
    expect(await shelf.read(as("other"), id)).toBeUndefined();
    for (const query of [
      { q: "his", sort: "title" },
      { q: "", sort: "created" },
      { q: "", sort: "title", after: id },
    ] as const)
      expect((await shelf.list(as("other"), query)).documents).toEqual([]);
    expect(await shelf.change(as("other"), id, { title: "Mine" }, 1)).toEqual({ kind: "not_found" });
  });

  it("that ends while the editor saves ends before it or after it, and never half", async () => {
    const { as, id } = await workspace();
    await shelf.share(as("member"), id, { userId: as("other").id, permission: "edit" });
    const result = await whileOpen("update documents set body = 'between' where id = $1", [id], async () => {
      const saving = shelf.change(as("other"), id, { title: "Late" });
      await shelf.unshare(as("member"), id, as("other").id);
      return saving;
    });
    const { title } = (await shelf.read(as("member"), id)) ?? {};
    expect(title).toBe(result.kind === "changed" ? "Late" : "His");
  });

  it("of two who share and take back at once ends in one of the two", async () => {
    const { as, id } = await workspace();
    const other = as("other").id;
    for (let round = 0; round < 10; round += 1) {
      await Promise.all([
        shelf.share(as("member"), id, { userId: other, permission: "edit" }),
        shelf.unshare(as("member"), id, other),
        shelf.share(as("member"), id, { userId: other, permission: "view" }),
      ]);
      const shares = (await shelf.shares(as("member"), id)) ?? [];
      const seen = await shelf.read(as("other"), id);
      expect(seen === undefined || ["view", "edit"].includes(seen.access)).toBe(true);
      expect(shares.length).toBeLessThan(2);
    }
  });

  it("belongs to the document's owner although he has become a viewer, who then shares no more", async () => {
    const { as, id } = await workspace();
    await accounts.changeRole(as("owner"), as("member").id, "viewer");
    const demoted: User = { ...as("member"), roles: ["viewer"] };
    expect(await shelf.read(demoted, id)).toMatchObject({ access: "owner" });
    expect(await shelf.share(demoted, id, { userId: as("other").id, permission: "view" })).toBe("not_found");
    expect(await shelf.remove(demoted, id)).toBe(false);
  });
});
