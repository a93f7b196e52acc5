/** What a browser's authenticator answers, read strictly before any library sees it (WebAuthn Level 3 sections 5.1, 5.8.1 and 5.10). */
import { isRecord } from "../primitives/is-record.ts";

/** Base64url throughout, as `PublicKeyCredential.toJSON()` writes it. */
export interface RegistrationAnswer {
  readonly id: string;
  readonly clientDataJSON: string;
  readonly attestationObject: string;
  readonly transports: readonly string[];
}

export interface AuthenticationAnswer {
  readonly id: string;
  readonly clientDataJSON: string;
  readonly authenticatorData: string;
  readonly signature: string;
  readonly userHandle: string | undefined;
}

/** The part of the client data that decides before the signature is looked at. */
export interface ClientData {
  readonly type: string;
  readonly challenge: string;
  readonly origin: string;
  /** Made in a frame of another site, or says so in any way. */
  readonly embedded: boolean;
}

/** A credential id has at most 1023 bytes (section 4), the rest is generous for the algorithms that are offered. */
const LONGEST_ID = 1364;
const LONGEST_CLIENT_DATA = 8192;
const LONGEST_ATTESTATION = 16_384;
const LONGEST_SIGNED = 4096;
const LONGEST_HANDLE = 86;
const BASE64URL = /^[A-Za-z0-9_-]+$/u;
const TRANSPORTS = new Set(["ble", "cable", "hybrid", "internal", "nfc", "smart-card", "usb"]);

export function readRegistration(answer: unknown): RegistrationAnswer | undefined {
  const read = readCredential(answer);
  if (read === undefined) return undefined;
  const { id, clientDataJSON, response } = read;
  const attestationObject = text(response["attestationObject"], LONGEST_ATTESTATION);
  if (attestationObject === undefined) return undefined;
  const said = response["transports"];
  const transports = [...TRANSPORTS].filter((one) => Array.isArray(said) && said.length <= 16 && said.includes(one));
  return { id, clientDataJSON, attestationObject, transports };
}

export function readAuthentication(answer: unknown): AuthenticationAnswer | undefined {
  const read = readCredential(answer);
  if (read === undefined) return undefined;
  const { id, clientDataJSON, response } = read;
  const authenticatorData = text(response["authenticatorData"], LONGEST_SIGNED);
  const signature = text(response["signature"], LONGEST_SIGNED);
  const said = response["userHandle"];
  const userHandle = said == null ? undefined : text(said, LONGEST_HANDLE);
  if (authenticatorData === undefined || signature === undefined || (said != null && userHandle === undefined))
    return undefined;
  return { id, clientDataJSON, authenticatorData, signature, userHandle };
}

/** Undefined when it is not JSON of the expected shape. */
export function readClientData(clientDataJSON: string): ClientData | undefined {
  const data = parse(Buffer.from(clientDataJSON, "base64url").toString("utf8"));
  if (!isRecord(data)) return undefined;
  const { type, challenge, origin, crossOrigin, topOrigin } = data;
  if (typeof type !== "string" || typeof challenge !== "string" || typeof origin !== "string") return undefined;
  const embedded = (crossOrigin !== undefined && crossOrigin !== false) || topOrigin !== undefined;
  return { type, challenge, origin, embedded };
}

function readCredential(
  answer: unknown,
): { readonly id: string; readonly clientDataJSON: string; readonly response: Record<string, unknown> } | undefined {
  if (!isRecord(answer) || !isRecord(answer["response"]) || answer["type"] !== "public-key") return undefined;
  const { response } = answer;
  const id = text(answer["id"], LONGEST_ID);
  const clientDataJSON = text(response["clientDataJSON"], LONGEST_CLIENT_DATA);
  if (id === undefined || answer["rawId"] !== id || clientDataJSON === undefined) return undefined;
  return { id, clientDataJSON, response };
}

function text(value: unknown, longest: number): string | undefined {
  return typeof value === "string" && value.length <= longest && BASE64URL.test(value) ? value : undefined;
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json) as unknown;
  } catch {
    return undefined;
  }
}
