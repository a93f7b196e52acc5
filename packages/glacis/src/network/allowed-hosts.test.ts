import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { loadVectors } from "../../../../test/support/vectors.ts";
import { Exchange } from "../core/exchange.ts";
import { parseAuthority } from "../primitives/authority.ts";
import { parseCookieHeader } from "../primitives/cookie-header.ts";
import { systemSources } from "../primitives/sources.ts";
import { allowedHosts, type AllowedHostsOptions } from "./allowed-hosts.ts";
import { hostMatcher, parseHostEntry } from "./host-list.ts";
import { trustedProxies, type TrustedProxiesOptions } from "./trusted-proxies.ts";

const ORIGIN = "https://app.example.com";
const PROXY = "10.0.0.1";
const SOURCES = systemSources();

/** A request as it arrived, interpreted by the real resolver. */
function request(headers: readonly string[], proxies: TrustedProxiesOptions = {}, encrypted = true): Exchange {
  const { resolve } = trustedProxies(proxies);
  const wire = { method: "GET", target: "/", httpVersion: "1.1", rawHeaders: headers, peerAddress: PROXY, encrypted };
  return new Exchange(wire, { sources: SOURCES, resolve, parseCookies: parseCookieHeader });
}

/** What the control says to a Host: `allowed`, or the reason. */
function ask(options: AllowedHostsOptions, host: string | undefined): string {
  const decision = allowedHosts(options).decide?.(request(host === undefined ? [] : ["Host", host]));
  if (decision === undefined || decision instanceof Promise) throw new Error("The control must decide at once.");
  return decision.kind === "deny" ? decision.reason : decision.kind;
}

