import type { MfaOptions } from "./mfa-required.ts";
import type { Passkeys } from "./passkeys.ts";
import type { ProofMethod } from "./proof.ts";
import type { RecoveryCodes } from "./recovery-codes.ts";
import type { Totp } from "./totp.ts";

/** The factors that an application offers. */
export interface OfferedFactors {
  readonly passkeys?: Pick<Passkeys, "enrolled">;
  readonly totp?: Pick<Totp, "enrolled">;
  readonly recoveryCodes?: Pick<RecoveryCodes, "remaining">;
}

/**
 * What `mfa.enrolled` asks for: the factors that an account has, the strongest first. Recovery codes stand in for a factor and are none of their own, so
 * they count only beside one. A store that fails throws, and nobody is let in.
 *
 * @example
 * const layers = saas({ origin, keys, mfa: { required: "everyone", enrolled: enrolledFactors({ passkeys, totp, recoveryCodes }) } });
 */
export function enrolledFactors(factors: OfferedFactors): NonNullable<MfaOptions["enrolled"]> {
  return async ({ userId }) => {
    const [passkey, totp, codes] = await Promise.all([
      factors.passkeys?.enrolled(userId),
      factors.totp?.enrolled(userId),
      factors.recoveryCodes?.remaining(userId),
    ]);
    const methods: ProofMethod[] = [];
    if (passkey === true) methods.push("passkey");
    if (totp === true) methods.push("totp");
    if (methods.length > 0 && (codes ?? 0) > 0) methods.push("recovery_code");
    return methods;
  };
}
