import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { arrived, interpreted, type HeaderLines } from "../../../../test/support/wire.ts";
import type { Exchange } from "../core/exchange.ts";
import { allowedHosts, type AllowedHostsOptions } from "./allowed-hosts.ts";
import { trustedProxies } from "./trusted-proxies.ts";

const ORIGIN = "https://app.example.com";

const RESOLVE = trustedProxies().resolve;

function request(headers: HeaderLines): Exchange {
  return interpreted(arrived(headers, "192.0.2.1"), RESOLVE);
}

/** What the control says to a Host: `allowed`, or the reason. */
function ask(options: AllowedHostsOptions, host: string | undefined): string {
  const decision = allowedHosts(options).decide?.(request(host === undefined ? [] : [["Host", host]]));
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
      const [first, second] = [1, 2].map(() => control.decide?.(request([["Host", host]])));
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
      const decision = allowedHosts({ origin: ORIGIN }).decide?.(request([["Host", host]]));
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
        const decision = control.decide?.(request([["Host", host]]));
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
    for (const status of [401, 403, 404, 500])
      expect(observe("https://evil.invalid/", status)).toEqual(["allowed-hosts/not-enforced"]);
    expect(observe("https://evil.invalid/", 421)).toEqual([]);
    expect(observe("https://evil_invalid/", 400)).toEqual([]);
    expect(observe("https://app.example.com/", 200)).toEqual([]);
  });
});
