import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  authenticationGround,
  authenticationStores,
  passwords,
  type AuthenticationGround,
} from "../../../../test/support/authentication-ground.ts";
import type { UserId } from "../core/brand.ts";

/**
 * Whether time tells who has an account: requests about addresses of four kinds, in random order, compared by rank (Mann-Whitney). The area under the
 * curve is the chance that a guess by time is right; 0.5 is no better than a coin. Interleaved, whatever else the machine does hits all kinds alike.
 */
const KINDS = ["known", "unknown", "disabled", "unproved"] as const;
/** Of each kind before it counts, so that code and connections are warm. */
const WARM_UPS = 5;
type Kind = (typeof KINDS)[number];
type Samples = Readonly<Record<Kind, number[]>>;

const { database, stores } = await authenticationStores("user_enumeration");
afterAll(() => database?.drop());

function areaUnderCurve(left: readonly number[], right: readonly number[]): number {
  const all = [...left.map((value) => [value, 1] as const), ...right.map((value) => [value, 0] as const)];
  all.sort(([one], [other]) => one - other);
  let ranks = 0;
  for (const [index, [, isLeft]] of all.entries()) ranks += isLeft * (index + 1);
  return (ranks - (left.length * (left.length + 1)) / 2) / (left.length * right.length);
}

async function measure(each: number, ask: (kind: Kind, index: number) => Promise<unknown>): Promise<Samples> {
  const order = KINDS.flatMap((kind) => Array.from({ length: each }, (_, index) => ({ kind, index })));
  const key = new Map(order.map((one) => [one, randomBytes(6).readUIntBE(0, 6)]));
  order.sort((one, other) => (key.get(one) ?? 0) - (key.get(other) ?? 0));
  for (const kind of KINDS) for (let warm = each; warm < each + WARM_UPS; warm += 1) await ask(kind, warm);
  const samples: Samples = { known: [], unknown: [], disabled: [], unproved: [] };
  for (const { kind, index } of order) {
    const start = process.hrtime.bigint();
    await ask(kind, index);
    samples[kind].push(Number(process.hrtime.bigint() - start));
  }
  return samples;
}

/** @param most how far from a coin the guess may be; five standard errors and more for this many samples */
function expectNoSeparation(samples: Samples, most: number): void {
  for (const kind of ["known", "disabled", "unproved"] as const)
    expect([kind, Math.abs(areaUnderCurve(samples[kind], samples.unknown) - 0.5) < most]).toEqual([kind, true]);
}

const SIGN_INS = 40;

describe.each(stores)("over %s, time does not tell whose an address is", (_, over) => {
  // Over Postgres 2,000 of each are measured by `npm run bench -- auth`.
  const each = over.store.kind === "memory" ? 2000 : 400;
  let ground: AuthenticationGround;
  // Of one length: reading a longer address takes longer, whoever's it is.
  const address = (kind: Kind, index: number): string =>
    `person-${KINDS.indexOf(kind)}-${String(index).padStart(4, "0")}@example.com`;

  beforeAll(async () => {
    ground = authenticationGround(over.store, over.sessions);
    const hashed = await passwords.hash("correct horse battery staple");
    const passwordHash = hashed.kind === "hashed" ? hashed.encoded : null;
    for (const kind of ["known", "disabled", "unproved"] as const) {
      const accounts = Array.from({ length: each + WARM_UPS }, (__, index) =>
        over.store.accounts.create({
          userId: `${kind}-${index}` as UserId,
          email: address(kind, index),
          passwordHash,
          verifiedAtMs: kind === "unproved" ? null : 1,
          status: kind === "disabled" ? "disabled" : "active",
          version: 1,
          createdAtMs: 1,
        }),
      );
      await Promise.all(accounts);
    }
  });

  it("when a reset is asked for", async () => {
    const { passwordReset } = ground.flows;
    const samples = await measure(each, (kind, index) =>
      passwordReset.request(ground.browser().ask(), address(kind, index)),
    );
    expectNoSeparation(samples, each === 2000 ? 0.06 : 0.12);
  });

  it("when somebody signs up or fails to sign in", async () => {
    const signUps = await measure(SIGN_INS, (kind, index) =>
      ground.flows.signUp.request(ground.browser().ask(), address(kind, index), "a password of a stranger"),
    );
    expectNoSeparation(signUps, 0.33);
    // A password of its own each time: one that is tried on many accounts is refused before it is judged.
    const signIns = await measure(SIGN_INS, async (kind, index) => {
      const outcome = await ground.flows.signIn(
        ground.browser().ask(),
        address(kind, index),
        `not it ${kind} ${index}`,
      );
      expect(outcome.kind).toBe("credentials_wrong");
    });
    expectNoSeparation(signIns, 0.33);
  }, 300_000);
});

it("sees a difference of a tenth of a millisecond in a hundred samples, if there is one", async () => {
  const samples = await measure(100, async (kind) => {
    const until = process.hrtime.bigint() + (kind === "known" ? 400_000n : 300_000n);
    while (process.hrtime.bigint() < until);
  });
  expect(areaUnderCurve(samples.known, samples.unknown)).toBeGreaterThan(0.8);
});
