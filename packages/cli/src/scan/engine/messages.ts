/** Messages that queues, chats and brokers hand over: whoever may write to them wrote these. */
import { source, type Call, type Run } from "./run.ts";
import type { Node } from "../parse.ts";
import type { Value } from "./value.ts";

const BROKERS =
  /^(?:mqtt|async-mqtt|amqplib(?:\/callback_api)?|amqp-connection-manager|nats|redis|ioredis|kafkajs|node-rdkafka|stompit|rhea|zeromq|dgram|@google-cloud\/pubsub|discord\.js|telegraf|grammy|node-telegram-bot-api|irc|irc-framework|tmi\.js|whatsapp-web\.js|@slack\/\w+|matrix-js-sdk|peerjs|mailparser)\b/u;
const EVENTS =
  /^(?:message|messageCreate|interactionCreate|text|data|pmessage|messageBuffer|message_create|privmsg|chat|channel_post|callback_query)$/u;
const HEARING =
  /^(?:on|once|addListener|onText|command|hears|consume|subscribe|pSubscribe|run|action|event|shortcut)$/u;

/** `client.on("message", (topic, text) => ...)`, `consumer.run({ eachMessage })`, `channel.consume(queue, take)` */
export function messageArguments(call: Call, event: string | undefined): readonly Value[] | undefined {
  const { name, receiver, run, node } = call;
  if (!BROKERS.test(receiver?.api ?? "") || !HEARING.test(name)) return undefined;
  if (/^(?:on|once|addListener)$/u.test(name) && !EVENTS.test(event ?? "")) return undefined;
  return [0, 1, 2].map(() => message(run, node));
}

/** A function of Firebase that an application calls, and a message of an extension of a browser. */
export function calledFromAfar({ api, run, node }: Call): readonly Value[] | undefined {
  if (/^firebase-functions\b.*\.onCall$/u.test(api)) {
    const request = message(run, node);
    // Who has signed in, the platform has found out.
    const own = new Set(["auth", "app", "rawRequest"]);
    return [{ ...request, fields: new Map([...own].map((key) => [key, { taints: [], name: key }])), own }];
  }
  const event = /^(?:chrome|browser)\.runtime\.onMessage(External)?\.addListener$/u.exec(api);
  if (event === null) return undefined;
  return [{ taints: source(run, node, "message of an extension", event[1] === undefined ? "stored" : "remote") }];
}

function message(run: Run, node: Node): Value {
  return { taints: source(run, node, "message", "remote") };
}
