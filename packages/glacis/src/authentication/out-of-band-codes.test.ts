import { afterAll, describe, expect, it } from "vitest";
import { browser } from "../../../../test/support/authentication-ground.ts";
import { testDatabase } from "../../../../test/support/services.ts";
import type { Exchange } from "../core/exchange.ts";
import { keyRing, newKey } from "../data/key-ring.ts";
import { outOfBandCodes, type OutOfBandCodesOptions } from "./out-of-band-codes.ts";
import { memoryOutOfBand, OUT_OF_BAND_MIGRATION, postgresOutOfBand, type OutOfBandStore } from "./out-of-band-store.ts";

const database = await testDatabase("out_of_band");
await database?.pool.query(OUT_OF_BAND_MIGRATION);
afterAll(() => database?.drop());
const keys = keyRing(newKey("k1"));
let numbers = 10_000_000;
const number = (): string => `+4915${(numbers += 1)}`;

function ground(store: OutOfBandStore, options: Partial<OutOfBandCodesOptions> = {}) {
  const sent: { readonly to: string; readonly code: string }[] = [];
  const told: string[] = [];
  const clock = { nowMs: Date.now() };
  const codes = outOfBandCodes({
    store,
    keys,
    send: async (message) => void sent.push(message),
    riskAcknowledged: true,
    alternatives: ["totp"],
    countries: ["+49"],
    ...options,
  });
  const visitor = () => {
    const own = browser(() => clock.nowMs);
    const asked = async <Value>(work: (request: Exchange) => Promise<Value>): Promise<Value> => {
      const request = own.ask();
      const value = await work(request);
      told.push(...(request.noted ?? []).map(({ event }) => event));
      own.keep(request);
      return value;
    };
    return {
      send: (to: string, purpose = "sign_in", userId = "ada") =>
        asked((request) => codes.send(request, { userId, number: to }, purpose)),
      redeem: (code: unknown, purpose = "sign_in", userId = "ada") =>
        asked((request) => codes.redeem(request, userId, purpose, code)),
      asTyped: () => own,
    };
  };
  return { codes, sent, told, clock, visitor };
}
const last = (sent: readonly { readonly code: string }[]): string => sent.at(-1)?.code ?? "";
const stores: readonly (readonly [string, OutOfBandStore])[] = [
  ["memory", memoryOutOfBand()],
  ...(database === undefined ? [] : [["Postgres", postgresOutOfBand(database.pool)] as const]),
];

