import { describe, expect, it } from "vitest";
import type { TenantId, UserId } from "../core/brand.ts";
import type { Deny } from "../core/decision.ts";
import { Refusal } from "../core/error-reason.ts";
import type { AuditEvent } from "../core/event.ts";
import { ANONYMOUS, type Principal } from "../core/principal.ts";
import { accessPolicy } from "./access-policy.ts";
import { caller, opaque } from "./match.ts";

const events: AuditEvent[] = [];
const policy = accessPolicy({
  resource: "user",
  columns: { id: "text", tenantId: "text" },
  tenant: "tenantId",
  actions: { list: "list", create: "create", update: "update" },
  roles: ["admin"],
  conditions: {
    isSelf: { id: caller.userId },
    fails: opaque(() => {
      throw new Error("no answer");
    }),
  },
  statements: [{ action: "*", principal: "user", effect: "allow" }],
  fields: {
    id: { read: "user" },
    name: { read: ["user", "service"], write: "user" },
    phone: {
      read: { principal: "user", condition: "isSelf" },
      masked: "role:admin",
      write: { principal: "user", condition: "isSelf" },
    },
    role: { read: "user", write: ["role:admin", { principal: "user", action: "create" }] },
    secret: {},
    broken: { read: { principal: "user", condition: "fails" }, write: { principal: "user", expression: "fails" } },
  },
  report: (event) => events.push(event),
});

const person = (id: string, ...roles: string[]): Principal => ({
  kind: "user",
  id: id as UserId,
  tenantId: "acme" as TenantId,
  roles,
  assurance: 1,
  authenticatedAtMs: 0,
});
const ann = person("ann");
const admin = person("root", "admin");
const row = {
  id: "ann",
  tenantId: "acme",
  name: "Ann",
  phone: "+49 30 123456",
  role: "member",
  secret: "hash",
  broken: 1,
};

function refusal(ask: () => unknown): Deny {
  try {
    ask();
  } catch (error) {
    if (error instanceof Refusal) return error.decision;
    throw error;
  }
  throw new Error("nothing was refused");
}

describe("readable", () => {
  it("shows declared fields that the caller may see, and none that nobody declared", () => {
    expect(policy.readable(ann, row)).toEqual({ id: "ann", name: "Ann", phone: "+49 30 123456", role: "member" });
    expect(policy.readable(person("bob"), row)).toEqual({ id: "ann", name: "Ann", role: "member" });
  });

  it("masks all but the last four characters, and all of what is short", () => {
    expect(policy.readable(admin, row)).toMatchObject({ phone: "••••3456" });
    for (const phone of ["1234567", "", 12345678, ["12345678"], true])
      expect(policy.readable(admin, { ...row, phone })).toMatchObject({ phone: "••••" });
    for (const phone of [null, undefined])
      expect(policy.readable(admin, { ...row, phone })).toHaveProperty("phone", phone);
  });

  it("shows nothing of a row that the caller may not read", () => {
    for (const [who, subject] of [
      [ANONYMOUS, row],
      [{ kind: "service", id: "ann", tenantId: "acme", roles: [] } as unknown as Principal, row],
      [ann, { ...row, tenantId: "globex" }],
      [ann, { ...row, tenantId: null }],
      [ann, null],
      [ann, undefined],
    ] as const)
      expect(refusal(() => policy.readable(who, subject)).reason).toBe("not_found");
  });

  it("hides a field whose condition fails, and raises an event", () => {
    events.length = 0;
    expect(policy.readable(ann, row)).not.toHaveProperty("broken");
    expect(events).toMatchObject([{ event: "sys_control_failed", detail: "fault" }]);
  });

  it("reads own properties alone", () => {
    const inherits = Object.create({ name: "inherited" }) as typeof row;
    expect(policy.readable(ann, Object.assign(inherits, { id: "ann", tenantId: "acme" }))).toEqual({ id: "ann" });
  });
});

