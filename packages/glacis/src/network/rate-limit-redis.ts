/** Counters in Redis or Valkey: one round trip, one script, one key, so that it runs on a cluster as it stands. */
import { createHash } from "node:crypto";
import { rejectUnknownOptions } from "../core/options.ts";
import type { Tally } from "./gcra.ts";
import { counterKeys, type Counters, type RateLimitStore, type StoreClock } from "./rate-limit-store.ts";

/** The part of node-redis (`createClient`, `createCluster`, `createClientPool`) that is used. */
export interface NodeRedisClient {
  evalSha(sha: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>;
  eval(script: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>;
}

/** The part of ioredis (`Redis`, `Cluster`) that is used. */
export interface IoRedisClient {
  evalsha(sha: string, keyCount: number, ...keysAndArguments: string[]): Promise<unknown>;
  eval(script: string, keyCount: number, ...keysAndArguments: string[]): Promise<unknown>;
}

export interface RedisRateLimitsOptions {
  readonly client: NodeRedisClient | IoRedisClient;
  /** Stands before every key, `glacis:rate:` unless you say otherwise. */
  readonly prefix?: string;
  /** `server`, unless a test holds the clock. */
  readonly clock?: StoreClock;
}

/**
 * ARGV: the caller's time or an empty text, the cost, then interval and burst of each rate. The value holds one time per rate, as in `gcra.ts`,
 * and expires when the last allowance is whole. The answer is the used part of each rate; the first is negated, less one, when the request is
 * refused. Without ARGV the key is forgotten. A Lua number is a double like ours, so the sums are the same sums; `%.0f` because `tostring` would round at 14 digits.
 */
const SCRIPT = `if #ARGV == 0 then return redis.call('DEL', KEYS[1]) end
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000000 + time[2]
end
local cost = tonumber(ARGV[2])
local rates = (#ARGV - 2) / 2
local stored = redis.call('GET', KEYS[1])
local used = {}
local arrivals = {}
local allowed = true
local stale = false
local index = 0
for arrival in string.gmatch(stored or string.rep('0 ', rates), '%d+') do
  index = index + 1
  local burst = tonumber(ARGV[index * 2 + 2])
  local ahead = arrival - now
  if ahead > burst then stale = true end
  arrivals[index] = math.min(arrival, now + burst)
  used[index] = math.min(math.max(ahead, 0), burst)
  if used[index] + cost * ARGV[index * 2 + 1] > burst then allowed = false end
end
if index ~= rates then return redis.error_reply('ERR glacis: the counter is not one') end
if cost > 0 and (allowed or stale) then
  local longest = 0
  for rate = 1, rates do
    if allowed then
      used[rate] = used[rate] + cost * ARGV[rate * 2 + 1]
      arrivals[rate] = now + used[rate]
    end
    longest = math.max(longest, used[rate])
    arrivals[rate] = string.format('%.0f', arrivals[rate])
  end
  redis.call('SET', KEYS[1], table.concat(arrivals, ' '), 'PX', string.format('%.0f', math.ceil(longest / 1000)))
end
if not allowed then used[1] = -used[1] - 1 end
return used`;

// glacis-waive scan/weak-hash: EVALSHA names scripts by it (maintainers, until 2027-02-20)
const SCRIPT_SHA = createHash("sha1").update(SCRIPT).digest("hex");

/**
 * A store that every process shares. Redis reads its own clock, so servers whose clocks differ agree on every decision; the expiry is set in the
 * same step as the count.
 *
 * Give the client a bounded queue (`disableOfflineQueue: true` in node-redis, `enableOfflineQueue: false` in ioredis): a limiter that cannot
 * reach Redis should learn it at once.
 *
 * @throws TypeError on an unknown option or something that is not a Redis client.
 * @example
 * const store = redisRateLimits({ client: await createClient({ url: process.env.REDIS_URL }).connect() });
 */
export function redisRateLimits(options: RedisRateLimitsOptions): RateLimitStore {
  rejectUnknownOptions("redisRateLimits", options, ["client", "prefix", "clock"]);
  const { prefix = "glacis:rate:", clock = "server" } = options;
  const run = runnerOf(options.client);
  return {
    kind: "redis",
    shared: true,
    open(scope) {
      const keyOf = counterKeys(scope, prefix);
      const budget = scope.allowances.flatMap(({ intervalUs, burstUs }) => [`${intervalUs}`, `${burstUs}`]);
      const ask = (subject: string, cost: number, nowUs: number): Promise<Tally> => {
        const time = clock === "caller" ? `${nowUs}` : "";
        return run(keyOf(subject), [time, `${cost}`, ...budget]).then(readReply);
      };
      return {
        consume: ask,
        peek: (subject, nowUs) => ask(subject, 0, nowUs),
        forget: async (subject) => void (await run(keyOf(subject), [])),
      } satisfies Counters;
    },
  };
}

type RunScript = (key: string, args: string[]) => Promise<unknown>;

function runnerOf(client: NodeRedisClient | IoRedisClient): RunScript {
  const { evalSha } = client as Partial<NodeRedisClient>;
  const { evalsha } = client as Partial<IoRedisClient>;
  if (typeof evalSha === "function") {
    const redis = client as NodeRedisClient;
    return (key, args) =>
      redis
        .evalSha(SCRIPT_SHA, { keys: [key], arguments: args })
        .catch((error: unknown) => onlyUnknown(error, () => redis.eval(SCRIPT, { keys: [key], arguments: args })));
  }
  if (typeof evalsha === "function") {
    const redis = client as IoRedisClient;
    return (key, args) =>
      redis
        .evalsha(SCRIPT_SHA, 1, key, ...args)
        .catch((error: unknown) => onlyUnknown(error, () => redis.eval(SCRIPT, 1, key, ...args)));
  }
  throw new TypeError("redisRateLimits() needs a node-redis or ioredis client as `client`.");
}

/** A Redis that was restarted or newly joined does not know the script yet. EVAL brings it along; every other error stays one. */
function onlyUnknown(error: unknown, again: () => Promise<unknown>): Promise<unknown> {
  if (error instanceof Error && error.message.startsWith("NOSCRIPT")) return again();
  throw error;
}

/** @throws TypeError when the answer is not the script's: nothing may be concluded from it. */
function readReply(reply: unknown): Tally {
  if (!Array.isArray(reply) || reply.length === 0 || !reply.every((used) => Number.isSafeInteger(used))) {
    throw new TypeError("Redis gave an answer that is not the rate limit script's.");
  }
  const usedUs = reply as number[];
  const first = usedUs[0] as number;
  if (first >= 0) return { allowed: true, usedUs };
  return { allowed: false, usedUs: [-first - 1, ...usedUs.slice(1)] };
}
