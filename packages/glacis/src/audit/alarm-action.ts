/** Who is told when an alarm changes its state. */
import { createHmac } from "node:crypto";
import { rejectUnknownOptions } from "../core/options.ts";
import type { AlarmSeverity } from "./alarm-definition.ts";
import type { SuppressedBy } from "./alarm-suppression.ts";
import type { AlarmState } from "./alarm.ts";
import { canParseUrl } from "../primitives/can-parse-url.ts";

/** A change of state, as it is told to people and machines. It holds no event: those stay in the log. */
export interface AlarmChange {
  /** The same for every attempt to tell of this change. */
  readonly id: string;
  readonly alarm: string;
  readonly state: AlarmState;
  readonly previous: AlarmState;
  readonly severity: AlarmSeverity;
  /** When it changed, RFC 3339. */
  readonly time: string;
  readonly description?: string;
  readonly runbook?: string;
  /** The dimension values that breach, such as addresses; ten at most. */
  readonly contributors: readonly string[];
  /** What keeps its actions from being taken. Those that are told of a change never see it. */
  readonly suppressedBy?: SuppressedBy;
}

export interface AlarmAction {
  /** What `AlarmActions` of the definition calls it. */
  readonly name: string;
  /** Whether it leaves the process: an alarm that only stands in the log wakes nobody. */
  readonly leaves: boolean;
  /** Tells somebody. What it throws is tried again, for a day. */
  readonly notify: (change: AlarmChange) => void | Promise<void>;
}

/** The part of the guarded fetch of `outbound()` that is used. */
export type AlarmFetch = (
  url: string,
  init: { readonly method: "POST"; readonly headers: Record<string, string>; readonly body: string },
) => Promise<{ readonly ok: boolean; readonly status: number }>;

export interface WebhookActionOptions {
  readonly name?: string;
  /** Where to post. HTTPS, and no credentials inside. */
  readonly url: string;
  /** The `fetch` of `outbound({ hosts: [...] })`, which refuses private addresses. */
  readonly fetch: AlarmFetch;
  /** Signs each message, as Standard Webhooks describes it. At least 24 bytes. */
  readonly secret?: Uint8Array;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

const LEAST_SECRET_BYTES = 24;

/**
 * Posts each change as JSON. The id stays the same over all attempts, so a receiver can drop what it has.
 *
 * @throws TypeError on an unknown option, a URL that is no HTTPS URL, or a secret that is too short
 * @example
 * webhookAction({ url: "https://hooks.example.com/alarms", fetch: hooks.fetch, secret });
 */
export function webhookAction(options: WebhookActionOptions): AlarmAction {
  rejectUnknownOptions("webhookAction", options, ["name", "url", "fetch", "secret", "now"]);
  const { name = "webhook", url, fetch, secret, now = Date.now } = options;
  const target = canParseUrl(url) ? new URL(url) : undefined;
  if (target?.protocol !== "https:" || target.username !== "" || target.password !== "")
    throw new TypeError("webhookAction() needs url as an HTTPS URL without credentials.");
  if (secret !== undefined && secret.length < LEAST_SECRET_BYTES)
    throw new TypeError(`webhookAction() needs a secret of at least ${LEAST_SECRET_BYTES} bytes.`);
  return {
    name,
    leaves: true,
    async notify(change) {
      const body = JSON.stringify(change);
      const timestamp = String(Math.floor(now() / 1000));
      const headers = {
        "content-type": "application/json",
        "webhook-id": change.id,
        "webhook-timestamp": timestamp,
        ...(secret !== undefined && {
          "webhook-signature": `v1,${createHmac("sha256", secret).update(`${change.id}.${timestamp}.${body}`).digest("base64")}`,
        }),
      };
      const { ok, status } = await fetch(target.href, { method: "POST", headers, body });
      if (!ok) throw new Error(`The webhook answered ${status}.`);
    },
  };
}

/** A message, for whatever sends mail. */
export interface AlarmMail {
  readonly to: readonly string[];
  readonly subject: string;
  readonly text: string;
}

export interface MailActionOptions {
  readonly name?: string;
  readonly to: readonly string[];
  readonly sendMail: (mail: AlarmMail) => void | Promise<void>;
}

/** Sends each change as a plain text. @throws TypeError on an unknown option or without a recipient */
export function mailAction(options: MailActionOptions): AlarmAction {
  rejectUnknownOptions("mailAction", options, ["name", "to", "sendMail"]);
  const { name = "mail", to, sendMail } = options;
  if (to.length === 0) throw new TypeError("mailAction() needs somebody in `to`.");
  return {
    name,
    leaves: true,
    notify: async (change) => sendMail({ to, subject: `[${change.state}] ${change.alarm}`, text: textOf(change) }),
  };
}

function textOf({ alarm, state, previous, severity, time, description, runbook, contributors }: AlarmChange): string {
  const lines = [
    `${alarm} went from ${previous} to ${state} at ${time}.`,
    `Severity: ${severity}.`,
    ...(description === undefined ? [] : [description]),
    ...(contributors.length === 0 ? [] : [`Who stands out: ${contributors.join(", ")}.`]),
    ...(runbook === undefined ? [] : [`What to do: ${runbook}`]),
  ];
  return `${lines.join("\n")}\n`;
}
