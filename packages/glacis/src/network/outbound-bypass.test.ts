import fc from "fast-check";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import type { AuditEvent } from "../core/event.ts";
import { addressRule } from "./outbound-address.ts";
import { OutboundError } from "./outbound-error.ts";
import { targetJudge } from "./outbound-target.ts";
import { outbound } from "./outbound.ts";

/** What wildcard DNS services and an attacker's own zone answer. Everything else is answered with a loopback address as well. */
const ZONE: Readonly<Record<string, readonly string[]>> = {
  "private.attacker.example": ["10.0.0.1"],
  "mixed.attacker.example": ["93.184.216.34", "127.0.0.1"],
  "mixed-last.attacker.example": ["93.184.216.34", "2606:4700::1111", "fd00::1"],
  "metadata.attacker.example": ["169.254.169.254"],
  "metadata6.attacker.example": ["fd00:ec2::254"],
  "azure.attacker.example": ["168.63.129.16"],
  "mapped.attacker.example": ["::ffff:93.184.216.34"],
  "nat64.attacker.example": ["64:ff9b::7f00:1"],
  "sixtofour.attacker.example": ["2002:7f00:1::"],
  "teredo.attacker.example": ["2001:0:4136:e378:8000:63bf:3fff:fdd2"],
  "zone.attacker.example": ["fe80::1%eth0"],
  "odd.attacker.example": ["127.1"],
  "hex.attacker.example": ["0x7f000001"],
  "text.attacker.example": ["localhost"],
  "nothing.attacker.example": [],
};

const asked: string[] = [];
const events: AuditEvent[] = [];
const way = outbound({
  hosts: "public-only",
  report: (event) => events.push(event),
  resolve: async (hostname) => {
    asked.push(hostname);
    return ZONE[hostname] ?? ["127.0.0.1"];
  },
});
beforeEach(() => {
  asked.length = 0;
  events.length = 0;
});
afterAll(() => way.close());

const full = (text: string): string =>
  [...text].map((char) => String.fromCodePoint((char.codePointAt(0) ?? 0) + 0xfee0)).join("");

