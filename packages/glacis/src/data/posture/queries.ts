/** The questions to the catalogs: one per area. `$1` is the runtime role, `$2` the schemas. */

/** Schemas of the system, of sessions and of extensions' making. */
const OURS = "n.nspname = any ($2::text[])";

export const SCHEMAS: string = `
  select n.nspname as name from pg_catalog.pg_namespace n
  where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
    and not exists (select from pg_catalog.pg_depend d where d.classid = 'pg_namespace'::regclass and d.objid = n.oid and d.deptype = 'e')`;

export const SERVER: string = `
  select current_setting('server_version_num')::int as "version", version() as "versionText", session_user as "login",
    current_user as "current", current_database() as "database",
    host(inet_client_addr()) as "clientAddress",
    coalesce(inet_client_addr() <<= '127.0.0.0/8' or inet_client_addr() = '::1', true) as "loopback",
    s.ssl as "tls", s.version as "tlsVersion",
    (select json_object_agg(g.name, g.setting) from pg_catalog.pg_settings g where g.name in ('ssl', 'password_encryption', 'listen_addresses',
      'row_security', 'lo_compat_privileges', 'statement_timeout', 'idle_in_transaction_session_timeout', 'session_replication_role',
      'ssl_min_protocol_version')) as "settings"
  from (values (1)) as one left join pg_catalog.pg_stat_ssl s on s.pid = pg_backend_pid()`;

export const ROLES: string = `
  with recursive asked as (
    select oid, rolname from pg_catalog.pg_roles where rolname in ($1, session_user)
  ), reach (member, role, admin, hop) as (
    select oid, oid, false, null::oid from asked
    union
    select r.member, m.roleid, m.admin_option, coalesce(r.hop, m.roleid) from reach r join pg_catalog.pg_auth_members m on m.member = r.role
    where coalesce((to_jsonb(m) ->> 'set_option')::boolean, true) or m.admin_option
  )
  select a.rolname as "member", p.rolname as "name", r.member = r.role as "self", p.rolsuper as "superuser", p.rolbypassrls as "bypassesRls",
    p.rolcreaterole as "createsRoles", p.rolcreatedb as "createsDatabases", p.rolreplication as "replicates", bool_or(r.admin) as "admin",
    coalesce((select h.rolname from pg_catalog.pg_roles h where h.oid = r.hop), p.rolname) as "through",
    exists (select from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
      where c.relowner = p.oid and c.relkind in ('r', 'p') and ${OURS}) as "ownsTenantTables",
    exists (select from pg_catalog.pg_database d where d.datname = current_database() and d.datdba = p.oid) as "ownsDatabase"
  from reach r join asked a on a.oid = r.member join pg_catalog.pg_roles p on p.oid = r.role
  group by a.rolname, p.oid, p.rolname, r.member, r.role, r.hop, p.rolsuper, p.rolbypassrls, p.rolcreaterole, p.rolcreatedb, p.rolreplication`;

export const TABLES: string = `
  select c.oid::int8::float8 as "oid", n.nspname as "schema", c.relname as "name", c.relkind as "kind", c.relrowsecurity as "rls",
    c.relforcerowsecurity as "forced", o.rolname as "owner", o.rolsuper or o.rolbypassrls as "ownerExempt", c.relpersistence = 'u' as "unlogged",
    coalesce((select json_agg(i.inhparent::int8) from pg_catalog.pg_inherits i where i.inhrelid = c.oid), '[]') as "parents",
    c.relispartition as "partition",
    (select coalesce(json_agg(json_build_object('name', a.attname, 'type', format_type(a.atttypid, null), 'notNull', a.attnotnull,
        'readable', has_column_privilege($1, c.oid, a.attnum, 'SELECT')) order by a.attnum), '[]')
      from pg_catalog.pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped) as "columns",
    (select coalesce(json_agg(p), '[]') from unnest(array['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) p
      where has_table_privilege($1, c.oid, p)
        or (p in ('SELECT', 'INSERT', 'UPDATE', 'REFERENCES') and has_any_column_privilege($1, c.oid, p))) as "privileges",
    (select coalesce(json_agg(distinct x.privilege_type), '[]') from (
       select * from aclexplode(c.relacl) union all
       select x.* from pg_catalog.pg_attribute a, aclexplode(a.attacl) x where a.attrelid = c.oid) x where x.grantee = 0) as "publicPrivileges"
  from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace join pg_catalog.pg_roles o on o.oid = c.relowner
  where c.relkind in ('r', 'p', 'f') and ${OURS}
    and not exists (select from pg_catalog.pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
  order by n.nspname, c.relname`;

