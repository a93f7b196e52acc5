import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { afterAll, describe, expect, it } from "vitest";
import { localStorage } from "./storage-local.ts";
import type { Quarantine, Storage } from "./storage.ts";

const folder = mkdtempSync(join(tmpdir(), "storage-"));
afterAll(() => rmSync(folder, { recursive: true }));
let count = 0;
const fresh = (): { readonly root: string; readonly storage: Storage } => {
  const root = join(folder, String((count += 1)));
  return { root, storage: localStorage({ root }) };
};

async function write(storage: Storage, content: string): Promise<Quarantine> {
  const quarantine = await storage.quarantine();
  await new Promise<void>((resolve) => quarantine.stream.end(content, () => resolve()));
  return quarantine;
}
const about = (bytes: number) => ({ bytes, sha256: "" });
const PRODUCTION = { mode: "production", nodeVersion: "22", variables: new Map(), nodeOptions: [], nowMs: 0 } as const;

describe("a folder of files", () => {
  it("keeps a file under its key, whole or by a range", async () => {
    const { storage } = fresh();
    const key = storage.newKey("acme");
    const quarantine = await write(storage, "hello world");
    expect(await storage.size(key)).toBeUndefined();
    expect((await quarantine.read(6, 100)).toString()).toBe("world");
    expect(await quarantine.commit(key, about(11))).toBe(true);
    expect(await storage.size(key)).toBe(11);
    expect((await buffer(await storage.read(key))).toString()).toBe("hello world");
    expect((await buffer(await storage.read(key, { start: 4, end: 6 }))).toString()).toBe("o w");
    expect(await storage.remove(key)).toBe(true);
    expect(await storage.remove(key)).toBe(false);
    await expect(storage.read(key)).rejects.toThrow("There is no such file.");
  });

  it("gives a key to one of many that want it, and overwrites nothing", async () => {
    const { storage, root } = fresh();
    const key = storage.newKey("acme");
    const waiting = await Promise.all(Array.from({ length: 64 }, (_, index) => write(storage, `file ${index}`)));
    const won = await Promise.all(waiting.map((one) => one.commit(key, about(0))));
    expect(won.filter(Boolean)).toHaveLength(1);
    expect((await buffer(await storage.read(key))).toString()).toBe(`file ${won.indexOf(true)}`);
    await Promise.all(waiting.map((one) => one.discard()));
    expect(readdirSync(join(root, "quarantine"))).toEqual([]);
  });

  it("is for its owner alone", async () => {
    const { storage, root } = fresh();
    const key = storage.newKey("acme");
    const quarantine = await write(storage, "x");
    expect(statSync(quarantine.path).mode & 0o777).toBe(0o600);
    await quarantine.commit(key, about(1));
    for (const name of ["", "objects", "quarantine", "objects/acme"])
      expect(statSync(join(root, name)).mode & 0o077).toBe(0);
    expect(storage.control.check(PRODUCTION)).toEqual([]);
    for (const mode of [0o755, 0o750, 0o710, 0o701]) {
      chmodSync(root, mode);
      expect(storage.control.check(PRODUCTION).map(({ rule }) => rule.id)).toEqual(["private-storage/open-to-others"]);
    }
  });

  it.each([
    "../../etc/passwd",
    "acme/../../x",
    "acme",
    "/etc/passwd",
    "acme/x",
    `acme/${"a".repeat(32)}/..`,
    `acme/${"A".repeat(32)}`,
    "",
    "acme\0/x",
    undefined,
    ["a"],
  ])("takes %j for no key", async (key) => {
    const { storage } = fresh();
    expect(await storage.size(key as string)).toBeUndefined();
    await expect(storage.read(key as string)).rejects.toThrow("There is no such file.");
    await expect(storage.remove(key as string)).rejects.toThrow("There is no such file.");
  });

  it("follows no link that somebody has put there", async () => {
    const { storage, root } = fresh();
    const key = storage.newKey("acme");
    mkdirSync(join(root, "objects/acme"));
    symlinkSync("/etc/passwd", join(root, "objects", key));
    expect(await storage.size(key)).toBeUndefined();
    await expect(storage.read(key)).rejects.toThrow();
  });

  it("gives every tenant a folder of its own, whatever the id is", () => {
    const { storage } = fresh();
    const tenants = ["acme", "Acme", "ACME", "shared", "a/b", "../a", "", "x".repeat(500), "\u00e9", "t--1"];
    const folders = tenants.map((tenant) => storage.newKey(tenant).split("/")[0]);
    expect(new Set([...folders, storage.newKey(undefined).split("/")[0]]).size).toBe(tenants.length + 1);
    expect(folders[0]).toBe("acme");
  });

  it("sweeps what crashed processes have left, and nothing of the living", async () => {
    const { root } = fresh();
    const id = "0".repeat(32);
    const host = hostname()
      .replaceAll(/[^\w-]/gu, "-")
      .slice(0, 64);
    const left = {
      dead: `${host}.4194999.${id}`,
      old: `elsewhere.1.${id}`,
      mine: `${host}.${process.pid}.${id}`,
      other: `elsewhere.2.${id}`,
    };
    for (const name of Object.values(left)) writeFileSync(join(root, "quarantine", name), "x");
    utimesSync(join(root, "quarantine", left.old), 0, 0);
    const next = await localStorage({ root }).quarantine();
    expect(
      readdirSync(join(root, "quarantine"))
        .filter((name) => name.endsWith(id))
        .toSorted(),
    ).toEqual([left.mine, left.other].toSorted());
    await next.discard();
  });

  it.each([["files"], ["/"], [""], [undefined], [process.cwd()]])("refuses %j as its root", (root) => {
    expect(() => localStorage({ root: root as string })).toThrow(TypeError);
  });
});
