/** What webhooks are to be told, written down in the transaction in which it happens: both are there afterwards, or neither. */
import type { User } from "glacis";
import type { TenantConnection } from "glacis/data";

export type WebhookEvent =
  | "document.created"
  | "document.changed"
  | "document.deleted"
  | "document.shared"
  | "document.unshared"
  | "webhook.test";

/** For one webhook. What comes on top is given up at once, and the page says so. */
const MOST_WAITING = 1000;

/** A webhook that is being removed at this moment is locked, and passed over: it must neither hold a change up nor fail it. */
const TELL = `
  with told as materialized (
    select tenant_id, id from webhooks
    where tenant_id = $1 and ($4::uuid is null or id = $4) for key share skip locked
  ), said as (
    select t.tenant_id, t.id, e.document_id, b.waiting + e.place > ${MOST_WAITING} as too_many
    from told t cross join lateral (
      select count(*) as waiting from webhook_deliveries d
      where d.tenant_id = t.tenant_id and d.webhook_id = t.id and d.state = 'waiting'
    ) b cross join unnest($3::uuid[]) with ordinality as e (document_id, place)
  ), made as (
    insert into webhook_deliveries (tenant_id, webhook_id, event, document_id, state, outcome)
    select tenant_id, id, $2, document_id, case when too_many then 'given_up' else 'waiting' end, case when too_many then 'backlog' end
    from said
    returning tenant_id, id, state
  ), queued as (
    insert into webhook_queue (tenant, delivery_id) select tenant_id, id from made where state = 'waiting'
  )
  select id from made`;

/**
 * Queues an event for each webhook of the workspace, once for each document.
 *
 * @param documentIds null where the event is about none
 * @param only this webhook
 * @returns how many were told
 */
export async function tellWebhooks(
  connection: TenantConnection,
  { tenantId }: Pick<User, "tenantId">,
  event: WebhookEvent,
  documentIds: readonly (string | null)[],
  only: string | null = null,
): Promise<number> {
  if (documentIds.length === 0) return 0;
  // One more than may wait tells the page that there was more.
  const told = documentIds.slice(0, MOST_WAITING + 1);
  const made = await connection.query(TELL, [tenantId, event, told, only]);
  return made.length;
}
