/** What is kept about people is declared, and what they are given and what goes with them follows from it. */
import { randomUUID } from "node:crypto";
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { currentDeployment, keyRing, newKey, type AuditEvent, type Finding, type User } from "glacis";
import { dataClassification } from "glacis/data";
import { memoryRateLimits } from "glacis/network";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { accountsIn, personOf, systemScope, type Accounts } from "../src/accounts/accounts.ts";
import { attachmentsIn } from "../src/attachments/attachments.ts";
import { fileStoreOf, type FileStore } from "../src/attachments/file-store.ts";
import { announced, fileTasksOf, type FileTasks } from "../src/attachments/file-tasks.ts";
import { productionSecurity } from "../src/check.ts";
import type { Database } from "../src/database/database.ts";
import { openEmbedded } from "../src/database/embedded.ts";
import { PERSONAL_DATA, schemaColumns } from "../src/database/personal-map.ts";
import { documentsIn } from "../src/documents/documents.ts";
import { readSettings } from "../src/operations/settings.ts";
import { temporaryFolder } from "./support/folio.ts";

const FOR_CHECK = {
  ORIGIN: "https://docs.example.com",
  DATABASE_URL: "postgres://db/folio",
  SMTP_URL: "smtps://user:password@smtp.example.com",
  MAIL_FROM: "no-reply@example.com",
};
const isPersonal = ({ rule }: Finding): boolean => /^(?:data-classification|retention-erasure)\//u.test(rule.id);

describe("the map of personal data", () => {
  it("has every column that the program knows, and glacis check finds nothing to say", () => {
    const security = productionSecurity({ ...FOR_CHECK, DATA_DIR: temporaryFolder() });
    expect(security.controls.map(({ meta }) => meta.id)).toEqual(
      expect.arrayContaining(["data-classification", "retention-erasure"]),
    );
    expect(security.check(currentDeployment("production")).filter(isPersonal)).toEqual([]);
    expect(Object.keys(schemaColumns()).toSorted()).toEqual([...PERSONAL_DATA.tables.keys()].toSorted());
  });

  it("would tell of a column that nobody has classified", () => {
    const { users = [] } = schemaColumns();
    const { check } = dataClassification({
      map: PERSONAL_DATA,
      schema: { users: [...users, "date_of_birth", "shelf"], leads: ["email", "shelf"] },
    });
    const told = check(currentDeployment("production")).map(({ rule, at }) => [rule.id, "name" in at && at.name]);
    expect(told).toEqual([
      ["data-classification/personal-unclassified", "users.date_of_birth"],
      ["data-classification/unclassified", "users.shelf"],
      ["data-classification/personal-unclassified", "leads.email"],
    ]);
  });

  it("names what no log repeats", () => {
    expect(PERSONAL_DATA.redactionKeys).toEqual(["name", "title", "body", "link", "endpoint", "secret"]);
  });
});

describe("somebody who goes", () => {
  const settings = readSettings(["--test-target"], { DATA_DIR: temporaryFolder() });
  let database: Database;
  let accounts: Accounts;
  let files: FileStore;
  let tasks: FileTasks;
  const told: AuditEvent[] = [];
  beforeAll(async () => {
    database = await openEmbedded(settings.dataFolder);
    accounts = accountsIn(database);
    files = fileStoreOf({ settings, keys: keyRing(newKey("k1")), database, limitStore: memoryRateLimits() });
    tasks = fileTasksOf({ ...files, database, report: (event) => told.push(event) });
  });
  afterAll(async () => {
    await database?.close();
    rmSync(settings.dataFolder, { recursive: true, force: true });
  });

  const stored = (tenantId: string): readonly string[] => {
    const folder = join(settings.dataFolder, "files", "objects", tenantId);
    return existsSync(folder) ? readdirSync(folder) : [];
  };

  /** A person with a document and a file in it. */
  async function settle(tenantId: string, role: "owner" | "member"): Promise<User> {
    const id = randomUUID();
    if (role === "owner") await accounts.createTenant({ id: tenantId, name: "Delta" }, { id, name: "Dora", role });
    else await accounts.addPerson(systemScope(tenantId, "test"), { id, name: "Carl", role });
    const user = personOf(tenantId, id, role);
    const documentId = await documentsIn(database).create(user, { title: `Of ${role}`, body: "all of it" });
    const content = Buffer.from("mine");
    const file = await announced(files.storage, database).quarantine();
    await pipeline([content], file.stream);
    const key = files.storage.newKey(tenantId);
    await file.commit(key, { bytes: content.length, sha256: "" });
    const said = {
      field: "file",
      originalName: "mine.txt",
      kind: "txt",
      mediaType: "text/plain",
      scan: "none",
    } as const;
    await (await files.quota.reserve(tenantId, 4, 60_000))?.settle(4);
    await attachmentsIn(database).add(user, documentId, { ...said, key, bytes: 4, sha256: "0".repeat(64) });
    return user;
  }

  it("is given everything that is his, and nothing of a colleague's", async () => {
    const tenantId = randomUUID();
    const [owner, member] = [await settle(tenantId, "owner"), await settle(tenantId, "member")];
    expect(await accounts.exportPerson(member.id)).toMatchObject({
      users: [{ id: member.id, name: "Carl" }],
      memberships: [{ role: "member" }],
      documents: [{ title: "Of member", body: "all of it" }],
      attachments: [{ name: "mine.txt", bytes: "4" }],
    });
    expect(JSON.stringify(await accounts.exportPerson(member.id))).not.toContain("Of owner");
    expect(JSON.stringify(await accounts.exportPerson(owner.id))).not.toContain("Of member");
  });

  it("leaves no row, no file, and the room that they took; a colleague keeps his", async () => {
    const tenantId = randomUUID();
    const [owner, member] = [await settle(tenantId, "owner"), await settle(tenantId, "member")];
    expect(await files.quota.store.used(tenantId)).toBe(8);
    await accounts.erasePerson(member.id);
    await tasks.run();
    expect(stored(tenantId)).toHaveLength(1);
    expect(await files.quota.store.used(tenantId)).toBe(4);
    expect(await accounts.exportPerson(member.id)).toBeUndefined();
    await accounts.erasePerson(owner.id);
    await tasks.run();
    expect(stored(tenantId)).toEqual([]);
    expect(await files.quota.store.used(tenantId)).toBe(0);
    expect((await database.query("select * from file_tasks", [])).rows).toEqual([]);
    expect(told).toEqual([]);
  });

  it("and a file that a crash left without a row goes after an hour, and not before", async () => {
    const tenantId = randomUUID();
    const file = await announced(files.storage, database).quarantine();
    await pipeline([Buffer.from("mine")], file.stream);
    const key = files.storage.newKey(tenantId);
    await file.commit(key, { bytes: 4, sha256: "" });
    await tasks.run();
    expect(stored(tenantId)).toHaveLength(1);
    await database.query("delete from file_tasks where storage_key = $1", [key]);
    await database.query(
      "insert into file_tasks (storage_key, tenant, bytes, task, since) values ($1, $2, 4, 'arriving', now() - interval '61 minutes')",
      [key, tenantId],
    );
    await tasks.run();
    expect(stored(tenantId)).toEqual([]);
    expect(await files.quota.store.used(tenantId)).toBe(0);
  });
});
