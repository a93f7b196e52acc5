import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { loadVectors } from "../../../../test/support/vectors.ts";
import type { AuditEvent } from "../core/event.ts";
import { Exchange } from "../core/exchange.ts";
import type { Origination } from "../core/facts.ts";
import type { Wire } from "../core/wire.ts";
import { parseCookieHeader } from "../primitives/cookie-header.ts";
import { systemSources } from "../primitives/sources.ts";
import { trustedProxies, type TrustedProxies, type TrustedProxiesOptions } from "./trusted-proxies.ts";

const SOURCES = systemSources();
const PROXY = "10.0.0.1";
const BEHIND: TrustedProxiesOptions = { proxies: ["10.0.0.0/8"] };

type Headers = readonly (readonly [name: string, value: string])[];

function wire(headers: Headers, peerAddress = PROXY, encrypted = false): Wire {
  const rawHeaders = ["Host", "app.example.com", ...headers.flat()];
  return { method: "GET", target: "/", httpVersion: "1.1", rawHeaders, peerAddress, encrypted };
}

function resolve(options: TrustedProxiesOptions, headers: Headers, peer?: string, encrypted?: boolean): Origination {
  return trustedProxies(options).resolve(wire(headers, peer, encrypted));
}

/** Sends a request through both halves, and returns the events of the control. */
function events({ resolve: resolver, control }: TrustedProxies, request: Wire): readonly AuditEvent[] {
  const facts = new Exchange(request, { sources: SOURCES, resolve: resolver, parseCookies: parseCookieHeader });
  const decision = control.decide?.(facts);
  if (decision === undefined || decision instanceof Promise || decision.kind !== "allow")
    throw new Error("It must allow.");
  return decision.events;
}

const faults = (options: TrustedProxiesOptions, headers: Headers): readonly (string | undefined)[] =>
  events(trustedProxies(options), wire(headers))
    .filter(({ event }) => event === "proxy.header_invalid")
    .map(({ detail }) => detail);

