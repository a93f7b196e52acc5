import { describe, expect, it } from "vitest";
import { arrived, interpreted, type HeaderLines } from "../../../../test/support/wire.ts";
import type { Decision } from "../core/decision.ts";
import type { AuditEvent } from "../core/event.ts";
import type { Origination } from "../core/facts.ts";
import { trustedProxies, type TrustedProxies, type TrustedProxiesOptions } from "./trusted-proxies.ts";

const PROXY = "10.0.0.1";
const BEHIND: TrustedProxiesOptions = { proxies: ["10.0.0.0/8"] };

const HOST = ["Host", "app.example.com"] as const;

function resolve(options: TrustedProxiesOptions, headers: HeaderLines, peer = PROXY, encrypted = false): Origination {
  return trustedProxies(options).resolve(arrived([HOST, ...headers], peer, encrypted));
}

/** Sends a request through both halves, and returns the events of the control. */
function events(
  { resolve: resolver, control }: TrustedProxies,
  headers: HeaderLines,
  peer = PROXY,
): readonly AuditEvent[] {
  const decision = control.decide?.(interpreted(arrived(headers, peer), resolver));
  if (decision === undefined || decision instanceof Promise || decision.kind !== "allow")
    throw new Error("It must allow.");
  return decision.events;
}

const faults = (options: TrustedProxiesOptions, headers: HeaderLines): readonly (string | undefined)[] =>
  events(trustedProxies(options), headers)
    .filter(({ event }) => event === "proxy.header_invalid")
    .map(({ detail }) => detail);

describe("a chain at its bounds", () => {
  const forwarded: TrustedProxiesOptions = { ...BEHIND, header: "forwarded" };
  const entries = (count: number, entry: string): string => Array<string>(count).fill(entry).join(",");

  it("has sixty-four entries and 4096 bytes, with the separators of its lines", () => {
    expect(faults(BEHIND, [["X-Forwarded-For", entries(64, "203.0.113.7")]])).toEqual([]);
    expect(faults(BEHIND, [["X-Forwarded-For", "203.0.113.7".padStart(4095)]])).toEqual([]);
    expect(faults(BEHIND, [["X-Forwarded-For", "203.0.113.7".padStart(4096)]])).toEqual(["chain-too-long"]);
    expect(faults(forwarded, [["Forwarded", entries(64, "for=203.0.113.7")]])).toEqual([]);
    expect(faults(forwarded, [["Forwarded", entries(65, "for=203.0.113.7")]])).toEqual(["chain-too-long"]);
  });

  it("is believed in no part once one of its lines is malformed", () => {
    const lines: HeaderLines = [
      ["Forwarded", 'for="203.0.113.7'],
      ["Forwarded", "for=203.0.113.9"],
    ];
    expect(faults(forwarded, lines)).toEqual(["chain-malformed"]);
    expect(resolve(forwarded, lines)).toMatchObject({ client: PROXY, clientUnknown: true });
  });
});

describe("what is told of a chain", () => {
  it("is told to the request that brought it, once, and of at most sixty-four that never arrive", () => {
    const { resolve: resolver, control } = trustedProxies(BEHIND);
    const broken = (): ReturnType<typeof interpreted> =>
      interpreted(arrived([HOST, ["X-Forwarded-For", "nobody"]], PROXY), resolver);
    function told(facts: ReturnType<typeof interpreted>): number {
      const decision = control.decide?.(facts) as Decision;
      return decision.events.length;
    }
    const [one, other] = [broken(), broken()];
    expect([told(other), told(other), told(one), told(one)]).toEqual([1, 0, 1, 0]);
    const first = broken();
    const waiting = Array.from({ length: 64 }, broken);
    expect([told(first), ...waiting.map(told)]).toEqual([0, ...waiting.map(() => 1)]);
  });
});

