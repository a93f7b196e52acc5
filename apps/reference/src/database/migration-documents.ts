/** Documents, and who else may see them. */
import { isolate } from "./migration-parts.ts";

/** Whoever leaves a workspace leaves what was shared with him, and finds none of it when he comes back. */
export function sharesOfMembers(): string {
  return `
alter table document_shares no force row level security;
alter table memberships no force row level security;
delete from document_shares s where not exists (
  select from memberships m where m.tenant_id = s.tenant_id and m.user_id = s.user_id
);
alter table memberships force row level security;
alter table document_shares force row level security;
alter table document_shares drop constraint document_shares_tenant_id_user_id_fkey;
alter table document_shares add constraint document_shares_member_fkey
  foreign key (tenant_id, user_id) references memberships (tenant_id, user_id) on delete cascade;
`;
}

/** The document's owner in each of its shares, so that the policy of shares need not look at documents. */
export function ownerOfShares(): string {
  return `
alter table documents add constraint documents_owner_key unique (tenant_id, id, owner_id);
alter table documents no force row level security;
alter table document_shares no force row level security;
alter table document_shares add column owner_id uuid;
update document_shares s set owner_id = d.owner_id from documents d where d.tenant_id = s.tenant_id and d.id = s.document_id;
alter table document_shares alter column owner_id set not null;
alter table document_shares force row level security;
alter table documents force row level security;
alter table document_shares drop constraint document_shares_tenant_id_document_id_fkey;
alter table document_shares add constraint document_shares_document_fkey
  foreign key (tenant_id, document_id, owner_id) references documents (tenant_id, id, owner_id) on delete cascade;
`;
}

/** Documents and who else may see them. Every foreign key carries the tenant, so that no row can point into another (guide A04). */
export function documents(runtime: string): string {
  return `
create table documents (
  tenant_id uuid not null references tenants (id) on delete cascade,
  id uuid not null default gen_random_uuid(),
  owner_id uuid not null,
  title text not null check (length(title) between 1 and 200),
  body text not null check (length(body) <= 50000),
  link text check (length(link) <= 2000 and link ~ '^https?://'),
  version integer not null default 1,
  created_at timestamptz(3) not null default now(),
  updated_at timestamptz(3) not null default now(),
  primary key (id),
  unique (tenant_id, id),
  foreign key (tenant_id, owner_id) references users (tenant_id, id) on delete cascade
);
create index documents_updated on documents (tenant_id, updated_at desc, id desc);
create index documents_title on documents (tenant_id, title, id);
create index documents_owner on documents (tenant_id, owner_id);
${isolate("documents")}

create table document_shares (
  tenant_id uuid not null,
  document_id uuid not null,
  user_id uuid not null,
  permission text not null check (permission in ('view', 'edit')),
  created_at timestamptz not null default now(),
  primary key (tenant_id, document_id, user_id),
  foreign key (tenant_id, document_id) references documents (tenant_id, id) on delete cascade,
  foreign key (tenant_id, user_id) references users (tenant_id, id) on delete cascade
);
create index document_shares_user on document_shares (tenant_id, user_id);
${isolate("document_shares")}

grant select, insert, delete, update (title, body, link, version, updated_at) on documents to ${runtime};
grant select, insert, delete, update (permission) on document_shares to ${runtime};
`;
}
