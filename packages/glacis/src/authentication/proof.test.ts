import { describe, expect, it } from "vitest";
import type { UserId } from "../core/brand.ts";
import { assuranceOf, proof, type ProofFacts } from "./proof.ts";

const facts: ProofFacts = {
  userId: "ada" as UserId,
  method: "password",
  factors: ["knowledge"],
  phishingResistant: false,
  deviceBound: false,
  provedAtMs: 0,
};
const password = proof(facts);
const totp = proof({ ...facts, method: "totp", factors: ["possession"] });
const passkey = proof({ ...facts, method: "passkey", factors: ["possession", "inherence"], phishingResistant: true });

describe("assuranceOf", () => {
  it("counts kinds of factor, not credentials", () => {
    expect(assuranceOf([password])).toBe(1);
    expect(assuranceOf([password, password])).toBe(1);
    expect(assuranceOf([password, totp])).toBe(2);
  });

  it("keeps level 3 for a device-bound key that resists phishing", () => {
    expect(assuranceOf([passkey])).toBe(2);
    expect(assuranceOf([proof({ ...passkey, deviceBound: true })])).toBe(3);
    expect(assuranceOf([proof({ ...passkey, factors: ["possession"], deviceBound: true })])).toBe(1);
  });

  it("never adds up the proofs of two users, nor none at all", () => {
    expect(() => assuranceOf([password, proof({ ...facts, userId: "eve" as UserId })])).toThrow(/different users/u);
    expect(() => assuranceOf([])).toThrow(/at least one proof/u);
  });
});
