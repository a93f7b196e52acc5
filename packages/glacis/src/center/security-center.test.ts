import { describe, expect, it } from "vitest";
import { eventArchive } from "./event-archive.ts";
import { memoryEvents } from "./event-store-memory.ts";
import { securityCenter } from "./security-center.ts";

const base = {
  archive: eventArchive({ store: memoryEvents() }),
  csrf: { token: () => "token" },
  security: () => {
    throw new Error("not asked at construction");
  },
};

describe("securityCenter", () => {
  it("asks for a role and a second factor everywhere, and for a fresher one before an action", () => {
    const rules = securityCenter(base).filter(({ path }) => !path.startsWith("/security/assets/"));
    const look = "role owner or admin and assurance level 2, proved within 1800 s";
    const act = "role owner or admin and assurance level 2, proved within 600 s";
    for (const { method, path, rule } of rules)
      expect([path, rule.access.description]).toEqual([path, method === "POST" ? act : look]);
    expect(rules).toHaveLength(19);
  });

  it("is exempt from CSRF nowhere, and a live feed keeps no session alive", () => {
    const endpoints = securityCenter(base);
    expect(endpoints.filter(({ rule }) => rule.csrfExempt !== undefined)).toEqual([]);
    expect(endpoints.filter(({ rule }) => rule.passive).map(({ path }) => path)).toEqual(["/security/events/live"]);
  });

  it("mounts below one or two plain steps, and nowhere else", () => {
    expect(securityCenter({ ...base, prefix: "/admin/security" })[0]?.path).toBe("/admin/security");
    for (const prefix of ["", "/", "security", "/a/b/c", "/a//b", "//evil.example", "/a?b", "/../x"])
      expect(() => securityCenter({ ...base, prefix })).toThrow(/prefix/u);
  });

  it("refuses options that it does not know, and a reach that is none", () => {
    expect(() => securityCenter({ ...base, archives: base.archive } as never)).toThrow(/archive/u);
    expect(() => securityCenter({ ...base, reach: "everything" as never })).toThrow(/reach/u);
  });
});
