import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { keyRing, newKey } from "glacis/data";
import { describe, expect, it } from "vitest";

const MAIN = fileURLToPath(new URL("../../dist/main.js", import.meta.url));

interface Outcome {
  readonly code: number | null;
  readonly out: string;
  readonly errors: string;
}

function keys(args: readonly string[], ring?: string, variable = "GLACIS_KEYS"): Outcome {
  const env = { PATH: process.env["PATH"], ...(ring !== undefined && { [variable]: ring }) };
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, "keys", ...args], { env, encoding: "utf8" });
  return { code: status, out: stdout, errors: stderr };
}

const [first, second] = [newKey("k1"), newKey("k2")];

describe("glacis keys new", () => {
  it("prints a ring that the application takes, another one each time", () => {
    const [one, two] = [keys(["new"]), keys(["new", "--id", "main-1"])];
    expect([one.code, two.code]).toEqual([0, 0]);
    expect([keyRing(one.out.trim()).ids, keyRing(two.out.trim()).ids]).toEqual([["k1"], ["main-1"]]);
    expect(keys(["new"]).out).not.toBe(one.out);
  });

  it("refuses an id that stored values could not carry", () => {
    const { code, out, errors } = keys(["new", "--id", "K 1"]);
    expect([code, out]).toEqual([2, ""]);
    expect(errors).toMatch(/a-z, 0-9/u);
  });
});

describe("glacis keys rotate", () => {
  it("puts a new key in front and keeps the others", () => {
    const { code, out } = keys(["rotate"], ` ${second},${first}\n`);
    expect(code).toBe(0);
    expect(keyRing(out.trim()).ids).toEqual(["k3", "k2", "k1"]);
    expect(out.trim().endsWith(`,${second},${first}`)).toBe(true);
  });

  it("counts on from the highest id of the same name", () => {
    const ring = [newKey("k2"), newKey("k9"), newKey("other30")].join(",");
    expect(keyRing(keys(["rotate"], ring).out.trim()).ids[0]).toBe("k10");
    expect(keys(["rotate"], newKey("main"))).toMatchObject({ code: 2, out: "" });
    expect(keyRing(keys(["rotate", "--id", "next"], newKey("main")).out.trim()).ids).toEqual(["next", "main"]);
  });

  it("prints nothing that the application would refuse", () => {
    const full = Array.from({ length: 16 }, (_, index) => newKey(`k${index}`)).join(",");
    for (const [args, ring] of [
      [["rotate"], full],
      [["rotate", "--id", "k1"], first],
      [["rotate"], undefined],
      [["rotate"], "k1:short"],
    ] as const)
      expect(keys(args, ring)).toMatchObject({ code: 2, out: "" });
  });
});

describe("glacis keys status", () => {
  it("prints ids and no key", () => {
    const { code, out, errors } = keys(["status", "--variable", "OTHER_KEYS"], `${second},${first}`, "OTHER_KEYS");
    expect([code, out, errors]).toEqual([0, "k2  current\nk1  accepted\n", ""]);
  });

  it("says what is wrong with a ring, and quotes none of it", () => {
    const secret = "correct-horse-battery-staple-correct-horse";
    const { code, out, errors } = keys(["status"], `k1:${secret}`);
    expect([code, out]).toEqual([2, ""]);
    expect(errors).toMatch(/32 bytes/u);
    expect(errors).not.toContain(secret);
    expect(keys(["status"]).errors).toMatch(/GLACIS_KEYS is not set/u);
  });
});
