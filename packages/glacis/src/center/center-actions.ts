/** What administrators do here. Each action asks the application first whether this person may, and is an event of its own. */
import { setTimeout as delay } from "node:timers/promises";
import { auditEvent } from "../core/event-entry.ts";
import { answer, deny, redirect, type Answer, type Deny, type Redirect } from "../core/decision.ts";
import type { AuditEvent } from "../core/event.ts";
import { linkTo, withinReach, type CenterContext } from "./center-context.ts";
import type { CenterAccount } from "./center-options.ts";
import { exportEvents, type ExportFormat } from "./event-export.ts";
import { readFilter } from "./event-filter.ts";
import { alarmsPage } from "./page-alarms.ts";

type Outcome = Answer | Deny | Redirect;

const LONGEST_ID = 200;
const LONGEST_WAIT_MS = 3000;

/** The parsed form, as far as its fields are text. */
function fieldsOf({ request }: CenterContext): URLSearchParams {
  const fields = new URLSearchParams();
  const { body } = request;
  if (typeof body !== "object" || body === null) return fields;
  for (const [name, value] of Object.entries(body)) if (typeof value === "string") fields.set(name, value);
  return fields;
}

export async function unlock(context: CenterContext): Promise<Outcome> {
  const { throttle } = context.settings;
  const account = await accountOf(context);
  if (account === undefined || throttle === undefined) return nothingHere(context, "unlock");
  await throttle.unlock(account.identifier);
  return done(context, account, "unlocked", actionEvent("unlock", "user", account.userId));
}

/** Ends one session, or all when the form names none. */
export async function revoke(context: CenterContext): Promise<Outcome> {
  const { sessions } = context.settings;
  const account = await accountOf(context);
  if (account === undefined || sessions === undefined) return nothingHere(context, "revoke");
  const handle = fieldsOf(context).get("session");
  // Without the request, so that the sessions write no second event: this one says who did it to whom.
  if (handle === null) {
    const count = await sessions.revoke(account.userId, { reason: "administrator" });
    return done(context, account, "revoked-all", { ...actionEvent("revoke_all", "user", account.userId), count });
  }
  if (!(await sessions.revokeOne(account.userId, handle.slice(0, LONGEST_ID), { reason: "administrator" })))
    return nothingHere(context, "revoke");
  return done(context, account, "revoked", { ...actionEvent("revoke", "user", account.userId), count: 1 });
}

export function exportFile(context: CenterContext): Outcome {
  const fields = fieldsOf(context);
  const format: ExportFormat = fields.get("format") === "jsonl" ? "jsonl" : "csv";
  const { filter, invalid } = readFilter(fields);
  if (invalid.length > 0) return nothingHere(context, "export");
  const day = new Date(context.nowMs).toISOString().slice(0, 10);
  const type = format === "csv" ? "text/csv; charset=utf-8" : "application/x-ndjson; charset=utf-8";
  return {
    kind: "answer",
    status: 200,
    headers: [
      ["content-type", type],
      ["content-disposition", `attachment; filename="security-events-${day}.${format}"`],
    ],
    body: undefined,
    stream: exportEvents(context.settings.archive.store, withinReach(context, filter), format),
    events: [actionEvent("export", "events", format)],
  };
}

/** Reads the whole log: for whoever sees the deployment, which no single tenant does. */
export async function verifyChain(context: CenterContext): Promise<Outcome> {
  const { chain } = context.settings;
  if (chain === undefined || context.reach !== "deployment") return nothingHere(context, "verify");
  // A log of millions takes longer than anybody should wait; a failure after that is told by the next reading.
  const notice = await Promise.race([
    chain.verify().then(() => "verified"),
    delay(LONGEST_WAIT_MS, "verifying", { ref: false }),
  ]);
  return redirect(303, linkTo(context, "/audit", { notice }), [actionEvent("verify", "audit_log", undefined)]);
}

/** Tells whoever is told of alarms, for whoever sees the deployment; shows how each has taken it. */
export async function testReceivers(context: CenterContext): Promise<Outcome> {
  const { alarms } = context.settings;
  if (alarms === undefined || context.reach !== "deployment") return nothingHere(context, "test_alarms");
  const trials = await Promise.race([
    alarms.tryReceivers(),
    delay(LONGEST_WAIT_MS, "waiting" as const, { ref: false }),
  ]);
  const page = await alarmsPage(context, trials);
  return answer(200, [["content-type", "text/html; charset=utf-8"]], String(page), [
    actionEvent("test_alarms", "alarm_receivers", undefined),
  ]);
}

/** Lets somebody go on whom his attacks have caught up with. */
export async function release(context: CenterContext): Promise<Outcome> {
  const { actors } = context.settings;
  const fields = fieldsOf(context);
  const [kind, id] = [fields.get("kind"), fields.get("id") ?? ""];
  const isActor = kind === "user" || kind === "service" || kind === "address";
  if (actors === undefined || context.reach !== "deployment" || !isActor || id === "" || id.length > LONGEST_ID)
    return nothingHere(context, "release");
  await actors.release({ kind, id });
  return redirect(303, linkTo(context, "/limits", { notice: "released" }), [actionEvent("release", kind, id)]);
}

async function accountOf(context: CenterContext): Promise<CenterAccount | undefined> {
  const userId = fieldsOf(context).get("user") ?? "";
  if (userId === "" || userId.length > LONGEST_ID) return undefined;
  return context.settings.accounts?.get(userId, context.user);
}

function done(context: CenterContext, account: CenterAccount, notice: string, event: AuditEvent): Redirect {
  return redirect(303, linkTo(context, "/account", { user: account.userId, notice }), [event]);
}

/** The same for what is not there and for what is somebody else's. */
export function nothingHere(_: CenterContext, action: string): Deny {
  return deny("not_found", { ...actionEvent(action, "user", undefined, "refused"), reason: "not_found" });
}

function actionEvent(
  action: string,
  resource: string,
  id: string | undefined,
  status: "succeeded" | "refused" = "succeeded",
): AuditEvent {
  const details = { control: "security-center", action, resource_type: resource };
  return auditEvent(`${action === "export" ? "data_access" : "account"}/admin_action/${status}`, {
    ...details,
    ...(id !== undefined && { resource_id: id }),
  });
}
