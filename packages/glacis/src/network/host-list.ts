/** The list of hosts that an application answers for, compiled to look-ups. */
import type { Host } from "../core/facts.ts";
import { parseConfiguredAuthority } from "../primitives/authority.ts";

/** An entry as it was understood. A suffix covers the name itself and every name below it. */
export interface HostEntry {
  readonly text: string;
  readonly hostname: string;
  readonly suffix: boolean;
  /** The one port, or the ports that a scheme implies, or any. */
  readonly port: number | "default" | "any";
}

/**
 * Reads one entry: `app.example.com`, `.example.com`, `app.example.com:8443`, `app.example.com:*`, `[2001:db8::1]`, `büro.example`.
 *
 * @throws TypeError for what is no host, and for wildcards, with what to write instead
 */
export function parseHostEntry(text: string): HostEntry {
  const suffix = text.startsWith(".");
  const anyPort = text.endsWith(":*");
  const body = text.slice(suffix ? 1 : 0, anyPort ? -2 : undefined);
  if (text === "*" || text === ".") {
    throw new TypeError(
      `allowedHosts() cannot allow every host: links, caches and the tenant of a subdomain would follow whatever a client sends. ` +
        `Name each host, or ".example.com" for a domain of your own with everything below it.`,
    );
  }
  if (body.includes("*")) {
    throw new TypeError(
      `allowedHosts() knows no wildcard inside "${text}". Write ".example.com" for the name and every name below it.`,
    );
  }
  if (body.includes("/")) throw new TypeError(`allowedHosts() takes hosts, not URLs: write "${hostOfUrl(body)}".`);
  const host = parseConfiguredAuthority(body);
  if (host === undefined || (anyPort && host.port !== undefined) || (suffix && isAddressLiteral(host.hostname))) {
    throw new TypeError(
      `allowedHosts() cannot read the host "${text}". Write it like "app.example.com", ".example.com", "app.example.com:8443" or "[2001:db8::1]".`,
    );
  }
  return { text, hostname: host.hostname, suffix, port: anyPort ? "any" : (host.port ?? "default") };
}

function hostOfUrl(text: string): string {
  return text.replace(/^[a-z]*:?\/\//iu, "").split("/")[0] ?? "app.example.com";
}

/** An IPv4 address or a bracketed IPv6 address. The last label of a name is never a number: `parseAuthority` refuses that. */
export function isAddressLiteral(hostname: string): boolean {
  return hostname.startsWith("[") || /\.\d+$/u.test(hostname);
}

/**
 * Compiles entries to a predicate. A name is looked up whole, then each of its parent domains among the suffixes: the cost grows with the number of
 * labels, not of entries.
 */
export function hostMatcher(entries: readonly HostEntry[]): (host: Host) => boolean {
  const exact = new Map<string, HostEntry["port"][]>();
  const suffixes = new Map<string, HostEntry["port"][]>();
  for (const { hostname, suffix, port } of entries) {
    const table = suffix ? suffixes : exact;
    table.set(hostname, [...(table.get(hostname) ?? []), port]);
  }
  return (host) => {
    if (permits(exact.get(host.hostname), host.port)) return true;
    if (suffixes.size === 0) return false;
    let name = host.hostname;
    for (;;) {
      if (permits(suffixes.get(name), host.port)) return true;
      const dot = name.indexOf(".");
      if (dot === -1) return false;
      name = name.slice(dot + 1);
    }
  };
}

function permits(ports: readonly HostEntry["port"][] | undefined, port: number | undefined): boolean {
  if (ports === undefined) return false;
  const implied = port === undefined || port === 80 || port === 443;
  return ports.some((allowed) => allowed === "any" || allowed === port || (allowed === "default" && implied));
}