describe("allowedHosts", () => {
  const hosts = [
    "app.example.com",
    ".tenants.example.com",
    "admin.example.com:8443",
    "any.example.com:*",
    "büro.example",
  ];

  it.each([
    ["app.example.com", "allow"],
    ["APP.example.com", "allow"],
    ["app.example.com.", "allow"],
    ["app.example.com:443", "allow"],
    ["app.example.com:80", "allow"],
    ["app.example.com:8080", "host_not_allowed"],
    ["tenants.example.com", "allow"],
    ["acme.tenants.example.com", "allow"],
    ["a.b.tenants.example.com", "allow"],
    ["eviltenants.example.com", "host_not_allowed"],
    ["tenants.example.com.evil.example", "host_not_allowed"],
    ["admin.example.com:8443", "allow"],
    ["admin.example.com", "host_not_allowed"],
    ["any.example.com:1", "allow"],
    ["xn--bro-hoa.example", "allow"],
    ["evil.invalid", "host_not_allowed"],
    ["localhost", "host_not_allowed"],
    ["127.0.0.1", "host_not_allowed"],
    ["büro.example", "host_malformed"],
    ["app.example.com@evil.invalid", "host_malformed"],
    ["app.example.com, evil.invalid", "host_malformed"],
    ["", "host_malformed"],
    [undefined, "host_malformed"],
  ])("answers %s with %s", (host, outcome) => expect(ask({ origin: ORIGIN, hosts }, host)).toBe(outcome));

  it("says the same the second time, when it remembers", () => {
    const control = allowedHosts({ origin: ORIGIN, hosts });
    for (const host of ["app.example.com", "evil.invalid", "bad_host"]) {
      const [first, second] = [1, 2].map(() => control.decide?.(request(["Host", host])));
      expect(second).toEqual(first);
    }
  });

  it("allows the origin's host alone when no list is given", () => {
    const origin = "https://app.example.com:8443";
    expect(ask({ origin }, "app.example.com:8443")).toBe("allow");
    expect(ask({ origin }, "app.example.com")).toBe("host_not_allowed");
    expect(ask({ origin }, "www.app.example.com:8443")).toBe("host_not_allowed");
  });

  it("adds the names of the own machine in development, and only there", () => {
    for (const host of ["localhost:3000", "acme.localhost:3000", "127.0.0.1:5173", "[::1]:8080"]) {
      expect(ask({ origin: ORIGIN, mode: "development" }, host)).toBe("allow");
      expect(ask({ origin: ORIGIN, mode: "test" }, host)).toBe("host_not_allowed");
      expect(ask({ origin: ORIGIN }, host)).toBe("host_not_allowed");
    }
    expect(ask({ origin: ORIGIN, mode: "development" }, "0.0.0.0")).toBe("host_not_allowed");
    expect(ask({ origin: ORIGIN, mode: "development" }, "localhost.evil.invalid")).toBe("host_not_allowed");
  });

  it("reflects nothing of what the client sent, in no member of the refusal", () => {
    for (const host of ["evil.invalid", "evil_invalid"]) {
      const decision = allowedHosts({ origin: ORIGIN }).decide?.(request(["Host", host]));
      expect(decision).toMatchObject({ kind: "deny", events: [{ event: "http.host_rejected", status: "refused" }] });
      expect(JSON.stringify(decision)).not.toContain("evil");
    }
  });

  it.each([
    [{ origin: ORIGIN, hosts: ["*"] }, /cannot allow every host/u],
    [{ origin: ORIGIN, hosts: ["."] }, /cannot allow every host/u],
    [{ origin: ORIGIN, hosts: ["*.example.com"] }, /Write ".example.com"/u],
    [{ origin: ORIGIN, hosts: ["https://app.example.com/x"] }, /not URLs: write "app.example.com"/u],
    [{ origin: ORIGIN, hosts: [""] }, /cannot read the host/u],
    [{ origin: ORIGIN, hosts: ["a_b.example"] }, /cannot read the host/u],
    [{ origin: ORIGIN, hosts: ["::1"] }, /cannot read the host/u],
    [{ origin: ORIGIN, hosts: [".127.0.0.1"] }, /cannot read the host/u],
    [{ origin: ORIGIN, hosts: ["a.example:80:*"] }, /cannot read the host/u],
    [{ origin: ORIGIN, host: ["a"] }, /Did you mean "hosts"/u],
    [{ origin: "app.example.com" }, /origin takes origins such as/u],
    [{ origin: "https://app.example.com/path" }, /origin takes origins/u],
  ])("refuses %j at construction", (options, message) => {
    expect(() => allowedHosts(options as AllowedHostsOptions)).toThrow(message);
  });

  it("refuses every host that is not on the list", () => {
    const control = allowedHosts({ origin: ORIGIN, hosts: ["app.example.com", ".tenants.example.com"] });
    const near = fc.stringMatching(/^[a-z.]{0,8}(?:app|tenants)?[.]?example[.]com[.:0-9a-z]{0,6}$/u);
    fc.assert(
      fc.property(fc.oneof(near, fc.domain(), fc.webAuthority(), fc.string({ unit: "binary" })), (host) => {
        const decision = control.decide?.(request(["Host", host]));
        // Written from the rule's words, not from the code: a name, perhaps a final dot, perhaps one of the two ports.
        const listed = /^(?:app|(?:(?!-)[a-z0-9-]{1,63}(?<!-)\.)*tenants)\.example\.com\.?(?::0*(?:80|443))?$/iu.test(
          host,
        );
        expect(decision).toMatchObject({ kind: listed && host.length <= 260 ? "allow" : "deny" });
      }),
      { numRuns: 5_000 },
    );
  });
});

