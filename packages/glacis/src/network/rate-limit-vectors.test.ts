/** Recorded behaviour of a limiter with fixed windows, case by case: where we agree, and where we differ on purpose. */
import { describe, expect, it } from "vitest";
import type { TenantId, UserId } from "../core/brand.ts";
import { loadVectors } from "../../../../test/support/vectors.ts";
import { sketchExchange } from "../testing/exchange.ts";
import { allowanceOf } from "./gcra.ts";
import { memoryRateLimits } from "./rate-limit-memory.ts";
import { scopeText } from "./rate-limit-store.ts";
import { subjectOf, type Subject } from "./rate-limit-subject.ts";
import { rateLimit } from "./rate-limit.ts";
import { parseRate, parseRates, type RateText } from "./rate.ts";
import type { IdentifiedFacts } from "../core/facts.ts";

interface Vector {
  readonly id: string;
  readonly kind: string;
  readonly rate?: string | readonly number[] | null;
  readonly parsed?: readonly [number, number];
  readonly raises?: string;
  readonly request_method?: string;
  readonly limit_methods?: string | readonly string[];
  readonly limited?: boolean;
  readonly meta?: Readonly<Record<string, string>>;
  readonly settings?: Readonly<Record<string, unknown>>;
  readonly ip?: string;
  readonly a?: Bucket;
  readonly b?: Bucket;
  readonly same_bucket?: boolean;
  readonly key?: string;
  readonly method?: string | readonly string[];
  readonly steps?: readonly Step[];
  readonly usage?: readonly (Usage | null)[];
}

interface Bucket {
  readonly group: string;
  readonly rate?: string;
  readonly value: string;
  readonly methods?: string | readonly string[] | null;
}

interface Step {
  readonly t: number;
  readonly increment?: boolean;
  readonly ip?: string;
  readonly user?: number;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly path?: string;
  readonly body?: string;
}

interface Usage {
  readonly count: number;
  readonly limit: number;
  readonly should_limit: boolean;
}

const vectors = loadVectors<Vector>("ratelimit")?.cases ?? [];
const of = (kind: string): readonly Vector[] => vectors.filter((vector) => vector.kind === kind);

