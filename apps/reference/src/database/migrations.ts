import { lastHolderStays } from "glacis/authorization";
import {
  AUTHENTICATION_MIGRATION,
  AUTHENTICATION_TABLES,
  PASSKEY_MIGRATION,
  PASSKEY_TABLES,
  RECOVERY_CODE_MIGRATION,
  SESSION_MIGRATION,
  SESSION_TABLES,
  SIGN_IN_THROTTLE_MIGRATION,
  SIGN_IN_THROTTLE_TABLES,
  TOTP_MIGRATION,
} from "glacis/authentication";
import { EVENT_ARCHIVE_MIGRATION } from "glacis/center";
import { UPLOAD_QUOTA_MIGRATION } from "glacis/input";
import { rateLimitMigration } from "glacis/network";
import { attachmentsMigration } from "../attachments/migration.ts";

/** The roles that the database is divided between; none owns a table, and the first two log in, where there is a server to log in to. */
export interface DatabaseRoles {
  /** What reads and writes tenants' rows. Row-level security binds it, and it reads nothing of the library's. */
  readonly runtime: string;
  /** What the library's stores become: accounts, sessions, events and counters, and no row of a tenant. */
  readonly library: string;
  /** The owner of the two functions between them: where somebody belongs before a tenant is known, and a colleague's address after. */
  readonly signIn: string;
}

export const ROLES: DatabaseRoles = {
  runtime: "documents_app",
  library: "documents_library",
  signIn: "documents_sign_in",
};

const LAST_OWNER = lastHolderStays({
  table: "memberships",
  tenantColumn: "tenant_id",
  roleColumn: "role",
  role: "owner",
  tenants: { table: "tenants", key: "id" },
});

export interface Migration {
  readonly name: string;
  readonly sql: string;
}

/** The tenant of the transaction. Absent and empty both become null, which equals nothing: no tenant, no rows. */
const TENANT = "nullif(current_setting('app.tenant_id', true), '')::uuid";

/**
 * Row-level security for all four verbs, also for the table's owner (FORCE).
 *
 * @param column what holds the tenant's id
 */
function isolate(table: string, column: string = "tenant_id"): string {
  const own = `${column} = ${TENANT}`;
  return `
alter table ${table} enable row level security;
alter table ${table} force row level security;
create policy tenant_select on ${table} for select using (${own});
create policy tenant_insert on ${table} for insert with check (${own});
create policy tenant_update on ${table} for update using (${own}) with check (${own});
create policy tenant_delete on ${table} for delete using (${own});
`;
}

/** Roles belong to the whole server, so another database may have made them already, or be making them right now. */
function ensureRole(role: string): string {
  return `
do $$ begin
  create role ${role} nologin nosuperuser nobypassrls nocreatedb nocreaterole noinherit;
exception when duplicate_object or unique_violation then null;
end $$;
`;
}

/** Every change of the database, oldest first. Never edit one that has been released: its hash is recorded. */
export function migrations(roles: DatabaseRoles = ROLES): readonly Migration[] {
  const { runtime, signIn } = roles;
  return [
    { name: "0001-roles", sql: ensureRole(runtime) + ensureRole(signIn) },
    { name: "0002-accounts", sql: accounts(runtime, signIn) },
    { name: "0003-documents", sql: documents(runtime) },
    { name: "0004-roles-change", sql: rolesChange(runtime) },
    { name: "0005-library-accounts", sql: libraryAccounts(runtime, signIn) },
    { name: "0006-library-role", sql: libraryRole(roles) },
    { name: "0007-shares-of-members", sql: sharesOfMembers() },
    { name: "0008-attachments", sql: attachmentsMigration(roles, isolate) },
  ];
}

