import { setImmediate as turn } from "node:timers/promises";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { sketchExchange } from "../testing/exchange.ts";
import type * as Context from "./request-context.ts";

/** Whether requests are followed is a state of the process, so each case takes the module anew. */
let context: typeof Context;
beforeEach(async () => {
  vi.resetModules();
  context = await import("./request-context.ts");
});

const one = sketchExchange({ target: "/one" });
const other = sketchExchange({ target: "/other" });

describe("the current request", () => {
  it("is known behind every wait once somebody has asked for that, and two at once stay apart", async () => {
    context.followRequests();
    const seen = async (): Promise<unknown> => {
      await turn();
      return context.currentRequest();
    };
    const both = [context.runInRequest(one, seen), context.runInRequest(other, seen)];
    expect(await Promise.all(both)).toEqual([one, other]);
    expect(context.currentRequest()).toBeUndefined();
  });

  it("is followed from the first question on, in the very request that asks", async () => {
    const handler = async (): Promise<readonly unknown[]> => {
      const before = context.currentRequest();
      await turn();
      return [before, context.currentRequest()];
    };
    expect(await context.runInRequest(one, handler)).toEqual([one, one]);
    expect(await context.runInRequest(other, handler)).toEqual([other, other]);
    expect(context.currentRequest()).toBeUndefined();
  });

  it("is none for what another request has begun meanwhile, and none after a throw", async () => {
    expect(() =>
      context.runInRequest(one, () => {
        context.runOutsideRequests(() => expect(context.currentRequest()).toBeUndefined());
        expect(context.currentRequest()).toBe(one);
        throw new Error("late");
      }),
    ).toThrow("late");
    expect(context.currentRequest()).toBeUndefined();
    await turn();
    expect(context.currentRequest()).toBeUndefined();
  });

  it("is never another's: a request that waited while following began is known to nobody", async () => {
    const waiting = context.runInRequest(one, async () => {
      await turn();
      return context.currentRequest();
    });
    context.runInRequest(other, () => context.currentRequest());
    expect(await waiting).toBeUndefined();
  });
});