export const POLICIES: string = `
  select p.polrelid::int8::float8 as "table", p.polname as "name", p.polcmd as "command", p.polpermissive as "permissive", 0 = any (p.polroles) as "toPublic",
    (select coalesce(json_agg(r.rolname order by r.rolname), '[]') from pg_catalog.pg_roles r where r.oid = any (p.polroles)) as "roles",
    0 = any (p.polroles) or exists (select from unnest(p.polroles) r where r <> 0 and pg_has_role($1, r, 'USAGE')) as "applies",
    exists (select from unnest(p.polroles) r where r <> 0 and (pg_has_role($1, r, 'MEMBER') or pg_has_role(session_user, r, 'MEMBER'))) as "reachable",
    (select coalesce(json_agg(r.rolname order by r.rolname), '[]') from pg_catalog.pg_roles r
      where r.oid = any (p.polroles) and (r.rolsuper or r.rolbypassrls)) as "exemptRoles",
    pg_get_expr(p.polqual, p.polrelid) as "using", pg_get_expr(p.polwithcheck, p.polrelid) as "check",
    (select coalesce(json_agg(distinct jsonb_build_object('name', fn.nspname || '.' || f.proname, 'definer', f.prosecdef, 'volatile', f.provolatile = 'v',
        'frozen', case when f.provolatile = 'i' and f.prokind = 'f' and pg_get_functiondef(f.oid) ~* '\\m(current_setting|current_user|session_user|current_role|from)\\M'
          then format('%I.%I(%s)', fn.nspname, f.proname, pg_get_function_identity_arguments(f.oid)) end)), '[]')
      from pg_catalog.pg_depend d join pg_catalog.pg_proc f on f.oid = d.refobjid join pg_catalog.pg_namespace fn on fn.oid = f.pronamespace
      where d.classid = 'pg_policy'::regclass and d.objid = p.oid and d.refclassid = 'pg_proc'::regclass) as "functions",
    (select coalesce(json_agg(distinct d.refobjid::int8), '[]') from pg_catalog.pg_depend d
      where d.classid = 'pg_policy'::regclass and d.objid = p.oid and d.refclassid = 'pg_class'::regclass and d.refobjid <> p.polrelid) as "reads"
  from pg_catalog.pg_policy p join pg_catalog.pg_class c on c.oid = p.polrelid join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  where ${OURS} and $1 is not null order by c.relname, p.polname`;

const NAMES = (table: string, numbers: string): string =>
  `(select coalesce(json_agg(a.attname order by k.place), '[]') from unnest(${numbers}) with ordinality k (number, place)
     join pg_catalog.pg_attribute a on a.attrelid = ${table} and a.attnum = k.number)`;

export const FOREIGN_KEYS: string = `
  select f.conrelid::int8::float8 as "table", f.conname as "name", ${NAMES("f.conrelid", "f.conkey")} as "columns", f.confrelid::int8::float8 as "target",
    ${NAMES("f.confrelid", "f.confkey")} as "targetColumns", f.convalidated as "validated",
    coalesce((to_jsonb(f) ->> 'conenforced')::boolean, true)
      and not exists (select from pg_catalog.pg_trigger t where t.tgconstraint = f.oid and t.tgenabled = 'D') as "enforced",
    case f.confdeltype when 'n' then 'set null' when 'd' then 'set default' when 'c' then 'cascade' else 'none' end as "onDelete",
    case when f.confdeltype in ('n', 'd') then ${NAMES("f.conrelid", "case when to_jsonb(f) ->> 'confdelsetcols' is null then f.conkey else array(select jsonb_array_elements_text(to_jsonb(f) -> 'confdelsetcols')::int2) end")} else '[]' end as "emptied"
  from pg_catalog.pg_constraint f join pg_catalog.pg_class c on c.oid = f.conrelid join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  where f.contype = 'f' and f.conparentid = 0 and ${OURS} and $1::text is not null order by c.relname, f.conname`;