/** Hosts in every spelling that some parser takes for an address inside. */
const ADDRESSES: readonly string[] = [
  // decimal, octal, hexadecimal, short, padded, mixed, overflowing
  ["127.0.0.1", "127.0.0.1.", "127.1", "127.0.1", "127.1.", "2130706433", "2130706433.", "0x7f000001", "0x7F000001"],
  ["0x7f.0.0.1", "0x7f.1", "0x7f.0x0.0x0.0x1", "0177.0.0.1", "0177.1", "017700000001", "00000177.0.0.1"],
  [
    "127.000.000.001",
    "127.0.0.01",
    "127.0.0.0x1",
    "127.0x0.1",
    "0x7f.0.01",
    "127.65535",
    "127.16777215",
    "127.0.65535",
  ],
  ["0", "0.", "0x0", "00", "0.0.0.0", "0.0", "0.0.0", "0.0.0.1", "0x", "1", "255.255.255.255", "4294967295"],
  ["4294967296", "256.256.256.256", "127.0.0.256", "127.0.0.1.1", "0x100000000", "-1", "127.0.0.-1", "1e3", "127..1"],
  // metadata in all of those
  ["169.254.169.254", "169.254.169.254.", "2852039166", "0xa9fea9fe", "0xA9.0xFE.0xA9.0xFE", "0251.0376.0251.0376"],
  ["0251.254.169.254", "169.254.43518", "169.16689662", "0xa9.254.0251.254", "025177524776", "169.254.169.0376"],
  ["169.254.170.2", "168.63.129.16", "0xa83f8110", "100.100.100.200", "192.0.0.192"],
  // private, shared, multicast, reserved
  ["10.0.0.1", "10.1", "0xa000001", "167772161", "012.0.0.1", "172.16.0.1", "172.31.255.255", "0xac.0x10.0.1"],
  ["192.168.0.1", "192.168.1", "0300.0250.0.1", "3232235521", "100.64.0.1", "100.127.255.254", "198.18.0.1"],
  ["192.0.2.1", "198.51.100.7", "203.0.113.9", "224.0.0.1", "239.255.255.250", "240.0.0.1", "192.88.99.1"],
  // IPv6 in every form
  ["[::1]", "[0:0:0:0:0:0:0:1]", "[0000::0001]", "[::]", "[0::0]", "[::127.0.0.1]", "[::7f00:1]", "[::ffff:127.0.0.1]"],
  [
    "[::ffff:7f00:1]",
    "[::FFFF:7F00:0001]",
    "[0:0:0:0:0:ffff:127.0.0.1]",
    "[::ffff:a9fe:a9fe]",
    "[::ffff:169.254.169.254]",
  ],
  ["[::ffff:0:127.0.0.1]", "[::ffff:8.8.8.8]", "[64:ff9b::127.0.0.1]", "[64:ff9b::7f00:1]", "[64:ff9b::a9fe:a9fe]"],
  ["[64:ff9b:1::7f00:1]", "[2002:7f00:1::]", "[2002:7f00:1::1]", "[2002:a9fe:a9fe::]", "[2002:0a00:0001::1]"],
  [
    "[2001::1]",
    "[2001:0:4136:e378:8000:63bf:80ff:fffe]",
    "[2001:db8::1]",
    "[3fff::1]",
    "[fe80::1]",
    "[fe80::a9fe:a9fe]",
  ],
  [
    "[fec0::1]",
    "[fc00::1]",
    "[fd00::1]",
    "[fd00:ec2::254]",
    "[fd20:ce::254]",
    "[ff02::1]",
    "[ff0e::1]",
    "[100::1]",
    "[5f00::1]",
  ],
  ["[2001:4860::5efe:7f00:1]", "[2001:4860:0:0:0:5efe:127.0.0.1]", "[fe80::1%25eth0]", "[fe80::1%eth0]", "[::1%25lo]"],
  ["[::1", "::1]", "::1", "[[::1]]", "[::1]]", "[127.0.0.1]", "[localhost]", "[v1.fe80::a]", "[::1].example.com", "[]"],
  // folded from beyond ASCII: full-width, enclosed, superscript, other full stops, ignorable characters
  [full("127.0.0.1"), full("127.1"), full("localhost"), `${full("169")}.254.169.254`, "127。0。0。1", "127．0．0．1"],
  ["127｡0｡0｡1", "①②⑦.⓪.⓪.①", "①⑥⑨.②⑤④.①⑥⑨.②⑤④", "¹²⁷.⁰.⁰.¹", "𝟏𝟐𝟕.𝟎.𝟎.𝟏", "⑯⑨。②⑤④。⑯⑨｡②⑤④", "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ"],
  [
    "127.0.0.1\u00ad",
    "1\u00ad27.0.0.1",
    "127\u200b.0.0.1",
    "127.0.0\u2060.1",
    "l\u00adocalhost",
    "ｌocalhost",
    "LOCALHOſT",
    "١٢٧.٠.٠.١",
  ],
  // percent-encoded
  ["%31%32%37.0.0.1", "127%2e0%2e0%2e1", "%6c%6f%63alhost", "127.0.0.1%00", "127.0.0.1%20", "127.0.0.1%23.example.com"],
  ["example.com%00.127.0.0.1", "%5b::1%5d", "127.0.0.1%2f.example.com", "%31%36%39.254.169.254"],
  // names of this machine and its network
  ["localhost", "LOCALHOST", "localhost.", "localhost..", "app.localhost", "a.b.localhost.", "localhost.localdomain"],
  ["printer.local", "metadata.google.internal", "metadata.google.internal.", "metadata", "instance-data", "kubernetes"],
  [
    "kubernetes.default.svc.cluster.local",
    "redis",
    "router.lan",
    "nas.home.arpa",
    "vault.corp",
    "hidden.onion",
    "x.alt",
  ],
  // names that lead inside, as wildcard services and attackers answer
  [
    "127.0.0.1.nip.io",
    "7f000001.nip.io",
    "169-254-169-254.sslip.io",
    "localtest.me",
    "spoofed.burpcollaborator.example",
  ],
  Object.keys(ZONE),
  // a first label that is a number, numbers in a last label, and numbers that only some parsers read
  ["127.0.0.1.0x7f", "example.0x7f", "example.0177", "example.1", "a.b.127", "127.0.0.1x", "0x7f000001.example.0x0"],
  ["127.0.0.0b1", "0b1111111.1", "0o177.0.0.1", "127_0_0_1", "1_27.0.0.1", "127,0,0,1", "0x7f.0.0.1e0", "+127.0.0.1"],
  ["0xffffffff7f000001", "127.4294967297", "18446744071562067969", "0x7f000001.", "0x7F.1.", "017700000001."],
  // punycode that hides ASCII, deviates between IDNA 2003 and 2008, or is none
  ["xn--localhost-", "xn--127.0.0.1-", "xn--", "xn--a", "xn--127-0-0-1", "fa\u00df.localhost", "xn--ls8h.localhost"],
  // signs that disappear, join or turn the text around
  ["loc\u200dalhost", "local\ufe0fhost", "\u202e1.0.0.721", "127.0.0.\u0661", "127.0.0.\u0967", "\u2460\u2461\u2466.1"],
  [
    "localhost\u3002",
    "127\u2024 0.0.1",
    "127\u20240\u20240\u20241",
    "1\u20247.0.0.1",
    "loc\u212alhost",
    "\u2139oopback",
  ],
  // addresses within addresses: compatible, translated by a network's own prefix, of tunnels, and in wrong shapes
  ["[::ffff:0:0]", "[::ffff:10.0.0.1]", "[::ffff:0:7f00:1]", "[::1:7f00:1]", "[64:ff9b::a00:1]", "[64:ff9b::c0a8:1]"],
  [
    "[2001:4860::200:5efe:a9fe:a9fe]",
    "[2001:0:7f00:1::]",
    "[2002:a9fe:a9fe::1]",
    "[2002:c0a8:1::]",
    "[fe80::5efe:7f00:1]",
  ],
  ["[::ffff:127.1]", "[::ffff:0x7f000001]", "[::ffff:017700000001]", "[::127.1]", "[1::2::3]", "[::00001]", "[::g]"],
  [
    "[::1%]",
    "[::1%251]",
    "[::1/128]",
    "[ ::1]",
    "[::1\u200b]",
    "[::\uff11]",
    "[::ffff:\u2460\u2461\u2466.0.0.1]",
    "0:0:0:0:0:0:0:1",
  ],
  // what hands out credentials elsewhere, and what clusters and containers call themselves
  [
    "[fd00:42::42]",
    "[fd00:ec2::23]",
    "169.254.170.23",
    "169.254.0.23",
    "192.0.0.170",
    "metadata.tencentyun.com.internal",
  ],
  ["kubernetes.default.svc", "host.docker.internal", "gateway.docker.internal", "consul.service.consul", "_gateway"],
  ["instance-data.ec2.internal", "metadata.oraclecloud.internal", "wpad", "isatap", "broadcasthost", "ip6-localhost"],
  // malformed names
  [
    "",
    ".",
    "..",
    ".example.com",
    "example..com",
    "-a.example.com",
    "a_b.example.com",
    "a*b.example.com",
    `${"a".repeat(64)}.example`,
  ],
  [
    `${"a.".repeat(150)}example`,
    "example.com,127.0.0.1",
    "example.com;127.0.0.1",
    "example.com|127.0.0.1",
    "exa<mple.com",
  ],
].flat();