describe("the check of allowed hosts", () => {
  const production = {
    mode: "production",
    nodeVersion: "22.0.0",
    variables: new Map(),
    nodeOptions: [],
    nowMs: 0,
  } as const;
  const found = (options: AllowedHostsOptions, mode: "production" | "development" = "production"): readonly string[] =>
    allowedHosts(options)
      .check({ ...production, mode })
      .map(({ rule }) => rule.id);

  it.each<[readonly string[], readonly string[]]>([
    [["app.example.com"], []],
    [["app.example.com", ".tenants.example.com"], []],
    [[".example.com"], []],
    [[], ["allowed-hosts/empty"]],
    [["www.example.com"], ["allowed-hosts/origin-missing"]],
    [["app.example.com:8443"], ["allowed-hosts/origin-missing"]],
    [["app.example.com", "192.0.2.7"], ["allowed-hosts/address-literal"]],
    [["app.example.com", "[2001:db8::1]"], ["allowed-hosts/address-literal"]],
    [["app.example.com", "localhost"], ["allowed-hosts/local-name"]],
    [["app.example.com", "127.0.0.1"], ["allowed-hosts/local-name"]],
    [["app.example.com", ".com"], ["allowed-hosts/bare-suffix"]],
    [["app.example.com", ".co.uk"], ["allowed-hosts/bare-suffix"]],
    [["app.example.com", ".herokuapp.com"], ["allowed-hosts/bare-suffix"]],
    [["app.example.com:*"], ["allowed-hosts/any-port"]],
  ])("finds in %j: %j", (hosts, rules) => expect(found({ origin: ORIGIN, hosts })).toEqual(rules));

  it("lets development use what production must not", () => {
    expect(found({ origin: "http://localhost:3000", mode: "development" }, "development")).toEqual([]);
    expect(found({ origin: "http://app.example.com" })).toEqual(["allowed-hosts/origin-insecure"]);
  });

  it("carries Django's check for an empty list", () => {
    const [first] = allowedHosts({ origin: ORIGIN, hosts: [] }).check(production);
    expect(first?.rule.django).toEqual(["security.W020"]);
  });

  it("observes that another host was answered, and is content with a refusal", () => {
    const observe = (url: string, status: number): readonly string[] =>
      allowedHosts({ origin: ORIGIN })
        .observe?.({ url, scheme: "https", status, headers: [] })
        .map(({ rule }) => rule.id) ?? [];
    expect(observe("https://evil.invalid/", 200)).toEqual(["allowed-hosts/not-enforced"]);
    expect(observe("https://evil.invalid/", 302)).toEqual(["allowed-hosts/not-enforced"]);
    expect(observe("https://evil.invalid/", 421)).toEqual([]);
    expect(observe("https://evil_invalid/", 400)).toEqual([]);
    expect(observe("https://app.example.com/", 200)).toEqual([]);
  });
});

interface HostCase {
  readonly id: string;
  readonly fn?: "split_domain_port" | "is_same_domain" | "scheme";
  readonly allowed_hosts?: readonly string[];
  readonly debug?: boolean;
  readonly use_x_forwarded_host?: boolean;
  readonly http_host?: string;
  readonly x_forwarded_host?: string;
  readonly accepted?: boolean;
  readonly why?: "invalid_syntax" | "not_allowed";
  readonly host?: string;
  readonly domain?: string;
  readonly port?: string;
  readonly pattern?: string;
  readonly match?: boolean;
  readonly secure_proxy_ssl_header?: readonly [string, string] | null;
  readonly header_value?: string | null;
  readonly transport_scheme?: "http" | "https";
  readonly scheme?: string;
}

const NO_HOST = "A request without Host is refused; there is no server name to fall back on.";
const STRICTER_NAME =
  "Empty labels, outer hyphens and over-long labels are no host name: refused as malformed, not as unlisted.";
const FIRST_PROTO = "The first element is the client's own word; what counts is the last, by the hop next to us.";

/** Where we answer otherwise on purpose. Each entry is checked to differ, so that the table cannot outlive its reason. */
const DEVIATIONS: Readonly<Record<string, string>> = {
  "hosts-021": NO_HOST,
  "hosts-045": NO_HOST,
  "hosts-193": NO_HOST,
  "hosts-194": NO_HOST,
  "hosts-042": STRICTER_NAME,
  "hosts-087": STRICTER_NAME,
  "hosts-109": STRICTER_NAME,
  "hosts-115": STRICTER_NAME,
  "hosts-124": STRICTER_NAME,
  "hosts-133": STRICTER_NAME,
  "hosts-226": STRICTER_NAME,
  "hosts-116": "A character outside ASCII is malformed before any folding, not unlisted after it.",
  "hosts-170": "A short spelling of IPv4 is malformed, not merely unlisted.",
  "hosts-146": "An entry may name a port, and then that port is allowed.",
  "hosts-150": "A trailing dot in an entry means what it means in a Host header: the same name.",
  "hosts-151": "A trailing dot in an entry means what it means in a Host header: the same name.",
  "hosts-156": "IPv6 literals are compared as addresses, not as text.",
  "hosts-233": "IPv6 literals are canonical.",
  "hosts-234": "IPv6 literals are canonical.",
  "hosts-235": "IPv6 literals are canonical.",
  "hosts-236": "IPv6 literals are canonical.",
  "hosts-257": "Hosts have no case.",
  "hosts-265": "There is no empty host.",
  "hosts-274": "A declared proxy that does not state the scheme leaves it unknown, and unknown is insecure.",
  "hosts-277": FIRST_PROTO,
  "hosts-279": FIRST_PROTO,
  "hosts-283": "One header states the scheme, X-Forwarded-Proto or Forwarded; X-Forwarded-Ssl is not read.",
};

