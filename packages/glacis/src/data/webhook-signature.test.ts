import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { testDatabase, testRedis } from "../../../../test/support/services.ts";
import type { Decision } from "../core/decision.ts";
import { Secret } from "../core/secret.ts";
import { sketchExchange } from "../testing/exchange.ts";
import { postgresSingleUse, SINGLE_USE_MIGRATION } from "./single-use-postgres.ts";
import { redisSingleUse } from "./single-use-redis.ts";
import { memorySingleUse, type SingleUseStore } from "./single-use.ts";
import { webhookMac } from "./webhook-key.ts";
import { bodySignature, standardWebhooks, timestampedSignature, type WebhookScheme } from "./webhook-scheme.ts";
import { webhookSignature, type WebhookSignature } from "./webhook-signature.ts";
import { newWebhookKeyPair, newWebhookSecret, webhookSigner } from "./webhook-signer.ts";

/** Redis forgets by its own clock. A whole second, as senders write it. */
const NOW = Math.floor(Date.now() / 1000) * 1000;
const database = await testDatabase("webhooks");
await database?.pool.query(SINGLE_USE_MIGRATION);
const redis = await testRedis("webhooks");
afterAll(async () => {
  await database?.drop();
  await redis?.drop();
});
const stores: readonly (readonly [string, SingleUseStore])[] = [
  ["memory", memorySingleUse()],
  ...(database === undefined ? [] : [["Postgres", postgresSingleUse({ database: database.pool })] as const]),
  ...(redis === undefined ? [] : [["Redis", redisSingleUse({ client: redis.client, prefix: redis.prefix })] as const]),
];

type Headers = Readonly<Record<string, string>> | readonly (readonly [string, string])[];

function arrived(headers: Headers, nowMs: number = NOW, awaitsBody: boolean = true) {
  const pairs = Array.isArray(headers) ? (headers as readonly (readonly [string, string])[]) : Object.entries(headers);
  const rawHeaders = ["Host", "app.example.com", ...pairs.flat()];
  return sketchExchange({ method: "POST", target: "/hooks", nowMs, rawHeaders, awaitsBody });
}

async function judge(hook: WebhookSignature, headers: Headers, text: string, nowMs: number = NOW): Promise<string> {
  const facts = arrived(headers, nowMs);
  const cause = (decision: Decision | undefined): string | undefined =>
    decision?.kind === "deny" ? decision.events[0]?.detail : undefined;
  const early = cause(await hook.control.decide?.(facts));
  if (early !== undefined) return early;
  const body = { mediaType: "application/json", value: {}, text };
  return cause(await hook.control.decideBody?.(facts, body)) ?? `verified ${hook.delivery(facts).id}`;
}

const hookOf = (store: SingleUseStore, secrets: readonly Secret<string>[], scheme?: WebhookScheme): WebhookSignature =>
  webhookSignature({ name: "sender", store, secrets, ...(scheme && { scheme }) });

describe.each(stores)("webhooks remembered in %s", (_, store) => {
  it("are verified when they are as they were sent, fresh, and the first of their kind", async () => {
    const secret = newWebhookSecret();
    const hook = hookOf(store, [secret]);
    const body = '{"amount": 12.50, "note":"Grüße \\u0000 😀"}';
    const headers = webhookSigner({ secrets: [secret] }).sign(body, { nowMs: NOW, id: "evt_1" });
    expect(await judge(hook, headers, body.replace("12.50", "12.5"))).toBe("mismatch");
    expect(await judge(hook, headers, body)).toBe("verified evt_1");
    expect(await judge(hook, headers, body)).toBe("replayed");
    // The sender's next attempt is signed anew, and the handler knows by the id that it is the same event.
    const again = webhookSigner({ secrets: [secret] }).sign(body, { nowMs: NOW + 60_000, id: "evt_1" });
    expect(await judge(hook, again, body, NOW + 60_000)).toBe("verified evt_1");
  });

  it("count for one of 64 who play the same one at once", async () => {
    const secret = newWebhookSecret();
    const hook = hookOf(store, [secret]);
    const headers = webhookSigner({ secrets: [secret] }).sign("{}", { nowMs: NOW });
    const tries = await Promise.all(Array.from({ length: 64 }, () => judge(hook, headers, "{}")));
    expect(tries.filter((one) => one.startsWith("verified"))).toHaveLength(1);
    expect(tries.filter((one) => one === "replayed")).toHaveLength(63);
  });
});

