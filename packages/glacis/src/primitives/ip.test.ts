import { BlockList, isIPv4, isIPv6 } from "node:net";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { addressRangeName, addressScope, addressSet, limitKey, parseAddress, parseForwardedAddress } from "./ip.ts";

describe("parseAddress", () => {
  it.each([
    ["203.0.113.7", "203.0.113.7"],
    ["0.0.0.0", "0.0.0.0"],
    ["255.255.255.255", "255.255.255.255"],
    ["2001:DB8:0:0:0:0:0:1", "2001:db8::1"],
    ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["::", "::"],
    ["::1", "::1"],
    ["fe80::1%eth0", "fe80::1"],
    ["::ffff:198.51.100.4", "198.51.100.4"],
    ["::FFFF:198.51.100.4", "198.51.100.4"],
    ["::ffff:c633:6404", "198.51.100.4"],
    ["0:0:0:0:0:ffff:c633:6404", "198.51.100.4"],
    ["64:ff9b::198.51.100.4", "64:ff9b::c633:6404"],
    // Not mapped: without ffff it is an IPv6 address of its own, and 10.0.0.1 may be a trusted proxy.
    ["::10.0.0.1", "::a00:1"],
    ["0::10.0.0.1", "::a00:1"],
    ["::127.0.0.1%eth0", "::7f00:1"],
  ])("reads %s as %s", (text, canonical) => {
    expect(parseAddress(text)).toBe(canonical);
    // Again, because the second answer may come from memory.
    expect(parseAddress(text)).toBe(canonical);
  });

  it.each([
    ["octal", "0177.0.0.1"],
    ["a leading zero", "10.0.0.01"],
    ["hexadecimal", "0x7f.0.0.1"],
    ["one number", "2130706433"],
    ["two parts", "127.1"],
    ["three parts", "127.0.1"],
    ["five parts", "127.0.0.1.1"],
    ["a part over 255", "10.0.0.256"],
    ["an empty part", "10..0.1"],
    ["a trailing dot", "10.0.0.1."],
    ["a sign", "10.0.0.+1"],
    ["spaces", " 10.0.0.1"],
    ["a port", "10.0.0.1:80"],
    ["brackets", "[::1]"],
    ["two gaps", "1::2::3"],
    ["nine groups", "1:2:3:4:5:6:7:8:9"],
    ["a group of five digits", "2001:db8::12345"],
    ["octal inside a mapped address", "::ffff:0177.0.0.1"],
    ["an empty zone", "fe80::1%"],
    ["a prefix", "10.0.0.0/8"],
    ["Arabic digits", "١٢٧.0.0.1"],
    ["nothing", ""],
    ["a word", "unknown"],
    ["endless text", `::${"1".repeat(10_000)}`],
  ])("does not accept %s", (_, text) => expect(parseAddress(text)).toBeUndefined());

  it("agrees with Node about what an IPv4 address is", () => {
    const part = fc.oneof(fc.nat(300).map(String), fc.constantFrom("", "00", "01", "0x1", "1e1", "-1"));
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 5 }), (parts) => {
        const text = parts.join(".");
        expect(parseAddress(text) !== undefined).toBe(isIPv4(text));
      }),
      { numRuns: 2_000 },
    );
  });

  it("writes every IPv6 address as a URL parser does, except that a mapped one is IPv4", () => {
    fc.assert(
      fc.property(fc.ipV6(), (text) => {
        const canonical = parseAddress(text);
        expect(canonical).toBeDefined();
        if (canonical?.includes(":")) expect(`[${canonical}]`).toBe(new URL(`http://[${text}]`).hostname);
      }),
    );
  });

  it("is idempotent and never throws", () => {
    const near = fc.stringMatching(/^[0-9a-fx:.%[\]]{0,50}$/u);
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: "binary" }), near, fc.ipV6(), fc.ipV4()), (text) => {
        const once = parseAddress(text);
        if (once !== undefined) expect(parseAddress(once)).toBe(once);
        expect(once !== undefined).toBe(isIPv4(text) || isIPv6(text));
      }),
      { numRuns: 2_000 },
    );
  });
});

describe("parseForwardedAddress", () => {
  it.each([
    ["203.0.113.7", "203.0.113.7"],
    ["203.0.113.7:8080", "203.0.113.7"],
    ["203.0.113.7:_port", "203.0.113.7"],
    ["[2001:db8::1]:_1.a-b", "2001:db8::1"],
    ["[2001:db8::1]", "2001:db8::1"],
    ["[2001:db8::1]:443", "2001:db8::1"],
    ["2001:db8::1", "2001:db8::1"],
    ["[::ffff:203.0.113.7]:80", "203.0.113.7"],
    ["[fe80::1%25eth0]:80", "fe80::1"],
  ])("reads %s", (text, address) => expect(parseForwardedAddress(text)).toBe(address));

  it.each([
    "203.0.113.7:",
    "203.0.113.7:99999",
    "203.0.113.7:80x",
    "203.0.113.7:_",
    "203.0.113.7:_a b",
    "[203.0.113.7]:80",
    "[2001:db8::1",
    "2001:db8::1]",
    "[2001:db8::1]443",
    "[]:80",
    "unknown",
    "_hidden",
    "localhost:80",
    "203.0.113.7, 1.2.3.4",
    "",
  ])("does not accept %s", (text) => expect(parseForwardedAddress(text)).toBeUndefined());
});

