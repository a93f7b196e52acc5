import { describe, expect, it } from "vitest";
import { loadVectors } from "../../../../test/support/vectors.ts";
import { arrived } from "../../../../test/support/wire.ts";
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
  if (precedence?.join() === "REMOTE_ADDR")
    return trustedProxies().resolve(arrived(named, meta["REMOTE_ADDR"] ?? "")).client;
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
