/**
 * Webhooks of a workspace, what was told them, and what is still to be.
 *
 * The queue holds ids alone: whoever works for all workspaces sees which delivery of which one is due, and reads addresses and secrets in that
 * workspace's own scope. With a webhook go its deliveries, and with them their places in the queue.
 *
 * @param isolate the row-level security of a table
 * @param tenant the transaction's tenant, in SQL
 */
export function webhooksMigration(
  { runtime, library }: { readonly runtime: string; readonly library: string },
  isolate: (table: string) => string,
  tenant: string,
): string {
  return `
create table webhooks (
  tenant_id uuid not null references tenants (id) on delete cascade,
  id uuid not null,
  endpoint text not null check (length(endpoint) <= 2000 and endpoint ~ '^https://'),
  secret text not null,
  added_by uuid,
  created_at timestamptz(3) not null default now(),
  primary key (id),
  unique (tenant_id, id),
  foreign key (tenant_id, added_by) references users (tenant_id, id) on delete set null (added_by)
);
create index webhooks_added_by on webhooks (tenant_id, added_by);
${isolate("webhooks")}

create table webhook_deliveries (
  tenant_id uuid not null,
  id uuid not null default gen_random_uuid(),
  webhook_id uuid not null,
  event text not null check (length(event) <= 40),
  document_id uuid,
  state text not null check (state in ('waiting', 'delivered', 'given_up')),
  outcome text check (length(outcome) <= 40),
  attempts integer not null default 0,
  tried_at timestamptz(3),
  created_at timestamptz(3) not null default now(),
  primary key (id),
  unique (tenant_id, id),
  foreign key (tenant_id, webhook_id) references webhooks (tenant_id, id) on delete cascade
);
create index webhook_deliveries_webhook on webhook_deliveries (tenant_id, webhook_id, created_at desc, id);
${isolate("webhook_deliveries")}

create table webhook_queue (
  tenant uuid not null,
  delivery_id uuid primary key,
  attempts integer not null default 0,
  due_at timestamptz not null default now(),
  foreign key (tenant, delivery_id) references webhook_deliveries (tenant_id, id) on delete cascade
);
create index webhook_queue_due on webhook_queue (due_at);
create index webhook_queue_tenant on webhook_queue (tenant, delivery_id);
alter table webhook_queue enable row level security;
create policy own_tenant on webhook_queue to ${runtime} using (tenant = ${tenant}) with check (tenant = ${tenant});
create policy every_tenant on webhook_queue to ${library} using (true) with check (true);

grant select, insert, delete, update (endpoint) on webhooks to ${runtime};
grant select, insert, delete, update (state, outcome, attempts, tried_at) on webhook_deliveries to ${runtime};
grant select, insert, delete, update (due_at) on webhook_queue to ${runtime};
grant select, update (attempts, due_at) on webhook_queue to ${library};
`;
}
