import type { UserId } from "../core/brand.ts";
import { proof, type Factor, type Proof, type ProofFacts, type ProofMethod } from "../authentication/proof.ts";

/** What a test wants to say about a proof; the rest follows from the method. */
export interface ProofSketch extends Partial<Omit<ProofFacts, "userId">> {
  readonly userId: string;
}

const FACTORS: Readonly<Record<ProofMethod, readonly Factor[]>> = {
  password: ["knowledge"],
  totp: ["possession"],
  recovery_code: ["possession"],
  passkey: ["possession", "inherence"],
  single_sign_on: ["knowledge"],
  sms_code: ["possession"],
};

/**
 * A proof that nobody gave, to sign in with in a test. A password of this moment unless the sketch says otherwise.
 *
 * @example
 * await sessions.establish(request, [sketchProof({ userId: "ada" }), sketchProof({ userId: "ada", method: "totp" })], ada);
 */
export function sketchProof({ userId, method = "password", ...rest }: ProofSketch): Proof {
  return proof({
    userId: userId as UserId,
    method,
    factors: FACTORS[method],
    phishingResistant: method === "passkey",
    deviceBound: false,
    provedAtMs: Date.now(),
    ...rest,
  });
}
