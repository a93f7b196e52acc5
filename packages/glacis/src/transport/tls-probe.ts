/** Looks at a server's TLS from outside: which protocols and suites it takes, and the certificate that it shows. */
import type { KeyObject, X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import { connect, getCiphers, type ConnectionOptions, type SecureVersion, type TLSSocket } from "node:tls";
import { rejectUnknownOptions } from "../core/options.ts";
import type { CertificateObservation, TlsObservation } from "../core/tls-observation.ts";
import { isStrongSuite } from "./tls-suites.ts";

export interface ProbeTlsOptions {
  /** The name that is asked for, or an address. */
  readonly hostname: string;
  readonly port?: number;
  /** Where to connect instead, such as a load balancer's address. */
  readonly address?: string;
  /** Authorities to trust instead of the system's, as PEM. */
  readonly ca?: string;
  /** How long one handshake may take, in milliseconds. 5000. */
  readonly timeoutMs?: number;
}

const PROTOCOLS: readonly SecureVersion[] = ["TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"];
/** A server that takes more weak suites than this has been found out. */
const MOST_SUITES = 12;

interface Handshake {
  readonly protocol: string | null;
  readonly suite: string;
  readonly certificate: X509Certificate | undefined;
  readonly distrust: string | undefined;
}

/**
 * Makes the handshakes, one after the other: one that offers everything, one for each protocol, and as many as it takes to learn which weak suites
 * of TLS 1.2 are accepted. Nothing is sent over the connection.
 *
 * @returns undefined when no handshake succeeds at all, which says nothing about the server's TLS
 * @throws TypeError on an unknown option
 * @example
 * const tls = await probeTls({ hostname: "app.example.com" });
 */
export async function probeTls(options: ProbeTlsOptions): Promise<TlsObservation | undefined> {
  rejectUnknownOptions("probeTls", options, ["hostname", "port", "address", "ca", "timeoutMs"]);
  const best = await shake(options, {});
  const protocols: string[] = [];
  for (const version of PROTOCOLS) {
    // OpenSSL's own security level would keep us from asking for what must not be answered.
    const old = version === "TLSv1.3" ? {} : { ciphers: "ALL:@SECLEVEL=0" };
    const made = await shake(options, { minVersion: version, maxVersion: version, ...old });
    if (made !== undefined) protocols.push(version);
  }
  if (best === undefined && protocols.length === 0) return undefined;
  const weakSuites = protocols.includes("TLSv1.2") ? await weakSuitesOf(options) : [];
  const certificate = best === undefined ? undefined : describe(best, options.hostname);
  return { protocols, chosen: best?.protocol ?? undefined, weakSuites, certificate };
}

/** Offers weak suites alone, and again without the one that was taken, until none is. */
async function weakSuitesOf(options: ProbeTlsOptions): Promise<readonly string[]> {
  let left = getCiphers()
    .map((name) => name.toUpperCase())
    .filter((name) => !name.startsWith("TLS_") && !isStrongSuite(name));
  const taken: string[] = [];
  while (left.length > 0 && taken.length < MOST_SUITES) {
    const ciphers = `${left.join(":")}:@SECLEVEL=0`;
    const made = await shake(options, { minVersion: "TLSv1.2", maxVersion: "TLSv1.2", ciphers });
    if (made === undefined) break;
    taken.push(made.suite);
    left = left.filter((name) => name !== made.suite);
  }
  return taken;
}

async function shake(options: ProbeTlsOptions, offer: ConnectionOptions): Promise<Handshake | undefined> {
  const { hostname, port = 443, address = hostname, ca, timeoutMs = 5000 } = options;
  return new Promise((resolve) => {
    let socket: TLSSocket;
    const end = (made: Handshake | undefined): void => {
      socket?.destroy();
      resolve(made);
    };
    try {
      socket = connect({
        host: address,
        port,
        ...(isIP(hostname) === 0 && { servername: hostname }),
        ...(ca !== undefined && { ca }),
        // What is not trusted is looked at all the same: that is what we came for.
        // glacis-waive scan/unverified-peer: a probe looks at bad certificates too, and sends nothing (maintainers, until 2027-02-20)
        rejectUnauthorized: false,
        ...offer,
      });
    } catch {
      resolve(undefined);
      return;
    }
    socket.setTimeout(timeoutMs, () => end(undefined));
    socket.once("error", () => end(undefined));
    socket.once("close", () => resolve(undefined));
    socket.once("secureConnect", () => {
      const { authorizationError } = socket;
      const reason = authorizationError === undefined || authorizationError === null ? undefined : authorizationError;
      const code = (reason as { readonly code?: string } | undefined)?.code ?? reason;
      end({
        protocol: socket.getProtocol(),
        suite: socket.getCipher().name,
        certificate: socket.getPeerX509Certificate(),
        // A wrong name is told apart below.
        distrust: code === undefined || code === "ERR_TLS_CERT_ALTNAME_INVALID" ? undefined : String(code),
      });
    });
  });
}

function describe({ certificate, distrust }: Handshake, hostname: string): CertificateObservation | undefined {
  if (certificate === undefined) return undefined;
  const { publicKey } = certificate;
  return {
    distrust,
    namesHost: (isIP(hostname) === 0 ? certificate.checkHost(hostname) : certificate.checkIP(hostname)) !== undefined,
    validFromMs: Date.parse(certificate.validFrom),
    validToMs: Date.parse(certificate.validTo),
    keyType: publicKey.asymmetricKeyType ?? "unknown",
    keyBits: strengthOf(publicKey),
    signature: signatureOf(certificate.raw),
  };
}

const CURVE_BITS: Readonly<Record<string, number>> = {
  prime256v1: 256,
  secp384r1: 384,
  secp521r1: 521,
  secp256k1: 256,
};

function strengthOf(key: KeyObject): number {
  const { modulusLength, namedCurve } = key.asymmetricKeyDetails ?? {};
  if (modulusLength !== undefined) return modulusLength;
  if (key.asymmetricKeyType === "ed25519" || key.asymmetricKeyType === "ed448") return 256;
  return CURVE_BITS[namedCurve ?? ""] ?? 0;
}

/** `Certificate ::= SEQUENCE { tbsCertificate, signatureAlgorithm SEQUENCE { OBJECT IDENTIFIER ... } ... }` (RFC 5280 section 4.1). */
function signatureOf(raw: Uint8Array): string {
  const bytes = Buffer.from(raw);
  const tbs = contentAt(bytes, contentAt(bytes, 0).start);
  const algorithm = contentAt(bytes, tbs.end);
  const identifier = contentAt(bytes, algorithm.start);
  return identifierText(bytes.subarray(identifier.start, identifier.end));
}

/** The content of the element that begins here (X.690 section 8.1.3). */
function contentAt(bytes: Buffer, at: number): { readonly start: number; readonly end: number } {
  const first = bytes[at + 1] ?? 0;
  if (first < 0x80) return { start: at + 2, end: at + 2 + first };
  const count = first & 0x7f;
  const length = bytes.readUIntBE(at + 2, count);
  return { start: at + 2 + count, end: at + 2 + count + length };
}

function identifierText(content: Buffer): string {
  const arcs: number[] = [];
  let arc = 0;
  for (const byte of content) {
    arc = arc * 128 + (byte & 0x7f);
    if (byte < 0x80) {
      arcs.push(arc);
      arc = 0;
    }
  }
  const first = arcs[0] ?? 0;
  const top = Math.min(2, Math.floor(first / 40));
  return [top, first - top * 40, ...arcs.slice(1)].join(".");
}
