import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "../../../test/support/free-port.ts";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { passwordHashing } from "glacis/authentication";
import { emptyFolder, keysIn, lockFolder } from "../src/operations/data-folder.ts";
import { readSettings, StartError } from "../src/operations/settings.ts";
import { startFault } from "../src/operations/start-fault.ts";
import { start } from "../src/main.ts";
import { startFolio, temporaryFolder } from "./support/folio.ts";
import { HASHING } from "./support/prepared-folder.ts";

let folder: string;
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe("the demonstration", () => {
  it("is seeded where hashes take so long that people would be told to come again", async () => {
    const flooded = passwordHashing(HASHING);
    // More than the process's line takes in, as long as nobody has told it how long a hash takes here.
    const flood = Array.from({ length: 60 }, () => flooded.hash("a long walk by the river"));
    writeFileSync(join(folder, "note"), "so that nothing that was prepared is copied here");
    const folio = await startFolio("demo", { DATA_DIR: folder });
    try {
      await Promise.all(flood);
      const alice = { email: "alice@alpha.test", password: "Alice-Correct-Horse-9" };
      expect((await folio.client().signIn(alice)).status).toBe(200);
    } finally {
      await folio.stop();
    }
  }, 60_000);
});

describe("lockFolder", () => {
  it("gives the folder back when asked, and leaves nothing behind", () => {
    const unlock = lockFolder(folder);
    expect(existsSync(join(folder, "lock"))).toBe(true);
    unlock();
    lockFolder(folder)();
    expect(existsSync(join(folder, "lock"))).toBe(false);
  });

  it("refuses a folder that a living process has, and names the process", () => {
    writeFileSync(join(folder, "lock"), `${process.ppid} \n`);
    expect(() => lockFolder(folder)).toThrow(StartError);
    expect(() => lockFolder(folder)).toThrow(new RegExp(`process ${process.ppid}.*DATA_DIR`, "u"));
  });

  it("takes over from a process that has died", () => {
    const dead = spawnSync(process.execPath, ["-e", ""]).pid;
    writeFileSync(join(folder, "lock"), `${dead} 1\n`);
    expect(() => lockFolder(folder)()).not.toThrow();
  });

  it.runIf(existsSync("/proc/self/stat"))("takes over when the id has passed to another process since", () => {
    writeFileSync(join(folder, "lock"), `${process.ppid} 1\n`);
    expect(() => lockFolder(folder)()).not.toThrow();
  });

  it("takes over from a lock that nobody can read", () => {
    for (const text of ["", "garbage", "-1 2", "0 0", "99999999999999999999 1"]) {
      writeFileSync(join(folder, "lock"), text);
      expect(() => lockFolder(folder)(), text).not.toThrow();
    }
  });
});

describe("emptyFolder", () => {
  it("throws away what an earlier test left, and nothing that is not ours", () => {
    emptyFolder(folder);
    keysIn(folder);
    writeFileSync(join(folder, "server.log"), "a harness's own");
    emptyFolder(folder);
    expect(existsSync(join(folder, "keys"))).toBe(false);
    expect(readFileSync(join(folder, "server.log"), "utf8")).toBe("a harness's own");
  });

  it("refuses a folder whose data was not made for a test, and leaves it alone", () => {
    const keys = keysIn(folder);
    expect(() => emptyFolder(folder)).toThrow(StartError);
    expect(() => emptyFolder(folder)).toThrow(/not made for a test \(keys\).*DATA_DIR/u);
    expect(keysIn(folder)).toBe(keys);
  });
});

describe("keysIn", () => {
  it("makes a key once, for the owner's eyes", () => {
    const first = keysIn(folder);
    expect(keysIn(folder)).toBe(first);
    expect(first).toMatch(/^k1:[\w-]{43}$/u);
    expect(statSync(join(folder, "keys")).mode & 0o777).toBe(0o600);
    expect(readFileSync(join(folder, "keys"), "utf8")).toBe(`${first}\n`);
  });
});

describe("a start that the machine refuses", () => {
  const refusalOf = async (environment: Readonly<Record<string, string>>): Promise<unknown> =>
    start(readSettings([], { PORT: String(await freePort()), DATA_DIR: folder, ...environment })).catch(
      (error: unknown) => error,
    );

  it.each(["nowhere.invalid", "300.1.1.1", "192.0.2.1", "a b"])("says that %j is no host of this one", async (HOST) => {
    const refusal = await refusalOf({ HOST });
    expect(refusal).toBeInstanceOf(StartError);
    expect(String(refusal)).toContain(`HOST must be an address of this machine`);
    expect(String(refusal)).toContain(`"${HOST}"`);
  });

  it("says that a folder is none, or is below none", async () => {
    const file = join(folder, "file");
    writeFileSync(file, "");
    const nobodys = process.platform === "linux" ? ["/proc/folio/below"] : [];
    for (const DATA_DIR of [file, join(file, "below"), ...nobodys]) {
      const refusal = await refusalOf({ DATA_DIR });
      expect(refusal).toBeInstanceOf(StartError);
      expect(String(refusal)).toContain(`${DATA_DIR} cannot be written to`);
      // Neither is a question of whose the folder is.
      expect(String(refusal)).toContain("Set DATA_DIR to a folder in which whoever starts Folio may make files");
    }
  });

  it.runIf(existsSync("/dev/full"))("says that a disk is full, also where the embedded database has met it", () => {
    const place = { host: "127.0.0.1", port: 3000, dataFolder: folder };
    const met: unknown[] = [Object.assign(new Error("FS error"), { name: "ErrnoError", errno: 51 })];
    try {
      writeFileSync("/dev/full", "x");
    } catch (error) {
      met.push(error);
    }
    expect(met.map((error) => startFault(error, place)?.message)).toEqual(
      Array.from({ length: 2 }, () => expect.stringContaining(`no room left in ${folder}`)),
    );
    expect(startFault(new Error("something else"), place)).toBeUndefined();
  });
});
