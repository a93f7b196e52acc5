/** Connections to vetted addresses, kept alive. The one importer of undici. */
import { lookup as systemLookup } from "node:dns/promises";
import { isIP, type LookupFunction } from "node:net";
import type { IncomingHttpHeaders } from "node:http";
import type { Readable } from "node:stream";
import { Agent, buildConnector } from "undici";
import { OutboundError } from "./outbound-error.ts";

/** More addresses than any honest name has. */
const MOST_ADDRESSES = 64;

/** Every address of a name, IPv4 and IPv6, as text. */
export type Resolve = (hostname: string) => Promise<readonly string[]>;

export interface ConnectionOptions {
  readonly permits: (address: string) => boolean;
  readonly resolve?: Resolve | undefined;
  readonly ca?: string | readonly string[] | undefined;
  readonly connectTimeoutMs: number;
  readonly headersTimeoutMs: number;
  readonly timeoutMs: number;
  readonly maxHeaderBytes: number;
  readonly maxConnectionsPerHost: number;
}

/** One exchange as it goes over the wire. */
export interface WireRequest {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array | Readable | null;
}

export interface WireResponse {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Readable & {
    readonly bytes: () => Promise<Uint8Array>;
    /** Reads to the end and keeps nothing; more bytes or a signal end the connection. */
    readonly dump: (options: { readonly limit: number; readonly signal: AbortSignal }) => Promise<unknown>;
  };
}

export interface Connections {
  readonly send: (url: URL, request: WireRequest, signal: AbortSignal) => Promise<WireResponse>;
  /** Resolves a name and vets every answer, as before a connection, and makes none. An address has been judged with its URL. */
  readonly vet: (hostname: string, signal: AbortSignal) => Promise<void>;
  readonly close: () => Promise<void>;
}

/**
 * A pool that contacts permitted addresses alone. A name is resolved once per connection and every answer is vetted; the connection goes to
 * those very addresses, so a second answer of the name server never counts. The certificate is checked against the name.
 */
export function openConnections(options: ConnectionOptions): Connections {
  const agent = new Agent({
    connect: guardedConnector(options),
    connections: options.maxConnectionsPerHost,
    pipelining: 1,
    allowH2: false,
    headersTimeout: options.headersTimeoutMs,
    bodyTimeout: options.timeoutMs,
    maxHeaderSize: options.maxHeaderBytes,
  });
  return {
    send: async (url, { method, headers, body }, signal) => {
      const path = `${url.pathname}${url.search}`;
      const answer = await agent.request({ origin: url.origin, path, method, headers, body, signal });
      return { status: answer.statusCode, headers: answer.headers, body: answer.body };
    },
    async vet(hostname, signal) {
      if (hostname.startsWith("[") || isIP(hostname) !== 0) return;
      const late = new Promise<never>((_, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason), { once: true });
      });
      await Promise.race([vettedAddresses(hostname, options.resolve ?? systemAddresses, options.permits), late]);
    },
    close: () => agent.close(),
  };
}

function guardedConnector(options: ConnectionOptions): buildConnector.connector {
  const { permits, ca, connectTimeoutMs } = options;
  const connect = buildConnector({
    lookup: guardedLookup(options.resolve ?? systemAddresses, permits),
    timeout: connectTimeoutMs,
    // Said in so many words, so that no environment variable of the process turns it off.
    rejectUnauthorized: true,
    minVersion: "TLSv1.2",
    ...(ca !== undefined && { ca: typeof ca === "string" ? ca : [...ca] }),
  });
  return (target, callback) => {
    // A lookup is never asked about an address.
    if (isIP(target.hostname) !== 0 && !permits(target.hostname)) {
      callback(new OutboundError("address-not-public", target.hostname), null);
      return;
    }
    connect(target, (...[error, socket]) => {
      if (error !== null) return callback(error, null);
      if (permits(socket.remoteAddress ?? "")) return callback(null, socket);
      socket.destroy();
      return callback(new OutboundError("address-not-public", target.hostname), null);
    });
  };
}

function guardedLookup(resolve: Resolve, permits: (address: string) => boolean): LookupFunction {
  return (hostname, { all }, callback) => {
    vettedAddresses(hostname, resolve, permits).then(
      (addresses) => {
        if (all === true) callback(null, addresses);
        else callback(null, addresses[0]?.address ?? "", addresses[0]?.family);
      },
      (error: Error) => callback(error, "", 0),
    );
  };
}

/** One bad answer spoils them all: whoever mixes a private address in means it. */
async function vettedAddresses(
  hostname: string,
  resolve: Resolve,
  permits: (address: string) => boolean,
): Promise<{ address: string; family: number }[]> {
  let answers: readonly string[];
  try {
    answers = await resolve(hostname);
  } catch (error) {
    throw new OutboundError("resolution-failed", hostname, error);
  }
  if (!Array.isArray(answers) || answers.length === 0 || answers.length > MOST_ADDRESSES)
    throw new OutboundError("resolution-failed", hostname);
  const addresses = answers.map((address) => ({ address: String(address), family: isIP(String(address)) }));
  if (!addresses.every(({ address, family }) => family !== 0 && permits(address)))
    throw new OutboundError("address-not-public", hostname);
  return addresses;
}

async function systemAddresses(hostname: string): Promise<readonly string[]> {
  return (await systemLookup(hostname, { all: true, verbatim: true })).map(({ address }) => address);
}
