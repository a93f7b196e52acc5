/**
 * Whether time tells who has an account: requests about addresses of four kinds over Postgres, in random order, compared by rank (Mann-Whitney).
 * 0.5 is no better than a coin; the standard error for 2,000 of each is 0.009.
 */
import { randomInt } from "node:crypto";
import {
  AUTHENTICATION_MIGRATION,
  authenticationFlows,
  hashingLine,
  memorySignInThrottle,
  passwordHashing,
  passwordPolicy,
  postgresAuthentication,
  SESSION_MIGRATION,
  postgresSessions,
  sessions,
  signInThrottle,
} from "glacis/authentication";
import { keyRing, newKey } from "glacis/data";
import { sketchExchange } from "glacis/testing";
import { median, printTable, rounded } from "../harness.mjs";
import { throwawayDatabase } from "../throwaway-database.mjs";

const KINDS = ["unknown", "known", "disabled", "unproved"];
const PASSWORD = "a password of a stranger";

/**
 * @param each how many requests of each kind and flow
 * @param save told the results before anything is cleared away: half an hour of measuring must not be lost to a database that is slow to go
 */
export async function measureEnumeration({ each = 2000, save = () => undefined } = {}) {
  const ground = await databaseOf();
  try {
    const flows = await flowsOn(ground.pool, each);
    const asks = {
      "ask for a reset": (request, email) => flows.passwordReset.request(request, email),
      "sign up": (request, email) => flows.signUp.request(request, email, PASSWORD),
      "fail to sign in": async (request, email) => {
        // A password of its own each time: one that is tried on many accounts is refused before it is judged.
        const { kind } = await flows.signIn(request, email, `${PASSWORD} ${randomInt(2 ** 40)}`);
        if (kind !== "credentials_wrong") throw new Error(`A sign-in ended with ${kind}.`);
      },
    };
    const results = {};
    for (const [name, ask] of Object.entries(asks)) results[name] = compare(await samplesOf(ask, each));
    printTable([
      ["flow", ...KINDS.map((kind) => `${kind} (us)`), ...KINDS.slice(1).map((kind) => `AUC ${kind}`)],
      ...Object.entries(results).map(([name, { medians, areas }]) => [
        name,
        ...KINDS.map((kind) => `${medians[kind]}`),
        ...KINDS.slice(1).map((kind) => areas[kind].toFixed(3)),
      ]),
    ]);
    save({ each, unit: "microseconds; area under the curve", results });
  } finally {
    await ground.close();
  }
}

async function samplesOf(ask, each) {
  const order = KINDS.flatMap((kind) => Array.from({ length: each }, (_, index) => ({ kind, index })));
  for (let last = order.length - 1; last > 0; last -= 1) {
    const other = randomInt(last + 1);
    [order[last], order[other]] = [order[other], order[last]];
  }
  const samples = Object.fromEntries(KINDS.map((kind) => [kind, []]));
  let client = 0;
  for (const { kind, index } of order) {
    client += 1;
    const request = sketchExchange({
      method: "POST",
      client: `10.${(client >> 8) & 255}.${client & 255}.7`,
      nowMs: Date.now(),
    });
    const start = process.hrtime.bigint();
    // Of one length: reading a longer address takes longer, whoever's it is.
    await ask(request, `${kind.padEnd(8, "-")}-${String(index).padStart(5, "0")}@example.com`);
    samples[kind].push(Number(process.hrtime.bigint() - start) / 1000);
  }
  return samples;
}

function compare(samples) {
  const medians = Object.fromEntries(KINDS.map((kind) => [kind, rounded(median(samples[kind]))]));
  const areas = Object.fromEntries(
    KINDS.slice(1).map((kind) => [kind, rounded3(area(samples[kind], samples.unknown))]),
  );
  return { medians, areas };
}

const rounded3 = (value) => Math.round(value * 1000) / 1000;

function area(left, right) {
  const all = [...left.map((value) => [value, 1]), ...right.map((value) => [value, 0])];
  all.sort(([one], [other]) => one - other);
  let ranks = 0;
  for (const [index, [, isLeft]] of all.entries()) ranks += isLeft * (index + 1);
  return (ranks - (left.length * (left.length + 1)) / 2) / (left.length * right.length);
}

async function databaseOf() {
  const database = await throwawayDatabase({ max: 10 });
  await database.pool.query(AUTHENTICATION_MIGRATION + SESSION_MIGRATION);
  return database;
}

async function flowsOn(pool, each) {
  const passwords = passwordHashing({
    memoryKiB: 19_456,
    passes: 2,
    line: hashingLine({ concurrency: 1, waiting: 8 }),
  });
  const { encoded } = await passwords.hash("correct horse battery staple");
  await pool.query(
    `insert into glacis_accounts (user_id, email, verified_at_ms, password_hash, status, created_at_ms)
     select kind || '-' || i, rpad(kind, 8, '-') || '-' || lpad(i::text, 5, '0') || '@example.com', case when kind = 'unproved' then null else 1 end, $1,
       case when kind = 'disabled' then 'disabled' else 'active' end, 1
     from unnest(array['known', 'disabled', 'unproved']) kind, generate_series(0, $2::int - 1) i`,
    [encoded, each],
  );
  await pool.query("analyze glacis_accounts");
  const keys = keyRing(newKey("k1"));
  return authenticationFlows({
    origin: "https://app.example.com",
    name: "Bench",
    store: postgresAuthentication(pool),
    sessions: sessions({ store: postgresSessions(pool) }),
    passwords,
    policy: passwordPolicy(),
    throttle: signInThrottle({
      keys,
      store: memorySignInThrottle(),
      client: { failures: 10_000, minutes: 15 },
      network: { failures: 10_000, minutes: 15 },
    }),
    mail: { kind: "other", send: async () => undefined },
    application: { membership: async () => undefined },
  });
}
