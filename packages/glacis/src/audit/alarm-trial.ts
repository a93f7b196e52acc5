/** A test message to whoever is told of alarms: a receiver that nobody has tried is found broken on the day of the attack (catalog security-alerting). */
import { hash } from "node:crypto";
import { auditEvent } from "../core/event-entry.ts";
import type { AuditEvent } from "../core/event.ts";
import type { AlarmAction, AlarmChange } from "./alarm-action.ts";
import { answeredWithin } from "./audit-deadline.ts";
import { redactText } from "./redact.ts";

/** How one receiver took the message. */
export interface ReceiverTrial {
  readonly action: string;
  readonly isHeard: boolean;
  /** What it said instead of taking it, without secrets; and what to do. */
  readonly fault?: string;
  readonly fix?: string;
}

const ATTEMPT_SECONDS = 10;
const LONGEST_FAULT = 300;
const TEST_ALARM = "TestOfReceivers";

const ADVICE: readonly (readonly [RegExp, string])[] = [
  [/answered 40[13]/u, "Compare its address and its secret with what the receiver has."],
  [/answered 4/u, "The receiver is there and does not know this address. Compare it."],
  [/answered 5|answered 3/u, "The receiver is there and does not take messages. Look at its own log."],
  [/not answered within/u, "Nobody answered in time. See whether the address can be reached from here."],
  [
    /ECONN|ENOTFOUND|EAI_AGAIN|ETIMEDOUT/u,
    "It cannot be reached. Compare host and port, and see whether this network lets them through.",
  ],
  [/EAUTH|535/u, "The mail server does not know these credentials. Compare them."],
  [/Egress|allow/u, "Name its host where the application says where it connects to: outbound({ hosts: [...] })."],
];
const ANY_ADVICE = "Read what it said, mend that, and try again.";

/** Tells every receiver at once, each for ten seconds at most. Nobody's failure stops the others, and nothing is tried again. */
export async function tryReceivers(
  actions: readonly AlarmAction[],
  nowMs: number,
  report: (event: AuditEvent) => void,
): Promise<readonly ReceiverTrial[]> {
  const trials = await Promise.all(actions.map(async (action) => tryOne(action, testMessage(nowMs))));
  const silent = trials.filter(({ isHeard }) => !isHeard);
  for (const { action, fault } of silent)
    report(
      auditEvent("system/sys_alarm_undelivered/failed", {
        control: "security-alerting",
        resource_type: "alarm",
        resource_id: TEST_ALARM,
        action,
        detail: "test",
        ...(fault !== undefined && { error: fault }),
      }),
    );
  report(
    auditEvent("system/sys_alarm_receivers_tried/observed", {
      control: "security-alerting",
      count: silent.length,
      ...(silent.length > 0 && { severity: "error" }),
    }),
  );
  return trials;
}

async function tryOne({ name, notify }: AlarmAction, message: AlarmChange): Promise<ReceiverTrial> {
  try {
    await answeredWithin(ATTEMPT_SECONDS, `The action ${name}`, (async () => notify(message))());
    return { action: name, isHeard: true };
  } catch (error) {
    const said = error instanceof Error ? `${error.name}: ${error.message}` : typeof error;
    const fault = redactText(said).slice(0, LONGEST_FAULT);
    return { action: name, isHeard: false, fault, fix: ADVICE.find(([sign]) => sign.test(said))?.[1] ?? ANY_ADVICE };
  }
}

function testMessage(nowMs: number): AlarmChange {
  return {
    id: hash("sha256", JSON.stringify([TEST_ALARM, nowMs]), "base64url"),
    alarm: TEST_ALARM,
    state: "ALARM",
    previous: "OK",
    severity: "warning",
    time: new Date(nowMs).toISOString(),
    description: "Somebody tries whether alarms arrive here. Nothing has happened, and nothing is to be done.",
    contributors: [],
  };
}
