/** Why an outbound request did not happen, or did not finish. */

interface Cause {
  readonly what: string;
  readonly why: string;
  readonly fix: string;
}

/** Refusals: the destination is not one that this application may reach. Each is reported as an event. */
const BLOCKED = {
  "url-invalid": {
    what: "The URL is not one that every parser reads alike.",
    why: "Where two parsers disagree about the host, what was vetted is not what is contacted.",
    fix: "Pass an absolute https URL of at most 8192 characters without spaces, control characters or backslashes.",
  },
  "scheme-refused": {
    what: "The URL is not https.",
    why: "Plain http can be read and redirected by anyone on the way; other schemes reach files and internal protocols.",
    fix: "Use the https address of the service.",
  },
  "userinfo-refused": {
    what: "The URL carries a user name or password.",
    why: "It hides the real host from a reader and puts a credential where URLs are logged.",
    fix: "Remove everything before the @ and send the credential as a header.",
  },
  "host-malformed": {
    what: "The URL's host is no DNS name and no plainly written IP address.",
    why: "Octal, hexadecimal, short, escaped and look-alike spellings exist to slip past lists of hosts.",
    fix: "Write the DNS name, or the address in its usual form.",
  },
  "host-not-listed": {
    what: "The host is not on the list of this outbound().",
    why: "What may be contacted is written down, so that data cannot leave for anywhere else.",
    fix: "Add the host to outbound({ hosts }) if the application is meant to talk to it.",
  },
  "host-not-public": {
    what: "The host is a name of a private network.",
    why: "A URL from a user must not reach services that trust this machine's network.",
    fix: "Use a public name, or an outbound() of its own whose hosts lists this one.",
  },
  "port-refused": {
    what: "The port is not allowed.",
    why: "Databases, mail servers and administration consoles listen on other ports than 443.",
    fix: "Name the port in outbound({ ports }), or with the host as in api.example.com:8443.",
  },
  "address-not-public": {
    what: "The host leads to an address that is not public.",
    why: "Loopback, private, translated and metadata addresses reach services that trust this machine.",
    fix: "If the service is your own and inside, list its range under dangerouslyAllowAddresses and its host in hosts.",
  },
  "redirect-refused": {
    what: "The server redirected, and no further redirect is followed.",
    why: "A redirect lets the contacted server choose the next destination.",
    fix: 'Call the final address, set outbound({ redirects }), or take the response itself with redirect: "manual".',
  },
} as const;

const FAILED = {
  "resolution-failed": {
    what: "The host's name could not be resolved.",
    why: "Nothing is contacted whose address is not known and vetted.",
    fix: "Check the name and this machine's DNS.",
  },
  "connection-failed": {
    what: "The connection failed.",
    why: "The server did not answer, broke off, spoke no HTTP, or its certificate is not valid for the host.",
    fix: "See the error's cause; for a private certificate authority pass outbound({ ca }).",
  },
  "timed-out": {
    what: "The request took too long.",
    why: "A server that answers slowly would otherwise hold memory and sockets for as long as it likes.",
    fix: "Retry later, or raise the time limits of outbound() if the service is known to be slow.",
  },
  "response-too-large": {
    what: "The response is larger than allowed, as sent or once decompressed.",
    why: "A small compressed body can expand until memory is full.",
    fix: "Ask for less, or raise outbound({ maxResponseBytes }).",
  },
  "headers-too-large": {
    what: "The response's headers are larger than allowed.",
    why: "Headers are held in memory whole.",
    fix: "Ask the service's owner, or raise outbound({ maxHeaderBytes }).",
  },
  "encoding-refused": {
    what: "The response's content encoding is neither gzip nor br, or is several at once.",
    why: "Each further decoder multiplies what a small response can expand to.",
    fix: "Leave Accept-Encoding to outbound().",
  },
} as const;

void (BLOCKED satisfies Record<string, Cause>);
void (FAILED satisfies Record<string, Cause>);

export type OutboundBlock = keyof typeof BLOCKED;
export type OutboundFailure = keyof typeof FAILED;

/**
 * An outbound request that was refused or failed. The message is for the developer; it names the host at most, never the rest of the URL. A
 * refusal carries the status 422, so that one that is not caught answers the client without detail.
 */
export class OutboundError extends Error {
  override readonly name = "OutboundError";
  readonly reason: OutboundBlock | OutboundFailure;
  readonly blocked: boolean;
  readonly host: string | undefined;
  readonly status: number | undefined;

  constructor(reason: OutboundBlock | OutboundFailure, host?: string, cause?: unknown) {
    const blocked = reason in BLOCKED;
    const { what, why, fix }: Cause = blocked ? BLOCKED[reason as OutboundBlock] : FAILED[reason as OutboundFailure];
    const whom = host === undefined ? "" : ` (host ${host})`;
    super(`${what.slice(0, -1)}${whom}. ${why} ${fix}`, cause === undefined ? undefined : { cause });
    this.reason = reason;
    this.blocked = blocked;
    this.host = host;
    this.status = blocked ? 422 : undefined;
  }
}

const REASON_OF_CODE: ReadonlyMap<string, OutboundFailure> = new Map([
  ["UND_ERR_HEADERS_OVERFLOW", "headers-too-large"],
  ["HPE_HEADER_OVERFLOW", "headers-too-large"],
  ["UND_ERR_CONNECT_TIMEOUT", "timed-out"],
  ["UND_ERR_HEADERS_TIMEOUT", "timed-out"],
  ["UND_ERR_BODY_TIMEOUT", "timed-out"],
  ["ETIMEDOUT", "timed-out"],
]);

/** What a fault below becomes; an OutboundError, however deep it is wrapped, stays itself. */
export function outboundErrorOf(error: unknown, host: string): OutboundError {
  let inner = error;
  for (let depth = 0; depth < 4 && inner instanceof Error; depth += 1) {
    if (inner instanceof OutboundError) return inner;
    inner = inner.cause;
  }
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return new OutboundError(REASON_OF_CODE.get(code) ?? "connection-failed", host, error);
}
