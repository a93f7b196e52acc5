import { describe, expect, it } from "vitest";
import type { Deployment } from "../core/control.ts";
import { keyManagement } from "./key-management.ts";
import { keyRing, newKey } from "./key-ring.ts";

const [first, second] = [newKey("k1"), newKey("k2")];
const keys = keyRing(`${second},${first}`);

function judge(variables: Readonly<Record<string, string>>, change: Partial<Deployment> = {}) {
  const deployment = { mode: "production", nodeVersion: "24.4.0", nodeOptions: [], nowMs: 0 } as const;
  return keyManagement({ keys }).check({ ...deployment, variables: new Map(Object.entries(variables)), ...change });
}

describe("keyManagement", () => {
  it("has nothing to say about keys that are not in the environment", () => {
    expect(judge({ OTHER: "x", GLACIS_KEYS: "" })).toEqual([]);
  });

  it("notes keys in the clear, and finds one that stands elsewhere too, without quoting it", () => {
    const found = judge({
      GLACIS_KEYS: `${second},${first}`,
      SESSION_SECRET: first.slice(3),
      RING_COPY: `old:${second.slice(3)}`,
      UNRELATED: newKey("k3"),
    });
    expect(found.map(({ rule, at }) => [rule.id, "name" in at && at.name])).toEqual([
      ["key-management/unwrapped", "GLACIS_KEYS"],
      ["key-management/repeated", "SESSION_SECRET"],
      ["key-management/repeated", "RING_COPY"],
    ]);
    expect(JSON.stringify(found)).not.toContain(first.slice(3));
    expect(judge({ GLACIS_KEYS: first }, { mode: "development" })).toEqual([]);
  });

  it("notes a ring that nobody tidies, by its ids", () => {
    const many = keyRing(["k4", "k3", "k2", "k1"].map(newKey).join(","));
    const deployment = { mode: "production", nodeVersion: "24.4.0", nodeOptions: [], nowMs: 0 } as const;
    const found = keyManagement({ keys: many }).check({ ...deployment, variables: new Map() });
    expect(found).toMatchObject([{ rule: { id: "key-management/left-over" }, detail: "4 keys: k4, k3, k2, k1" }]);
  });
});
