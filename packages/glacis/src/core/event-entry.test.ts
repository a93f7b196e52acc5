import { describe, expect, it } from "vitest";
import { auditEvent, eventFault } from "./event-entry.ts";

describe("auditEvent", () => {
  it("takes what the event's line lists, and its usual severity unless another of the line is given", () => {
    const event = auditEvent("system/sys_overload_began/refused", { control: "overload-protection", count: 3 });
    expect(event).toMatchObject({ event_type: "system", status: "refused", severity: "warning", count: 3 });
    expect(eventFault(event)).toBeUndefined();
  });

  it("compiles with no field that the line does not list, and says its name where it came past the compiler", () => {
    // @ts-expect-error `count` is not of this line
    expect(eventFault(auditEvent("system/sys_overload_ended/observed", { count: 3 }))).toBe("count");
    // @ts-expect-error there is no such event
    expect(() => auditEvent("system/sys_nothing/observed")).toThrow(TypeError);
  });
});