describe("writable", () => {
  it("takes nothing that the client says of itself for the row that is changed", () => {
    const own = accessPolicy({
      resource: "user",
      columns: { id: "text", tenantId: "text" },
      tenant: "tenantId",
      actions: { create: "create", update: "update" },
      conditions: { isSelf: { id: caller.userId } },
      statements: [{ action: "*", principal: "user", effect: "allow" }],
      fields: {
        id: { write: "user" },
        tenantId: { write: "user" },
        phone: { write: { principal: "user", condition: "isSelf" } },
      },
    });
    const claimed = { id: "ann", tenantId: "acme", phone: "1" };
    expect(refusal(() => own.writable(ann, "update", claimed)).reason).toBe("input_invalid");
    expect(refusal(() => own.writable(ann, "update", claimed, { id: "bob", tenantId: "acme" })).reason).toBe(
      "input_invalid",
    );
    expect(own.writable(ann, "create", claimed)).toBe(claimed);
    expect(own.writable(ann, "update", claimed, { id: "ann", tenantId: "acme" })).toBe(claimed);
  });

  it("returns the input itself when every field is the caller's to set", () => {
    const input = { name: "Ann", phone: "1" };
    expect(policy.writable(ann, "update", input, row)).toBe(input);
    expect(policy.writable(ann, "update", {}, row)).toEqual({});
  });

  it("names each field that is unknown or not theirs, and repeats no value", () => {
    const input = { name: "Ann", role: "owner-value", secret: "s3cr3t", isAdmin: true };
    const { reason, members, events: raised } = refusal(() => policy.writable(ann, "update", input, row));
    expect(reason).toBe("input_invalid");
    expect(members).toEqual({
      fields: [
        { field: "role", problem: "forbidden" },
        { field: "secret", problem: "forbidden" },
        { field: "isAdmin", problem: "unknown" },
      ],
    });
    expect(raised).toMatchObject([{ event: "input_validation_fail", detail: "field_forbidden", count: 3 }]);
    expect(JSON.stringify({ members, raised })).not.toMatch(/owner-value|s3cr3t/u);
  });

  it("tells actions apart, and callers, and rows", () => {
    expect(policy.writable(ann, "create", { role: "member" }, row)).toEqual({ role: "member" });
    expect(policy.writable(admin, "update", { role: "member" }, row)).toEqual({ role: "member" });
    expect(refusal(() => policy.writable(ann, "list", { name: "x" }, row)).reason).toBe("input_invalid");
    expect(refusal(() => policy.writable(admin, "update", { phone: "1" }, row)).reason).toBe("input_invalid");
    expect(refusal(() => policy.writable(ann, "update", { phone: "1" }, { ...row, tenantId: "globex" })).reason).toBe(
      "input_invalid",
    );
    expect(refusal(() => policy.writable(ANONYMOUS, "update", { name: "x" }, row)).reason).toBe("input_invalid");
    expect(refusal(() => policy.writable(person(""), "update", { name: "x" }, row)).reason).toBe("input_invalid");
    expect(refusal(() => policy.writable(ann, "update", { broken: 1 }, row)).reason).toBe("input_invalid");
  });

  it("is not moved by names of the language", () => {
    const smuggled = JSON.parse(
      '{ "__proto__": { "admin": true }, "constructor": 1, "toString": 2, "hasOwnProperty": 3 }',
    ) as object;
    expect(refusal(() => policy.writable(ann, "update", smuggled, row)).members?.["fields"]).toHaveLength(4);
  });

  it("says no more than twenty names of sixty-four characters", () => {
    const flood = Object.fromEntries(Array.from({ length: 1000 }, (_, index) => [`${index}`.padEnd(500, "x"), 1]));
    const fields = refusal(() => policy.writable(ann, "update", flood, row)).members?.["fields"] as { field: string }[];
    expect(fields).toHaveLength(20);
    expect(Math.max(...fields.map(({ field }) => field.length))).toBe(64);
  });

  it("takes a record and nothing else", () => {
    for (const input of [null, undefined, [], "text", 1])
      expect(refusal(() => policy.writable(ann, "update", input as never, row)).reason).toBe("input_invalid");
  });
});

describe("searchable", () => {
  it("returns the names of fields that the caller sees on every row", () => {
    expect(policy.searchable(ann, ["name", "role"])).toEqual(["name", "role"]);
    expect(policy.searchable(ann, [])).toEqual([]);
    const robot: Principal = { kind: "service", id: "robot", tenantId: "acme" as TenantId, roles: [] };
    expect(policy.searchable(robot, ["name"])).toEqual(["name"]);
  });

  it("refuses to sort or search by what the caller sees on some rows, masked, by a failing condition or not at all", () => {
    const {
      reason,
      members,
      events: raised,
    } = refusal(() =>
      policy.searchable(admin, ["name", "phone", "broken", "secret", "tenantId", "__proto__", "constructor"]),
    );
    expect(reason).toBe("input_invalid");
    expect(members).toEqual({
      fields: [
        { field: "phone", problem: "forbidden" },
        { field: "broken", problem: "forbidden" },
        { field: "secret", problem: "forbidden" },
        { field: "tenantId", problem: "unknown" },
        { field: "__proto__", problem: "unknown" },
        { field: "constructor", problem: "unknown" },
      ],
    });
    expect(raised).toMatchObject([{ event: "input_validation_fail", action: "list", count: 6 }]);
  });

  it("is nothing for a stranger, for a service among users, and for whoever is nobody", () => {
    const robot: Principal = { kind: "service", id: "ann", tenantId: "acme" as TenantId, roles: ["admin"] };
    for (const [who, name] of [
      [ANONYMOUS, "name"],
      [person(""), "name"],
      [robot, "role"],
    ] as const)
      expect(refusal(() => policy.searchable(who, [name])).reason).toBe("input_invalid");
  });

  it("says no more than twenty names of sixty-four characters", () => {
    const names = Array.from({ length: 1000 }, (_, index) => `${index}`.padEnd(500, "x"));
    const fields = refusal(() => policy.searchable(ann, names)).members?.["fields"] as { field: string }[];
    expect(fields).toHaveLength(20);
    expect(Math.max(...fields.map(({ field }) => field.length))).toBe(64);
  });
});