describe("addressSet", () => {
  it("holds ranges of both families, and keeps them apart", () => {
    const set = addressSet(["10.0.0.0/8", "192.0.2.7", "2001:db8::/32", "::ffff:172.16.0.0/108"]);
    expect(["10.255.1.2", "192.0.2.7", "2001:db8:ffff::1", "172.31.255.255"].every(set.has)).toBe(true);
    expect(["11.0.0.0", "192.0.2.8", "2001:db9::", "172.32.0.0", "::a00:1", "", "unknown"].some(set.has)).toBe(false);
    expect(set.ranges.map(({ text }) => text)).toEqual([
      "10.0.0.0/8",
      "192.0.2.7/32",
      "2001:db8::/32",
      "172.16.0.0/12",
    ]);
  });

  it.each([
    ["10.1", /not valid/u],
    ["10.0.0.0/33", /between 0 and 32/u],
    ["10.0.0.0/", /not one number/u],
    ["10.0.0.0/8/8", /not one number/u],
    ["10.0.0.1/8", /bits set beyond/u],
    ["2001:db8::1/32", /bits set beyond/u],
    ["2001:db8::/129", /between 0 and 128/u],
    ["::ffff:10.0.0.0/8", /between 0 and 32/u],
    ["fe80::%eth0/64", /not valid/u],
    ["loopback", /not valid/u],
    ["", /not valid/u],
  ])("refuses the range %j and says how to write one", (range, message) => {
    expect(() => addressSet([range])).toThrow(message);
    expect(() => addressSet([range])).toThrow(/Write it like/u);
  });

  it.each([
    ["ipv4", 4],
    ["ipv6", 16],
  ] as const)("agrees with Node's own block list about %s", (family, size) => {
    const bytes = fc.array(fc.integer({ min: 0, max: 255 }), { minLength: size, maxLength: size });
    fc.assert(
      fc.property(bytes, fc.integer({ min: 0, max: size * 8 }), bytes, fc.nat(size), (base, prefix, other, shared) => {
        const network = written(base.map((byte, index) => byte & networkBits(prefix, index)));
        const set = addressSet([`${network}/${prefix}`]);
        const reference = new BlockList();
        reference.addSubnet(network, prefix, family);
        const near = [...base.slice(0, shared), ...other.slice(shared)];
        for (const probe of [base, other, near]) {
          const address = parseAddress(written(probe)) as string;
          expect(set.has(address), `${address} in ${network}/${prefix}`).toBe(reference.check(address, family));
        }
      }),
    );
  });
});

/** The bits of a byte that a prefix covers. */
function networkBits(prefix: number, index: number): number {
  return 0xff & (0xff << (8 - Math.min(8, Math.max(0, prefix - index * 8))));
}

function written(bytes: readonly number[]): string {
  if (bytes.length === 4) return bytes.join(".");
  const groups = bytes.flatMap((high, index) => (index % 2 === 0 ? [high * 256 + (bytes[index + 1] as number)] : []));
  return groups.map((group) => group.toString(16)).join(":");
}

describe("limitKey", () => {
  it.each([
    ["203.0.113.7", "203.0.113.7"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
    ["2001:db8::1", "2001:db8:0:0::/64"],
    ["2001:db8:1:2::", "2001:db8:1:2::/64"],
    ["2001:0:0:1::", "2001:0:0:1::/64"],
    ["1::2:3:4:5:6", "1:0:0:2::/64"],
    ["::1", "0:0:0:0::/64"],
    ["::2:3:4:5:6:7", "0:0:2:3::/64"],
    ["64:ff9b::c633:6404", "64:ff9b::c633:6404"],
    ["", ""],
  ])("counts %j as %j", (address, key) => expect(limitKey(address)).toBe(key));

  it("gives one key to a /64, and different keys to different ones", () => {
    const group = fc.integer({ min: 0, max: 0xffff }).map((value) => value.toString(16));
    const four = fc.array(group, { minLength: 4, maxLength: 4 });
    fc.assert(
      fc.property(four, four, four, four, (network, host, other, elsewhere) => {
        const key = (left: string[], right: string[]): string =>
          limitKey(parseAddress([...left, ...right].join(":")) as string);
        if (network.slice(0, 3).every((part) => part === "0") || network.slice(0, 2).join(":") === "64:ff9b") return;
        expect(key(network, host)).toBe(key(network, other));
        if (network.join(":") !== elsewhere.join(":")) expect(key(network, host)).not.toBe(key(elsewhere, host));
      }),
    );
  });
});

describe("addressScope", () => {
  it.each([
    ["8.8.8.8", "public"],
    ["2606:4700:4700::1111", "public"],
    ["10.1.2.3", "private"],
    ["172.16.0.1", "private"],
    ["192.168.1.1", "private"],
    ["100.64.0.1", "private"],
    ["100.63.0.9", "public"],
    ["100.128.0.9", "public"],
    ["fd00::1", "private"],
    ["127.8.8.8", "loopback"],
    ["::1", "loopback"],
    ["::ffff:127.0.0.1", "loopback"],
    ["169.254.169.254", "link-local"],
    ["fe80::1", "link-local"],
    ["0.0.0.0", "other"],
    ["::", "other"],
    ["224.0.0.1", "other"],
    ["203.0.113.7", "other"],
    ["2002:7f00:1::", "other"],
    ["64:ff9b::7f00:1", "other"],
    ["127.1", "other"],
    ["", "other"],
  ])("knows that %s is %s", (address, scope) => expect(addressScope(address)).toBe(scope));

  it("names the registry's range for those who need it finer", () => {
    expect(addressRangeName("2001:0:53aa:64c::1")).toBe("teredo");
    expect(addressRangeName("not an address")).toBeUndefined();
  });
});