/** The library's own tables, which are safe to make again and stand before the migrations that refer to them. */
export const FOUNDATION: string = [
  SESSION_MIGRATION,
  rateLimitMigration(),
  AUTHENTICATION_MIGRATION,
  SIGN_IN_THROTTLE_MIGRATION,
  TOTP_MIGRATION,
  RECOVERY_CODE_MIGRATION,
  PASSKEY_MIGRATION,
  EVENT_ARCHIVE_MIGRATION,
  UPLOAD_QUOTA_MIGRATION,
].join("");

const LIBRARY_TABLES = [
  ...SESSION_TABLES,
  ...AUTHENTICATION_TABLES,
  ...SIGN_IN_THROTTLE_TABLES,
  ...PASSKEY_TABLES,
  "glacis_rate_limits",
  "glacis_totp",
  "glacis_recovery_codes",
  "glacis_upload_quotas",
].join(", ");

/** What is safe to repeat, and repeated at each start: who reaches the library's tables, and this login's right to become either role. */
export function upkeep({ runtime, library }: DatabaseRoles = ROLES): string {
  return `
revoke all on glacis_events, glacis_event_counts, ${LIBRARY_TABLES} from public, ${runtime};
grant select, insert, delete on glacis_events to ${library};
grant select, insert, update, delete on glacis_event_counts to ${library};
grant select, insert, update, delete on ${LIBRARY_TABLES} to ${library};
${[runtime, library].map(membershipOf).join("")}`;
}

function membershipOf(role: string): string {
  return `
do $$ begin
  if not pg_has_role(current_user, '${role}', 'member') then grant ${role} to current_user; end if;
end $$;
`;
}

/**
 * A tenant, its people, and how they sign in.
 *
 * At sign-in there is an e-mail address and no tenant yet, so no policy could match. Rather than weaken one, the credentials have a table of
 * their own that the runtime role cannot read: it may write its own tenant's rows, and call one function that returns one account by its
 * exact address. The function belongs to a role that can do nothing but read this table, so that it stays harmless under FORCE and whatever
 * is wrong with its caller.
 */
function accounts(runtime: string, signIn: string): string {
  return `
create table tenants (
  id uuid primary key default gen_random_uuid(),
  name text not null check (length(name) between 1 and 80),
  created_at timestamptz not null default now()
);
${isolate("tenants", "id")}

create table users (
  tenant_id uuid not null references tenants (id) on delete cascade,
  id uuid not null default gen_random_uuid(),
  email text not null check (length(email) between 3 and 254),
  name text not null check (length(name) between 1 and 80),
  created_at timestamptz not null default now(),
  primary key (id),
  unique (tenant_id, id)
);
${isolate("users")}

create table memberships (
  tenant_id uuid not null,
  user_id uuid not null,
  role text not null check (role in ('owner', 'admin', 'member', 'viewer')),
  created_at timestamptz not null default now(),
  primary key (tenant_id, user_id),
  foreign key (tenant_id, user_id) references users (tenant_id, id) on delete cascade
);
${isolate("memberships")}

create table credentials (
  tenant_id uuid not null,
  user_id uuid not null,
  email text not null unique,
  password_hash text not null check (password_hash like '$argon2id$%'),
  sign_ins bigint not null default 0,
  primary key (tenant_id, user_id),
  foreign key (tenant_id, user_id) references users (tenant_id, id) on delete cascade
);
${isolate("credentials")}
create policy sign_in on credentials for select to ${signIn} using (true);

create function find_credentials(wanted text)
  returns table (tenant_id uuid, user_id uuid, password_hash text, sign_ins bigint)
  language sql stable security definer set search_path = pg_catalog, pg_temp
  as $$ select c.tenant_id, c.user_id, c.password_hash, c.sign_ins from public.credentials c where c.email = wanted $$;
revoke all on function find_credentials (text) from public;

grant usage on schema public to ${runtime}, ${signIn};
grant select on credentials to ${signIn};
grant ${signIn} to current_user;
grant create on schema public to ${signIn};
alter function find_credentials (text) owner to ${signIn};
revoke create on schema public from ${signIn};
grant execute on function find_credentials (text) to ${runtime};

grant select, insert on tenants to ${runtime};
grant select, insert, update (name) on users to ${runtime};
grant select, insert on memberships to ${runtime};
grant insert, select (tenant_id, user_id, sign_ins), update (password_hash, sign_ins) on credentials to ${runtime};
`;
}

