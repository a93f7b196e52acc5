/** What a way of signing in has shown, and what that is worth (NIST SP 800-63B-4 section 2; catalog auth-pathway-consistency). */
import type { Brand, UserId } from "../core/brand.ts";
import type { AssuranceLevel } from "../core/principal.ts";

/** Something known, something owned, something about the person. Two of one kind are one factor. */
export type Factor = "knowledge" | "possession" | "inherence";

export type ProofMethod = "password" | "totp" | "recovery_code" | "passkey" | "single_sign_on" | "sms_code";

export interface ProofFacts {
  readonly userId: UserId;
  readonly method: ProofMethod;
  readonly factors: readonly Factor[];
  /** The key is bound to this origin, so that a look-alike page gains nothing (WebAuthn). */
  readonly phishingResistant: boolean;
  /** The private key cannot leave its hardware; a passkey that is synchronised can. */
  readonly deviceBound: boolean;
  /** Milliseconds since the epoch. */
  readonly provedAtMs: number;
  /** When the person last showed the credential, where that was earlier: a provider's word of now about this morning. */
  readonly authenticatedAtMs?: number;
}

/**
 * One verified credential. Only the files that verify a credential mint it, and only `establishSession()` and a step-up spend it, so that a way in
 * which forgets the second factor does not compile.
 */
export type Proof = Brand<ProofFacts, "Proof">;

/** Kept apart from the objects, so that neither a cast nor a copy is a proof. */
const unspent = new WeakSet<Proof>();

/** For the verifiers of this folder alone; the folder's door does not export it. */
export function proof(facts: ProofFacts): Proof {
  const minted = Object.freeze({ ...facts, factors: Object.freeze([...facts.factors]) }) as Proof;
  unspent.add(minted);
  return minted;
}

/** Takes a proof out of circulation. @returns false when it was spent before, or never minted */
export function spend(one: Proof): boolean {
  return unspent.delete(one);
}

/**
 * The level of all proofs of one user together: 2 takes two kinds of factor, 3 two kinds of which one is a device-bound key that resists phishing.
 *
 * @throws TypeError without a proof, or when the proofs are of different users: two half sign-ins never make a whole one.
 */
export function assuranceOf(proofs: readonly Proof[]): AssuranceLevel {
  const [first, ...others] = proofs;
  if (first === undefined) throw new TypeError("A session needs at least one proof of a credential.");
  if (others.some(({ userId }) => userId !== first.userId))
    throw new TypeError("These proofs belong to different users; they never add up.");
  const factors = new Set(proofs.flatMap((one) => one.factors));
  if (factors.size < 2) return 1;
  return proofs.some((one) => one.phishingResistant && one.deviceBound) ? 3 : 2;
}
