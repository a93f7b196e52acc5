import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { arrived, type HeaderLines } from "../../../../test/support/wire.ts";
import type { Origination } from "../core/facts.ts";
import type { ClientHeader } from "./proxy-chain.ts";
import { trustedProxies, type TrustedProxiesOptions } from "./trusted-proxies.ts";

const PROXY = "10.0.0.1";
const BEHIND: TrustedProxiesOptions = { proxies: ["10.0.0.0/8"] };

const HOST = ["Host", "app.example.com"] as const;

function resolve(options: TrustedProxiesOptions, headers: HeaderLines, peer = PROXY, encrypted = false): Origination {
  return trustedProxies(options).resolve(arrived([HOST, ...headers], peer, encrypted));
}

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
        (left, client, added) => {
          expect(read([...left, client, ...added])).toEqual(read([client, ...added]));
        },
      ),
    );
  });

  it("gives the same client however many of our proxies are added on the right", () => {
    fc.assert(
      fc.property(stranger, fc.array(proxy, { maxLength: 10 }), (client, added) => {
        expect(read([client, ...added])).toEqual(read([client]));
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
    const header = fc.constantFrom<ClientHeader>(
      "x-forwarded-for",
      "forwarded",
      "x-real-ip",
      "cf-connecting-ip",
      "fly-client-ip",
    );
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
        const { client, scheme } = resolve({ ...BEHIND, header: name, forwardedHost: host }, sent, peer);
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
