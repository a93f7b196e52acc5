/** An authenticator without a device (WebAuthn Level 3 section 6), which does what it is told, the forbidden included. */
import { createHash, generateKeyPairSync, randomBytes, sign, type KeyObject } from "node:crypto";

export interface Ceremony {
  readonly challenge: string;
  readonly origin: string;
  readonly rpId: string;
  readonly counter?: number;
  readonly userVerified?: boolean;
  readonly userPresent?: boolean;
  readonly backupEligible?: boolean;
  readonly backedUp?: boolean;
  /** More members of the client data, such as `crossOrigin`. */
  readonly clientData?: Readonly<Record<string, unknown>>;
  readonly userHandle?: string;
  /** Signs the registration with the new key itself. */
  readonly selfAttested?: boolean;
  /** Certificates of an attestation, DER. */
  readonly certificates?: readonly Buffer[];
}

export interface SoftwareAuthenticator {
  readonly id: string;
  register(ceremony: Ceremony): Answer;
  authenticate(ceremony: Ceremony): Answer;
}

export interface Answer {
  readonly id: string;
  readonly rawId: string;
  readonly type: string;
  readonly response: Readonly<Record<string, unknown>>;
}

export type KeyKind = "ES256" | "EdDSA" | "RS256" | "ES384";

export function softwareAuthenticator(
  kind: KeyKind = "ES256",
  credentialId: Buffer = randomBytes(32),
): SoftwareAuthenticator {
  const { privateKey, publicKey } = keyPair(kind);
  const id = credentialId.toString("base64url");
  const answer = (response: Answer["response"]): Answer => ({ id, rawId: id, type: "public-key", response });
  return {
    id,
    register(ceremony) {
      const length = Buffer.from([credentialId.length >> 8, credentialId.length & 255]);
      const attested = Buffer.concat([Buffer.alloc(16), length, credentialId, coseKey(kind, publicKey)]);
      const authData = authenticatorData(ceremony, attested);
      const clientDataJSON = clientData("webauthn.create", ceremony);
      const signed = signature(kind, privateKey, authData, clientDataJSON);
      const { certificates, selfAttested = certificates !== undefined } = ceremony;
      const statement: [string, unknown][] = selfAttested
        ? [
            ["alg", algorithm(kind)],
            ["sig", signed],
          ]
        : [];
      const attStmt = new Map([...statement, ...(certificates === undefined ? [] : [["x5c", certificates] as const])]);
      const fmt = selfAttested ? "packed" : "none";
      const attestationObject = cbor(
        new Map<string, unknown>([
          ["fmt", fmt],
          ["attStmt", attStmt],
          ["authData", authData],
        ]),
      );
      return answer({
        clientDataJSON: clientDataJSON.toString("base64url"),
        attestationObject: attestationObject.toString("base64url"),
        transports: ["internal", "telepathy"],
      });
    },
    authenticate(ceremony) {
      const authData = authenticatorData(ceremony);
      const clientDataJSON = clientData("webauthn.get", ceremony);
      return answer({
        clientDataJSON: clientDataJSON.toString("base64url"),
        authenticatorData: authData.toString("base64url"),
        signature: signature(kind, privateKey, authData, clientDataJSON).toString("base64url"),
        ...(ceremony.userHandle !== undefined && { userHandle: ceremony.userHandle }),
      });
    },
  };
}

function keyPair(kind: KeyKind): { readonly privateKey: KeyObject; readonly publicKey: KeyObject } {
  if (kind === "RS256") return generateKeyPairSync("rsa", { modulusLength: 2048 });
  if (kind === "EdDSA") return generateKeyPairSync("ed25519");
  return generateKeyPairSync("ec", { namedCurve: kind === "ES256" ? "P-256" : "P-384" });
}

function signature(kind: KeyKind, key: KeyObject, authData: Buffer, clientDataJSON: Buffer): Buffer {
  const message = Buffer.concat([authData, createHash("sha256").update(clientDataJSON).digest()]);
  return sign(kind === "EdDSA" ? undefined : kind === "ES384" ? "sha384" : "sha256", message, key);
}

function authenticatorData(ceremony: Ceremony, attested?: Buffer): Buffer {
  const {
    rpId,
    counter = 0,
    userVerified = true,
    userPresent = true,
    backupEligible = true,
    backedUp = true,
  } = ceremony;
  const bits = [userPresent && 1, userVerified && 4, backupEligible && 8, backedUp && 16, attested !== undefined && 64];
  const flags = bits.reduce<number>((sum, bit) => sum + Number(bit), 0);
  const count = Buffer.alloc(4);
  count.writeUInt32BE(counter);
  const head = [createHash("sha256").update(rpId).digest(), Buffer.from([flags]), count];
  return Buffer.concat(attested === undefined ? head : [...head, attested]);
}

function clientData(type: string, { challenge, origin, clientData: more }: Ceremony): Buffer {
  return Buffer.from(JSON.stringify({ type, challenge, origin, crossOrigin: false, ...more }));
}

function algorithm(kind: KeyKind): number {
  return { ES256: -7, EdDSA: -8, RS256: -257, ES384: -35 }[kind];
}

/** RFC 9053: the members that each kind of key has. */
function coseKey(kind: KeyKind, key: KeyObject): Buffer {
  const jwk = key.export({ format: "jwk" });
  const part = (name: "x" | "y" | "n" | "e"): Buffer => Buffer.from(jwk[name] ?? "", "base64url");
  if (kind === "RS256")
    return cbor(
      new Map<number, unknown>([
        [1, 3],
        [3, algorithm(kind)],
        [-1, part("n")],
        [-2, part("e")],
      ]),
    );
  if (kind === "EdDSA")
    return cbor(
      new Map<number, unknown>([
        [1, 1],
        [3, algorithm(kind)],
        [-1, 6],
        [-2, part("x")],
      ]),
    );
  const curve = kind === "ES256" ? 1 : 2;
  return cbor(
    new Map<number, unknown>([
      [1, 2],
      [3, algorithm(kind)],
      [-1, curve],
      [-2, part("x")],
      [-3, part("y")],
    ]),
  );
}

/** RFC 8949, as far as authenticators use it. */
function cbor(value: unknown): Buffer {
  if (typeof value === "number") return value < 0 ? cborHead(1, -1 - value) : cborHead(0, value);
  if (Buffer.isBuffer(value)) return Buffer.concat([cborHead(2, value.length), value]);
  if (typeof value === "string") return Buffer.concat([cborHead(3, Buffer.byteLength(value)), Buffer.from(value)]);
  if (Array.isArray(value)) return Buffer.concat([cborHead(4, value.length), ...value.map(cbor)]);
  if (value instanceof Map) return Buffer.concat([cborHead(5, value.size), ...[...value].flat().map(cbor)]);
  throw new TypeError("An authenticator writes no such thing.");
}

function cborHead(major: number, count: number): Buffer {
  if (count < 24) return Buffer.from([(major << 5) | count]);
  if (count < 256) return Buffer.from([(major << 5) | 24, count]);
  return Buffer.from([(major << 5) | 25, count >> 8, count & 255]);
}
