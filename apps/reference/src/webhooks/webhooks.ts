import { randomUUID } from "node:crypto";
import { and, asc, eq, sql } from "drizzle-orm";
import { tenantScope, type Secret, type User } from "glacis";
import { newWebhookSecret, type EncryptedColumn } from "glacis/data";
import { OutboundError, type Outbound } from "glacis/network";
import { trail } from "../activity/trail.ts";
import type { Database, TenantDrizzle, TenantWork } from "../database/database.ts";
import { tenants, webhookDeliveries, webhooks } from "../database/schema.ts";
import { tellWebhooks } from "./queue.ts";

export interface Delivery {
  readonly event: string;
  readonly state: "waiting" | "delivered" | "given_up";
  /** The status of the answer, or why there was none; null before the first attempt. Never what the answer said. */
  readonly outcome: string | null;
  readonly attempts: number;
  readonly createdAt: Date;
  readonly triedAt: Date | null;
}

export interface Webhook {
  readonly id: string;
  readonly endpoint: string;
  readonly createdAt: Date;
  /** The newest, newest first. */
  readonly deliveries: readonly Delivery[];
}

export const MOST_WEBHOOKS = 5;
const SHOWN_DELIVERIES = 5;

/** Where a workspace wants to be told what happens to its documents. */
export interface Webhooks {
  list(user: User): Promise<readonly Webhook[]>;
  /** Why this address will not be called, in a sentence; undefined where nothing speaks against it now. Each delivery asks again. */
  problemWith(endpoint: string): Promise<string | undefined>;
  /** @returns the secret that signs, which is not to be had again */
  add(user: User, endpoint: string): Promise<{ readonly id: string; readonly secret: Secret<string> } | "full">;
  /** With everything that was still to be delivered. @returns false when there is no such webhook */
  remove(user: User, id: string): Promise<boolean>;
  /** Queues a delivery that says nothing. @returns false when there is no such webhook */
  test(user: User, id: string): Promise<boolean>;
}

export interface WebhooksParts {
  readonly database: Database;
  readonly sealer: EncryptedColumn;
  readonly out: Pick<Outbound, "vet">;
}

export function webhooksIn({ database, sealer, out }: WebhooksParts): Webhooks {
  const inTenant = <Result>(user: User, work: TenantWork<Result>): Promise<Result> =>
    database.withTenant(tenantScope(user), work);

  return {
    list: (user) =>
      inTenant(user, async (db) => {
        const found = await db
          .select({ id: webhooks.id, endpoint: webhooks.endpoint, createdAt: webhooks.createdAt })
          .from(webhooks)
          .where(eq(webhooks.tenantId, user.tenantId))
          .orderBy(asc(webhooks.createdAt), asc(webhooks.id));
        const listed: Webhook[] = [];
        for (const one of found) listed.push({ ...one, deliveries: await deliveriesOf(db, user, one.id) });
        return listed;
      }),

    problemWith: (endpoint) =>
      out.vet(endpoint).then(
        () => undefined,
        (error: unknown) => {
          if (!(error instanceof OutboundError)) throw error;
          return PROBLEMS[error.reason] ?? "This address cannot be checked at the moment. Try again in a minute.";
        },
      ),

    add: (user, endpoint) =>
      inTenant(user, async (db, connection) => {
        const { tenantId } = user;
        // Webhooks that come at the same time are counted one after the other.
        await db.select({ id: tenants.id }).from(tenants).where(eq(tenants.id, tenantId)).for("no key update");
        if ((await db.$count(webhooks, eq(webhooks.tenantId, tenantId))) >= MOST_WEBHOOKS) return "full";
        const [id, secret] = [randomUUID(), newWebhookSecret()];
        const sealed = sealer.seal(secret.reveal(), { tenantId, row: id });
        await db.insert(webhooks).values({ tenantId, id, endpoint, secret: sealed, addedBy: user.id });
        await trail.record(connection, { ...named(user, "webhook.add", id), after: { endpoint } });
        return { id, secret };
      }),

    remove: (user, id) =>
      inTenant(user, async (db, connection) => {
        const removed = await db.delete(webhooks).where(one(user, id)).returning({ endpoint: webhooks.endpoint });
        const [gone] = removed;
        if (gone === undefined) return false;
        await trail.record(connection, { ...named(user, "webhook.remove", id), before: gone });
        return true;
      }),

    test: (user, id) =>
      inTenant(user, async (_, connection) => (await tellWebhooks(connection, user, "webhook.test", [null], id)) > 0),
  };
}

const named = (principal: User, action: string, id: string) =>
  ({ principal, action, resource: "webhook", id }) as const;

const one = ({ tenantId }: User, id: string) => and(eq(webhooks.tenantId, tenantId), eq(webhooks.id, id));

function deliveriesOf(db: TenantDrizzle, { tenantId }: User, webhookId: string): Promise<readonly Delivery[]> {
  const { event, state, outcome, attempts, createdAt, triedAt } = webhookDeliveries;
  return db
    .select({ event, state, outcome, attempts, createdAt, triedAt })
    .from(webhookDeliveries)
    .where(and(eq(webhookDeliveries.tenantId, tenantId), eq(webhookDeliveries.webhookId, webhookId)))
    .orderBy(sql`${createdAt} desc`, asc(webhookDeliveries.id))
    .limit(SHOWN_DELIVERIES);
}

const UNREADABLE = "Enter a full web address such as https://example.com/hooks.";
const INSIDE = "This address leads into a private network, which is never called. Give one on the public internet.";
const PROBLEMS: Readonly<Record<string, string>> = {
  "url-invalid": UNREADABLE,
  "host-malformed": UNREADABLE,
  "scheme-refused": "Enter an address that begins with https://, so that nobody reads along.",
  "userinfo-refused": "Leave out the user name and the password: deliveries are signed instead.",
  "port-refused": "Leave the port out: deliveries go to port 443 alone.",
  "host-not-public": INSIDE,
  "address-not-public": INSIDE,
  "resolution-failed": "There is no such host. Check how it is written.",
};
