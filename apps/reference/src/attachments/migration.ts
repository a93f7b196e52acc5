/**
 * Files that belong to documents. The bytes lie in the storage under a key that says nothing; the row says what they are and whose.
 *
 * A file and its row cannot be made or removed at one moment, so `file_tasks` has the keys whose file and row do not agree yet: on their way in
 * before they are stored, on their way out by a trigger, whatever deletes the row. What stands there is dealt with in the end, and no crash loses
 * a file. The runtime role sees its tenant's, and the role that keeps house sees all.
 *
 * @param isolate the row-level security of a table
 */
export function attachmentsMigration(
  { runtime, library }: { readonly runtime: string; readonly library: string },
  isolate: (table: string) => string,
): string {
  return `
create table attachments (
  tenant_id uuid not null,
  id uuid not null default gen_random_uuid(),
  document_id uuid not null,
  added_by uuid,
  storage_key text not null unique check (length(storage_key) between 34 and 97),
  name text not null check (length(name) between 1 and 255),
  media_type text not null check (length(media_type) between 3 and 120),
  bytes bigint not null check (bytes > 0),
  sha256 text not null check (sha256 ~ '^[0-9a-f]{64}$'),
  scan text not null check (scan in ('clean', 'none', 'pending', 'infected')),
  created_at timestamptz(3) not null default now(),
  primary key (id),
  unique (tenant_id, id),
  foreign key (tenant_id, document_id) references documents (tenant_id, id) on delete cascade,
  foreign key (tenant_id, added_by) references users (tenant_id, id) on delete set null (added_by)
);
create index attachments_document on attachments (tenant_id, document_id, created_at, id);
create index attachments_added_by on attachments (tenant_id, added_by);
${isolate("attachments")}

create table file_tasks (
  storage_key text primary key,
  tenant text not null,
  bytes bigint not null,
  task text not null check (task in ('arriving', 'scan', 'remove')),
  since timestamptz not null default now()
);

create function remove_file_later() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  insert into public.file_tasks (storage_key, tenant, bytes, task)
    values (old.storage_key, old.tenant_id::text, old.bytes, 'remove')
    on conflict (storage_key) do update set task = 'remove';
  return null;
end $$;
create trigger remove_file_later after delete on attachments for each row execute function remove_file_later();

alter table file_tasks enable row level security;
create policy own_tenant on file_tasks to ${runtime}
  using (tenant = current_setting('app.tenant_id', true)) with check (tenant = current_setting('app.tenant_id', true));
create policy every_tenant on file_tasks to ${library} using (true) with check (true);

grant select, insert, delete, update (scan) on attachments to ${runtime};
grant select, insert, delete, update (task) on file_tasks to ${runtime}, ${library};
`;
}