describe("trustedProxies without proxies", () => {
  it("believes the socket and the Host header alone, whatever the headers say", () => {
    const lies: HeaderLines = [
      ["X-Forwarded-For", "203.0.113.7"],
      ["X-Forwarded-Proto", "https"],
      ["X-Forwarded-Host", "evil.invalid"],
      ["Forwarded", "for=203.0.113.7;proto=https;host=evil.invalid"],
      ["X-Real-IP", "203.0.113.7"],
      ["CF-Connecting-IP", "203.0.113.7"],
    ];
    expect(resolve({}, lies, "198.51.100.1")).toEqual({
      client: "198.51.100.1",
      scheme: "http",
      authority: "app.example.com",
    });
    expect(resolve({}, lies, "198.51.100.1", true).scheme).toBe("https");
    expect(resolve({ hops: 0 }, lies, "198.51.100.1").client).toBe("198.51.100.1");
    expect(resolve({ proxies: [] }, lies, "198.51.100.1").client).toBe("198.51.100.1");
    expect(resolve({ ...BEHIND, forwardedHost: true }, lies, "198.51.100.1")).toMatchObject({
      client: "198.51.100.1",
      scheme: "http",
      authority: "app.example.com",
    });
  });

  it.each([
    ["::ffff:198.51.100.1", "198.51.100.1"],
    ["2001:DB8::0:1", "2001:db8::1"],
    ["fe80::1%eth0", "fe80::1"],
    ["", ""],
  ])("writes the peer %j canonically", (peer, client) => expect(resolve({}, [], peer).client).toBe(client));
});

describe("trustedProxies with ranges", () => {
  it("drops what a stranger beside the declared proxies says about who it is, and nothing that a proxy says", () => {
    expect(resolve(BEHIND, [["X-User-Id", "1"]], "198.51.100.1").dropped).toEqual(["x-user-id"]);
    expect(resolve(BEHIND, [["X-User-Id", "1"]]).dropped).toBeUndefined();
  });

  it.each<[string, HeaderLines, string]>([
    ["one entry", [["X-Forwarded-For", "203.0.113.7"]], "203.0.113.7"],
    ["the rightmost stranger", [["X-Forwarded-For", "1.1.1.1, 203.0.113.7"]], "203.0.113.7"],
    ["past our own proxies", [["X-Forwarded-For", "1.1.1.1, 203.0.113.7, 10.1.1.1, 10.2.2.2"]], "203.0.113.7"],
    ["a mapped proxy", [["X-Forwarded-For", "203.0.113.7, ::ffff:10.1.1.1"]], "203.0.113.7"],
    [
      "several lines in order",
      [
        ["X-Forwarded-For", "1.1.1.1"],
        ["x-forwarded-for", "203.0.113.7"],
      ],
      "203.0.113.7",
    ],
    [
      "a line of its own by the proxy",
      [
        ["X-Forwarded-For", '1.1.1.1, "'],
        ["X-Forwarded-For", "203.0.113.7"],
      ],
      "203.0.113.7",
    ],
    ["a port", [["X-Forwarded-For", "203.0.113.7:41000"]], "203.0.113.7"],
    ["IPv6 with a port", [["X-Forwarded-For", "[2001:db8::1]:443"]], "2001:db8::1"],
    ["bare IPv6", [["X-Forwarded-For", "2001:DB8:0::1"]], "2001:db8::1"],
    ["a zone", [["X-Forwarded-For", "fe80::1%eth0"]], "fe80::1"],
    ["garbage that nobody trusted wrote", [["X-Forwarded-For", "unknown, <script>, 203.0.113.7"]], "203.0.113.7"],
    ["empty elements", [["X-Forwarded-For", ", 203.0.113.7, ,"]], "203.0.113.7"],
    ["proxies alone: where the chain began", [["X-Forwarded-For", "10.3.3.3, 10.2.2.2"]], "10.3.3.3"],
    ["no header: the peer", [], PROXY],
  ])("reads %s", (_, headers, client) => expect(resolve(BEHIND, headers).client).toBe(client));

  it.each<[string, HeaderLines, string]>([
    ["a name", [["X-Forwarded-For", "203.0.113.7, localhost"]], "address-malformed"],
    ["octal", [["X-Forwarded-For", "0177.0.0.1"]], "address-malformed"],
    ["unknown", [["X-Forwarded-For", "unknown"]], "address-malformed"],
    ["a quote", [["X-Forwarded-For", '"203.0.113.7"']], "address-malformed"],
    ["markup", [["X-Forwarded-For", "<script>alert(1)</script>"]], "address-malformed"],
    ["nothing", [["X-Forwarded-For", " , "]], "chain-malformed"],
    ["an empty line", [["X-Forwarded-For", ""]], "chain-malformed"],
    ["sixty-five entries", [["X-Forwarded-For", `${"1.1.1.1,".repeat(64)}203.0.113.7`]], "chain-too-long"],
    ["five thousand bytes", [["X-Forwarded-For", `${" ".repeat(5_000)}203.0.113.7`]], "chain-too-long"],
    [
      "five thousand bytes over lines",
      Array.from({ length: 400 }, () => ["X-Forwarded-For", "203.0.113.7"] as const),
      "chain-too-long",
    ],
  ])("does not believe %s: the peer counts, and an event says so", (_, headers, fault) => {
    expect(resolve(BEHIND, headers)).toMatchObject({ client: PROXY, clientUnknown: true });
    expect(faults(BEHIND, headers)).toEqual([fault]);
  });

  it("still reads fifty hops", () => {
    const hops = Array.from({ length: 49 }, (_, index) => `10.9.9.${index}`).join(", ");
    expect(resolve(BEHIND, [["X-Forwarded-For", `203.0.113.7, ${hops}`]]).client).toBe("203.0.113.7");
  });

  it("writes nothing of a malformed header into the event", () => {
    const [event] = events(trustedProxies(BEHIND), [["X-Forwarded-For", "<script>"]]);
    expect(event).toMatchObject({ event: "proxy.header_invalid", status: "observed", control: "trusted-proxy" });
    expect(JSON.stringify(event)).not.toContain("script");
  });
});