export const INDEXES: string = `
  select i.indrelid::int8::float8 as "table", x.relname as "name", ${NAMES("i.indrelid", "(i.indkey::int2[])[0:i.indnkeyatts - 1]")} as "columns",
    i.indisunique as "unique", i.indisprimary as "primary", i.indisvalid as "valid", i.indpred is not null as "partial", i.indisexclusion as "exclusion",
    i.indexprs is not null as "expression", exists (select from pg_catalog.pg_constraint k where k.conindid = i.indexrelid and k.contype in ('u', 'x')) as "constraint",
    i.indexprs is null and not exists (select from pg_catalog.pg_attribute a
      where a.attrelid = i.indrelid and a.attnum = any (i.indkey::int2[]) and a.atttypid <> 'uuid'::regtype) as "unguessable"
  from pg_catalog.pg_index i join pg_catalog.pg_class c on c.oid = i.indrelid join pg_catalog.pg_class x on x.oid = i.indexrelid
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  where c.relkind in ('r', 'p') and ${OURS} and $1::text is not null order by c.relname, x.relname`;

export const VIEWS: string = `
  with recursive uses (view, relation) as (
    select distinct r.ev_class, d.refobjid from pg_catalog.pg_rewrite r
    join pg_catalog.pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = r.oid and d.refclassid = 'pg_class'::regclass
    where d.refobjid <> r.ev_class
    union
    select u.view, d.refobjid from uses u join pg_catalog.pg_rewrite r on r.ev_class = u.relation
    join pg_catalog.pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = r.oid and d.refclassid = 'pg_class'::regclass
    where d.refobjid <> r.ev_class
  )
  select n.nspname as "schema", c.relname as "name", c.relkind = 'm' as "materialized", o.rolsuper or o.rolbypassrls as "ownerExempt",
    coalesce(c.reloptions && array['security_invoker=true', 'security_invoker=on', 'security_invoker=1', 'security_invoker=yes'], false) as "invoker",
    coalesce(c.reloptions && array['security_barrier=true', 'security_barrier=on', 'security_barrier=1', 'security_barrier=yes'], false) as "barrier",
    has_any_column_privilege($1, c.oid, 'SELECT') or has_table_privilege($1, c.oid, 'SELECT') as "readable",
    (select coalesce(json_agg(distinct u.relation::int8), '[]') from uses u join pg_catalog.pg_class t on t.oid = u.relation and t.relkind in ('r', 'p')
      where u.view = c.oid) as "tables",
    (select coalesce(json_agg(distinct f.oid::regprocedure::text), '[]') from pg_catalog.pg_rewrite r
      join pg_catalog.pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = r.oid and d.refclassid = 'pg_proc'::regclass
      join pg_catalog.pg_proc f on f.oid = d.refobjid and f.prosecdef where r.ev_class = c.oid) as "definers"
  from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace join pg_catalog.pg_roles o on o.oid = c.relowner
  where c.relkind in ('v', 'm') and ${OURS}
    and not exists (select from pg_catalog.pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
  order by n.nspname, c.relname`;

export const FUNCTIONS: string = `
  select n.nspname as "schema", f.proname as "name", pg_get_function_identity_arguments(f.oid) as "signature", f.prosecdef as "definer",
    f.proleakproof as "leakproof", l.lanpltrusted or l.lanname in ('internal', 'c', 'sql') as "trusted", o.rolname as "owner",
    o.rolsuper or o.rolbypassrls as "ownerExempt",
    (select substr(s, 13) from unnest(f.proconfig) s where s like 'search_path=%') as "searchPath",
    to_jsonb(f) ->> 'prosqlbody' is not null as "bound",
    has_function_privilege($1, f.oid, 'EXECUTE') as "executable",
    f.proacl is null or exists (select from aclexplode(f.proacl) x where x.grantee = 0) as "publicExecutable"
  from pg_catalog.pg_proc f join pg_catalog.pg_namespace n on n.oid = f.pronamespace join pg_catalog.pg_language l on l.oid = f.prolang
  join pg_catalog.pg_roles o on o.oid = f.proowner
  where ${OURS} and (f.prosecdef or f.proleakproof or not l.lanpltrusted)
    and not exists (select from pg_catalog.pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = f.oid and d.deptype = 'e')
  order by n.nspname, f.proname`;

export const TRIGGERS: string = `
  select t.tgrelid::int8::float8 as "table", t.tgname as "name", t.tgisinternal as "internal", t.tgenabled = 'D' as "disabled", f.prosecdef as "definer",
    f.oid::regprocedure::text as "function"
  from pg_catalog.pg_trigger t join pg_catalog.pg_class c on c.oid = t.tgrelid join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  join pg_catalog.pg_proc f on f.oid = t.tgfoid
  where ${OURS} and $1::text is not null and (t.tgenabled = 'D' or f.prosecdef) order by c.relname, t.tgname`;
