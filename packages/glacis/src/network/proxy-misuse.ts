/** Notices that the declared proxies and the real ones differ. Each detector speaks once per process: a code, and what to change. */
import type { AuditEvent } from "../core/event.ts";
import type { Rule } from "../core/finding.ts";
import { addressScope } from "../primitives/ip.ts";

export const PROXY_UNEXPECTED_HEADER: Rule = {
  id: "trusted-proxy/unexpected-header",
  severity: "warning",
  what: "A peer that is no declared proxy sent a forwarding header.",
  why: "Either a client tries to choose its own address, or there is a proxy that nobody declared and every visitor counts as that proxy.",
  fix: "If it is your proxy, declare its address in proxies; if it is not, nothing needs doing: the header was ignored.",
};
export const PROXY_SHARED_ADDRESS: Rule = {
  id: "trusted-proxy/shared-address",
  severity: "warning",
  what: "Forwarding headers name many clients, and all of them resolve to the same few addresses.",
  why: "A proxy in the chain is not declared, so limits, lockouts and logs take all visitors for one.",
  fix: "Declare every proxy on the way in proxies (or raise hops), and check that header names the header which your edge sets.",
};
export const PROXY_MISSING_HEADER: Rule = {
  id: "trusted-proxy/missing-header",
  severity: "warning",
  what: "A request came from inside without the forwarding header, although proxies are declared.",
  why: "The proxy does not send the header that header names, or something reaches the application around the proxy.",
  fix: "Make the proxy set the header, name the one that it sets, and close the direct way with a firewall rule.",
};

export const PROXY_IDENTITY_HEADER: Rule = {
  id: "trusted-proxy/identity-header",
  severity: "warning",
  what: "A peer that is no declared proxy sent a header that says who it is.",
  why: "Either a client tries to be somebody else, or there is a gateway that nobody declared and whose word is not heard.",
  fix: "If it is your gateway, declare its address in proxies; if your own pages send the header, rename it or change identityHeaders.",
};

/** So many requests with a forwarding header make one window. */
const WINDOW = 1_000;
/** More addresses than this, and visitors are told apart. */
const FEW_CLIENTS = 3;
/** So many different claims per resolved address are no accident. */
const CLAIMS_PER_CLIENT = 8;
const LONGEST_CLAIM = 64;

/**
 * Is shown each request.
 *
 * @param client the address that the request resolved to
 * @param claim a forwarding header that came, as sent; undefined when there was none
 * @param told whether the header came that is asked who the client is
 */
export type WatchProxies = (
  peer: string,
  peerTrusted: boolean,
  client: string,
  claim: string | undefined,
  told: boolean,
) => AuditEvent | undefined;

export interface ProxyMisuse {
  readonly watch: WatchProxies;
  /** Is shown the identity headers that an untrusted peer has sent. @param names lower case, at least one */
  identityClaimed(names: readonly string[]): AuditEvent | undefined;
}

/**
 * Makes the detectors of one process.
 *
 * @param declared whether proxies or hops are declared
 * @returns detectors that are shown each request and answer with an event at most once each; their memory is bounded
 */
export function proxyMisuse(declared: boolean): ProxyMisuse {
  let claimed = false;
  let unexpected = false;
  let shared = false;
  let missing = !declared;
  let requests = 0;
  const clients = new Set<string>();
  const claims = new Set<string>();

  function sharesAddress(client: string, claim: string): boolean {
    requests += 1;
    if (clients.size <= FEW_CLIENTS) clients.add(client);
    if (claims.size < FEW_CLIENTS * CLAIMS_PER_CLIENT) claims.add(firstClaim(claim));
    if (requests < WINDOW) return false;
    const suspicious = clients.size <= FEW_CLIENTS && claims.size >= clients.size * CLAIMS_PER_CLIENT;
    requests = 0;
    clients.clear();
    claims.clear();
    return suspicious;
  }

  const watch: WatchProxies = (peer, peerTrusted, client, claim, told) => {
    // A proxy that says other things, such as the scheme, has still not said who the client is.
    if (!missing && !told && (peerTrusted || (claim === undefined && addressScope(peer) === "private"))) {
      missing = true;
      return sighted(PROXY_MISSING_HEADER, "proxy.header_missing");
    }
    if (claim === undefined) return undefined;
    if (!shared && sharesAddress(client, claim)) {
      shared = true;
      return sighted(PROXY_SHARED_ADDRESS, "proxy.address_shared");
    }
    if (unexpected || peerTrusted) return undefined;
    unexpected = true;
    return sighted(PROXY_UNEXPECTED_HEADER, "proxy.header_unexpected");
  };

  return {
    watch,
    identityClaimed(names) {
      if (claimed) return undefined;
      claimed = true;
      return sighted(PROXY_IDENTITY_HEADER, "proxy.identity_header_dropped", names[0]);
    },
  };
}

/** The leftmost part names the client as the outermost proxy, or the client itself, would have it. */
function firstClaim(claim: string): string {
  const comma = claim.indexOf(",");
  return claim.slice(0, Math.min(LONGEST_CLAIM, comma === -1 ? claim.length : comma));
}

type ProxyEvent =
  | "proxy.header_missing"
  | "proxy.header_unexpected"
  | "proxy.address_shared"
  | "proxy.identity_header_dropped";

function sighted(rule: Rule, event: ProxyEvent, header?: string): AuditEvent {
  return {
    event_type: "config",
    status: "observed",
    severity: "warning",
    event,
    control: "trusted-proxy",
    detail: `${rule.id}${header === undefined ? "" : ` (${header.slice(0, LONGEST_CLAIM)})`}: ${rule.fix}`,
  };
}
