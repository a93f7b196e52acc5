/** Is the declaration of the proxies fit for production? The judgement behind `trusted-proxies.ts`. */
import type { Deployment } from "../core/control.ts";
import { finding, type Finding, type Location, type Rule } from "../core/finding.ts";
import type { AddressRange } from "../primitives/ip.ts";
import {
  PROXY_IDENTITY_HEADER,
  PROXY_MISSING_HEADER,
  PROXY_SHARED_ADDRESS,
  PROXY_UNEXPECTED_HEADER,
} from "./proxy-misuse.ts";

export const PROXY_TOO_WIDE: Rule = {
  id: "trusted-proxy/too-wide",
  severity: "error",
  what: "A range of trusted proxies is wider than any network of proxies.",
  why: "Whoever has an address in it chooses the client address that limits, lockouts and logs go by.",
  fix: "Name the subnets of the load balancers, or the ranges that your CDN publishes.",
};
export const PROXY_HOPS_ONLY: Rule = {
  id: "trusted-proxy/hops-only",
  severity: "warning",
  what: "Proxies are counted, not named.",
  why: "A count cannot tell a request that came through the proxies from one that went around them with a forged header.",
  fix: "Declare proxies by address range. If you cannot, make sure that only the proxy can reach this port.",
};
export const PROXY_FORWARDED_HOST: Rule = {
  id: "trusted-proxy/forwarded-host",
  severity: "note",
  what: "The host that a proxy forwards replaces the Host header.",
  why: "A proxy that passes X-Forwarded-Host through instead of setting it lets the client name the host.",
  fix: "Prefer a proxy that passes Host on, and turn forwardedHost off; or make sure that the proxy overwrites the header.",
};
export const PROXY_PLATFORM_UNDECLARED: Rule = {
  id: "trusted-proxy/platform-undeclared",
  severity: "error",
  what: "This platform always puts a proxy in front, and none is declared.",
  why: "Every visitor has the proxy's address, so one of them uses up the limits of all, and every request counts as plain http.",
  fix: "Declare proxies, or hops: 1 with the header that the platform documents.",
};

export const PROXY_RULES: readonly Rule[] = [
  PROXY_TOO_WIDE,
  PROXY_HOPS_ONLY,
  PROXY_FORWARDED_HOST,
  PROXY_PLATFORM_UNDECLARED,
  PROXY_UNEXPECTED_HEADER,
  PROXY_SHARED_ADDRESS,
  PROXY_MISSING_HEADER,
  PROXY_IDENTITY_HEADER,
];

/** Variables that a platform sets where its own router terminates every connection. */
const PLATFORM_VARIABLES = [
  "DYNO",
  "FLY_APP_NAME",
  "K_SERVICE",
  "RENDER",
  "RAILWAY_ENVIRONMENT",
  "WEBSITE_INSTANCE_ID",
];

/** 10.0.0.0/8 is the widest private network of IPv4; providers announce IPv6 by the /29 at the widest, and fc00::/7 is all private. */
const NARROWEST_TOO_WIDE = { 4: 7, 6: 28 } as const;

export interface ProxyPosture {
  readonly ranges: readonly AddressRange[];
  readonly hops: number;
  readonly header: string;
  readonly forwardedHost: boolean;
}

export function assessProxies(posture: ProxyPosture, { mode, variables }: Deployment): readonly Finding[] {
  const at = (name: string): Location => ({ kind: "setting", name });
  const findings = posture.ranges.filter(isTooWide).map(({ text }) => finding(PROXY_TOO_WIDE, at("proxies"), text));
  if (posture.hops > 0) findings.push(finding(PROXY_HOPS_ONLY, at("hops"), String(posture.hops)));
  if (posture.forwardedHost) findings.push(finding(PROXY_FORWARDED_HOST, at("forwardedHost")));
  const platform = PLATFORM_VARIABLES.find((name) => variables.has(name));
  if (mode === "production" && platform !== undefined && posture.ranges.length === 0 && posture.hops === 0) {
    findings.push(finding(PROXY_PLATFORM_UNDECLARED, { kind: "environment", name: platform }));
  }
  return findings;
}

function isTooWide({ family, prefixLength, text }: AddressRange): boolean {
  return prefixLength <= NARROWEST_TOO_WIDE[family] && !/^f[cd]/u.test(text);
}
