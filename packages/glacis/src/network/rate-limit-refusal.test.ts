import { describe, expect, it } from "vitest";
import { allowanceOf } from "./gcra.ts";
import { parseLimitField } from "./rate-limit-fields.ts";
import { bindingRate, refusalReporter, storeDown } from "./rate-limit-refusal.ts";

describe("a refusal of a rate limit", () => {
  it("never invites the client back at once, though a clock has moved since the store decided", () => {
    const allowances = [allowanceOf({ limit: 2, windowSeconds: 60 })];
    const ruling = { tally: { allowed: false, usedUs: [0] }, allowances };
    expect(bindingRate(ruling, 1)).toEqual({ limit: 2, remaining: 2, retryAfterSeconds: 1 });
  });

  it("is told with its reason, and in a dry run as something that was only seen", () => {
    const told = (dryRun: boolean): unknown => refusalReporter("client", dryRun)(0, { limit: 5 })[0];
    expect(told(false)).toMatchObject({ status: "refused", reason: "rate_limited", limit: 5, count: 1 });
    expect(told(true)).toMatchObject({ status: "observed" });
    expect(told(true)).not.toHaveProperty("reason");
  });

  it("for want of a store says when to come back, and tells first what else is to be told", () => {
    const away = { event_type: "system", status: "failed", severity: "critical", event: "sys_response_late" } as const;
    expect(storeDown("client", [away])).toMatchObject({
      headers: [["retry-after", "1"]],
      events: [{ event: "sys_response_late" }, { event: "sys_rate_limit_uncounted" }],
    });
  });
});

describe("a RateLimit field", () => {
  it("is read up to 4096 characters", () => {
    const item = '"a";r=1';
    const padded = (length: number): string => item.padEnd(length, " ");
    expect(parseLimitField(padded(4096))).toHaveLength(1);
    expect(parseLimitField(padded(4097))).toBeUndefined();
  });
});
