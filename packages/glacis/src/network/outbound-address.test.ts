import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { addressRangeName } from "../primitives/ip.ts";
import { addressRule } from "./outbound-address.ts";

const permits = addressRule();

describe("the rule for addresses", () => {
  it.each([
    "1.0.0.0",
    "1.1.1.1",
    "8.8.8.8",
    "9.255.255.255",
    "11.0.0.0",
    "93.184.216.34",
    "100.63.255.255",
    "100.128.0.0",
    "126.255.255.255",
    "128.0.0.0",
    "168.63.129.15",
    "169.253.255.255",
    "169.255.0.0",
    "172.15.255.255",
    "172.32.0.0",
    "192.0.1.0",
    "192.0.3.0",
    "192.167.255.255",
    "192.169.0.0",
    "198.17.255.255",
    "198.20.0.0",
    "223.255.255.255",
    "2001:200::1",
    "2001:4860:4860::8888",
    "2003::1",
    "2606:4700:4700::1111",
    "2a00:1450:4001:81b::200e",
    "3ffe::1",
  ])("permits %s", (address) => {
    expect(permits(address)).toBe(true);
  });

  it.each(
    [
      // this network, private, shared, loopback, link-local
      ["0.0.0.0", "0.0.0.1", "0.255.255.255", "10.0.0.0", "10.255.255.255", "100.64.0.0", "100.127.255.255"],
      ["127.0.0.0", "127.0.0.1", "127.255.255.255", "169.254.0.0", "169.254.169.254", "169.254.170.2"],
      ["172.16.0.0", "172.31.255.255", "192.168.0.0", "192.168.255.255"],
      // protocol assignments, documentation, benchmarks, relays, multicast, reserved
      ["192.0.0.0", "192.0.0.192", "192.0.0.255", "192.0.2.1", "192.31.196.1", "192.52.193.1", "192.88.99.1"],
      ["192.175.48.1", "198.18.0.0", "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255"],
      ["240.0.0.0", "255.255.255.255"],
      // metadata and platform services that are not in a special range
      ["168.63.129.16", "100.100.100.200", "fd00:ec2::254", "fd20:ce::254"],
      // IPv6: unspecified, loopback, compatible, mapped, translated
      [
        "::",
        "::1",
        "::127.0.0.1",
        "::7f00:1",
        "::ffff:127.0.0.1",
        "::ffff:8.8.8.8",
        "::ffff:7f00:1",
        "0:0:0:0:0:ffff:a00:1",
      ],
      ["::ffff:0:127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::8.8.8.8", "64:ff9b:1::a00:1", "100::1", "100:0:0:1::1"],
      // Teredo, benchmarks, ORCHID, documentation, 6to4, SRv6, AS112
      ["2001::1", "2001:0:4136:e378::", "2001:2::1", "2001:10::1", "2001:20::1", "2001:1ff:ffff::", "2001:db8::1"],
      ["2002::1", "2002:7f00:1::", "2002:a9fe:a9fe::1", "3fff::1", "3fff:fff::1", "5f00::1", "2620:4f:8000::1"],
      // ISATAP in a public prefix
      [
        "2001:4860::5efe:7f00:1",
        "2001:4860:1:2:0:5efe:a00:1",
        "2001:4860:1:2:200:5efe:a9fe:a9fe",
        "2001:4860:1:2:0:5efe::",
      ],
      // unique local, link-local with and without zone, site-local, multicast
      ["fc00::1", "fd12:3456::1", "fdff:ffff::", "fe80::1", "fe80::1%eth0", "febf::1", "fec0::1", "ff02::1", "ff0e::1"],
      // outside 2000::/3
      ["4000::1", "1fff::1", "8000::1", "e000::1"],
      // no addresses
      [
        "",
        " ",
        "localhost",
        "127.1",
        "0x7f.0.0.1",
        "0177.0.0.1",
        "2130706433",
        "8.8.8.8 ",
        "8.8.8.8:443",
        "[::1]",
        "1.2.3.4.5",
      ],
      "2606:4700::1%eth0",
    ].flat(),
  )("refuses %j", (address) => {
    expect(permits(address)).toBe(false);
  });

  it("never permits what the registry in the library calls special", () => {
    const four = fc.ipV4();
    const six = fc.ipV6();
    fc.assert(
      fc.property(fc.oneof(four, six), (address) => {
        if (permits(address)) expect(addressRangeName(address)).toBe("unicast");
      }),
      { numRuns: 5000 },
    );
  });

  it("refuses every IPv4 address in whatever IPv6 transition form", () => {
    fc.assert(
      fc.property(fc.ipV4(), (address) => {
        const [a = 0, b = 0, c = 0, d = 0] = address.split(".").map(Number);
        const hex = `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
        const forms = [`::ffff:${address}`, `::${hex}`, `64:ff9b::${hex}`, `2002:${hex}::1`, `2001:0:${hex}::1`];
        for (const form of forms) expect(permits(form), form).toBe(false);
      }),
      { numRuns: 1000 },
    );
  });

  it("opens the given ranges, and nothing of link-local or metadata even then", () => {
    const inside = addressRule(["10.2.0.0/16", "fd12::/16", "127.0.0.1"]);
    expect(["10.2.0.0", "10.2.255.255", "fd12::1", "127.0.0.1", "8.8.8.8"].map(inside)).toEqual(Array(5).fill(true));
    expect(["10.3.0.0", "fd13::1", "127.0.0.2", "::ffff:10.2.0.1"].map(inside)).toEqual(Array(4).fill(false));
    const wide = addressRule(["0.0.0.0/0", "::/0"]);
    for (const address of [
      "169.254.169.254",
      "168.63.129.16",
      "100.100.100.200",
      "192.0.0.192",
      "fd00:ec2::254",
      "fe80::1",
    ])
      expect(wide(address), address).toBe(false);
    expect(() => addressRule(["10.0.0.1/8"])).toThrow(/beyond the prefix/u);
  });
});
