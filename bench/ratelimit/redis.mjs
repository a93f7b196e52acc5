import { allowanceOf, redisRateLimits } from "glacis/network";
import { RateLimiterRedis } from "rate-limiter-flexible";
import { createClient } from "redis";

const CLIENTS = 1000;
const RATE = { limit: 100_000, windowSeconds: 600 };
const PREFIX = `glacis-bench:${process.pid}:`;
const COUNT = `local count = redis.call('INCR', KEYS[1])
if count == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return count`;

const scope = { name: "bench", methods: [], allowances: [allowanceOf(RATE)] };

/** The very call that the store makes, to be made again without the store. */
async function callOfTheStore() {
  let call;
  const recorder = {
    evalSha: () => Promise.reject(new Error("NOSCRIPT")),
    eval: (script, options) => {
      call = { script, options };
      return Promise.resolve([0]);
    },
  };
  await redisRateLimits({ client: recorder, prefix: PREFIX }).open(scope).consume("", 1, 0);
  return call;
}

export async function redisRows() {
  const client = await createClient({ url: process.env.REDIS_URL }).connect();
  const { script, options } = await callOfTheStore();
  const [gcra, count] = [await client.scriptLoad(script), await client.scriptLoad(COUNT)];
  const subjects = Array.from({ length: CLIENTS }, (_, index) => `203.0.${index >> 8}.${index & 255}`);
  const of = (index) => subjects[index % CLIENTS];
  const key = (kind, index) => [`${PREFIX}${kind}:${of(index)}`];
  const counters = redisRateLimits({ client, prefix: PREFIX }).open(scope);
  const flexible = new RateLimiterRedis({
    storeClient: client,
    useRedisPackage: true,
    keyPrefix: `${PREFIX}flexible`,
    points: RATE.limit,
    duration: RATE.windowSeconds,
  });
  const rows = [
    {
      label: "raw EVALSHA, our script (limit)",
      isLimit: true,
      decide: (n) => client.evalSha(gcra, { keys: key("gcra", n), arguments: options.arguments }),
    },
    { label: "Glacis", decide: (n) => counters.consume(of(n), 1, 0) },
    {
      label: "raw EVALSHA, INCR and PEXPIRE",
      decide: (n) => client.evalSha(count, { keys: key("count", n), arguments: ["600000"] }),
    },
    { label: "rate-limiter-flexible", decide: (n) => flexible.consume(of(n)) },
  ];
  return {
    rows,
    async close() {
      for await (const keys of client.scanIterator({ MATCH: `${PREFIX}*`, COUNT: 1000 })) {
        if (keys.length > 0) await client.unlink(keys);
      }
      await client.close();
    },
  };
}