describe.each(stores)("a code over the telephone network, kept in %s", (_, store) => {
  it("is one event each time that it goes out, does not, is right or wrong", async () => {
    const { sent, told, visitor } = ground(store);
    const ada = visitor();
    const to = number();
    for (let time = 0; time < 4; time += 1) await ada.send(to);
    await ada.send(number());
    await ada.redeem("wrong");
    await ada.redeem(last(sent));
    const sentEvents = Array.from({ length: 3 }, () => "authn_oob_sent");
    expect(told).toEqual([...sentEvents, "authn_oob_capped", "authn_oob_sent", "authn_oob_fail", "authn_oob_used"]);
    const away = ground(store, { send: async () => Promise.reject(new Error(`no route to ${to}`)) });
    expect(await away.visitor().send(number())).toEqual({ kind: "unavailable", methods: ["totp"] });
    expect(away.told).toEqual(["authn_oob_undelivered"]);
  });

  it("is eight digits and proves possession once", async () => {
    const { sent, visitor } = ground(store);
    const ada = visitor();
    expect(await ada.send(number())).toEqual({ kind: "accepted" });
    expect(last(sent)).toMatch(/^\d{8}$/u);
    expect(await ada.redeem(last(sent))).toMatchObject({
      method: "sms_code",
      factors: ["possession"],
      phishingResistant: false,
    });
    expect(await ada.redeem(last(sent))).toBeUndefined();
  });

  it("is worth nothing to another browser, another user, or for another purpose", async () => {
    const { sent, visitor } = ground(store);
    const [ada, thief] = [visitor(), visitor()];
    await ada.send(number());
    const code = last(sent);
    expect(await thief.redeem(code)).toBeUndefined();
    await thief.send(number());
    expect(await thief.redeem(code)).toBeUndefined();
    expect(await ada.redeem(code, "change_number")).toBeUndefined();
    expect(await ada.redeem(code, "sign_in", "eve")).toBeUndefined();
    expect(await ada.redeem(code)).toBeDefined();
  });

  it("ends after ten minutes, and with the next one", async () => {
    const { sent, clock, visitor } = ground(store);
    const [late, again] = [visitor(), visitor()];
    const to = number();
    await late.send(number());
    clock.nowMs += 600_000;
    expect(await late.redeem(last(sent))).toBeUndefined();
    await again.send(to);
    const first = last(sent);
    await again.send(to);
    expect(await again.redeem(first === last(sent) ? "x" : first)).toBeUndefined();
    expect(await again.redeem(last(sent))).toBeDefined();
  });

  it("is dead after five tries, right or not, and of many right ones at once one counts", async () => {
    const { sent, visitor, codes } = ground(store);
    const [dead, raced] = [visitor(), visitor()];
    await dead.send(number());
    const wrong = last(sent) === "00000000" ? "11111111" : "00000000";
    for (const odd of [wrong, "", undefined, [last(sent)], `${last(sent)}0`])
      expect(await dead.redeem(odd)).toBeUndefined();
    expect(await dead.redeem(last(sent))).toBeUndefined();
    await raced.send(number());
    const own = raced.asTyped();
    const proofs = await Promise.all(
      Array.from({ length: 64 }, () => codes.redeem(own.ask(), "ada", "sign_in", last(sent))),
    );
    expect(proofs.filter(Boolean)).toHaveLength(1);
  });

  it("goes to a number three times in an hour, whoever asks, and the answer is the same", async () => {
    const { sent, clock, visitor } = ground(store);
    const to = number();
    const outcomes = await Promise.all(Array.from({ length: 20 }, () => visitor().send(to)));
    expect(new Set(outcomes.map(({ kind }) => kind))).toEqual(new Set(["accepted"]));
    expect(sent).toHaveLength(3);
    clock.nowMs += 3_600_001;
    await visitor().send(to);
    expect(sent).toHaveLength(4);
  });

  it("goes to the countries that are named, and to numbers alone", async () => {
    const { sent, visitor } = ground(store);
    for (const to of ["+15551234567", "+881612345678", "015112345678", "+49", "ada@example.com", "+49151x2345678", ""])
      expect(await visitor().send(to)).toEqual({ kind: "accepted" });
    expect(sent).toEqual([]);
  });
});

it("costs no more in a day than it may", async () => {
  const { sent, visitor } = ground(memoryOutOfBand(), { mostPerDay: 5 });
  for (let at = 0; at < 9; at += 1) await visitor().send(number());
  expect(sent).toHaveLength(5);
});

it("offers something else when the network does not answer, and says nothing of the number", async () => {
  const { codes } = ground(memoryOutOfBand(), {
    send: () => Promise.reject(new Error("+4915100000000 is unreachable")),
  });
  const request = browser(Date.now).ask();
  expect(await codes.send(request, { userId: "ada", number: number() }, "sign_in")).toEqual({
    kind: "unavailable",
    methods: ["totp"],
  });
  expect(JSON.stringify(request.noted)).not.toContain("+49");
  await expect(codes.send(request, { userId: "ada", number: number() }, "Sign in!")).rejects.toThrow(/purpose/u);
});

it("is not built without an acknowledgement and an alternative, and shows as a finding", () => {
  const make = (options: object) => () => ground(memoryOutOfBand(), options);
  expect(make({ riskAcknowledged: undefined })).toThrow(/restricted/u);
  expect(make({ alternatives: [] })).toThrow(/alternatives/u);
  expect(make({ countries: ["49"] })).toThrow(/prefixes/u);
  expect(make({ channel: "email" })).toThrow(TypeError);
  const judged = (options: Partial<OutOfBandCodesOptions>) =>
    ground(memoryOutOfBand(), options)
      .codes.control.check({ mode: "production" } as never)
      .map(({ rule }) => rule.id.split("/")[1]);
  expect(judged({})).toEqual(["restricted", "memory-store"]);
  expect(judged({ countries: undefined } as never)).toEqual(["restricted", "every-country", "memory-store"]);
});
