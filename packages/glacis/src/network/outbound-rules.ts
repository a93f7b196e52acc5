import type { ControlMeta } from "../core/control.ts";
import type { Rule } from "../core/finding.ts";

export const META: ControlMeta = {
  id: "ssrf-guard",
  title: "Outbound requests go to vetted addresses of allowed hosts",
  layer: "network",
  guide: ["A10"],
  owasp2021: ["A10"],
  owasp2025: ["A01"],
  asvs: ["v5.0.0-1.3.6", "v5.0.0-15.3.2", "v5.0.0-13.2.4", "v5.0.0-4.2.5"],
  cwe: ["CWE-918", "CWE-441", "CWE-923"],
};

export const OUTBOUND_PRIVATE_FOR_USERS: Rule = {
  id: "ssrf-guard/private-for-users",
  severity: "error",
  what: "URLs from anywhere may reach private addresses.",
  why: "Any public name can be pointed at the allowed range, and whoever owns such a name chooses what your server calls inside.",
  fix: "Remove dangerouslyAllowAddresses from the outbound() that is public-only; give internal services one of their own that lists their hosts.",
};
export const OUTBOUND_PRIVATE: Rule = {
  id: "ssrf-guard/private-addresses",
  severity: "warning",
  what: "Private addresses may be contacted.",
  why: "Whoever controls the DNS of a listed host reaches every service in the range.",
  fix: "Narrow the range to the addresses of the service, or remove dangerouslyAllowAddresses; waive this with the service's name if it is meant.",
};
export const OUTBOUND_PROXY_BYPASSED: Rule = {
  id: "ssrf-guard/proxy-bypassed",
  severity: "warning",
  what: "The environment names an egress proxy, and requests go past it.",
  why: "The proxy is where the network's own rules about destinations are kept and logged.",
  fix: "Unset the proxy variables where no proxy is meant, or waive this once the network itself lets only these hosts through.",
};
export const OUTBOUND_ANY_HOST: Rule = {
  id: "ssrf-guard/any-host",
  severity: "note",
  what: "Any public host may be contacted.",
  why: "It is needed for links that users give; for everything else a list of hosts keeps data from leaving for elsewhere.",
  fix: "Use public-only for users' URLs alone, and an outbound({ hosts: [...] }) for each service that you call.",
};

export const OUTBOUND_RULES: readonly Rule[] = [
  OUTBOUND_PRIVATE_FOR_USERS,
  OUTBOUND_PRIVATE,
  OUTBOUND_PROXY_BYPASSED,
  OUTBOUND_ANY_HOST,
];
