import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { testDatabase, testPool } from "../../../../test/support/services.ts";
import type { AuditEvent } from "../core/event.ts";
import { fieldEncryption } from "../data/field-encryption.ts";
import { keyRing, newKey } from "../data/key-ring.ts";
import { totpCode, totpStep } from "./totp-code.ts";
import { memoryTotp, postgresTotp, TOTP_MIGRATION } from "./totp-store.ts";
import { totp, type TotpOptions } from "./totp.ts";

const NOW = 1_700_000_010_000;
const STEP = 30_000;
const sealer = fieldEncryption({ keys: keyRing(newKey("k1")) }).column({ table: "glacis_totp", column: "secret" });
const codeAt = (secret: string, atMs: number): string => totpCode(secret, totpStep(atMs), 6);

const database = await testDatabase("totp");
await database?.pool.query(TOTP_MIGRATION);
afterAll(() => database?.drop());
const stores = [
  ["memory", memoryTotp()] as const,
  ...(database === undefined ? [] : [["Postgres", postgresTotp(database.pool)] as const]),
];

describe.each(stores)("an authenticator app in %s", (_, store) => {
  const make = (more: Partial<TotpOptions> = {}) => totp({ issuer: "Folio", store, sealer, ...more });
  async function enrol(userId: string, atMs = NOW - 10 * STEP): Promise<string> {
    const { secret } = await make().begin(userId, "a@example.test", atMs);
    expect(await make().confirm(userId, codeAt(secret, atMs), atMs)).toBeDefined();
    return secret;
  }

  it("counts once a code has confirmed it, and the code is used up by that", async () => {
    const authenticator = make();
    const { secret, uri, qrSvg } = await authenticator.begin("new", "a@example.test", NOW);
    expect(secret).toMatch(/^[A-Z2-7]{32}$/u);
    expect(uri).toMatch(/^otpauth:\/\/totp\/Folio:a%40example\.test\?.*digits=6/u);
    expect(qrSvg).toMatch(/^<svg /u);
    expect(qrSvg).not.toMatch(/style=|<script|http:(?!\/\/www\.w3\.org)/u);
    const code = codeAt(secret, NOW);
    expect(await authenticator.verify("new", code, NOW)).toBeUndefined();
    expect(await authenticator.enrolled("new")).toBe(false);
    expect(await authenticator.confirm("new", code === "000000" ? "000001" : "000000", NOW)).toBeUndefined();
    expect(await authenticator.confirm("new", code, NOW)).toMatchObject({
      userId: "new",
      method: "totp",
      factors: ["possession"],
      provedAtMs: NOW,
    });
    expect(await authenticator.enrolled("new")).toBe(true);
    expect(await authenticator.verify("new", code, NOW)).toBeUndefined();
    expect(await authenticator.verify("new", codeAt(secret, NOW + STEP), NOW + STEP)).toBeDefined();
  });

  it("offers a secret for ten minutes, and the old authenticator counts until the new one does", async () => {
    const old = await enrol("renewed");
    const { secret } = await make().begin("renewed", "a@example.test", NOW);
    const late = NOW + 600_000;
    expect(await make().confirm("renewed", codeAt(secret, late), late)).toBeUndefined();
    expect(await make().verify("renewed", codeAt(old, NOW), NOW)).toBeDefined();
    expect(await make().confirm("renewed", codeAt(secret, NOW), NOW)).toBeDefined();
    expect(await make().verify("renewed", codeAt(old, NOW + STEP), NOW + STEP)).toBeUndefined();
    expect(await make().verify("renewed", codeAt(secret, NOW + STEP), NOW + STEP)).toBeDefined();
  });

  it("lets in one of 64 who bring the same code at once, and confirms once", async () => {
    const secret = await enrol("raced");
    const tries = await Promise.all(Array.from({ length: 64 }, () => make().verify("raced", codeAt(secret, NOW), NOW)));
    expect(tries.filter((one) => one !== undefined)).toHaveLength(1);
    const { secret: next } = await make().begin("raced", "a@example.test", NOW);
    const confirms = await Promise.all(
      Array.from({ length: 64 }, () => make().confirm("raced", codeAt(next, NOW), NOW)),
    );
    expect(confirms.filter((one) => one !== undefined)).toHaveLength(1);
  });

  it("refuses earlier codes once a later one was accepted, and steps beyond the drift", async () => {
    const secret = await enrol("drifting");
    const verify = (offset: number, more: Partial<TotpOptions> = {}) =>
      make(more).verify("drifting", codeAt(secret, NOW + offset * STEP), NOW);
    expect(await verify(-2)).toBeUndefined();
    expect(await verify(2)).toBeUndefined();
    expect(await verify(-1, { driftSteps: 0 })).toBeUndefined();
    expect(await verify(1, { driftSteps: 0 })).toBeUndefined();
    expect(await verify(-1)).toBeDefined();
    expect(await verify(1)).toBeDefined();
    expect(await verify(0)).toBeUndefined();
  });

  it("belongs to its user: another's code, or a secret moved to another row, opens nothing", async () => {
    const secret = await enrol("owner");
    await enrol("other");
    expect(await make().verify("other", codeAt(secret, NOW), NOW)).toBeUndefined();
    const moved = await store.attempt("owner");
    await store.offer("thief", moved!.secret, NOW + STEP);
    await expect(make().confirm("thief", codeAt(secret, NOW), NOW)).rejects.toThrow("could not be opened");
  });

  it("is dead after 100 failures in a row until it is enrolled anew, and a success forgets them", async () => {
    const secret = await enrol("guessed");
    for (let count = 0; count < 50; count += 1) await make().verify("guessed", "nonsense", NOW);
    expect(await make().verify("guessed", codeAt(secret, NOW), NOW)).toBeDefined();
    const guesses = Array.from({ length: 100 }, () => make().verify("guessed", "nonsense", NOW));
    expect((await Promise.all(guesses)).every((one) => one === undefined)).toBe(true);
    expect(await make().verify("guessed", codeAt(secret, NOW + STEP), NOW + STEP)).toBeUndefined();
    await enrol("guessed", NOW);
    expect(await make().enrolled("guessed")).toBe(true);
  });

  it("refuses whatever is not six ASCII digits without a fault", async () => {
    const secret = await enrol("odd");
    const code = codeAt(secret, NOW);
    const arabic = [...code].map((digit) => String.fromCodePoint(0x660 + Number(digit))).join("");
    const wide = [...code].map((digit) => String.fromCodePoint(0xff10 + Number(digit))).join("");
    const spaced = [` ${code}`, `${code}\n`, `${code.slice(0, 3)} ${code.slice(3)}`, `${code}\0`];
    const odd = [Number(code), [code], { 0: code }, `${code}.0`, `+${code}`, `0${code}`, code.repeat(100_000)];
    for (const one of [undefined, null, "", true, arabic, wide, ...spaced, ...odd])
      expect(await make().verify("odd", one, NOW)).toBeUndefined();
    await fc.assert(
      fc.asyncProperty(fc.anything(), async (one) => {
        fc.pre(one !== code);
        expect(await make().confirm("odd", one, NOW)).toBeUndefined();
      }),
    );
    expect(await make().verify("odd", code, NOW)).toBeDefined();
  });

  it("tells each outcome once, and neither code nor secret", async () => {
    const events: AuditEvent[] = [];
    const authenticator = make({ report: (event) => events.push(event) });
    const { secret } = await authenticator.begin("told", "a@example.test", NOW);
    const code = codeAt(secret, NOW);
    await authenticator.verify("told", code, NOW);
    await authenticator.confirm("told", code, NOW);
    await authenticator.verify("told", code, NOW);
    await authenticator.verify("told", "12345", NOW);
    await authenticator.verify("told", codeAt(secret, NOW + STEP), NOW + STEP);
    await authenticator.remove("told");
    await authenticator.remove("told");
    expect(events.map(({ event, detail }) => [event, detail])).toEqual([
      ["authn_totp_fail", "not_enrolled_or_dead"],
      ["authn_totp_enrolled", undefined],
      ["authn_totp_fail", "replayed"],
      ["authn_totp_fail", "malformed"],
      ["authn_totp_success", undefined],
      ["authn_totp_removed", undefined],
    ]);
    expect(JSON.stringify(events)).not.toMatch(new RegExp(`${code}|${secret}|example`, "u"));
    expect(await authenticator.enrolled("told")).toBe(false);
  });
});

