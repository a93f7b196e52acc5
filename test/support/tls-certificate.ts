import { generateKeyPairSync, randomBytes, sign } from "node:crypto";

export interface TestCertificate {
  readonly key: string;
  readonly cert: string;
}

const ECDSA_WITH_SHA256 = "2a8648ce3d040302";
const COMMON_NAME = "550403";
const SUBJECT_ALT_NAME = "551d11";
const BASIC_CONSTRAINTS = "551d13";

const EXTENDED_KEY_USAGE = "551d25";
const PURPOSES = { clientAuth: "2b06010505070302", serverAuth: "2b06010505070301" } as const;
const DAY_MS = 86_400_000;

export interface CertificateSketch {
  readonly names?: readonly string[];
  readonly addresses?: readonly string[];
  /** Uniform resource identifiers, as SPIFFE uses them. */
  readonly uris?: readonly string[];
  readonly purposes?: readonly (keyof typeof PURPOSES)[];
  readonly authority?: boolean;
  /** Who signs it; itself without one. */
  readonly issuer?: TestCertificate & { readonly name: string };
  readonly name?: string;
  /** From when and until when, in days from now. A day around now. */
  readonly fromDays?: number;
  readonly toDays?: number;
  readonly rsaBits?: number;
}

/**
 * A self-signed certificate for the names, valid for a day, made on the spot so that no private key lies in the repository. It is its own
 * authority: clients that trust it as `ca` accept the server.
 */
export function testCertificate(names: readonly string[], addresses: readonly string[] = []): TestCertificate {
  return issueCertificate({ names, addresses, authority: true });
}

/** A certificate as it is sketched, signed by its issuer or by itself. */
export function issueCertificate(sketch: CertificateSketch): TestCertificate & { readonly name: string } {
  const { names = [], addresses = [], uris = [], purposes = [], authority = false, issuer } = sketch;
  const { name = "Glacis test", fromDays = -1, toDays = 1, rsaBits } = sketch;
  const { privateKey, publicKey } =
    rsaBits === undefined
      ? generateKeyPairSync("ec", { namedCurve: "P-256" })
      : generateKeyPairSync("rsa", { modulusLength: rsaBits });
  const algorithm = sequence(oid(ECDSA_WITH_SHA256));
  const alternatives = sequence(
    ...names.map((dns) => der(0x82, Buffer.from(dns))),
    ...uris.map((uri) => der(0x86, Buffer.from(uri))),
    ...addresses.map((address) => der(0x87, Buffer.from(address.split(".").map(Number)))),
  );
  const extensions = sequence(
    extension(BASIC_CONSTRAINTS, sequence(...(authority ? [der(0x01, Buffer.from([0xff]))] : []))),
    ...(names.length + addresses.length + uris.length > 0 ? [extension(SUBJECT_ALT_NAME, alternatives)] : []),
    ...(purposes.length > 0
      ? [extension(EXTENDED_KEY_USAGE, sequence(...purposes.map((purpose) => oid(PURPOSES[purpose]))))]
      : []),
  );
  const body = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    algorithm,
    distinguishedName(issuer?.name ?? name),
    sequence(time(Date.now() + fromDays * DAY_MS), time(Date.now() + toDays * DAY_MS)),
    distinguishedName(name),
    publicKey.export({ type: "spki", format: "der" }),
    der(0xa3, extensions),
  );
  // The authorities here sign with ECDSA, so an RSA certificate needs one.
  const signature = sign("sha256", body, issuer?.key ?? privateKey);
  const certificate = sequence(body, algorithm, der(0x03, Buffer.from([0]), signature));
  const lines = certificate
    .toString("base64")
    .match(/.{1,64}/gu)
    ?.join("\n");
  return {
    name,
    key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    cert: `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`,
  };
}

const distinguishedName = (name: string): Buffer =>
  sequence(der(0x31, sequence(oid(COMMON_NAME), der(0x0c, Buffer.from(name)))));

/** One element of X.690: tag, length, content. */
function der(tag: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const size = length < 0x80 ? [length] : length < 0x1_00 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

const sequence = (...parts: readonly Buffer[]): Buffer => der(0x30, ...parts);
const oid = (hex: string): Buffer => der(0x06, Buffer.from(hex, "hex"));
const extension = (id: string, value: Buffer): Buffer => sequence(oid(id), der(0x04, value));

function time(ms: number): Buffer {
  const digits = new Date(ms).toISOString().replaceAll(/[-:T]|\.\d+/gu, "");
  return der(0x17, Buffer.from(digits.slice(2)));
}