const vectors = loadVectors<HostCase>("hosts");

describe.skipIf(vectors === undefined)("recorded hosts", () => {
  const cases = vectors?.cases ?? [];

  it.each(cases.filter(({ id }) => !(id in DEVIATIONS)))("$id", (entry) => {
    expect(ours(entry)).toEqual(theirs(entry));
  });

  it("deviates only where the table says so, and there indeed", () => {
    for (const entry of cases.filter(({ id }) => id in DEVIATIONS))
      expect(ours(entry), entry.id).not.toEqual(theirs(entry));
  });
});

function theirs(entry: HostCase): unknown {
  switch (entry.fn) {
    case "split_domain_port":
      return { domain: entry.domain, port: entry.port };
    case "is_same_domain":
      return entry.match;
    case "scheme":
      return entry.scheme;
    default:
      return entry.accepted === true ? "accepted" : entry.why;
  }
}

function ours(entry: HostCase): unknown {
  switch (entry.fn) {
    case "split_domain_port": {
      const host = parseAuthority(entry.host ?? "");
      return { domain: host?.hostname ?? "", port: host?.port === undefined ? "" : String(host.port) };
    }
    case "is_same_domain":
      return samePattern(entry.host ?? "", entry.pattern ?? "");
    case "scheme":
      return schemeOf(entry);
    default:
      return hostOutcome(entry);
  }
}

function samePattern(raw: string, pattern: string): boolean {
  const host = parseAuthority(raw);
  try {
    return host !== undefined && hostMatcher([parseHostEntry(pattern)])(host);
  } catch {
    return false;
  }
}

function schemeOf({ secure_proxy_ssl_header: declared, header_value: value, transport_scheme }: HostCase): string {
  const name = declared?.[0].replace(/^HTTP_/u, "").replaceAll("_", "-") ?? "X-Forwarded-Proto";
  const headers = ["Host", "app.example.com", ...(typeof value === "string" ? [name, value] : [])];
  return request(headers, declared ? { proxies: [PROXY] } : {}, transport_scheme === "https").scheme;
}

/** Their entries mean any port; their `*` is judged by syntax alone, because ours cannot say it; an entry that we cannot read allows nothing. */
function hostOutcome(entry: HostCase): string | undefined {
  const headers = [
    ...(entry.http_host === undefined ? [] : ["Host", entry.http_host]),
    ...(entry.x_forwarded_host === undefined ? [] : ["X-Forwarded-Host", entry.x_forwarded_host]),
  ];
  const forwardedHost = entry.use_x_forwarded_host === true;
  const facts = request(headers, forwardedHost ? { proxies: [PROXY], forwardedHost } : {});
  const allowed = entry.allowed_hosts ?? [];
  if (allowed.includes("*")) return parseAuthority(facts.authority ?? "") === undefined ? "invalid_syntax" : "accepted";
  const hosts = allowed.flatMap((text) => {
    const anyPort = /:\d+$/u.test(text.replace(/\[.*\]/u, "")) ? text : `${text}:*`;
    try {
      return parseHostEntry(anyPort) === undefined ? [] : [anyPort];
    } catch {
      return [];
    }
  });
  const mode = entry.debug === true && allowed.length === 0 ? "development" : "production";
  const decision = allowedHosts({ origin: ORIGIN, hosts, mode }).decide?.(facts);
  if (decision === undefined || decision instanceof Promise || decision.kind !== "deny") return "accepted";
  return decision.reason === "host_malformed" ? "invalid_syntax" : "not_allowed";
}
