/** Used ids in Redis or Valkey: one command, so that of any number at once one is the first (catalog signed-payloads). */
import { rejectUnknownOptions } from "../core/options.ts";
import type { SingleUseStore } from "./single-use.ts";

/** The part of node-redis, `createClient` or `createCluster`, that is used. */
export interface NodeRedisSetter {
  set(key: string, value: string, options: { NX: true; PXAT: number }): Promise<unknown>;
}

/** The part of ioredis that is used. */
export interface IoRedisSetter {
  call(command: string, ...values: string[]): Promise<unknown>;
}

/** For servers whose clocks differ: an id that Redis forgets while its value still counts could be used again. */
const GRACE_MS = 3_600_000;

export interface RedisSingleUseOptions {
  readonly client: NodeRedisSetter | IoRedisSetter;
  /** Stands before every key. `glacis:used:`. */
  readonly prefix?: string;
}

/**
 * A store that every process shares. Redis must keep what it was given until it expires: `maxmemory-policy noeviction`, and a replica that takes
 * over may have missed the last writes. Where that is too little, use Postgres.
 *
 * @throws TypeError on an unknown option or something that is not a Redis client.
 * @example
 * const store = redisSingleUse({ client: await createClient({ url: process.env.REDIS_URL }).connect() });
 */
export function redisSingleUse(options: RedisSingleUseOptions): SingleUseStore {
  rejectUnknownOptions("redisSingleUse", options, ["client", "prefix"]);
  const { prefix = "glacis:used:" } = options;
  const setOnce = setterOf(options.client);
  return {
    async take(id, untilMs) {
      const reply = await setOnce(prefix + id, Math.ceil(untilMs) + GRACE_MS);
      if (reply === "OK") return true;
      if (reply === null) return false;
      throw new TypeError("Redis gave an answer to SET that is neither OK nor null.");
    },
  };
}

function setterOf(client: NodeRedisSetter | IoRedisSetter): (key: string, untilMs: number) => Promise<unknown> {
  // ioredis has `set` too, with other arguments; `call` is its own.
  const { call } = client as Partial<IoRedisSetter>;
  if (typeof call === "function")
    return (key, untilMs) => (client as IoRedisSetter).call("SET", key, "1", "NX", "PXAT", String(untilMs));
  const { set } = client as Partial<NodeRedisSetter>;
  if (typeof set === "function")
    return (key, untilMs) => (client as NodeRedisSetter).set(key, "1", { NX: true, PXAT: untilMs });
  throw new TypeError("redisSingleUse() needs a node-redis or ioredis client as `client`.");
}
