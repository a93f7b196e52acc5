/** Signatures and attestations, judged by @simplewebauthn/server. It takes half a second to load, so it is loaded with the first ceremony. */
import type { PasskeyPlace } from "./passkey-options.ts";
import type { AuthenticationAnswer, RegistrationAnswer } from "./passkey-response.ts";
import type { PasskeyRecord } from "./passkey-store.ts";

export interface VerifiedRegistration {
  readonly id: string;
  readonly publicKey: string;
  readonly counter: number;
  readonly backupEligible: boolean;
  readonly backedUp: boolean;
}

export interface VerifiedAuthentication {
  readonly counter: number;
  readonly backupEligible: boolean;
  readonly backedUp: boolean;
}

/** EdDSA, ES256, RS256: what is offered and all that is taken (COSE numbers). */
export const PASSKEY_ALGORITHMS: readonly number[] = [-8, -7, -257];

/**
 * Undefined for whatever does not verify. An attestation that brings certificates is refused unread: nobody asked for one, and to judge it the
 * library would fetch the revocation list from wherever the certificate says.
 */
export async function verifyRegistration(
  answer: RegistrationAnswer,
  { origins, rpId }: PasskeyPlace,
  challenge: string,
): Promise<VerifiedRegistration | undefined> {
  const [{ verifyRegistrationResponse }, { decodeAttestationObject }] = await Promise.all([
    import("@simplewebauthn/server"),
    import("@simplewebauthn/server/helpers"),
  ]);
  const { id, clientDataJSON, attestationObject } = answer;
  try {
    const decoded = decodeAttestationObject(Uint8Array.from(Buffer.from(attestationObject, "base64url")));
    const format = decoded.get("fmt");
    // `packed` without certificates is a self attestation, which browsers pass on (section 5.1.3, step 21).
    if (format !== "none" && !(format === "packed" && decoded.get("attStmt").get("x5c") === undefined))
      return undefined;
    const { verified, registrationInfo } = await verifyRegistrationResponse({
      response: {
        id,
        rawId: id,
        type: "public-key",
        clientExtensionResults: {},
        response: { clientDataJSON, attestationObject },
      },
      expectedChallenge: challenge,
      expectedOrigin: [...origins],
      expectedRPID: rpId,
      expectedType: "webauthn.create",
      requireUserPresence: true,
      requireUserVerification: true,
      supportedAlgorithmIDs: [...PASSKEY_ALGORITHMS],
    });
    // The id in the signed data is the one that counts; the one beside it must agree.
    if (!verified || registrationInfo.credential.id !== id) return undefined;
    return {
      id,
      publicKey: Buffer.from(registrationInfo.credential.publicKey).toString("base64url"),
      counter: registrationInfo.credential.counter,
      backupEligible: registrationInfo.credentialDeviceType === "multiDevice",
      backedUp: registrationInfo.credentialBackedUp,
    };
  } catch {
    return undefined;
  }
}

/** Undefined for whatever does not verify. The counter is the caller's to compare: only a signed one may accuse anybody of a copy. */
export async function verifyAuthentication(
  answer: AuthenticationAnswer,
  { origins, rpId }: PasskeyPlace,
  challenge: string,
  passkey: PasskeyRecord,
): Promise<VerifiedAuthentication | undefined> {
  const { verifyAuthenticationResponse } = await import("@simplewebauthn/server");
  const { id, clientDataJSON, authenticatorData, signature } = answer;
  try {
    const { verified, authenticationInfo } = await verifyAuthenticationResponse({
      response: {
        id,
        rawId: id,
        type: "public-key",
        clientExtensionResults: {},
        response: { clientDataJSON, authenticatorData, signature },
      },
      expectedChallenge: challenge,
      expectedOrigin: [...origins],
      expectedRPID: rpId,
      expectedType: "webauthn.get",
      requireUserVerification: true,
      credential: { id, publicKey: Uint8Array.from(Buffer.from(passkey.publicKey, "base64url")), counter: 0 },
    });
    if (!verified) return undefined;
    const { newCounter, credentialDeviceType, credentialBackedUp } = authenticationInfo;
    return {
      counter: newCounter,
      backupEligible: credentialDeviceType === "multiDevice",
      backedUp: credentialBackedUp,
    };
  } catch {
    return undefined;
  }
}