describe("the scheme behind a proxy", () => {
  it.each<[HeaderLines, string]>([
    [[["X-Forwarded-Proto", "https"]], "https"],
    [[["X-Forwarded-Proto", "HTTPS"]], "https"],
    [[["X-Forwarded-Proto", "http"]], "http"],
    [[["X-Forwarded-Proto", "http, https"]], "https"],
    [[["X-Forwarded-Proto", "https, http"]], "http"],
    [[["X-Forwarded-Proto", "http, http, https"]], "https"],
    [
      [
        ["X-Forwarded-Proto", "https"],
        ["X-Forwarded-Proto", "http"],
      ],
      "http",
    ],
    [[["X-Forwarded-Proto", "wss"]], "https"],
    [[["X-Forwarded-Proto", "https, WSS"]], "https"],
    [[["X-Forwarded-Proto", "ws"]], "http"],
    [[["X-Forwarded-Proto", "wss, http"]], "http"],
    [[["X-Forwarded-Proto", "https://"]], "http"],
    [[["X-Forwarded-Proto", ""]], "http"],
    [[["Forwarded", "for=203.0.113.7;proto=https"]], "http"],
    [[], "http"],
  ])("of %j is %s, over a plain and over a TLS socket", (headers, scheme) => {
    expect(resolve(BEHIND, headers, PROXY, false).scheme).toBe(scheme);
    expect(resolve(BEHIND, headers, PROXY, true).scheme).toBe(scheme);
  });
});

describe("a forwarded host", () => {
  const forwarded: HeaderLines = [["X-Forwarded-Host", "public.example.com"]];

  it("is read only from a trusted proxy, and only when asked for", () => {
    expect(resolve(BEHIND, forwarded).authority).toBe("app.example.com");
    expect(resolve({ ...BEHIND, forwardedHost: true }, forwarded).authority).toBe("public.example.com");
    expect(resolve({ ...BEHIND, forwardedHost: true }, []).authority).toBe("app.example.com");
  });

  it("stays a list when it is one, for the allowed hosts to refuse", () => {
    const two: HeaderLines = [["X-Forwarded-Host", "evil.invalid"], ...forwarded];
    expect(resolve({ ...BEHIND, forwardedHost: true }, two).authority).toBe("evil.invalid,public.example.com");
  });
});

describe("trustedProxies with a count", () => {
  it.each<[number, string, string]>([
    [1, "203.0.113.7", "203.0.113.7"],
    [1, "1.1.1.1, 203.0.113.7", "203.0.113.7"],
    [2, "1.1.1.1, 203.0.113.7, 198.51.100.5", "203.0.113.7"],
    [3, "203.0.113.7, 198.51.100.5, 198.51.100.6", "203.0.113.7"],
  ])("takes behind %d proxies from %s the client %s", (hops, value, client) => {
    expect(resolve({ hops }, [["X-Forwarded-For", value]], "198.51.100.9").client).toBe(client);
  });

  it("does not believe a chain that is shorter than the count", () => {
    expect(resolve({ hops: 2 }, [["X-Forwarded-For", "203.0.113.7"]], "198.51.100.9").client).toBe("198.51.100.9");
    expect(faults({ hops: 2 }, [["X-Forwarded-For", "203.0.113.7"]])).toEqual(["chain-too-short"]);
  });

  it("serves a proxy on a Unix socket, which has no address", () => {
    expect(resolve({ hops: 1 }, [["X-Forwarded-For", "203.0.113.7"]], "").client).toBe("203.0.113.7");
  });
});

