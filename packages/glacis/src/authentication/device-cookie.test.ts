import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { KeySource } from "../core/keys.ts";
import { deviceCookie } from "./device-cookie.ts";

const NOW = Date.parse("2026-11-26T12:00:00Z");
const DAY = 86_400_000;

function keysOf(...seeds: readonly number[]): KeySource {
  const all = seeds.map((seed) => ({ id: `k${seed}`, bytes: new Uint8Array(32).fill(seed) }));
  return { ids: all.map(({ id }) => id), derive: () => ({ current: all[0]!, all }) };
}

const cookie = deviceCookie(keysOf(1));

describe("deviceCookie", () => {
  it("recognizes what it made, for that account alone", () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (account, other) => {
        const value = cookie.mint(account, NOW);
        expect(cookie.recognize(value, account, NOW + 5)).toEqual({ id: value.slice(0, 22), signedInAtMs: NOW });
        if (other !== account) expect(cookie.recognize(value, other, NOW + 5)).toBeUndefined();
      }),
    );
  });

  it("recognizes nothing that was changed in any place", () => {
    const value = cookie.mint("ada", NOW);
    const changed = Array.from(value).flatMap((old, index) =>
      Array.from("AB09.-", (other) => (other === old ? "" : value.slice(0, index) + other + value.slice(index + 1))),
    );
    expect(changed.filter((text) => cookie.recognize(text, "ada", NOW) !== undefined)).toEqual([]);
  });

  it("takes whatever else comes for a stranger without a fault", () => {
    fc.assert(fc.property(fc.anything(), (value) => cookie.recognize(value, "ada", NOW) === undefined));
  });

  it("ends after a year, and does not believe a time to come", () => {
    const value = cookie.mint("ada", NOW);
    expect(cookie.recognize(value, "ada", NOW + 365 * DAY - 1)).toBeDefined();
    expect(cookie.recognize(value, "ada", NOW + 365 * DAY)).toBeUndefined();
    expect(cookie.recognize(value, "ada", NOW - 299_000)).toBeDefined();
    expect(cookie.recognize(value, "ada", NOW - 301_000)).toBeUndefined();
    expect(cookie.recognize(value, "ada", Number.NaN)).toBeUndefined();
  });

  it("outlives the rotation of its key and not the key", () => {
    const value = cookie.mint("ada", NOW);
    expect(deviceCookie(keysOf(2, 1)).recognize(value, "ada", NOW)).toBeDefined();
    expect(deviceCookie(keysOf(2)).recognize(value, "ada", NOW)).toBeUndefined();
  });

  it("is new for every sign-in", () => {
    expect(cookie.mint("ada", NOW)).not.toBe(cookie.mint("ada", NOW));
  });
});
