import type { UserId } from "../core/brand.ts";
import { proof, type Proof } from "./proof.ts";

/**
 * The proof of a password that your own code has verified, for an application that still keeps its passwords elsewhere. The library cannot see whether
 * you looked: whoever calls this signs anybody in with one factor. Whatever the MFA policy asks for is still asked for.
 *
 * @param provedAtMs when it was verified, milliseconds since the epoch: `request.receivedAtMs`
 * @example
 * if (await legacy.verify(email, password)) await sessions.establish(request, [dangerouslyProvedElsewhere(user.id, request.receivedAtMs)], user);
 */
export function dangerouslyProvedElsewhere(userId: string, provedAtMs: number): Proof {
  return proof({
    userId: userId as UserId,
    method: "password",
    factors: ["knowledge"],
    phishingResistant: false,
    deviceBound: false,
    provedAtMs,
  });
}