describe("trustedProxies without proxies", () => {
  it("believes the socket and the Host header alone, whatever the headers say", () => {
    const lies: Headers = [
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
  it.each<[string, Headers, string]>([
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

  it.each<[string, Headers, string]>([
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
    expect(resolve(BEHIND, headers).client).toBe(PROXY);
    expect(faults(BEHIND, headers)).toEqual([fault]);
  });

  it("still reads fifty hops", () => {
    const hops = Array.from({ length: 49 }, (_, index) => `10.9.9.${index}`).join(", ");
    expect(resolve(BEHIND, [["X-Forwarded-For", `203.0.113.7, ${hops}`]]).client).toBe("203.0.113.7");
  });

  it("writes nothing of a malformed header into the event", () => {
    const [event] = events(trustedProxies(BEHIND), wire([["X-Forwarded-For", "<script>"]]));
    expect(event).toMatchObject({ event: "proxy.header_invalid", status: "observed", control: "trusted-proxy" });
    expect(JSON.stringify(event)).not.toContain("script");
  });
});

describe("the scheme behind a proxy", () => {
  it.each<[Headers, string]>([
    [[["X-Forwarded-Proto", "https"]], "https"],
    [[["X-Forwarded-Proto", "HTTPS"]], "https"],
    [[["X-Forwarded-Proto", "http"]], "http"],
    [[["X-Forwarded-Proto", "http, https"]], "https"],
    [[["X-Forwarded-Proto", "https, http"]], "http"],
    [
      [
        ["X-Forwarded-Proto", "https"],
        ["X-Forwarded-Proto", "http"],
      ],
      "http",
    ],
    [[["X-Forwarded-Proto", "wss"]], "http"],
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
  const forwarded: Headers = [["X-Forwarded-Host", "public.example.com"]];

  it("is read only from a trusted proxy, and only when asked for", () => {
    expect(resolve(BEHIND, forwarded).authority).toBe("app.example.com");
    expect(resolve({ ...BEHIND, forwardedHost: true }, forwarded).authority).toBe("public.example.com");
    expect(resolve({ ...BEHIND, forwardedHost: true }, []).authority).toBe("app.example.com");
  });

  it("stays a list when it is one, for the allowed hosts to refuse", () => {
    const two: Headers = [["X-Forwarded-Host", "evil.invalid"], ...forwarded];
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
    const headers: Headers = [
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
    const https: Headers = [
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

describe("laws of the walk", () => {
  const stranger = fc.oneof(fc.ipV4(), fc.ipV6()).filter((address) => !/^(?:10\.|0*:.*[.:]|.*ffff)/u.test(address));
  const proxy = fc.ipV4().map((address) => address.replace(/^\d+/u, "10"));
  const anything = fc.oneof(
    fc.ipV4(),
    fc.ipV6(),
    fc.stringMatching(/^[!-~]{0,12}$/u).map((text) => text.replaceAll(",", "")),
  );
  const read = (nodes: readonly string[]): Origination => resolve(BEHIND, [["X-Forwarded-For", nodes.join(", ")]]);

  it("gives the same client whatever is added on the left", () => {
    fc.assert(
      fc.property(
        fc.array(anything, { maxLength: 20 }),
        stranger,
        fc.array(proxy, { maxLength: 5 }),
        (left, client, ours) => {
          expect(read([...left, client, ...ours])).toEqual(read([client, ...ours]));
        },
      ),
    );
  });

  it("gives the same client however many of our proxies are added on the right", () => {
    fc.assert(
      fc.property(stranger, fc.array(proxy, { maxLength: 10 }), (client, ours) => {
        expect(read([client, ...ours])).toEqual(read([client]));
      }),
    );
  });

  it("gives the same answer however the list is cut into lines", () => {
    const cut = fc.array(fc.boolean(), { minLength: 10, maxLength: 10 });
    fc.assert(
      fc.property(fc.array(fc.oneof(anything, proxy), { minLength: 1, maxLength: 10 }), cut, (nodes, cuts) => {
        const lines = nodes.reduce<string[][]>((sum, node, index) => {
          if (index === 0 || cuts[index] === true) sum.push([]);
          sum.at(-1)?.push(node);
          return sum;
        }, []);
        expect(
          resolve(
            BEHIND,
            lines.map((line) => ["X-Forwarded-For", line.join(",")] as const),
          ),
        ).toEqual(read(nodes));
      }),
    );
  });

  it("never throws, and names an address or the peer, for any bytes in any header", () => {
    const header = fc.constantFrom("x-forwarded-for", "forwarded", "x-real-ip", "cf-connecting-ip", "fly-client-ip");
    const names = fc.constantFrom(
      "X-Forwarded-For",
      "Forwarded",
      "X-Real-IP",
      "X-Forwarded-Proto",
      "X-Forwarded-Host",
      "Host",
    );
    const lines = fc.array(fc.tuple(names, fc.oneof(anything, fc.string({ unit: "binary" }))), { maxLength: 8 });
    fc.assert(
      fc.property(header, lines, fc.oneof(fc.constant(PROXY), fc.string()), fc.boolean(), (name, sent, peer, host) => {
        const { client, scheme } = resolve({ ...BEHIND, header: name as "forwarded", forwardedHost: host }, sent, peer);
        expect(client === "" || /^[0-9a-f.:]+$/u.test(client)).toBe(true);
        expect(["http", "https"]).toContain(scheme);
      }),
      { numRuns: 2_000 },
    );
  });

  it("lets nobody but a declared proxy change anything", () => {
    const names = fc.constantFrom("X-Forwarded-For", "Forwarded", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Real-IP");
    fc.assert(
      fc.property(stranger, fc.array(fc.tuple(names, anything)), (peer, sent) => {
        expect(resolve({ ...BEHIND, forwardedHost: true }, sent, peer)).toEqual(resolve({}, [], peer));
      }),
    );
  });
});

describe("the detectors of misuse", () => {
  const named = (list: readonly AuditEvent[]): readonly string[] => list.map(({ event }) => event);

  it("speak once of a forwarding header from a stranger, with a code and a fix", () => {
    const proxies = trustedProxies();
    const request = wire([["X-Forwarded-For", "203.0.113.7"]], "198.51.100.1");
    const [first] = events(proxies, request);
    expect(first).toMatchObject({ event: "proxy.header_unexpected", event_type: "config", status: "observed" });
    expect(first?.detail).toMatch(/^trusted-proxy\/unexpected-header: .*declare its address in proxies/u);
    for (let index = 0; index < 100; index += 1) expect(events(proxies, request)).toEqual([]);
  });

  it.each(["Forwarded", "X-Forwarded-Host", "X-Forwarded-Proto", "x-forwarded-for"])("notice %s", (name) => {
    expect(named(events(trustedProxies(), wire([[name, "x"]], "198.51.100.1")))).toEqual(["proxy.header_unexpected"]);
  });

  it("speak once of a request from inside without the header, and not of one from outside", () => {
    const proxies = trustedProxies(BEHIND);
    expect(events(proxies, wire([], "198.51.100.1"))).toEqual([]);
    expect(named(events(proxies, wire([], "192.168.7.7")))).toEqual(["proxy.header_missing"]);
    expect(events(proxies, wire([]))).toEqual([]);
    expect(events(trustedProxies(), wire([], "192.168.7.7"))).toEqual([]);
  });

  it("speak once when a proxy that is not declared makes all clients look alike", () => {
    const proxies = trustedProxies(BEHIND);
    const heard: string[] = [];
    for (let index = 0; index < 5_000; index += 1) {
      const chain = `203.0.113.${index % 200}, 198.51.100.${index % 2}`;
      heard.push(...named(events(proxies, wire([["X-Forwarded-For", chain]]))));
    }
    expect(heard).toEqual(["proxy.address_shared"]);
  });

  it("stay quiet when the clients are told apart, or when it is one client only", () => {
    const many = trustedProxies(BEHIND);
    const single = trustedProxies(BEHIND);
    for (let index = 0; index < 3_000; index += 1) {
      expect(events(many, wire([["X-Forwarded-For", `203.0.113.${index % 200}`]]))).toEqual([]);
      expect(events(single, wire([["X-Forwarded-For", "203.0.113.7"]]))).toEqual([]);
    }
  });

  it("give each event to the request that it is about", () => {
    const proxies = trustedProxies(BEHIND);
    const resolver = { sources: SOURCES, resolve: proxies.resolve, parseCookies: parseCookieHeader };
    const bad = new Exchange(wire([["X-Forwarded-For", "unknown"]]), resolver);
    const good = new Exchange(wire([["X-Forwarded-For", "203.0.113.7"]]), resolver);
    expect(proxies.control.decide?.(good)).toMatchObject({ kind: "allow", events: [] });
    expect(proxies.control.decide?.(bad)).toMatchObject({ events: [{ event: "proxy.header_invalid" }] });
    expect(proxies.control.decide?.(bad)).toMatchObject({ events: [] });
  });
});

interface ClientCase {
  readonly id: string;
  readonly meta?: Readonly<Record<string, string>>;
  readonly leftmost: boolean;
  readonly strict: boolean;
  readonly proxy_count?: number;
  readonly proxy_list?: readonly string[];
  readonly precedence?: readonly string[];
  readonly ip: string | null;
}

const LEFTMOST = "The left end is written by the client; the client is the first stranger from the right.";
const FORWARDED_GRAMMAR = "Forwarded has a grammar (RFC 7239); a bare address in it is not believed.";
const ONE_HEADER = "One header is configured and read; there is no falling back to another that a client could add.";
const UNKNOWN_HEADER = "No proxy in use sets this header, so it cannot be configured.";
const TEXT_PREFIX = "10.1 as a text prefix trusts 10.100.0.0/16 too; it is no range, and construction refuses it.";
const LOOPBACK = "What a declared proxy says is believed, also when it names a loopback address.";
const LONGER_CHAIN = "Entries left of the counted ones come from the client and do not matter.";

/** Where we answer otherwise on purpose. Each entry is checked to differ, so that the table cannot outlive its reason. */
const DEVIATIONS: Readonly<Record<string, string>> = {
  "client_ip-006": LOOPBACK,
  "client_ip-009": LEFTMOST,
  "client_ip-010": LEFTMOST,
  "client_ip-011": LEFTMOST,
  "client_ip-016": LEFTMOST,
  "client_ip-017": LEFTMOST,
  "client_ip-026": FORWARDED_GRAMMAR,
  "client_ip-028": UNKNOWN_HEADER,
  "client_ip-029": FORWARDED_GRAMMAR,
  "client_ip-031": UNKNOWN_HEADER,
  "client_ip-032": UNKNOWN_HEADER,
  "client_ip-038": UNKNOWN_HEADER,
  "client_ip-042": LEFTMOST,
  "client_ip-045": LONGER_CHAIN,
  "client_ip-058": LEFTMOST,
  "client_ip-059": LEFTMOST,
  "client_ip-062": LEFTMOST,
  "client_ip-063": LEFTMOST,
  "client_ip-064": LEFTMOST,
  "client_ip-065": LEFTMOST,
  "client_ip-068": LEFTMOST,
  "client_ip-073": LEFTMOST,
  "client_ip-080": LEFTMOST,
  "client_ip-083": ONE_HEADER,
  "client_ip-084": TEXT_PREFIX,
  "client_ip-085": TEXT_PREFIX,
  "client_ip-087": ONE_HEADER,
  "client_ip-089": LEFTMOST,
};

const vectors = loadVectors<ClientCase>("client_ip");

describe.skipIf(vectors === undefined)("recorded client addresses", () => {
  const cases = vectors?.cases ?? [];

  it.each(cases.filter(({ id }) => !(id in DEVIATIONS)))("$id", (entry) => expect(ours(entry)).toBe(entry.ip));

  it("deviates only where the table says so, and there indeed", () => {
    for (const entry of cases.filter(({ id }) => id in DEVIATIONS)) expect(ours(entry), entry.id).not.toBe(entry.ip);
  });
});

/** The recorded resolver has no peer of its own: here one declared proxy hands the request over, and it counts as one proxy more. */
function ours({ meta = {}, proxy_count: count, proxy_list: list, precedence }: ClientCase): string | null {
  const named = Object.entries(meta)
    .filter(([key]) => key !== "REMOTE_ADDR")
    .map(
      ([key, value]) =>
        [
          key
            .replace(/^HTTP_/u, "")
            .replaceAll("_", "-")
            .toLowerCase(),
          value,
        ] as const,
    );
  if (precedence?.join() === "REMOTE_ADDR") return resolve({}, named, meta["REMOTE_ADDR"]).client;
  const header = named[0]?.[0] ?? "x-forwarded-for";
  const options =
    count !== undefined && list === undefined ? { hops: count + 1 } : { proxies: [PROXY, ...(list ?? [])] };
  try {
    const { client } = trustedProxies({ ...options, header: header as "forwarded" }).resolve(wire(named));
    return client === PROXY ? null : client;
  } catch {
    return null;
  }
}
