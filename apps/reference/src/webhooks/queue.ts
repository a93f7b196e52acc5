/** What webhooks are to be told, written down in the transaction in which it happens: both are there afterwards, or neither. */
import type { User } from "glacis";
import type { TenantConnection } from "glacis/data";

export type WebhookEvent =
  | "document.created"
  | "document.changed"
  | "document.deleted"
  | "document.shared"
  | "webhook.test";

/** For one webhook. What comes on top is given up at once, and the page says so. */
const MOST_WAITING = 1000;

/** A webhook that is being removed at this moment is locked, and passed over: it must neither hold a change up nor fail it. */
const TELL = `
  with told as materialized (
    select tenant_id, id from webhooks
    where tenant_id = $1 and ($4::uuid is null or id = $4) for key share skip locked
  ), made as (
    insert into webhook_deliveries (tenant_id, webhook_id, event, document_id, state, outcome)
    select t.tenant_id, t.id, $2, $3, case when b.too_many then 'given_up' else 'waiting' end, case when b.too_many then 'backlog' end
    from told t cross join lateral (
      select count(*) >= ${MOST_WAITING} as too_many from webhook_deliveries d
      where d.tenant_id = t.tenant_id and d.webhook_id = t.id and d.state = 'waiting'
    ) b
    returning tenant_id, id, state
  ), queued as (
    insert into webhook_queue (tenant, delivery_id) select tenant_id, id from made where state = 'waiting'
  )
  select id from made`;

/**
 * Queues an event for each webhook of the workspace.
 *
 * @param only this webhook
 * @returns how many were told
 */
export async function tellWebhooks(
  connection: TenantConnection,
  { tenantId }: Pick<User, "tenantId">,
  event: WebhookEvent,
  documentId: string | null,
  only: string | null = null,
): Promise<number> {
  const made = await connection.query(TELL, [tenantId, event, documentId, only]);
  return made.length;
}
