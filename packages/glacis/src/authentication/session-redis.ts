/** Sessions in Redis or Valkey. Every script names one key, so that it runs on a cluster as it stands; the order of the steps keeps them safe. */
import { randomUUID } from "node:crypto";
import { rejectUnknownOptions } from "../core/options.ts";
import { batchedReads } from "./session-batch.ts";
import type { PendingRecord, SessionRecord, SessionStore, SessionUse } from "./session-record.ts";

/** The part of node-redis (`createClient`, `createCluster`, `createClientPool`) that is used. */
export interface NodeRedisSessionClient {
  get(key: string): Promise<unknown>;
  eval(script: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>;
}

/** The part of ioredis (`Redis`, `Cluster`) that is used. */
export interface IoRedisSessionClient {
  get(key: string): Promise<unknown>;
  eval(script: string, keyCount: number, ...keysAndArguments: string[]): Promise<unknown>;
}

export interface RedisSessionsOptions {
  readonly client: NodeRedisSessionClient | IoRedisSessionClient;
  /** Stands before every key, `glacis:session:` unless you say otherwise. */
  readonly prefix?: string;
}

/** A user's list, with the moment of the last revocation in it, outlives every session: none lives longer than 30 days. */
const USER_TTL_MS = 31 * 86_400_000;

const PUT = "redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) return 1";
const DROP = "return redis.call('DEL', KEYS[1])";
const TAKE = "local value = redis.call('GET', KEYS[1]) redis.call('DEL', KEYS[1]) return value";
/** A value is the time of its last use, the time of its oldest proof, then JSON. */
const TOUCH = `local value = redis.call('GET', KEYS[1])
if not value then return nil end
local seen, rest = string.match(value, '^(%d+)( .*)$')
if tonumber(ARGV[1]) > tonumber(seen) then redis.call('SET', KEYS[1], ARGV[1] .. rest, 'PX', ARGV[2]) end
return value`;
const VOUCH = `local value = redis.call('GET', KEYS[1])
if not value then return 0 end
local seen, proved, rest = string.match(value, '^(%d+) (%d+)( .*)$')
if tonumber(ARGV[1]) > tonumber(proved) then
  redis.call('SET', KEYS[1], seen .. ' ' .. ARGV[1] .. rest, 'PX', redis.call('PTTL', KEYS[1]))
end
return 1`;
/** Adds to a user's list, unless the user's sessions were revoked after the proof. */
const ENLIST = `local floor = redis.call('HGET', KEYS[1], '!')
if floor and tonumber(floor) > tonumber(ARGV[2]) then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], '1')
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1`;
/** A list that Redis has lost, such as by eviction, would hide its sessions from a revocation: each puts itself back with its next use. */
const RELIST = `if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 1 then return 1 end
${ENLIST}`;
const FLOOR = `local floor = redis.call('HGET', KEYS[1], '!')
if not floor or tonumber(ARGV[1]) > tonumber(floor) then redis.call('HSET', KEYS[1], '!', ARGV[1]) end
redis.call('HSET', KEYS[1], '#', ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return redis.call('HKEYS', KEYS[1])`;
/** A pending sign-in is the mark of its user's last revocation, then JSON. */
const MARK = "return redis.call('HGET', KEYS[1], '#') or ''";
const MEMBERS = "return redis.call('HKEYS', KEYS[1])";
const STRIKE = "return redis.call('HDEL', KEYS[1], unpack(ARGV))";

/**
 * A session is one key, so reading it is one GET; Redis forgets it when it ends. A user's list of sessions is another key. A new session is
 * written before it is listed, and a revocation is noted before the list is read: whichever comes first, no session slips through.
 *
 * Run Redis with `maxmemory-policy noeviction`: a session that it evicts signs somebody out, and a list that it evicts is whole again only as its
 * sessions are used. Give the client a bounded queue (`disableOfflineQueue: true` in node-redis, `enableOfflineQueue: false` in ioredis): a request that cannot
 * reach Redis should be refused at once.
 *
 * @throws TypeError on an unknown option or something that is not a Redis client.
 * @example
 * const store = redisSessions({ client: await createClient({ url: process.env.REDIS_URL }).connect() });
 */
export function redisSessions(options: RedisSessionsOptions): SessionStore {
  rejectUnknownOptions("redisSessions", options, ["client", "prefix"]);
  const { client, prefix = "glacis:session:" } = options;
  const run = runnerOf(client);
  const sessionKey = (id: string): string => `${prefix}s:${id}`;
  const userKey = userKeyOf(prefix);

  const read = readerOf(client, sessionKey);

  async function store(record: SessionRecord, endsAtMs: number): Promise<boolean> {
    const { id, userId, seenAtMs, provedSinceMs } = record;
    await run(PUT, sessionKey(id), [textOf(record), lifetime(endsAtMs - seenAtMs)]);
    const listed = await run(ENLIST, userKey(userId), [id, `${provedSinceMs}`, `${USER_TTL_MS}`]);
    if (listed === 1) return true;
    await run(DROP, sessionKey(id), []);
    return false;
  }

  async function strike(userId: string, ids: readonly string[]): Promise<void> {
    if (ids.length > 0) await run(STRIKE, userKey(userId), [...ids]);
  }

  async function list(userId: string): Promise<readonly SessionRecord[]> {
    const ids = idsOf(await run(MEMBERS, userKey(userId), []));
    const found = await Promise.all(ids.map(read));
    await strike(
      userId,
      ids.filter((_, index) => found[index] === undefined),
    );
    return found.filter((record) => record !== undefined).toSorted((a, b) => b.createdAtMs - a.createdAtMs);
  }

  return {
    kind: "shared",
    read,
    async create(record, replacesId, endsAtMs) {
      // The old one first: a fault in between signs somebody out, and never leaves two.
      if (replacesId !== undefined) await run(DROP, sessionKey(replacesId), []);
      return store(record, endsAtMs);
    },
    async rotate(id, record, endsAtMs) {
      const taken = await run(TAKE, sessionKey(id), []);
      return taken !== null && store(record, endsAtMs);
    },
    async touch(uses: readonly SessionUse[]) {
      const write = async ({ id, seenAtMs, endsAtMs }: SessionUse): Promise<void> => {
        const record = sessionOf(await run(TOUCH, sessionKey(id), [`${seenAtMs}`, lifetime(endsAtMs - seenAtMs)]));
        if (record === undefined) return;
        const { userId, provedSinceMs } = record;
        const listed = await run(RELIST, userKey(userId), [id, `${provedSinceMs}`, `${USER_TTL_MS}`]);
        if (listed !== 1) await run(DROP, sessionKey(id), []);
      };
      await Promise.all(uses.map(write));
    },
    async revoke(id) {
      await run(DROP, sessionKey(id), []);
    },
    async revokeAll(userId, exceptId, notBeforeMs) {
      const listed = idsOf(await run(FLOOR, userKey(userId), [`${notBeforeMs}`, `${USER_TTL_MS}`, randomUUID()]));
      if (exceptId !== undefined && listed.includes(exceptId))
        await run(VOUCH, sessionKey(exceptId), [`${notBeforeMs}`]);
      const doomed = listed.filter((id) => id !== exceptId);
      const ended = await Promise.all(doomed.map((id) => run(DROP, sessionKey(id), [])));
      // Struck only now: a revocation that failed half-way finds the rest when it is asked again.
      await strike(userId, doomed);
      return ended.filter((count) => count === 1).length;
    },
    list,
    ...pendingIn(client, run, prefix),
  };
}

function userKeyOf(prefix: string): (userId: string) => string {
  return (userId) => `${prefix}u:${userId}`;
}

function pendingIn(
  client: NodeRedisSessionClient | IoRedisSessionClient,
  run: RunScript,
  prefix: string,
): Pick<SessionStore, "hold" | "held" | "take"> {
  const pendingKey = (id: string): string => `${prefix}p:${id}`;
  const userKey = userKeyOf(prefix);
  const mark = async (userId: string): Promise<unknown> => run(MARK, userKey(userId), []);

  /** Whatever clock says what: after a revocation its user has another mark. One that was forgotten is older than every pending sign-in. */
  async function standing(value: unknown): Promise<PendingRecord | undefined> {
    if (typeof value !== "string") return undefined;
    const space = value.indexOf(" ");
    const pending = JSON.parse(value.slice(space + 1)) as PendingRecord;
    const last = await mark(pending.userId);
    return last === "" || last === value.slice(0, space) ? pending : undefined;
  }

  return {
    async hold(pending) {
      const { id, userId, createdAtMs, endsAtMs } = pending;
      // The mark first: a revocation in between leaves the sign-in with one that counts no more.
      const value = `${(await mark(userId)) as string} ${JSON.stringify(pending)}`;
      await run(PUT, pendingKey(id), [value, lifetime(endsAtMs - createdAtMs)]);
    },
    held: async (id) => standing(await client.get(pendingKey(id))),
    take: async (id) => standing(await run(TAKE, pendingKey(id), [])),
  };
}

/** Many sessions at once where all keys are on one server; on a cluster one by one, which the client sends together. */
function readerOf(
  client: NodeRedisSessionClient | IoRedisSessionClient,
  keyOf: (id: string) => string,
): (id: string) => Promise<SessionRecord | undefined> {
  const { mGet, mget, isCluster, slots } = client as unknown as Readonly<Record<string, unknown>>;
  const many = isCluster === true || slots !== undefined ? undefined : (mGet ?? mget);
  if (typeof many !== "function") return async (id) => sessionOf(await client.get(keyOf(id)));
  const texts = batchedReads(async (ids) => {
    const values: unknown = await many.call(client, ids.map(keyOf));
    if (!Array.isArray(values) || values.length !== ids.length)
      throw new TypeError("Redis gave an answer that does not fit the question.");
    return new Map(ids.map((id, index) => [id, (values as readonly unknown[])[index]]));
  });
  // Read apart: a value that is not a session refuses its own request and no other.
  return async (id) => sessionOf(await texts(id));
}

type RunScript = (script: string, key: string, args: string[]) => Promise<unknown>;

/** Signing in and out is rare and the scripts are short, so they travel as they are. */
function runnerOf(client: NodeRedisSessionClient | IoRedisSessionClient): RunScript {
  const { get, eval: run, evalSha, evalsha } = client as unknown as Readonly<Record<string, unknown>>;
  const able = typeof get === "function" && typeof run === "function";
  // Both have `eval`, with different arguments; the spelling of its sister tells whose it is.
  if (able && typeof evalSha === "function") {
    const redis = client as NodeRedisSessionClient;
    return (script, key, args) => redis.eval(script, { keys: [key], arguments: args });
  }
  if (able && typeof evalsha === "function") {
    const redis = client as IoRedisSessionClient;
    return (script, key, args) => redis.eval(script, 1, key, ...args);
  }
  throw new TypeError("redisSessions() needs a node-redis or ioredis client as `client`.");
}

function lifetime(ms: number): string {
  return `${Math.max(1, Math.ceil(ms))}`;
}

function textOf({ seenAtMs, provedSinceMs, ...rest }: SessionRecord): string {
  return `${seenAtMs} ${provedSinceMs} ${JSON.stringify(rest)}`;
}

/** @throws TypeError when the value is not one of ours: nothing may be concluded from it. */
function sessionOf(value: unknown): SessionRecord | undefined {
  if (value === null || value === undefined) return undefined;
  const text = typeof value === "string" ? value : "";
  const first = text.indexOf(" ");
  const second = text.indexOf(" ", first + 1);
  if (first < 1 || second < 3) throw new TypeError("Redis gave a value that is not a session of this library.");
  const rest = JSON.parse(text.slice(second + 1)) as Omit<SessionRecord, "seenAtMs" | "provedSinceMs">;
  return { ...rest, seenAtMs: Number(text.slice(0, first)), provedSinceMs: Number(text.slice(first + 1, second)) };
}

function idsOf(reply: unknown): readonly string[] {
  if (!Array.isArray(reply)) throw new TypeError("Redis gave an answer that is not the session script's.");
  return (reply as readonly unknown[]).filter(
    (field): field is string => typeof field === "string" && field !== "!" && field !== "#",
  );
}
