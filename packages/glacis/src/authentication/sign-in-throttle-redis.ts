/** Sign-in attempts in Redis or Valkey: one script for each, by the clock of the server. */
import { rejectUnknownOptions } from "../core/options.ts";
import { MOST_DOUBLINGS, NEVER_MS, type CounterState } from "./sign-in-throttle-counter.ts";
import type { SignInThrottleStore } from "./sign-in-throttle-store.ts";

/** The part of node-redis (`createClient`, `createCluster`, `createClientPool`) that is used. */
export interface NodeRedisThrottleClient {
  eval(script: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>;
}

/** The part of ioredis (`Redis`, `Cluster`) that is used. */
export interface IoRedisThrottleClient {
  eval(script: string, keyCount: number, ...keysAndArguments: string[]): Promise<unknown>;
}

export interface RedisSignInThrottleOptions {
  readonly client: NodeRedisThrottleClient | IoRedisThrottleClient;
  /**
   * Stands before every key, `glacis:{sign-in}:` unless you say otherwise. The braces keep all counters on one node of a cluster, because an
   * attempt is counted under all of its keys in one step.
   */
  readonly prefix?: string;
  /** Holds the clock in a test. The server's own unless you say otherwise. */
  readonly now?: () => number;
}

/** A value is failures, opening time, end. ARGV[1] is the time, or empty for the server's. */
const PREAMBLE = `local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
local function read(key)
  local value = redis.call('GET', key)
  if not value then return nil end
  local failures, opens, till = string.match(value, '^(%d+) (%d+) (%d+)$')
  return tonumber(failures), tonumber(opens), tonumber(till)
end
local function write(key, failures, opens, till)
  local value = string.format('%.0f %.0f %.0f', failures, opens, till)
  if till >= ${NEVER_MS} then redis.call('SET', key, value)
  else redis.call('SET', key, value, 'PX', string.format('%.0f', math.max(1, till - now))) end
end
`;

const ATTEMPT = `${PREAMBLE}
local known, refused, longest = {}, -1, 0
for i, key in ipairs(KEYS) do
  local failures, opens, till = read(key)
  if failures and till > now then
    known[i] = {failures, till}
    local cap = tonumber(ARGV[6 * i + 1])
    local wait = opens - now
    if cap > 0 and failures >= cap then wait = math.huge end
    if wait > longest then refused, longest = i - 1, wait end
  end
end
if refused >= 0 then
  if longest == math.huge then longest = -1 end
  return {'refused', tostring(refused), string.format('%.0f', longest)}
end
local reply = {'counted'}
for i, key in ipairs(KEYS) do
  local at = 6 * i - 4
  local limit, first, most, forget = tonumber(ARGV[at]), tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
  local slides, cap = ARGV[at + 4] == '1', tonumber(ARGV[at + 5])
  local failures, till = 1, now + forget
  if known[i] then
    failures = known[i][1] + 1
    if slides then till = math.max(known[i][2], till) else till = known[i][2] end
  end
  if cap > 0 and failures >= cap then till = ${NEVER_MS} end
  local opens = 0
  if failures >= limit then
    opens = math.min(till, now + math.min(most, first * 2 ^ math.min(failures - limit, ${MOST_DOUBLINGS})))
  end
  write(key, failures, opens, till)
  reply[i + 1] = string.format('%.0f', till)
end
return reply`;

const SETTLE = `${PREAMBLE}
for i, key in ipairs(KEYS) do
  local given = tonumber(ARGV[i + 1])
  if not given then redis.call('DEL', key) else
    local failures, _, till = read(key)
    if failures and till == given then
      if failures > 1 then write(key, failures - 1, 0, till) else redis.call('DEL', key) end
    end
  end
end
return 1`;

const READ = `${PREAMBLE}
local reply = {}
for i, key in ipairs(KEYS) do
  local failures, opens, till = read(key)
  reply[i] = ''
  if failures and till > now then reply[i] = redis.call('GET', key) end
end
return reply`;

const MARK = `${PREAMBLE}
write(KEYS[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]))
return 1`;

/**
 * A store that every process shares. Run Redis with `maxmemory-policy noeviction`, and with persistence: an evicted or lost counter is a count
 * that starts again. Give the client a bounded queue (`disableOfflineQueue: true` in node-redis, `enableOfflineQueue: false` in ioredis).
 *
 * @throws TypeError on an unknown option or something that is not a Redis client.
 * @example
 * const store = redisSignInThrottle({ client: await createClient({ url: process.env.REDIS_URL }).connect() });
 */
export function redisSignInThrottle(options: RedisSignInThrottleOptions): SignInThrottleStore {
  rejectUnknownOptions("redisSignInThrottle", options, ["client", "prefix", "now"]);
  const { client, prefix = "glacis:{sign-in}:", now } = options;
  const evaluate = runnerOf(client);
  const run = async (script: string, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown> =>
    evaluate(
      script,
      keys.map((key) => prefix + key),
      [now === undefined ? "" : String(now()), ...args.map(String)],
    );

  return {
    kind: "shared",
    async attempt(counters) {
      const reply = textsOf(
        await run(
          ATTEMPT,
          counters.map(({ key }) => key),
          counters.flatMap(({ limit, firstWaitMs, longestWaitMs, forgetMs, forgetAfter, cap }) => [
            limit,
            firstWaitMs,
            longestWaitMs,
            forgetMs,
            forgetAfter === "failure" ? 1 : 0,
            cap,
          ]),
        ),
      );
      const [kind, ...rest] = reply;
      if (kind === "refused") return { kind, counter: Number(rest[0]), waitMs: Number(rest[1]) };
      if (kind !== "counted" || rest.length !== counters.length) throw new TypeError(STRANGE);
      return { kind, untilMs: rest.map(Number) };
    },
    async settle(settlements) {
      await run(
        SETTLE,
        settlements.map(({ key }) => key),
        settlements.map(({ untilMs }) => untilMs ?? ""),
      );
    },
    async read(keys) {
      const reply = textsOf(await run(READ, keys, []));
      if (reply.length !== keys.length) throw new TypeError(STRANGE);
      return reply.map(stateOf);
    },
    async mark(key, { failures, opensMs, untilMs }) {
      await run(MARK, [key], [failures, opensMs, untilMs]);
    },
  };
}

const STRANGE = "Redis gave an answer that is not the sign-in script's.";

function textsOf(reply: unknown): readonly string[] {
  if (!Array.isArray(reply) || !reply.every((text) => typeof text === "string")) throw new TypeError(STRANGE);
  return reply;
}

function stateOf(text: string): CounterState | undefined {
  if (text === "") return undefined;
  const [failures, opensMs, untilMs] = text.split(" ").map(Number);
  if (failures === undefined || opensMs === undefined || untilMs === undefined) throw new TypeError(STRANGE);
  return { failures, opensMs, untilMs };
}

type RunScript = (script: string, keys: string[], args: string[]) => Promise<unknown>;

/** Both libraries have `eval`, with different arguments; the spelling of its sister tells whose it is. */
function runnerOf(client: NodeRedisThrottleClient | IoRedisThrottleClient): RunScript {
  const { eval: run, evalSha, evalsha } = client as unknown as Readonly<Record<string, unknown>>;
  if (typeof run === "function" && typeof evalSha === "function")
    return (script, keys, args) => (client as NodeRedisThrottleClient).eval(script, { keys, arguments: args });
  if (typeof run === "function" && typeof evalsha === "function")
    return (script, keys, args) => (client as IoRedisThrottleClient).eval(script, keys.length, ...keys, ...args);
  throw new TypeError("redisSignInThrottle() needs a node-redis or ioredis client as `client`.");
}
