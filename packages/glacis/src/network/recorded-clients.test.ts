import { describe, expect, it } from "vitest";
import { loadVectors } from "../../../../test/support/vectors.ts";
import { arrived } from "../../../../test/support/wire.ts";
import { parseAddress, parseForwardedAddress } from "../primitives/ip.ts";
import { LIST_HEADERS, SINGLE_HEADERS } from "./proxy-chain.ts";
import { trustedProxies } from "./trusted-proxies.ts";

const PROXY = "10.0.0.1";

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

const IN_USE: ReadonlySet<string> = new Set([...LIST_HEADERS, ...SINGLE_HEADERS]);

interface Deviation {
  readonly why: string;
  readonly applies: (entry: ClientCase, names: readonly string[], chain: readonly string[]) => boolean;
  /** What we answer instead. */
  readonly ip: (chain: readonly string[], entry: ClientCase) => string | null;
}

const addressOf = (text = ""): string | null => parseForwardedAddress(text) ?? null;

/** Where we answer otherwise on purpose, and what. The first rule that applies counts. */
const DEVIATIONS: readonly Deviation[] = [
  {
    why: "10.1 as a text prefix trusts 10.100.0.0/16 too; it is no range, and construction refuses it.",
    applies: ({ proxy_list: list = [] }) =>
      list.some((text) => parseAddress(text) === undefined && !text.includes("/")),
    ip: () => null,
  },
  {
    why: "No proxy in use sets this header, so it cannot be configured.",
    applies: (_, names) => names[0] !== undefined && !IN_USE.has(names[0]),
    ip: () => null,
  },
  {
    why: "Forwarded has a grammar (RFC 7239); a bare address in it is not believed.",
    applies: (_, names, chain) => names[0] === "forwarded" && !chain.some((part) => /for=/iu.test(part)),
    ip: () => null,
  },
  {
    why: "Entries left of the counted ones come from the client and do not matter.",
    applies: ({ proxy_count: count, proxy_list: list }, _, chain) =>
      count !== undefined && list === undefined && chain.length > count,
    ip: (chain, { proxy_count: count = 0 }) => addressOf(chain[chain.length - 1 - count]),
  },
  {
    why: "One header is configured and read; there is no falling back to another that a client could add.",
    applies: (_, names) => new Set(names).size > 1,
    ip: (chain, { proxy_count: count = 0 }) => addressOf(chain[chain.length - 1 - count]),
  },
  {
    why: "Declared proxies are walked from the right, however many of them took part; there is no count to be held against.",
    applies: ({ proxy_list: list }) => list?.every((text) => parseAddress(text) !== undefined) === true,
    ip: (chain, { proxy_list: list = [] }) => addressOf(chain.findLast((text) => !list.includes(text))),
  },
  {
    why: "The left end is written by the client; the client is the first stranger from the right.",
    applies: ({ proxy_count: count, proxy_list: list }, _, chain) =>
      chain.length > 1 && count === undefined && list === undefined,
    ip: (chain) => addressOf(chain.at(-1)),
  },
  {
    why: "What a declared proxy says is believed, also when it names a loopback or a private address.",
    applies: ({ meta = {}, precedence }, names, chain) =>
      meta["REMOTE_ADDR"] !== undefined && precedence === undefined && names.length === 1 && chain.length === 1,
    ip: (chain) => addressOf(chain[0]),
  },
];

/** In the form of the recorded ones, with what a resolver that counts would answer. */
const OWN: readonly ClientCase[] = [
  { id: "the peer alone", leftmost: true, strict: false, meta: { REMOTE_ADDR: "203.0.113.7" }, ip: "203.0.113.7" },
  {
    id: "fewer proxies than are declared, and a count of two",
    leftmost: true,
    strict: true,
    meta: { HTTP_X_FORWARDED_FOR: "203.0.113.7, 198.51.100.1" },
    proxy_count: 2,
    proxy_list: ["198.51.100.1", "198.51.100.2"],
    ip: null,
  },
  {
    id: "one declared proxy twice",
    leftmost: true,
    strict: false,
    meta: { HTTP_X_FORWARDED_FOR: "203.0.113.7, 198.51.100.1, 198.51.100.1" },
    proxy_list: ["198.51.100.1"],
    ip: "203.0.113.7",
  },
];

const vectors = loadVectors<ClientCase>("client_ip");

describe.skipIf(vectors === undefined)("recorded client addresses", () => {
  const cases = [...OWN, ...(vectors?.cases ?? [])];

  it.each(cases)("$id", (entry) => {
    const deviation = deviationOf(entry);
    if (deviation === undefined) expect(ours(entry)).toBe(entry.ip);
    else expect(ours(entry), deviation.why).toBe(deviation.ip(chainOf(entry), entry));
  });

  it.each(DEVIATIONS)("still answers otherwise, because: $why", (deviation) => {
    const concerned = cases.filter((entry) => deviationOf(entry) === deviation);
    expect(concerned.some((entry) => ours(entry) !== entry.ip)).toBe(true);
  });
});

function deviationOf(entry: ClientCase): Deviation | undefined {
  const names = namedIn(entry).map(([name]) => name);
  if (isDirect(entry)) return undefined;
  return DEVIATIONS.find(({ applies }) => applies(entry, names, chainOf(entry)));
}

/** Every header of the case that is not the peer's own address. */
function namedIn({ meta = {} }: ClientCase): readonly (readonly [name: string, value: string])[] {
  return Object.entries(meta)
    .filter(([key]) => key !== "REMOTE_ADDR")
    .map(([key, value]) => [headerOf(key), value] as const);
}

/** Nobody stands between the client and us. */
const isDirect = (entry: ClientCase): boolean =>
  entry.precedence?.join() === "REMOTE_ADDR" ||
  (namedIn(entry).length === 0 && entry.meta?.["REMOTE_ADDR"] !== undefined);

const headerOf = (key: string): string =>
  key
    .replace(/^HTTP_/u, "")
    .replaceAll("_", "-")
    .toLowerCase();

/** The entries of the header that is read: the first, with all its lines. */
function chainOf(entry: ClientCase): readonly string[] {
  const named = namedIn(entry);
  return named
    .filter(([name]) => name === named[0]?.[0])
    .flatMap(([, value]) => value.split(",").map((part) => part.trim()));
}

function ours(entry: ClientCase): string | null {
  const { meta = {}, proxy_count: count, proxy_list: list } = entry;
  const named = namedIn(entry);
  if (isDirect(entry)) return trustedProxies().resolve(arrived(named, meta["REMOTE_ADDR"] ?? "")).client;
  const header = named[0]?.[0] ?? "x-forwarded-for";
  const options =
    count !== undefined && list === undefined ? { hops: count + 1 } : { proxies: [PROXY, ...(list ?? [])] };
  try {
    const { client } = trustedProxies({ ...options, header: header as "forwarded" }).resolve(arrived(named, PROXY));
    return client === PROXY ? null : client;
  } catch {
    return null;
  }
}