describe("inbound webhooks", () => {
  const secret = newWebhookSecret();
  const signed = webhookSigner({ secrets: [secret] }).sign("{}", { nowMs: NOW, id: "evt" });
  const hook = (): WebhookSignature => hookOf(memorySingleUse(), [secret]);

  it("are refused a second after five minutes, before and behind", async () => {
    expect(await judge(hook(), signed, "{}", NOW + 300_000)).toBe("verified evt");
    expect(await judge(hook(), signed, "{}", NOW + 300_001)).toBe("stale");
    expect(await judge(hook(), signed, "{}", NOW - 300_000)).toBe("verified evt");
    expect(await judge(hook(), signed, "{}", NOW - 300_001)).toBe("future");
  });

  it("are refused with headers that are missing, doubled, malformed or of another scheme", async () => {
    const good = Object.entries(signed);
    for (const [name, value] of good) {
      expect(
        await judge(
          hook(),
          good.filter(([other]) => other !== name),
          "{}",
        ),
      ).toBe("headers");
      expect(await judge(hook(), [...good, [name, value]], "{}")).toBe("headers");
    }
    const mac = signed["webhook-signature"];
    for (const bad of [
      "",
      "v1,",
      "v1a,AAAA",
      mac.slice(0, -1),
      `${mac}=`,
      mac.toUpperCase(),
      mac.slice(3),
      Array(11).fill(mac).join(" "),
    ])
      expect(await judge(hook(), { ...signed, "webhook-signature": bad }, "{}")).toBe("headers");
    for (const bad of ["", "0", "-1", "1e9", "01764158400", "1764158400.0", " 1764158400", "9".repeat(20)])
      expect(await judge(hook(), { ...signed, "webhook-timestamp": bad }, "{}")).toBe("headers");
    for (const bad of ["", "a.b", "a b", "ä", "x".repeat(129)])
      expect(await judge(hook(), { ...signed, "webhook-id": bad }, "{}")).toBe("headers");
    expect(await judge(hook(), { ...signed, "webhook-id": "evt2" }, "{}")).toBe("mismatch");
  });

  it("are refused without a body that is parsed, for nobody would see it", () => {
    const decision = hook().control.decide?.(arrived(signed, NOW, false)) as Decision;
    expect(decision).toMatchObject({ kind: "deny", reason: "signature_invalid", events: [{ detail: "no_body" }] });
  });

  it("are refused while the sender's secret is missing or the store does not answer", async () => {
    const store = memorySingleUse();
    const without = webhookSignature({ name: "sender", store, secrets: () => [] });
    expect(await judge(without, signed, "{}")).toBe("secret_missing");
    const down: SingleUseStore = { take: () => Promise.reject(new Error("down")) };
    await expect(judge(hookOf(down, [secret]), signed, "{}")).rejects.toThrow("down");
  });

  it("pass by either secret while one replaces the other, on both sides", async () => {
    const [old, fresh] = [newWebhookSecret(), newWebhookSecret()];
    const both = webhookSigner({ secrets: [fresh, old] }).sign("{}", { nowMs: NOW });
    for (const known of [[old], [fresh], [newWebhookSecret(), old]])
      expect(await judge(hookOf(memorySingleUse(), known), both, "{}")).toMatch(/^verified/u);
    expect(await judge(hookOf(memorySingleUse(), [newWebhookSecret()]), both, "{}")).toBe("mismatch");
  });

  it("do not pass for another sender's, and nothing is said of a request that was not verified", () => {
    expect(() => hook().delivery(arrived(signed))).toThrow("did not pass");
  });

  it("never pass with another body, id or time than was signed", async () => {
    const change = fc.record({
      body: fc.string(),
      id: fc.stringMatching(/^[\w:-]{1,20}$/u),
      seconds: fc.integer({ min: -299, max: 299 }),
    });
    await fc.assert(
      fc.asyncProperty(change, async ({ body, id, seconds }) => {
        const time = `${NOW / 1000 + seconds}`;
        fc.pre(body !== "{}" || id !== "evt" || seconds !== 0);
        const headers = { ...signed, "webhook-id": id, "webhook-timestamp": time };
        expect(await judge(hook(), headers, body)).toBe("mismatch");
      }),
    );
  });
});

