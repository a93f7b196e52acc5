import { randomUUID } from "node:crypto";
import { request } from "node:http";
import type { AddressInfo } from "node:net";
import { glacis, keyRing, newKey, publicAccess, routeRule, saas, type AuditRecord, type RouteRule } from "glacis";
import { memorySingleUse, newWebhookSecret, webhookSignature, webhookSigner } from "glacis/data";
import { afterEach, describe, expect, it } from "vitest";
import { json, type Build, type Route } from "./application.ts";
import { express4Build, express5Build } from "./frameworks/express.ts";
import { fastifyBuild } from "./frameworks/fastify.ts";
import { honoBuild } from "./frameworks/hono.ts";

const secret = newWebhookSecret();
const hook = webhookSignature({ name: "sender", store: memorySingleUse(), secrets: [secret] });
const signer = webhookSigner({ secrets: [secret] });
let handled: string[] = [];
const route = (path: string, rule: RouteRule): Route => ({
  method: "POST",
  path,
  rule,
  behave({ exchange }) {
    handled.push(`${path} ${hook.delivery(exchange).id ?? ""}`);
    return json({ received: true });
  },
});

const inner = routeRule(publicAccess("a webhook"), {
  kind: "api",
  csrfExempt: "verified by webhook signature",
  controls: [hook.control],
});
const open = routeRule(publicAccess("a group"), { kind: "api", csrfExempt: "verified by webhook signature" });
let stop: (() => void) | undefined;
afterEach(() => stop?.());

async function start(build: Build) {
  const records: AuditRecord[] = [];
  const audit = (record: AuditRecord): void => void records.push(record);
  const layers = saas({
    origin: "https://app.example.com",
    keys: keyRing(newKey("k1")),
    mode: "test",
    proxies: ["127.0.0.1/32"],
    audit,
  });
  const groups = [
    { prefix: "/inner", rule: open, routes: [route("/hook", inner)] },
    { prefix: "/outer", rule: hook.rule, routes: [route("/hook", open)] },
  ];
  const server = await build({ routes: [route("/hook", hook.rule)], groups }, glacis(layers));
  stop = () => void server.close();
  handled = [];
  const send = async (
    path: string,
    body: string | Buffer,
    headers: Readonly<Record<string, string>>,
  ): Promise<number> => {
    const { port } = server.address() as AddressInfo;
    const sent = {
      host: "app.example.com",
      "content-type": "application/json",
      "content-length": `${Buffer.byteLength(body)}`,
      "x-forwarded-for": "192.0.2.9",
      "x-forwarded-proto": "https",
      ...headers,
    };
    return new Promise((resolve, reject) => {
      const asked = request({ port, path, method: "POST", headers: sent }, (answer) => {
        answer.resume().on("end", () => resolve(answer.statusCode ?? 0));
      });
      asked.on("error", reject).end(body);
    });
  };
  return { send, records };
}

const alone = ["/hook"];
const grouped = ["/hook", "/inner/hook", "/outer/hook"];

describe.each([
  ["Express 5", express5Build, grouped],
  ["Express 4", express4Build, grouped],
  ["Fastify", fastifyBuild, alone],
  ["Hono", honoBuild, grouped],
])("a webhook on %s", (_, build, paths) => {
  it.each(paths)("reaches its handler at %s once, as it was sent", async (path) => {
    const { send, records } = await start(build);
    const id = `evt_${randomUUID()}`;
    const body = '{ "text": "ä 😀",\n "n": 1.0 }';
    const headers: Readonly<Record<string, string>> = { ...signer.sign(body, { nowMs: Date.now(), id }) };
    expect(await send(path, body, {})).toBe(401);
    expect(await send(path, body.replace("1.0", "1"), headers)).toBe(401);
    expect(await send(path, body, { ...headers, "content-type": "text/plain" })).toBe(401);
    expect(await send(path, Buffer.from(body).fill(0xff, 12, 13), headers)).toBe(400);
    expect(handled).toEqual([]);
    expect(await send(path, body, headers)).toBe(200);
    expect(await send(path, body, headers)).toBe(401);
    expect(handled).toEqual([`/hook ${id}`]);
    const told = records.filter(({ event }) => event === "crypto_webhook_rejected").map(({ detail }) => detail);
    expect(told).toEqual(["headers", "mismatch", "no_body", "replayed"]);
  });
});
