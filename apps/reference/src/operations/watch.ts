/** Who is called when somebody attacks, and the bait that shows who has been where nobody should be. */
import type { SaasOptions } from "glacis";
import { mailAction, type AlarmAction } from "glacis/audit";
import type { MailTransport } from "glacis/authentication";
import { html } from "glacis/input";
import { baitIn, type AuditTrail } from "./audit-trail.ts";
import type { Settings } from "./settings.ts";

export interface WatchParts {
  readonly settings: Settings;
  /** Keeps events where a change shows. */
  readonly auditLog?: AuditTrail;
  /** What the alarms take for the time, in milliseconds since the epoch. */
  readonly alarmClock?: () => number;
}

/** What `saas()` takes of it. */
export function watchOptions(
  { settings, auditLog, alarmClock }: WatchParts,
  mail: MailTransport,
): Pick<SaasOptions, "alarms" | "auditLog" | "detection" | "logShipping"> {
  const { kind, baits, dataFolder, logStore } = settings;
  return {
    alarms: { actions: callsOf(settings, mail), ...(alarmClock && { now: alarmClock }) },
    detection: { honeyCredentials: kind === "production" ? baits : [baitIn(dataFolder)] },
    ...(logStore && { logShipping: { destination: logStore } }),
    ...(auditLog && { auditLog }),
  };
}

/** Each address gets a mail of its own. */
function callsOf({ alarmMail: to }: Settings, transport: MailTransport): readonly AlarmAction[] {
  if (to.length === 0) return [];
  const sendMail: Parameters<typeof mailAction>[0]["sendMail"] = async ({ to: everybody, subject, text }) => {
    for (const one of everybody)
      await transport.send({ to: one, subject, text, html: String(html`<pre>${text}</pre>`) });
  };
  return [mailAction({ to, sendMail })];
}
