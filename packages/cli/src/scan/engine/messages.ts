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

function message(run: Run, node: Node): Value {
  return { taints: source(run, node, "message", "remote") };
}
