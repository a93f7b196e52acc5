/** Questions to name servers, with "there is none" as an answer and everything else as an error. */
import { Resolver } from "node:dns/promises";
import type { CaaRecord } from "node:dns";

/** The part of node's `Resolver` that is used. */
export interface DnsResolver {
  resolve4(name: string): Promise<readonly string[]>;
  resolve6(name: string): Promise<readonly string[]>;
  resolveCname(name: string): Promise<readonly string[]>;
  resolveCaa(name: string): Promise<readonly CaaRecord[]>;
  resolveTxt(name: string): Promise<readonly (readonly string[])[]>;
}

export interface DnsQuestions {
  readonly cname: (name: string) => Promise<readonly string[]>;
  readonly caa: (name: string) => Promise<readonly CaaRecord[]>;
  /** Each record with its pieces joined, as RFC 7208 section 3.3 has it. */
  readonly txt: (name: string) => Promise<readonly string[]>;
  /** Whether it has an address. */
  readonly exists: (name: string) => Promise<boolean>;
}

const NONE: ReadonlySet<string> = new Set(["ENOTFOUND", "ENODATA"]);

export function dnsQuestions(resolver: DnsResolver = new Resolver({ timeout: 3000, tries: 2 })): DnsQuestions {
  const orNone = async <Found>(asked: Promise<readonly Found[]>): Promise<readonly Found[]> => {
    try {
      return await asked;
    } catch (error) {
      if (NONE.has(String((error as { readonly code?: unknown } | null)?.code))) return [];
      throw error;
    }
  };
  return {
    cname: (name) => orNone(resolver.resolveCname(name)),
    caa: (name) => orNone(resolver.resolveCaa(name)),
    txt: async (name) => (await orNone(resolver.resolveTxt(name))).map((pieces) => pieces.join("")),
    async exists(name) {
      const four = await orNone(resolver.resolve4(name));
      return four.length > 0 || (await orNone(resolver.resolve6(name))).length > 0;
    },
  };
}
