import { describe, expect, it } from "vitest";
import { EVENT_ENTRIES } from "../core/event-entry.ts";
import { filterPattern, logValue } from "./filter-pattern.ts";
import { authenticationLog } from "./authentication-log.ts";

describe("authenticationLog", () => {
  it("holds the guide's filter to every sign-in that failed, and to nothing that did not", () => {
    const { matches } = filterPattern('{ $.event_type = "authentication" && $.status = "failed" }');
    for (const { type, status, event } of EVENT_ENTRIES) {
      const isFailure = type === "authentication" && status === "failed";
      expect(matches(logValue({ event_type: type, status, event })), event).toBe(isFailure);
    }
  });

  it("promises nothing about requests", () => {
    const { decide, headers, meta } = authenticationLog();
    expect([decide, headers, meta.id]).toEqual([undefined, undefined, "authentication-log"]);
  });
});