/** Whole URLs: schemes, userinfo, ports, separators. The public host in them never receives anything either. */
const URLS: readonly string[] = [
  [
    "http://example.com/",
    "HTTP://example.com/",
    "ftp://example.com/",
    "file:///etc/passwd",
    "file://localhost/etc/passwd",
  ],
  [
    "gopher://127.0.0.1:6379/_INFO",
    "dict://127.0.0.1:11211/",
    "ldap://127.0.0.1/",
    "tftp://127.0.0.1/x",
    "jar:https://example.com!/",
  ],
  [
    "data:text/html,hi",
    "javascript:alert(1)",
    "blob:https://example.com/1",
    "about:blank",
    "ws://example.com/",
    "wss://example.com/",
  ],
  [
    "unix:/var/run/docker.sock",
    "netdoc:///etc/passwd",
    "view-source:https://example.com/",
    "https+unix://x/",
    "httpss://example.com/",
  ],
  [
    "https://user@example.com/",
    "https://user:secret@example.com/",
    "https://:secret@example.com/",
    "https://@example.com/",
  ],
  [
    "https://example.com@127.0.0.1/",
    "https://127.0.0.1@example.com/",
    "https://example.com:443@127.0.0.1/",
    "https://a@b@example.com/",
  ],
  [
    "https://example.com%40127.0.0.1/",
    "https://127.0.0.1#@example.com/",
    "https://127.0.0.1?@example.com/",
    "https://127.0.0.1;@example.com/",
  ],
  [
    "https://example.com:22/",
    "https://example.com:80/",
    "https://example.com:6379/",
    "https://example.com:8443/",
    "https://example.com:0/",
  ],
  [
    "https://example.com:65536/",
    "https://example.com:-1/",
    "https://example.com:443:80/",
    "https://example.com:0x1bb/",
    "https://example.com:４４４/",
  ],
  [
    "https:example.com",
    "https:/example.com/",
    "https:///example.com/",
    "https:////example.com/",
    "https:\\\\example.com\\",
    "https://\\example.com/",
  ],
  [
    "https://example.com\\@127.0.0.1/",
    "https://127.0.0.1\\@example.com/",
    "https://example.com\\.127.0.0.1/",
    "https:\\/\\/127.0.0.1/",
  ],
  [
    "//127.0.0.1/",
    "///127.0.0.1/",
    "/etc/passwd",
    "example.com",
    "127.0.0.1",
    "",
    " ",
    "https://",
    "https:",
    "https://?",
    "https://#",
  ],
  [
    " https://example.com/",
    "https://example.com/ ",
    "https://exam\tple.com/",
    "https://127.0.0\n.1/",
    "ht\ttps://127.0.0.1/",
    "\u0000https://example.com/",
  ],
  [
    "https://example.com/\r\nHost: 127.0.0.1",
    "https://example.com/ HTTP/1.1\r\nX: y",
    "https://example.com/\u0000",
    "https://exa mple.com/",
  ],
  [
    "https://example.com:@127.0.0.1/",
    "https://127.0.0.1:443@example.com/",
    "https://127.0.0.1&@example.com#@127.0.0.1/",
    "https://example.com#@127.0.0.1/",
    "https://example.com?@127.0.0.1/",
    "https://example.com\\\\@127.0.0.1/",
    "https://127.0.0.1:443#\\@example.com/",
    "https://example.com%09.127.0.0.1/",
    "https://example.com\uff0f@127.0.0.1/",
    "https://example.com\uff03@127.0.0.1/",
    "https://127.0.0.1\uff1a443/",
    "https://example.com:443\uff20127.0.0.1/",
    "https://[example.com]@127.0.0.1/",
    "https://example.com:+443/",
    "https://example.com:443\u0661/",
    "https://example.com:\u00b2/",
    "https:example.com/@127.0.0.1",
    "https:///127.0.0.1/",
    "https:/127.0.0.1/",
    "https:\\/127.0.0.1/",
    "https://\u2025/",
    "url:https://127.0.0.1/",
    "URL:https://127.0.0.1/",
    "0://127.0.0.1:443/;https://example.com:443/",
    "https://127.0.0.1:11211:443/",
    "httpſ://127.0.0.1/",
    "\uff48ttps://127.0.0.1/",
  ],
  [
    "https://127.0.0.1\u2028/",
    "\ufeffhttps://example.com/",
    "https://example.com/\u00a0",
    `https://example.com/${"a".repeat(8200)}`,
    "https://[::1]:443:80/",
  ],
].flat();