describe("webhooks signed by Ed25519", () => {
  const { secret, publicKey } = newWebhookKeyPair();
  const known = (...keys: readonly string[]): WebhookSignature =>
    hookOf(
      memorySingleUse(),
      keys.map((key) => new Secret(key)),
    );
  const signed = webhookSigner({ secrets: [secret] }).sign('{"note":"Grüße 😀"}', { nowMs: NOW, id: "evt_1" });

  it("are verified by the half of the pair that signs nothing", async () => {
    expect(secret.reveal()).toMatch(/^whsk_[A-Za-z0-9+/]{43}=$/u);
    expect(publicKey).toMatch(/^whpk_[A-Za-z0-9+/]{43}=$/u);
    expect(signed["webhook-signature"]).toMatch(/^v1a,[A-Za-z0-9+/]{86}==$/u);
    const hook = known(publicKey);
    expect(await judge(hook, signed, '{"note":"Grüße 😁"}')).toBe("mismatch");
    expect(await judge(hook, { ...signed, "webhook-id": "evt_2" }, '{"note":"Grüße 😀"}')).toBe("mismatch");
    expect(await judge(hook, signed, '{"note":"Grüße 😀"}')).toBe("verified evt_1");
    expect(await judge(hook, signed, '{"note":"Grüße 😀"}')).toBe("replayed");
    expect(await judge(known(newWebhookKeyPair().publicKey), signed, '{"note":"Grüße 😀"}')).toBe("mismatch");
    expect(() => webhookSigner({ secrets: [publicKey] })).toThrow(/newWebhookKeyPair/u);
    expect(() => known(secret.reveal())).toThrow(/form/u);
  });

  it("take keys as others write them, a seed alone or with its public key behind it", async () => {
    // RFC 8032 section 7.1, test 2.
    const seed = Buffer.from("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb", "hex");
    const half = Buffer.from("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "hex");
    const pair = Buffer.concat([seed, half]);
    for (const form of [seed, pair]) {
      const headers = webhookSigner({ secrets: [`whsk_${form.toString("base64")}`] }).sign("{}", { nowMs: NOW });
      expect(await judge(known(`whpk_${half.toString("base64")}`), headers, "{}")).toMatch(/^verified/u);
    }
    const torn = Buffer.concat([seed, Buffer.from(publicKey.slice(5), "base64")]);
    expect(() => webhookSigner({ secrets: [`whsk_${torn.toString("base64")}`] })).toThrow(/newWebhookKeyPair/u);
  });

  it("change to another pair, or from a secret to a pair, while the receiver knows either", async () => {
    const [next, shared] = [newWebhookKeyPair(), newWebhookSecret()];
    const both = webhookSigner({ secrets: [next.secret, secret, shared] }).sign("{}", { nowMs: NOW });
    for (const keys of [[publicKey], [next.publicKey], [shared.reveal()], [newWebhookSecret().reveal(), publicKey]])
      expect(await judge(known(...keys), both, "{}")).toMatch(/^verified/u);
    expect(await judge(known(newWebhookSecret().reveal(), newWebhookKeyPair().publicKey), both, "{}")).toBe("mismatch");
  });

  it("never pass by a MAC whose key is the public key, which everybody has", async () => {
    const forged = webhookSigner({ secrets: [publicKey.replace("whpk_", "whsec_")] }).sign("{}", { nowMs: NOW });
    expect(await judge(known(publicKey), forged, "{}")).toBe("mismatch");
  });

  it("are refused with a signature that is malformed or among too many", async () => {
    const [one] = signed["webhook-signature"].split(" ") as [string];
    const mac = `v1,${"A".repeat(43)}=`;
    for (const bad of [
      one.slice(0, -1),
      `${one}=`,
      one.slice(4),
      "v1a,",
      `${mac} v1a,AAAA`,
      Array(11).fill(one).join(" "),
    ])
      expect(await judge(known(publicKey), { ...signed, "webhook-signature": bad }, '{"note":"Grüße 😀"}')).toBe(
        "headers",
      );
    const padded = `v2,AAAA ${mac} ${one}`;
    expect(await judge(known(publicKey), { ...signed, "webhook-signature": padded }, '{"note":"Grüße 😀"}')).toBe(
      "verified evt_1",
    );
  });
});

describe("schemes", () => {
  it("agree with the signature in the documentation of Standard Webhooks", async () => {
    const secret = new Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    const headers = {
      "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
      "webhook-timestamp": "1614265330",
      "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    };
    const hook = hookOf(memorySingleUse(), [secret], standardWebhooks());
    expect(await judge(hook, headers, '{"test": 2432232314}', 1_614_265_330_000)).toBe(
      "verified msg_p5jXN8AQM9LWM0D4loKWxJek",
    );
  });

  it("agree with the signature in the documentation of GitHub, and count a body once", async () => {
    const hook = hookOf(memorySingleUse(), [new Secret("It's a Secret to Everybody")], bodySignature());
    const mac = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    const headers = { "x-hub-signature-256": `sha256=${mac}` };
    expect(await judge(hook, headers, "Hello, World!")).toBe("verified undefined");
    expect(await judge(hook, { ...headers, "x-github-delivery": "another" }, "Hello, World!")).toBe("replayed");
    expect(await judge(hook, { "x-hub-signature-256": `sha1=${mac}` }, "Hello, World!")).toBe("headers");
    expect(await judge(hook, { "x-hub-signature-256": `sha256=${mac.toUpperCase()}` }, "Hello, World!")).toBe(
      "headers",
    );
    expect(hook.control.check({} as never).map(({ rule }) => rule.id)).toEqual(["webhook-signatures/no-time"]);
  });

  it("read a time and several signatures from one header, as Stripe writes them", async () => {
    const secret = new Secret("whsec_a_text_and_not_base64");
    const key = Buffer.from("whsec_a_text_and_not_base64");
    const time = NOW / 1000;
    const mac = webhookMac(key, `${time}.`, "{}", "hex");
    const ask = (header: string) =>
      judge(hookOf(memorySingleUse(), [secret], timestampedSignature()), { "stripe-signature": header }, "{}");
    expect(await ask(`t=${time},v1=${mac}`)).toMatch(/^verified/u);
    expect(await ask(`t=${time}, v1=${"0".repeat(64)}, v1=${mac}, v0=${mac}`)).toMatch(/^verified/u);
    expect(await ask(`t=${time},v0=${mac}`)).toBe("headers");
    expect(await ask(`t=${time},t=${time + 1},v1=${mac}`)).toBe("headers");
    expect(await ask(`t=${time + 1},v1=${mac}`)).toBe("mismatch");
    expect(await ask(`t=${time - 301},v1=${mac}`)).toBe("stale");
  });

  it("take no secret that could be guessed or is of another form", () => {
    const store = memorySingleUse();
    for (const weak of [
      "whsec_",
      "whsec_AAAA",
      "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
      "whsec_!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!",
      "whsk_",
      `whsk_${"A".repeat(44)}`,
      "whpk_AAAA",
    ]) {
      expect(() => hookOf(store, [new Secret(weak)])).toThrow(/form/u);
      expect(() => webhookSigner({ secrets: [weak] })).toThrow(/newWebhookKeyPair/u);
    }
    expect(() => hookOf(store, [new Secret("short")], bodySignature())).toThrow(/form/u);
    expect(() => hookOf(store, [])).toThrow(/secrets/u);
    expect(() => webhookSignature({ name: "Ä", store, secrets: () => [] })).toThrow(/name/u);
    expect(() => webhookSignature({ name: "a", store, secrets: () => [], toleranceSeconds: 301 })).toThrow(/300/u);
    expect(() => webhookSignature({ name: "a", store, secrets: () => [], tolerance: 1 } as never)).toThrow(
      /toleranceSeconds/u,
    );
    expect(() => webhookSigner({ secrets: [newWebhookSecret()] }).sign("{}", { nowMs: NOW, id: "a.b" })).toThrow(/id/u);
  });
});
