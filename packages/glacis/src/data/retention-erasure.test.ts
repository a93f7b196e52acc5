import { describe, expect, it } from "vitest";
import { personalData } from "./personal-data.ts";
import { retentionErasure } from "./retention-erasure.ts";

describe("retentionErasure", () => {
  it("reports of a posture what is its own, and nothing else", () => {
    const rule = { severity: "error", what: "", why: "", fix: "" } as const;
    const at = { kind: "database", name: "public.audit" } as const;
    const posture = (["retention-erasure/blocked", "data-classification/unclassified"] as const).map((id) => ({
      rule: { ...rule, id },
      at,
      detail: undefined,
    }));
    const columns = { id: "internal" } as const;
    const map = personalData({ subject: "users", tables: { users: { columns } } });
    const deployment = {
      mode: "production",
      nodeVersion: "24.4.0",
      variables: new Map(),
      nodeOptions: [],
      nowMs: 0,
    } as const;
    const found = retentionErasure({ map, posture }).check(deployment);
    expect(found.map(({ rule: { id } }) => id)).toEqual(["retention-erasure/blocked"]);
  });
});
