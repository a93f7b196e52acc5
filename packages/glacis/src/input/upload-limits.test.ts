import { describe, expect, it } from "vitest";
import type { Deployment } from "../core/control.ts";
import { readUploadLimits, uploadLimitsControl } from "./upload-limits.ts";
import { memoryUploadQuotas } from "./upload-quota-store.ts";
import { uploadQuota } from "./upload-quota.ts";

const PRODUCTION = { mode: "production" } as Deployment;

describe("the limits on uploads", () => {
  it("are 10 MiB, 5 files and the half minute that a server gives", () => {
    expect(readUploadLimits({})).toMatchObject({ maxBytes: 10_485_760, maxFiles: 5, maxSeconds: 30 });
  });
  it.each([[{ maxBytes: 0 }], [{ maxFiles: 1.5 }], [{ maxSeconds: Number.POSITIVE_INFINITY }], [{ maxFields: "1" }]])(
    "cannot be %j",
    (limits) => {
      expect(() => readUploadLimits(limits as never)).toThrow(TypeError);
    },
  );
  it("ask for a quota that outlives the process", () => {
    const ids = (quota?: Parameters<typeof uploadLimitsControl>[1]): readonly string[] =>
      uploadLimitsControl(readUploadLimits({}), quota)
        .check(PRODUCTION)
        .map(({ rule }) => rule.id);
    expect(ids()).toEqual(["upload-limits/no-quota"]);
    expect(ids(uploadQuota({ store: memoryUploadQuotas() }))).toEqual(["upload-limits/memory-quota"]);
  });
  it("say how long a request may take, for the composition to hold against the server's own time", () => {
    expect(uploadLimitsControl(readUploadLimits({ maxSeconds: 90 }), undefined).arrivalMs).toBe(90_000);
  });
  it("are asked about when they hardly limit", () => {
    const { check } = uploadLimitsControl(readUploadLimits({ maxSeconds: 100_000 }), undefined);
    expect(check({ mode: "test" } as Deployment).map(({ rule }) => rule.id)).toEqual(["upload-limits/too-generous"]);
  });
});