/** Rates that the recorded parser accepts and ours refuses, by what is wrong with them. Ours never accepts what it refuses. */
const STRICTER_RATES: readonly (readonly [why: string, matches: (rate: string) => boolean])[] = [
  ["a count of zero refuses everything: a closed route is an access rule", (rate) => /^0+\//u.test(rate)],
  ["a period of zero has no meaning; theirs fails at the first request", (rate) => /\/0+[smhd]?$/u.test(rate)],
  ["a missing unit is a guess: 100/10 reads as ten of whatever one has in mind", (rate) => /\/[0-9]*$/u.test(rate)],
  [
    "anything behind the rate is ignored there: 5/sec, 5/M, 5/w and 5/-1m silently mean five per second",
    (rate) => !/^[0-9]+\/[0-9]*[smhd]$/u.test(rate),
  ],
];

function methodsOf(methods: string | readonly string[] | null | undefined): readonly string[] | undefined {
  if (methods === undefined || methods === null || methods === "ALL") return undefined;
  return typeof methods === "string" ? [methods] : methods;
}

describe.skipIf(vectors.length === 0)("recorded rates", () => {
  it("parse as recorded, or are refused for a reason in the table", () => {
    const unexplained: string[] = [];
    for (const { id, rate, parsed } of of("rate")) {
      if (typeof rate !== "string") {
        // Pairs of numbers pass unvalidated there; here they are validated like text.
        const [limit = 0, windowSeconds = 0] = rate ?? [];
        expect(() => parseRates({ limit, windowSeconds }), id).toThrow(TypeError);
        continue;
      }
      let ours: readonly number[] | undefined;
      try {
        const { limit, windowSeconds } = parseRate(rate);
        ours = [limit, windowSeconds];
      } catch {
        ours = undefined;
      }
      if (parsed === undefined) expect(ours, id).toBeUndefined();
      else if (ours !== undefined) expect(ours, id).toEqual(parsed);
      else if (!STRICTER_RATES.some(([, matches]) => matches(rate))) unexplained.push(`${id} ${JSON.stringify(rate)}`);
    }
    expect(unexplained).toEqual([]);
  });
});

describe.skipIf(vectors.length === 0)("recorded methods", () => {
  it.each(of("method").map((vector) => [vector.id, vector] as const))("%s", (_, vector) => {
    const methods = methodsOf(vector.limit_methods);
    const control = rateLimit({
      name: "x",
      rates: "1/d",
      by: "client",
      store: memoryRateLimits(),
      ...(methods !== undefined && { methods }),
    });
    const method = vector.request_method ?? "";
    const [first, second] = [1, 2].map(() => control.decide(sketchExchange({ method })));
    expect(first).toMatchObject({ kind: "allow" });
    // A limit on GET counts HEAD as well: the server does the same work for both. That is stricter than recorded.
    const headOfGet = method === "HEAD" && methods?.some((name) => name.toUpperCase() === "GET") === true;
    expect(second).toMatchObject({ kind: vector.limited === true || headOfGet ? "deny" : "allow" });
  });
});

describe.skipIf(vectors.length === 0)("recorded buckets", () => {
  const textOf = ({ group, rate = "1/m", value, methods }: Bucket): string => {
    // A period without a unit is refused here; the recorded meaning is seconds.
    const [limit = 0, windowSeconds = 0] = /^\d+\/\d+$/u.test(rate) ? rate.split("/").map(Number) : numbersOf(rate);
    const list = (methodsOf(methods) ?? [])
      .map((method) => method.toUpperCase())
      .sort((left, right) => (left < right ? -1 : 1));
    return `${scopeText({ name: group, methods: list, allowances: [allowanceOf({ limit, windowSeconds })] })}\n${value}`;
  };
  const numbersOf = (rate: string): [number, number] => {
    const { limit, windowSeconds } = parseRate(rate);
    return [limit, windowSeconds];
  };

  it.each(of("bucket_equality").map((vector) => [vector.id, vector] as const))(
    "%s",
    (_, { a, b, same_bucket: same }) => {
      if (a === undefined || b === undefined) throw new Error("A vector without its two sides.");
      if (b.value === "...") {
        // Joined without a separator there, so that two limiters collide. Here names and rates cannot run into one another.
        expect(textOf({ ...a, group: "x", rate: "15/60s", value: "v" })).not.toBe(
          textOf({ ...a, group: "x1", rate: "5/60s", value: "v" }),
        );
        return;
      }
      expect(textOf(a) === textOf(b)).toBe(same);
    },
  );
});

describe.skipIf(vectors.length === 0)("recorded client addresses", () => {
  const keyOf = (address: string): string => subjectOf("client")(sketchExchange({ client: address }));

  it("select the same bucket with the default masks; everything else is the business of trusted proxies", () => {
    let compared = 0;
    for (const { id, meta = {}, settings = {}, ip, raises } of of("client_ip")) {
      const address = meta["REMOTE_ADDR"];
      // Other masks and header sources are settings that we do not have: a mask per limiter invites one bucket for everybody, and a header is only
      // believed from a declared proxy. What is no address never becomes a ClientAddress. `client_ip.json` covers both.
      if (Object.keys(settings).length > 0 || raises !== undefined || address === undefined || ip === undefined)
        continue;
      // `::ffff:1.2.3.4` masks to `::` there: every IPv4 client of a dual-stack socket shares one bucket. Here it is that IPv4 address.
      if (address.toLowerCase().startsWith("::ffff:")) {
        expect(keyOf(address), id).toBe(keyOf(address.slice(7)));
      } else {
        expect(keyOf(address), id).toBe(keyOf(ip));
      }
      compared += 1;
    }
    expect(compared).toBeGreaterThan(0);
  });
});

/**
 * Fixed windows start and end for everybody at once, shifted by a checksum of the key; GCRA gives requests back one by one. So `time_left` and the
 * `window` cases have no counterpart, and sequences are compared up to the first return of an allowance: who is let in, and how many are counted.
 */
describe.skipIf(vectors.length === 0)("recorded sequences of usage", () => {
  /** Configurations that cannot be written here. */
  const NOT_HERE: readonly (readonly [why: string, matches: (vector: Vector) => boolean])[] = [
    ["a rate of zero is refused at construction", ({ rate }) => typeof rate === "string" && rate.startsWith("0/")],
    ["a limiter without a rate is refused at construction", ({ rate }) => rate === null],
    [
      "no global switch turns limits off; a dry run is per limiter and a finding in production",
      ({ settings = {} }) => "RATELIMIT_ENABLE" in settings,
    ],
  ];
  /** Keys whose buckets are cut differently. */
  const OTHER_BUCKETS: readonly (readonly [why: string, matches: (key: string, step: Step) => boolean])[] = [
    [
      "strangers are counted by address, not together as None",
      (key, step) => key === "user" && step.user === undefined,
    ],
    ["a header never selects a bucket, whatever it says", (key) => key.startsWith("header:")],
    ["spellings of one name are folded: A and ' a' are a", (key) => key.startsWith("post:")],
  ];

  it.each(of("usage_sequence").map((vector) => [vector.id, vector] as const))("%s", async (_, vector) => {
    const { rate, key = "", steps = [], usage = [], settings = {} } = vector;
    const base = { name: "x", by: byOf(key), store: memoryRateLimits() };
    if (typeof rate !== "string" || NOT_HERE.some(([, matches]) => matches(vector))) {
      const rates = rate as RateText;
      if (!("RATELIMIT_ENABLE" in settings)) expect(() => rateLimit({ ...base, rates })).toThrow(TypeError);
      return;
    }
    const methods = methodsOf(vector.method);
    const control = rateLimit({ ...base, rates: rate as RateText, ...(methods !== undefined && { methods }) });
    const start = steps[0]?.t ?? 0;
    const { limit, windowSeconds } = parseRate(rate);
    const seen = new Map<string, number>();
    for (const [index, step] of steps.entries()) {
      if (step.t - start >= windowSeconds / limit) break;
      const facts = factsOf(step);
      const recorded = usage[index];
      const decision = step.increment === false ? undefined : await control.decide(facts);
      const current = await control.usage(facts);
      if (recorded === null || recorded === undefined) {
        expect(current).toBeUndefined();
        continue;
      }
      const expected = OTHER_BUCKETS.some(([, matches]) => matches(key, step))
        ? foldedCount(seen, key, step)
        : recorded.count;
      if (decision !== undefined) expect(decision.kind).toBe(expected > limit ? "deny" : "allow");
      // A refused request takes nothing, so the count stops at the limit; theirs goes on counting.
      expect(current?.rates[0]).toMatchObject({ limit: recorded.limit, used: Math.min(expected, limit) });
    }
  });

  /** The count by our rule: by address for strangers, by the folded name for a field. */
  function foldedCount(seen: Map<string, number>, key: string, step: Step): number {
    const bucket = key.startsWith("post:") ? fieldOf(step).trim().toLowerCase() : (step.ip ?? "192.0.2.1");
    const count = (seen.get(bucket) ?? 0) + 1;
    seen.set(bucket, count);
    return count;
  }

  const fieldOf = (step: Step): string => new URLSearchParams(step.body).get("username") ?? "";
  const bodies = new WeakMap<object, string>();

  function byOf(key: string): Subject<IdentifiedFacts> {
    if (key === "ip") return "client";
    if (key === "user" || key === "user_or_ip") return "user";
    if (key.startsWith("header:")) return "apiKey";
    if (key.startsWith("get:")) return (facts) => new URLSearchParams(facts.query).get(key.slice(4)) ?? undefined;
    return (facts) => bodies.get(facts);
  }

  function factsOf(step: Step): IdentifiedFacts {
    const { method = "GET", ip = "192.0.2.1", path = "/", headers = {} } = step;
    const facts = sketchExchange({ method, client: ip, target: path, headers, nowMs: step.t * 1000 });
    if (step.user !== undefined) {
      facts.principal = {
        kind: "user",
        id: String(step.user) as UserId,
        tenantId: "t" as TenantId,
        roles: [],
        assurance: 1,
        authenticatedAtMs: 0,
      };
    }
    bodies.set(facts, fieldOf(step));
    return facts;
  }
});