/** Roles can change, an owner stays; and nobody but the owner of the tables makes objects here, not even temporary ones. */
function rolesChange(runtime: string): string {
  return `
${LAST_OWNER}
grant update (role), delete on memberships to ${runtime};
revoke create on schema public from public;
do $$ begin
  execute format('revoke temporary on database %I from public', current_database());
end $$;
`;
}

/**
 * Credentials move to the library's accounts, which know addresses and nothing of tenants; users and memberships stay here, behind their policies.
 *
 * At sign-in there is an account and no tenant yet, so no policy could match. Rather than weaken one, a function says where one user belongs. It
 * belongs to a role that can do nothing but read memberships, so that it stays harmless under FORCE and whatever is wrong with its caller.
 *
 * The same person may have been in several workspaces, and is in one.
 */
function libraryAccounts(runtime: string, signIn: string): string {
  return `
alter table credentials no force row level security;
alter table users no force row level security;
insert into glacis_accounts (user_id, email, verified_at_ms, password_hash, created_at_ms)
  select c.user_id::text, c.email, (extract(epoch from u.created_at) * 1000)::bigint, c.password_hash, (extract(epoch from u.created_at) * 1000)::bigint
  from credentials c join users u on u.tenant_id = c.tenant_id and u.id = c.user_id
  on conflict do nothing;
alter table users force row level security;
drop function find_credentials (text);
drop table credentials;

alter table users drop column email;
alter table users drop constraint users_pkey;
alter table memberships add constraint memberships_one_workspace unique (user_id);

create policy sign_in on memberships for select to ${signIn} using (true);
grant select on memberships to ${signIn};
create function find_membership(wanted uuid)
  returns table (tenant_id uuid, role text)
  language sql stable security definer set search_path = pg_catalog, pg_temp
  as $$ select m.tenant_id, m.role from public.memberships m where m.user_id = wanted $$;
revoke all on function find_membership (uuid) from public;
grant create on schema public to ${signIn};
alter function find_membership (uuid) owner to ${signIn};
revoke create on schema public from ${signIn};
grant execute on function find_membership (uuid) to ${runtime};

grant delete on tenants, users to ${runtime};
`;
}

/**
 * Hashes, secrets and sessions leave the role that runs tenants' queries: SQL that is smuggled into one of those finds none of them. What such
 * a query needs of the library is a colleague's address, and a function tells it of the transaction's own tenant alone.
 */
function libraryRole({ runtime, library, signIn }: DatabaseRoles): string {
  return `
${ensureRole(library)}
grant usage on schema public to ${library};
revoke execute on function find_membership (uuid) from ${runtime};
grant execute on function find_membership (uuid) to ${library};
grant select (user_id, email) on glacis_accounts to ${signIn};
create function colleague_address(wanted uuid)
  returns text
  language sql stable security definer set search_path = pg_catalog, pg_temp
  as $$
    select a.email from public.memberships m join public.glacis_accounts a on a.user_id = m.user_id::text
    where m.tenant_id = ${TENANT} and m.user_id = wanted
  $$;
revoke all on function colleague_address (uuid) from public;
grant create on schema public to ${signIn};
alter function colleague_address (uuid) owner to ${signIn};
revoke create on schema public from ${signIn};
grant execute on function colleague_address (uuid) to ${runtime};
`;
}

/** Whoever leaves a workspace leaves what was shared with him, and finds none of it when he comes back. */
function sharesOfMembers(): string {
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

/** Documents and who else may see them. Every foreign key carries the tenant, so that no row can point into another (guide A04). */
function documents(runtime: string): string {
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
