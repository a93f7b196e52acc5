/** Who is called when somebody attacks, and the bait that shows who has been where nobody should be. */
import type { SaasOptions } from "glacis";
import { mailAction, type AlarmAction } from "glacis/audit";
import type { MailTransport } from "glacis/authentication";
import { html } from "glacis/input";
import { BAIT } from "../demo.ts";
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
  const { logStore } = settings;
  return {
    alarms: { actions: callsOf(settings, mail), ...(alarmClock && { now: alarmClock }) },
    detection: baitOf(settings),
    ...(logStore && { logShipping: { destination: logStore } }),
    ...(auditLog && { auditLog }),
  };
}

/** Production has bait of its own, whose names stand in no repository. */
function baitOf({
  kind,
  baits,
  baitAccounts,
  baitDocuments,
  dataFolder,
}: Settings): NonNullable<SaasOptions["detection"]> {
  if (kind === "production")
    return { honeyCredentials: baits, honeyUsers: baitAccounts, honeyResources: baitDocuments };
  return {
    honeyCredentials: [baitIn(dataFolder)],
    honeyUsers: [BAIT.person.id],
    honeyResources: [BAIT.document.id],
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
