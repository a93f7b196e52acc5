/** Tells webhooks what is queued for them: signed, through the guarded way out, never twice for one attempt, and not for ever. */
import { setTimeout as pause } from "node:timers/promises";
import { eq } from "drizzle-orm";
import type { AuditEvent } from "glacis";
import { webhookSigner, type EncryptedColumn } from "glacis/data";
import { OutboundError, type Outbound } from "glacis/network";
import { systemScope } from "../accounts/accounts.ts";
import type { Database } from "../database/database.ts";
import { webhookDeliveries, webhooks } from "../database/schema.ts";

/** After each attempt that failed, how many seconds until the next. After the last of them it is given up: three hours in all. */
const WAITS_SECONDS = [10, 60, 300, 1800, 7200] as const;
export const MOST_ATTEMPTS = WAITS_SECONDS.length + 1;
/** Longer than any delivery may take: whoever has claimed one is done by then, or dead. */
const LEASE_SECONDS = 60;
const AT_ONCE = 16;
/** One workspace whose receiver is slow does not hold the others up. */
const AT_ONCE_PER_TENANT = 4;
const KEPT_DELIVERIES = 20;
const PAUSE_MS = 1000;

export interface WebhookWorker {
  /** Delivers everything that is due, and what becomes due meanwhile. Never throws: what could not be done is told, and tried again. */
  run(): Promise<void>;
  /** Does that every second. @returns stops it, once what is in hand has been delivered */
  start(): () => Promise<void>;
}

export interface WebhookWorkerParts {
  readonly database: Database;
  readonly sealer: EncryptedColumn;
  readonly out: Pick<Outbound, "fetch">;
  readonly report: (event: AuditEvent) => void;
}

/** One attempt, which is this process's own until the lease is over. */
interface Attempt {
  readonly id: string;
  readonly tenant: string;
  readonly number: number;
}

interface Outcome {
  readonly is: "delivered" | "failed" | "refused";
  /** A status, or a word that says why there is none. */
  readonly said: string;
}

export function webhookWorker(parts: WebhookWorkerParts): WebhookWorker {
  let stopped = false;
  const tell = (error: unknown): void => parts.report(failure("sys_job_store_failed", "error", nameOf(error)));
  const run = async (): Promise<void> => {
    const inHand = new Map<Promise<void>, Attempt>();
    const begin = (attempt: Attempt): void => {
      const done: Promise<void> = deliver(parts, attempt)
        .catch(tell)
        .finally(() => inHand.delete(done));
      inHand.set(done, attempt);
    };
    for (;;) {
      const before = [...inHand.values()];
      const claims = !stopped && before.length < AT_ONCE;
      const claimed = (claims && (await claim(parts.database, before).catch(tell))) || [];
      // What ended while that was asked may have made room for more.
      if (before.length === 0 && claimed.length === 0) return;
      for (const attempt of claimed) begin(attempt);
      await oneOf([...inHand.keys()]);
    }
  };
  return {
    run,
    start() {
      let working: Promise<void> = Promise.resolve();
      const work = (): void => {
        working = run().then(() => {
          if (!stopped) timer = setTimeout(work, PAUSE_MS).unref();
        });
      };
      let timer = setTimeout(work, PAUSE_MS).unref();
      return async () => {
        stopped = true;
        clearTimeout(timer);
        await working;
      };
    },
  };
}

/** Ends with the first delivery that ends, or after a pause, so that a slow receiver holds up nobody's that becomes due meanwhile. */
async function oneOf(deliveries: readonly Promise<void>[]): Promise<void> {
  if (deliveries.length === 0) return;
  const over = new AbortController();
  const { signal } = over;
  await Promise.race([...deliveries, pause(PAUSE_MS, undefined, { signal }).catch(() => undefined)]);
  over.abort();
}

/** The row is locked while its attempt is counted, so of two processes one gets it, and the other passes it over. */
const CLAIM = `
  with ranked as (
    select delivery_id, row_number() over (partition by tenant order by due_at) as place
    from webhook_queue where due_at <= now() and delivery_id <> all ($3::uuid[])
  ), due as materialized (
    select q.delivery_id from webhook_queue q join ranked r using (delivery_id)
    where r.place <= ${AT_ONCE_PER_TENANT} - (select count(*) from unnest($1::uuid[]) as t (id) where t.id = q.tenant)
      and q.due_at <= now()
    order by q.due_at limit $2 for update of q skip locked
  )
  update webhook_queue w set attempts = w.attempts + 1, due_at = now() + make_interval(secs => ${LEASE_SECONDS})
  from due where w.delivery_id = due.delivery_id
  returning w.delivery_id as id, w.tenant, w.attempts as number`;

