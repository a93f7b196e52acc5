/** The part of a TLS socket that says who is at its other end. */
export interface WireTls {
  /** Node has verified the peer's certificate against the authorities of the server. */
  readonly authorized: boolean;
  getPeerX509Certificate(): WireCertificate | undefined;
}

/** The part of Node's `X509Certificate` that is used. */
export interface WireCertificate {
  readonly validFrom: string;
  readonly validTo: string;
  /** It is an authority. */
  readonly ca: boolean;
  readonly subjectAltName: string | undefined;
  /** The purposes that it was made for, as object identifiers. */
  readonly keyUsage: readonly string[];
}

/**
 * What arrived, before anyone interpreted it. An adapter builds it; nothing else touches a framework's request.
 */
export interface Wire {
  readonly method: string;
  /** The request target exactly as sent (RFC 9112 section 3.2): origin, absolute or asterisk form. */
  readonly target: string;
  readonly httpVersion: string;
  /** Name, value, name, value ... in order, with duplicates and the sender's capitals. */
  readonly rawHeaders: readonly string[];
  /** The address of the socket's other end; empty when the socket is already gone. */
  readonly peerAddress: string;
  /** True when this very socket speaks TLS. What a proxy says about TLS is not here. */
  readonly encrypted: boolean;
  /** The socket's TLS, where this very socket speaks it. */
  readonly tls?: WireTls | undefined;
  /** The body as it arrives, for whoever streams it once the request has been let in. Absent where nothing arrives, as in a test. */
  readonly body?: NodeJS.ReadableStream;
}

/**
 * The first value of a header, or undefined. A linear scan: requests carry some fifteen headers, and `isNamed` makes it cheaper than building a
 * map that most requests would not use.
 *
 * @param name lower case
 */
export function rawHeader(rawHeaders: readonly string[], name: string): string | undefined {
  for (let index = 0; index < rawHeaders.length; index += 2)
    if (isNamed(rawHeaders[index] as string, name)) return rawHeaders[index + 1];
  return undefined;
}

const LOWER = 0x20;

/**
 * Whether a header as sent has this name. Nearly none has, so what tells them apart soonest is asked first: the length, then the last letter, for
 * many of one length begin alike.
 *
 * @param name lower case
 */
export function isNamed(sent: string, name: string): boolean {
  const { length } = name;
  if (sent.length !== length) return false;
  const last = sent.charCodeAt(length - 1);
  const wanted = name.charCodeAt(length - 1);
  return (last === wanted || (last | LOWER) === wanted) && (sent === name || sent.toLowerCase() === name);
}

/**
 * Every value of a header, in order; empty when absent.
 *
 * @param name lower case
 */
export function rawHeaderValues(rawHeaders: readonly string[], name: string): readonly string[] {
  const values: string[] = [];
  for (let index = 0; index < rawHeaders.length; index += 2)
    if (isNamed(rawHeaders[index] as string, name)) values.push(rawHeaders[index + 1] as string);
  return values;
}

/** What stands in a Content-Type before its parameters, lower case; empty when there is none. */
export function mediaTypeOf(contentType: string | undefined): string {
  if (contentType === undefined) return "";
  const end = contentType.indexOf(";");
  return (end === -1 ? contentType : contentType.slice(0, end)).trim().toLowerCase();
}
