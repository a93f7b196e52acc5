import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { concurrencySlots, type ConcurrencyBounds, type Slot } from "./concurrency-slots.ts";

const slotsOf = (bounds: Partial<ConcurrencyBounds> = {}) =>
  concurrencySlots({ perUser: 2, perTenant: 3, maxWaiting: 5, waitMs: 10_000, ...bounds });

describe("places shared out to users within tenants", () => {
  it("are given at once up to both bounds", () => {
    const slots = slotsOf();
    expect(slots.take("acme", "ada")).not.toBeInstanceOf(Promise);
    expect(slots.take("acme", "ada")).not.toBeInstanceOf(Promise);
    expect(slots.take("acme", "ada")).toBeInstanceOf(Promise);
    expect(slots.take("acme", "bob")).not.toBeInstanceOf(Promise);
    expect(slots.take("acme", "eve")).toBeInstanceOf(Promise);
    expect(slots.take("zebra", "ada")).not.toBeInstanceOf(Promise);
  });

  it("go to who has waited longest, past those who are at their own bound", async () => {
    const slots = slotsOf();
    const [first, , third] = [slots.take("t", "ada"), slots.take("t", "ada"), slots.take("t", "bob")] as Slot[];
    const order: string[] = [];
    for (const [name, user] of [
      ["ada's third", "ada"],
      ["eve's", "eve"],
      ["dan's", "dan"],
    ] as const)
      void Promise.resolve(slots.take("t", user)).then(() => order.push(name));
    third?.release();
    third?.release();
    await Promise.resolve();
    expect(order).toEqual(["eve's"]);
    first?.release();
    await Promise.resolve();
    expect(order).toEqual(["eve's", "ada's third"]);
  });

  it("are refused where the line is full, of that tenant alone, and where the wait is too long", async () => {
    const slots = slotsOf({ perUser: 1, maxWaiting: 2, waitMs: 20 });
    const held = slots.take("t", "ada") as Slot;
    const waiting = [slots.take("t", "ada"), slots.take("t", "ada")];
    expect(slots.take("t", "ada")).toBeUndefined();
    expect(slots.take("t", "bob")).not.toBeInstanceOf(Promise);
    expect(slots.take("u", "ada")).toBeDefined();
    expect(await Promise.all(waiting.map(async (one) => one))).toEqual([undefined, undefined]);
    held.release();
    expect(slots.take("t", "ada")).not.toBeInstanceOf(Promise);
  });

  it("are not remembered of everybody who ever came", () => {
    const slots = slotsOf();
    for (let index = 0; index < 5000; index += 1) (slots.take(`tenant ${index}`, "ada") as Slot).release();
    expect(slots.size).toBeLessThanOrEqual(1000);
  });

  it("are never more than the bounds, whatever comes and goes, and none is lost", async () => {
    const step = fc.record({
      tenant: fc.constantFrom("s", "t"),
      user: fc.constantFrom("a", "b", "c"),
      leave: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const slots = slotsOf();
        const held: { readonly tenant: string; readonly user: string; readonly slot: Slot }[] = [];
        const hold = (tenant: string, user: string, slot: Slot | undefined): void => {
          if (slot !== undefined) held.push({ tenant, user, slot });
        };
        const pending: Promise<void>[] = [];
        const leave = async (): Promise<void> => {
          held.shift()?.slot.release();
          await new Promise((resolve) => setImmediate(resolve));
        };
        for (const { tenant, user, leave: leaves } of steps) {
          if (leaves) await leave();
          const taken = slots.take(tenant, user);
          if (taken instanceof Promise) pending.push(taken.then((slot) => hold(tenant, user, slot)));
          else hold(tenant, user, taken);
          for (const one of ["s", "t"]) {
            const theirs = held.filter((entry) => entry.tenant === one);
            expect(theirs.length).toBeLessThanOrEqual(3);
            for (const name of ["a", "b", "c"])
              expect(theirs.filter((entry) => entry.user === name).length).toBeLessThanOrEqual(2);
          }
        }
        while (held.length > 0) await leave();
        await Promise.all(pending);
        for (const user of ["a", "b", "c"]) expect(slots.take("s", user)).not.toBeInstanceOf(Promise);
      }),
      { numRuns: 50 },
    );
  });
});