describe("outbound() for users' URLs", () => {
  it("has a table worth the name", () => {
    expect(new Set(ADDRESSES).size + new Set(URLS).size).toBeGreaterThanOrEqual(400);
  });

  it.each([...ADDRESSES.map((host) => `https://${host}/secret-path?token=secret-value`), ...URLS])(
    "contacts nothing for %j",
    async (url) => {
      const refusal = await way.fetch(url).then(
        () => expect.fail("It was fetched."),
        (error: unknown) => error,
      );
      expect(refusal).toBeInstanceOf(OutboundError);
      const { reason, blocked, message, status } = refusal as OutboundError;
      if (url.includes("nothing.attacker") || url.includes("text.attacker"))
        expect(["resolution-failed", "address-not-public"]).toContain(reason);
      else expect({ blocked, status }, reason).toEqual({ blocked: true, status: 422 });
      expect(`${message}${JSON.stringify(events)}`).not.toMatch(/secret|token/u);
      expect(events).toHaveLength(blocked ? 1 : 0);
    },
  );

  /** What begins like an address and is a name to every parser that follows the standard. */
  const NAMES = /[a-z]\.(?:io|com|me)$|\.\d+(?:x|b1|e0)$|[\u0660-\u0969]$/u;
  it("asks no resolver about anything that is written as an address or names this machine", async () => {
    for (const host of ADDRESSES.filter((text) => /^[\d[]|localhost|\.local$/u.test(text) && !NAMES.test(text)))
      await way.fetch(`https://${host}/`).catch(() => undefined);
    expect(asked).toEqual([]);
  });

  it("refuses a URL object and a Request just the same", async () => {
    for (const url of ["https://127.1/", "http://example.com/", "https://a:b@example.com/"]) {
      await expect(way.fetch(new URL(url)), url).rejects.toMatchObject({ blocked: true });
    }
    await expect(way.fetch(new Request("https://127.1/"))).rejects.toMatchObject({ blocked: true });
  });

  it("tells the log the reason and the host, and nothing else of the URL", async () => {
    await way.fetch("https://private.attacker.example/reset?token=abc#frag").catch(() => undefined);
    expect(events).toEqual([
      {
        event_type: "ssrf_blocked",
        status: "refused",
        severity: "warning",
        event: "egress.blocked",
        control: "ssrf-guard",
        detail: "address-not-public",
        blocked: "private.attacker.example",
      },
    ]);
  });
});

describe("a redirect", () => {
  const judge = targetJudge({ hosts: "public-only", ports: [443], permits: addressRule() });
  const from = new URL("https://example.com/start/here");

  it.each(ADDRESSES.flatMap((host) => [`https://${host}/`, `//${host}/x`, `https:${host}/`, `https:/\\${host}/`]))(
    "reaches no address and no name inside by %j",
    (location) => {
      let to: URL;
      try {
        to = judge(location, from);
      } catch (error) {
        expect(error).toBeInstanceOf(OutboundError);
        return;
      }
      // What is left is a name for the resolver, each of whose answers is vetted, or the same host.
      expect(to.protocol).toBe("https:");
      expect(to.hostname).toMatch(/^(?=.*[a-z])[a-z\d-]+(?:\.[a-z\d-]+)+$/u);
      expect(to.hostname).not.toMatch(/(?:^|\.)(?:localhost|local|internal|lan|corp|arpa|onion|alt)$|\.(?:0x)?\d+$/u);
    },
  );

  it.each([
    "",
    "?x",
    "#x",
    "../up",
    "/\t/127.0.0.1/",
    "/\n/127.0.0.1/",
    "///127.0.0.1/",
    "/%2f%2f127.0.0.1/",
    "https:x",
  ])("leads nowhere else by %j", (location) => {
    let host = from.hostname;
    try {
      host = judge(location, from).hostname;
    } catch (error) {
      expect(error).toBeInstanceOf(OutboundError);
    }
    expect(host).toBe("example.com");
  });
});

describe("an address that hands out credentials", () => {
  it.each([
    "169.254.169.254",
    "fe80::a9fe:a9fe",
    "168.63.129.16",
    "100.100.100.200",
    "192.0.0.192",
    "fd00:ec2::254",
    "fd20:ce::254",
    "fd00:42::42",
  ])("stays closed whatever range is opened: %s", (address) => {
    const everything = addressRule(["0.0.0.0/0", "::/0"]);
    expect(everything("10.0.0.1") && everything("fd00::1")).toBe(true);
    expect(everything(address)).toBe(false);
  });
});

describe("the judgement of a URL", () => {
  const permits = addressRule();
  const anywhere = targetJudge({ hosts: "public-only", ports: [443], permits });
  const listed = targetJudge({
    hosts: ["api.example.com", ".files.example.com", "odd.example.com:8443", "büro.example", "93.184.216.34"],
    ports: [443],
    permits,
  });

  it.each([
    ["https://example.com", "https://example.com/"],
    ["HTTPS://EXAMPLE.com.:443/a?b#c", "https://example.com/a?b"],
    ["https://bücher.example/", "https://xn--bcher-kva.example/"],
    ["https://xn--bcher-kva.example/ü", "https://xn--bcher-kva.example/%C3%BC"],
    ["https://93.184.216.34/", "https://93.184.216.34/"],
    ["https://[2606:4700:4700:0::1111]/", "https://[2606:4700:4700::1111]/"],
  ])("lets %s pass, as %s", (text, canonical) => {
    expect(anywhere(text).href).toBe(canonical);
  });

  it.each([
    "https://api.example.com/x",
    "https://files.example.com/",
    "https://a.b.files.example.com/",
    "https://odd.example.com:8443/",
    "https://BÜRO.example/",
    "https://93.184.216.34/",
  ])("finds %s on the list", (text) => {
    expect(listed(text)).toBeInstanceOf(URL);
  });

  it.each([
    ["https://example.com/", "host-not-listed"],
    ["https://api.example.com.attacker.example/", "host-not-listed"],
    ["https://xapi.example.com/", "host-not-listed"],
    ["https://evilfiles.example.com/", "host-not-listed"],
    ["https://sub.api.example.com/", "host-not-listed"],
    ["https://93.184.216.35/", "host-not-listed"],
    ["https://api.example.com:8443/", "port-refused"],
    ["https://odd.example.com/", "port-refused"],
    ["http://api.example.com/", "scheme-refused"],
    ["https://%61pi.example.com/", "host-malformed"],
    ["https://api%2eexample.com/", "host-malformed"],
    ["https://\uff41pi.example.com/", "host-malformed"],
    ["https://api\u3002example.com/", "host-malformed"],
    ["https://api.ex\u00adample.com/", "host-malformed"],
  ])("refuses %s as %s", (text, reason) => {
    expect(() => listed(text)).toThrow(expect.objectContaining({ reason }));
  });

  it("never throws anything but an OutboundError, and never returns another scheme, a login or a private address", () => {
    const piece = fc.constantFrom(
      ..."https:// http:// // / \\ @ : . % # ? 127.0.0.1 0x7f 1 [::1] [ ] localhost example.com %2e \t ｡ ① xn-- :443 :80 user".split(
        " ",
      ),
      " ",
    );
    const text = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.webUrl(),
      fc.array(piece, { maxLength: 8 }).map((parts) => parts.join("")),
    );
    fc.assert(
      fc.property(text, (candidate) => {
        let url: URL;
        try {
          url = anywhere(candidate);
        } catch (error) {
          expect(error).toBeInstanceOf(OutboundError);
          return;
        }
        expect([url.protocol, url.username, url.password, url.port]).toEqual(["https:", "", "", ""]);
        const literal = /^\[(.*)\]$/u.exec(url.hostname)?.[1] ?? url.hostname;
        if (/^[\d.]+$|:/u.test(literal)) expect(permits(literal)).toBe(true);
        expect(new URL(url.href).href).toBe(url.href);
      }),
      { numRuns: 5000 },
    );
  });

  it.each([
    [["*"], /cannot read the host/u],
    [["https://api.example.com"], /cannot read the host/u],
    [[".com"], /cannot read the host/u],
    [["api.example.com/path"], /cannot read the host/u],
    [["127.1"], /cannot read the host/u],
    [["api.example.com:0"], /1 to 65535/u],
  ])("takes no list such as %j", (hosts, message) => {
    expect(() => targetJudge({ hosts, ports: [443], permits })).toThrow(message);
  });
});
