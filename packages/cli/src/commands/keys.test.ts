import { TOTP_MIGRATION } from "glacis/authentication";
import { fieldEncryption, keyRing, newKey } from "glacis/data";
import { afterAll, describe, expect, it } from "vitest";
import { commandProcess, spawnGlacis } from "../../../../test/support/command-line.ts";
import { testDatabase } from "../../../../test/support/services.ts";

const answer = commandProcess();

interface Outcome {
  readonly code: number | null;
  readonly out: string;
  readonly errors: string;
}

async function keys(
  args: readonly string[],
  ring?: string,
  variable = "GLACIS_KEYS",
  more: Readonly<Record<string, string>> = {},
  program = answer,
): Promise<Outcome> {
  const env = { PATH: process.env["PATH"], ...(ring !== undefined && { [variable]: ring }), ...more };
  const { exitCode, stdout, stderr } = await program(["keys", ...args], { env });
  return { code: exitCode, out: stdout, errors: stderr };
}

const database = await testDatabase("cli_keys");
afterAll(() => database?.drop());
const [first, second] = [newKey("k1"), newKey("k2")];

describe("glacis keys new", () => {
  it("prints a ring that the application takes, another one each time", async () => {
    const [one, two] = [await keys(["new"]), await keys(["new", "--id", "main-1"])];
    expect([one.code, two.code]).toEqual([0, 0]);
    expect([keyRing(one.out.trim()).ids, keyRing(two.out.trim()).ids]).toEqual([["k1"], ["main-1"]]);
    expect((await keys(["new"])).out).not.toBe(one.out);
  });

  it("refuses an id that stored values could not carry", async () => {
    const { code, out, errors } = await keys(["new", "--id", "K 1"]);
    expect([code, out]).toEqual([2, ""]);
    expect(errors).toMatch(/a-z, 0-9/u);
  });
});

describe("glacis keys move", () => {
  it("says what it lacks, and quotes no key", async () => {
    expect(await keys(["move"])).toMatchObject({ code: 2, errors: expect.stringContaining("GLACIS_KEYS is not set") });
    const { code, errors } = await keys(["move"], first);
    expect([code, errors.includes("DATABASE_URL is not set"), errors.includes(first.split(":")[1] ?? first)]).toEqual([
      2,
      true,
      false,
    ]);
  });

  it.skipIf(database === undefined)(
    "moves the secrets of authenticator apps, and says which open no more",
    async () => {
      await database?.pool.query(TOTP_MIGRATION);
      const seal = (ring: string, row: string): string =>
        fieldEncryption({ keys: keyRing(ring) })
          .column({ table: "glacis_totp", column: "secret" })
          .seal("JBSWY3DPEHPK3PXP", { tenantId: "accounts", row });
      const insert = "insert into glacis_totp (user_id, secret) values ($1, $2)";
      await database?.pool.query(insert, ["ada", seal(first, "ada")]);
      const env = { DATABASE_URL: database?.url ?? "" };
      expect(await keys(["move"], `${second},${first}`, "GLACIS_KEYS", env)).toMatchObject({
        code: 0,
        out: "1 moved to k2, 0 could not be opened.\n",
      });
      expect(await keys(["move"], second, "GLACIS_KEYS", env)).toMatchObject({ code: 0 });
      await database?.pool.query(insert, ["bob", seal(newKey("k0"), "bob")]);
      expect(await keys(["move"], second, "GLACIS_KEYS", env)).toMatchObject({
        code: 2,
        out: expect.stringContaining("1 could not"),
      });
    },
  );
});

describe("glacis keys rotate", () => {
  it("puts a new key in front and keeps the others", async () => {
    const { code, out } = await keys(["rotate"], ` ${second},${first}\n`, "GLACIS_KEYS", {}, spawnGlacis);
    expect(code).toBe(0);
    expect(keyRing(out.trim()).ids).toEqual(["k3", "k2", "k1"]);
    expect(out.trim().endsWith(`,${second},${first}`)).toBe(true);
  });

  it("counts on from the highest id of the same name", async () => {
    const ring = [newKey("k2"), newKey("k9"), newKey("other30")].join(",");
    expect(keyRing((await keys(["rotate"], ring)).out.trim()).ids[0]).toBe("k10");
    expect(await keys(["rotate"], newKey("main"))).toMatchObject({ code: 2, out: "" });
    expect(keyRing((await keys(["rotate", "--id", "next"], newKey("main"))).out.trim()).ids).toEqual(["next", "main"]);
  });

  it("prints nothing that the application would refuse", async () => {
    const full = Array.from({ length: 16 }, (_, index) => newKey(`k${index}`)).join(",");
    for (const [args, ring] of [
      [["rotate"], full],
      [["rotate", "--id", "k1"], first],
      [["rotate"], undefined],
      [["rotate"], "k1:short"],
    ] as const)
      expect(await keys(args, ring)).toMatchObject({ code: 2, out: "" });
  });
});

describe("glacis keys status", () => {
  it("prints ids and no key", async () => {
    const { code, out, errors } = await keys(
      ["status", "--variable", "OTHER_KEYS"],
      `${second},${first}`,
      "OTHER_KEYS",
    );
    expect([code, out, errors]).toEqual([0, "k2  current\nk1  accepted\n", ""]);
  });

  it("says what is wrong with a ring, and quotes none of it", async () => {
    const secret = "correct-horse-battery-staple-correct-horse";
    const { code, out, errors } = await keys(["status"], `k1:${secret}`);
    expect([code, out]).toEqual([2, ""]);
    expect(errors).toMatch(/32 bytes/u);
    expect(errors).not.toContain(secret);
    expect((await keys(["status"])).errors).toMatch(/GLACIS_KEYS is not set/u);
  });
});
