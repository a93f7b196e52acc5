/** The RateLimit and RateLimit-Policy response fields (draft-ietf-httpapi-ratelimit-headers-10), written and read. */
import type { HeaderPair } from "../core/decision.ts";
import { remainingOf, type Allowance, type Tally } from "./gcra.ts";

/** Writes the fields of one limiter; everything that does not change is prepared. */
export interface FieldWriter {
  readonly policy: HeaderPair;
  limit(tally: Tally, allowances: readonly Allowance[]): HeaderPair;
}

/**
 * @param name the limiter's; with several rates each policy is called by it and the window, such as `"login-60"`
 */
export function fieldWriter(name: string, allowances: readonly Allowance[]): FieldWriter {
  const names = allowances.map(
    ({ windowSeconds }) => `"${allowances.length === 1 ? name : `${name}-${windowSeconds}`}"`,
  );
  const policies = allowances.map(({ limit, windowSeconds }, index) => `${names[index]};q=${limit};w=${windowSeconds}`);
  const prefixes = names.map((quoted) => `${quoted};r=`);
  return {
    policy: ["ratelimit-policy", policies.join(", ")],
    limit({ usedUs }, current) {
      let value = "";
      for (let index = 0; index < prefixes.length; index += 1) {
        const used = usedUs[index] as number;
        const remaining = remainingOf(current[index] as Allowance, used);
        value += `${index === 0 ? "" : ", "}${prefixes[index]}${remaining};t=${Math.ceil(used / 1_000_000)}`;
      }
      return ["ratelimit", value];
    },
  };
}

/** One item of either field. */
export interface LimitItem {
  readonly name: string;
  readonly parameters: ReadonlyMap<string, number>;
}

/** A list of quoted names with whole-number parameters, the part of RFC 9651 that these fields use; undefined for anything else. */
export function parseLimitField(value: string): readonly LimitItem[] | undefined {
  if (value.length > 4096) return undefined;
  const items: LimitItem[] = [];
  for (const text of value.split(",")) {
    const match = /^[ \t]*"([\x20-\x21\x23-\x2b\x2d-\x5b\x5d-\x7e]+)"((?:;[ ]*[a-z]{1,8}=[0-9]{1,15})*)[ \t]*$/u.exec(
      text,
    );
    if (match === null) return undefined;
    const pairs = (match[2] as string)
      .split(";")
      .slice(1)
      .map((pair) => pair.trim().split("="));
    items.push({
      name: match[1] as string,
      parameters: new Map(pairs.map(([key = "", number = ""]) => [key, Number(number)])),
    });
  }
  return items;
}