/** @param inHand what this process is delivering: it takes nothing over from itself, and counts it to its workspace's share */
async function claim(database: Database, inHand: readonly Attempt[]): Promise<readonly Attempt[]> {
  const [tenants, ids] = [inHand.map(({ tenant }) => tenant), inHand.map(({ id }) => id)];
  return (await database.query(CLAIM, [tenants, AT_ONCE - inHand.length, ids])).rows as readonly Attempt[];
}

async function deliver(parts: WebhookWorkerParts, attempt: Attempt): Promise<void> {
  const { database, report } = parts;
  const scope = systemScope(attempt.tenant, "webhooks");
  const [due] = await database.withTenant(scope, (db) =>
    db
      .select({
        webhookId: webhooks.id,
        endpoint: webhooks.endpoint,
        secret: webhooks.secret,
        event: webhookDeliveries.event,
        documentId: webhookDeliveries.documentId,
        createdAt: webhookDeliveries.createdAt,
      })
      .from(webhookDeliveries)
      .innerJoin(webhooks, eq(webhooks.id, webhookDeliveries.webhookId))
      .where(eq(webhookDeliveries.id, attempt.id)),
  );
  // The webhook has been removed since.
  if (due === undefined) return;
  const outcome = await send(parts, attempt, due);
  await settle(database, attempt, due.webhookId, outcome);
  if (outcome.is === "delivered") return;
  const over = isOver(attempt, outcome);
  const said = failure(over ? "sys_job_dropped" : "sys_job_failed", over ? "error" : "warning", outcome.said);
  report({ ...said, resource_type: "webhook", tenant_id: attempt.tenant, count: attempt.number });
}

interface Due {
  readonly webhookId: string;
  readonly endpoint: string;
  readonly secret: string;
  readonly event: string;
  readonly documentId: string | null;
  readonly createdAt: Date;
}

/** What happened to which document, and nothing of what stands in it. Each attempt has the same id and body, and its own time. */
async function send(
  { sealer, out }: WebhookWorkerParts,
  { id, tenant: tenantId }: Attempt,
  due: Due,
): Promise<Outcome> {
  try {
    const { documentId } = due;
    const body = JSON.stringify({
      type: due.event,
      timestamp: due.createdAt.toISOString(),
      data: { tenantId, ...(documentId !== null && { documentId }) },
    });
    const secret = sealer.open(due.secret, { tenantId, row: due.webhookId });
    const signed = webhookSigner({ secrets: [secret] }).sign(body, { nowMs: Date.now(), id });
    const headers = { ...signed, "content-type": "application/json", "user-agent": "Folio webhooks" };
    const response = await out.fetch(due.endpoint, { method: "POST", headers, body });
    await response.body?.cancel();
    return { is: response.ok ? "delivered" : "failed", said: String(response.status) };
  } catch (error) {
    if (error instanceof OutboundError) return { is: error.blocked ? "refused" : "failed", said: error.reason };
    return { is: "failed", said: nameOf(error).slice(0, 40) };
  }
}

/** An address that must not be called is not tried again. */
function isOver({ number }: Attempt, { is }: Outcome): boolean {
  return is === "refused" || number >= MOST_ATTEMPTS;
}

/**
 * Writes down how it went. The webhook is locked before its deliveries, as by whoever removes it. An attempt whose lease has passed to another
 * changes nothing.
 */
async function settle(database: Database, attempt: Attempt, webhookId: string, outcome: Outcome): Promise<void> {
  const { id, tenant, number } = attempt;
  const state = outcome.is === "delivered" ? "delivered" : isOver(attempt, outcome) ? "given_up" : "waiting";
  await database.withTenant(systemScope(tenant, "webhooks"), async (_, connection) => {
    await connection.query("select id from webhooks where id = $1 for key share", [webhookId]);
    const mine = await connection.query(
      `update webhook_deliveries set state = $3, outcome = $4, attempts = $2, tried_at = now()
       where id = $1 and exists (select from webhook_queue where delivery_id = $1 and attempts = $2) returning id`,
      [id, number, state, outcome.said],
    );
    if (mine.length === 0) return;
    if (state === "waiting") {
      await connection.query(
        "update webhook_queue set due_at = now() + make_interval(secs => $2) where delivery_id = $1",
        [id, WAITS_SECONDS[number - 1]],
      );
      return;
    }
    await connection.query("delete from webhook_queue where delivery_id = $1", [id]);
    await connection.query(
      `delete from webhook_deliveries where webhook_id = $1 and state <> 'waiting' and id not in (
         select id from webhook_deliveries where webhook_id = $1 and state <> 'waiting' order by created_at desc, id limit ${KEPT_DELIVERIES}
       )`,
      [webhookId],
    );
  });
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : "Error";
}

function failure(
  event: "sys_job_failed" | "sys_job_dropped" | "sys_job_store_failed",
  severity: "warning" | "error",
  error: string,
): AuditEvent {
  return { event_type: "system", status: "failed", severity, event, error };
}