describe.skipIf(database === undefined)("two processes on one database", () => {
  it("accept a code once between them", async () => {
    const pools = [0, 1].map(() => testPool({ connectionString: database!.url }));
    const [left, right] = pools.map((pool) => totp({ issuer: "Folio", store: postgresTotp(pool), sealer }));
    const { secret } = await left!.begin("shared", "a@example.test", NOW - STEP);
    await right!.confirm("shared", codeAt(secret, NOW - STEP), NOW - STEP);
    const tries = await Promise.all(
      Array.from({ length: 64 }, (_, index) => [left!, right!][index % 2]!.verify("shared", codeAt(secret, NOW), NOW)),
    );
    expect(tries.filter((one) => one !== undefined)).toHaveLength(1);
    await Promise.all(pools.map((pool) => pool.end()));
  });
});

describe("totp()", () => {
  it("refuses to be made without a sealer, and options that weaken it", () => {
    const good = { issuer: "Folio", store: memoryTotp(), sealer };
    expect(() => totp({ ...good, sealer: undefined as never })).toThrow("needs a sealer");
    expect(() => totp({ ...good, driftSteps: 2 as never })).toThrow("driftSteps of 0 or 1");
    expect(() => totp({ ...good, digits: 4 as never })).toThrow("digits of 6 or 8");
    expect(() => totp({ ...good, issuer: "a:b" })).toThrow("without a colon");
    expect(() => totp({ ...good, drift: 1 } as never)).toThrow('no option "drift"');
  });

  it("keeps nothing readable in the store", async () => {
    const seen: string[] = [];
    const store = memoryTotp();
    const watching = {
      ...store,
      offer: (id: string, text: string, ms: number) => (seen.push(text), store.offer(id, text, ms)),
    };
    const { secret } = await totp({ issuer: "Folio", store: watching, sealer }).begin("u", "a", NOW);
    expect(seen).toHaveLength(1);
    expect(seen[0]).not.toContain(secret);
  });

  it("refuses by a fault when its store is down", async () => {
    const down = (): never => {
      throw new Error("down");
    };
    const authenticator = totp({ issuer: "Folio", store: { ...memoryTotp(), attempt: down, offered: down }, sealer });
    await expect(authenticator.verify("u", "123456", NOW)).rejects.toThrow("down");
    await expect(authenticator.confirm("u", "123456", NOW)).rejects.toThrow("down");
  });

  it("finds a memory store in production, and nothing else", () => {
    const { control } = totp({ issuer: "Folio", store: memoryTotp(), sealer });
    const at = { nodeVersion: "v20.20.2", variables: new Map<string, string>(), nodeOptions: [], nowMs: NOW };
    expect(control.check({ ...at, mode: "production" }).map(({ rule }) => rule.id)).toEqual(["totp/memory-store"]);
    expect(control.check({ ...at, mode: "development" })).toEqual([]);
  });
});
