/** Workspaces, the people in them, and what is the library's. */
import { lastHolderStays } from "glacis/authorization";
import { ensureRole, isolate, TENANT, type DatabaseRoles } from "./migration-parts.ts";

const LAST_OWNER = lastHolderStays({
  table: "memberships",
  tenantColumn: "tenant_id",
  roleColumn: "role",
  role: "owner",
  tenants: { table: "tenants", key: "id" },
});

/**
 * A tenant, its people, and how they sign in.
 *
 * At sign-in there is an e-mail address and no tenant yet, so no policy could match. Rather than weaken one, the credentials have a table of
 * their own that the runtime role cannot read: it may write its own tenant's rows, and call one function that returns one account by its
 * exact address. The function belongs to a role that can do nothing but read this table, so that it stays harmless under FORCE and whatever
 * is wrong with its caller.
 */
export function accounts(runtime: string, signIn: string): string {
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
export function rolesChange(runtime: string): string {
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
export function libraryAccounts(runtime: string, signIn: string): string {
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
export function libraryRole({ runtime, library, signIn }: DatabaseRoles): string {
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

/** Whether everybody in a workspace needs a second factor: its owner says so. */
export function secondFactorPolicy(runtime: string): string {
  return `
alter table tenants add column requires_second_factor boolean not null default false;
grant update (requires_second_factor) on tenants to ${runtime};
`;
}