describe("other headers", () => {
  const forwarded = { ...BEHIND, header: "forwarded" } as const;

  it("walks Forwarded from the right, with the scheme and host of the last hop", () => {
    const headers: HeaderLines = [
      ["Forwarded", 'for=1.1.1.1;proto=http;host=evil.invalid, for="[2001:db8::1]:47011";proto=https'],
      ["Forwarded", "for=10.1.1.1;proto=https;host=public.example.com"],
    ];
    expect(resolve({ ...forwarded, forwardedHost: true }, headers)).toEqual({
      client: "2001:db8::1",
      scheme: "https",
      authority: "public.example.com",
    });
  });

  it.each<[string, string]>([
    ["for=_hidden", "address-malformed"],
    ["for=unknown", "address-malformed"],
    ["proto=https", "address-malformed"],
    ["for=203.0.113.7:80", "chain-malformed"],
    ['for="203.0.113.7', "chain-malformed"],
    ['for=1.1.1.1;x="", for=203.0.113.7, for="', "chain-malformed"],
    ["203.0.113.7", "chain-malformed"],
  ])("does not believe Forwarded: %s", (value, fault) => {
    expect(resolve(forwarded, [["Forwarded", value]])).toMatchObject({ client: PROXY });
    expect(faults(forwarded, [["Forwarded", value]])).toEqual([fault]);
  });

  it("takes a single address from a header that the edge overwrites, and only a single one", () => {
    const cloudflare = { ...BEHIND, header: "cf-connecting-ip" } as const;
    const https: HeaderLines = [
      ["X-Forwarded-Proto", "https"],
      ["X-Forwarded-For", "1.1.1.1"],
    ];
    expect(resolve(cloudflare, [["CF-Connecting-IP", "203.0.113.7"], ...https])).toMatchObject({
      client: "203.0.113.7",
      scheme: "https",
    });
    expect(faults(cloudflare, [["CF-Connecting-IP", "1.1.1.1, 203.0.113.7"]])).toEqual(["address-malformed"]);
    expect(
      faults(cloudflare, [
        ["CF-Connecting-IP", "1.1.1.1"],
        ["CF-Connecting-IP", "203.0.113.7"],
      ]),
    ).toEqual(["address-repeated"]);
  });
});

describe("construction", () => {
  it.each([
    [{ proxie: ["10.0.0.0/8"] }, /Did you mean "proxies"/u],
    [{ proxies: true }, /a list of ranges/u],
    [{ proxies: "10.0.0.0/8" }, /a list of ranges/u],
    [{ proxies: ["10.1"] }, /no address range/u],
    [{ proxies: ["0.0.0.0/0"] }, /trusts every client/u],
    [{ proxies: ["::/0"] }, /trusts every client/u],
    [{ proxies: ["::ffff:0:0/96"] }, /trusts every client/u],
    [{ hops: -1 }, /whole number/u],
    [{ hops: 17 }, /0 to 16/u],
    [{ hops: 1.5 }, /whole number/u],
    [{ hops: true }, /whole number/u],
    [{ hops: 1, proxies: ["10.0.0.0/8"] }, /not both/u],
    [{ hops: 2, header: "x-real-ip" }, /use hops: 1/u],
    [{ header: "x-forwared-for" }, /Did you mean "x-forwarded-for"/u],
    [{ header: "X-Forwarded-For" }, /Did you mean "x-forwarded-for"/u],
  ])("refuses %j", (options, message) => {
    expect(() => trustedProxies(options as TrustedProxiesOptions)).toThrow(message);
  });

  it.each<[TrustedProxiesOptions, readonly [string, string][], readonly string[]]>([
    [{}, [], []],
    [BEHIND, [], []],
    [{ proxies: ["fd00::/8", "2400:cb00::/32"] }, [], []],
    [{ proxies: ["8.0.0.0/7"] }, [], ["trusted-proxy/too-wide"]],
    [{ proxies: ["2000::/3"] }, [], ["trusted-proxy/too-wide"]],
    [{ hops: 1 }, [], ["trusted-proxy/hops-only"]],
    [{ ...BEHIND, forwardedHost: true }, [], ["trusted-proxy/forwarded-host"]],
    [{}, [["FLY_APP_NAME", "x"]], ["trusted-proxy/platform-undeclared"]],
    [BEHIND, [["FLY_APP_NAME", "x"]], []],
  ])("finds in %j with %j: %j", (options, variables, rules) => {
    const deployment = {
      mode: "production",
      nodeVersion: "22.0.0",
      variables: new Map(variables),
      nodeOptions: [],
      nowMs: 0,
    } as const;
    expect(
      trustedProxies(options)
        .control.check(deployment)
        .map(({ rule }) => rule.id),
    ).toEqual(rules);
  });
});
