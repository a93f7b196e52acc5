/** One-time codes from a shared secret and the time (RFC 4226, RFC 6238), by otpauth. */
import { HOTP, Secret, TOTP } from "otpauth";

export type TotpDigits = 6 | 8;

/** Every authenticator app knows SHA-1 and 30 seconds; some ignore any other wish and would show wrong codes. */
const ALGORITHM = "SHA1";
export const TOTP_STEP_MS = 30_000;
/** 160 bits: the length of the hash (RFC 4226 section 4, R6). */
const SECRET_BYTES = 20;

/** A new secret in Base32, as people type it in. */
export function newTotpSecret(): string {
  return new Secret({ size: SECRET_BYTES }).base32;
}

/** The number of the 30 seconds that a moment lies in. @param atMs milliseconds since the epoch */
export function totpStep(atMs: number): number {
  return Math.floor(atMs / TOTP_STEP_MS);
}

/** The code of one step. @param secret in Base32 */
export function totpCode(secret: string, step: number, digits: TotpDigits): string {
  return HOTP.generate({ secret: Secret.fromBase32(secret), algorithm: ALGORITHM, counter: step, digits });
}

/** What the QR code says: an `otpauth://totp/` address, which holds the secret. */
export function totpUri(secret: string, issuer: string, account: string, digits: TotpDigits): string {
  const period = TOTP_STEP_MS / 1000;
  return new TOTP({ issuer, label: account, secret, algorithm: ALGORITHM, digits, period }).toString();
}
