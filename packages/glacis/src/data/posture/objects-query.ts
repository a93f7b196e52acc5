/** Everything that is one name and one answer, asked in one query: privileges beside tables, extensions, replication, settings. */

const OURS = "n.nspname = any ($2::text[])";

/** `$1` is the runtime role, `$2` the schemas. */
export const OBJECTS: string = `
  select 'schema-create-public' as "area", n.nspname as "name", null::text as "detail" from pg_catalog.pg_namespace n, aclexplode(n.nspacl) x
    where ${OURS} and x.grantee = 0 and x.privilege_type = 'CREATE'
  union all
  select 'schema-create', n.nspname, null from pg_catalog.pg_namespace n where ${OURS} and has_schema_privilege($1, n.oid, 'CREATE')
  union all
  select 'database-create', current_database(), null where has_database_privilege($1, current_database(), 'CREATE')
  union all
  select 'database-temporary', current_database(), null where has_database_privilege($1, current_database(), 'TEMPORARY')
  union all
  select 'default-public', coalesce(n.nspname, '*'), r.rolname || ' ' || d.defaclobjtype::text from pg_catalog.pg_default_acl d
    join pg_catalog.pg_roles r on r.oid = d.defaclrole left join pg_catalog.pg_namespace n on n.oid = d.defaclnamespace
    where d.defaclobjtype in ('r', 'S', 'n') and exists (select from aclexplode(d.defaclacl) x where x.grantee = 0)
  union all
  select 'default-broad', coalesce(n.nspname, '*'), r.rolname from pg_catalog.pg_default_acl d
    join pg_catalog.pg_roles r on r.oid = d.defaclrole left join pg_catalog.pg_namespace n on n.oid = d.defaclnamespace
    where d.defaclobjtype = 'r' and exists (select from aclexplode(d.defaclacl) x
      where x.grantee <> 0 and x.grantee <> d.defaclrole and pg_has_role($1, x.grantee, 'USAGE') and x.privilege_type in ('TRUNCATE', 'TRIGGER', 'REFERENCES'))
  union all
  select 'sequence-public', n.nspname || '.' || c.relname, null from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where c.relkind = 'S' and ${OURS} and exists (select from aclexplode(c.relacl) x where x.grantee = 0)
  union all
  select 'extension', e.extname, null from pg_catalog.pg_extension e
  union all
  select 'extension-callable', e.extname,
    string_agg(format('%I.%I(%s)', fn.nspname, f.proname, pg_get_function_identity_arguments(f.oid)), ', ' order by f.oid) from pg_catalog.pg_extension e
    join pg_catalog.pg_depend d on d.refclassid = 'pg_extension'::regclass and d.refobjid = e.oid and d.classid = 'pg_proc'::regclass and d.deptype = 'e'
    join pg_catalog.pg_proc f on f.oid = d.objid join pg_catalog.pg_namespace fn on fn.oid = f.pronamespace
    where e.extname in ('dblink', 'http', 'adminpack', 'plsh', 'pg_cron', 'pg_net', 'file_fdw', 'lo', 'pg_background')
      and has_function_privilege($1, f.oid, 'EXECUTE') group by e.extname
  union all
  select 'foreign-server', s.srvname, null from pg_catalog.pg_foreign_server s where has_server_privilege($1, s.oid, 'USAGE')
  union all
  select 'foreign-wrapper', w.fdwname, null from pg_catalog.pg_foreign_data_wrapper w where has_foreign_data_wrapper_privilege($1, w.oid, 'USAGE')
  union all
  select 'user-mapping-public', m.srvname, null from pg_catalog.pg_user_mappings m where m.umuser = 0
  union all
  select 'event-trigger', t.evtname, r.rolname from pg_catalog.pg_event_trigger t join pg_catalog.pg_roles r on r.oid = t.evtowner
    where t.evtenabled <> 'D'
  union all
  select 'publication-all', p.pubname, null from pg_catalog.pg_publication p where p.puballtables
  union all
  select 'publication-table', p.pubname, t.schemaname || '.' || t.tablename from pg_catalog.pg_publication_tables t
    join pg_catalog.pg_publication p on p.pubname = t.pubname where not p.puballtables
  union all
  select 'replication-slot', s.slot_name, case when s.active then 'active' else 'inactive' end from pg_catalog.pg_replication_slots s
    where s.slot_type = 'logical' and s.database = current_database()
  union all
  select 'role-setting', coalesce(r.rolname, 'every role'), g from pg_catalog.pg_db_role_setting s
    left join pg_catalog.pg_roles r on r.oid = s.setrole, unnest(s.setconfig) g
    where (s.setrole = 0 or r.rolname in ($1, session_user)) and (s.setdatabase = 0 or s.setdatabase = (select oid from pg_catalog.pg_database where datname = current_database()))
  union all
  select 'large-object', 'large objects', count(*)::text from pg_catalog.pg_largeobject_metadata having count(*) > 0
  union all
  select 'rule', n.nspname || '.' || c.relname, r.rulename from pg_catalog.pg_rewrite r join pg_catalog.pg_class c on c.oid = r.ev_class
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace where c.relkind in ('r', 'p') and ${OURS}
  union all
  select 'default-definer', n.nspname || '.' || c.relname || '.' || a.attname, f.oid::regprocedure::text from pg_catalog.pg_attrdef x
    join pg_catalog.pg_class c on c.oid = x.adrelid join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    join pg_catalog.pg_attribute a on a.attrelid = x.adrelid and a.attnum = x.adnum
    join pg_catalog.pg_depend d on d.classid = 'pg_attrdef'::regclass and d.objid = x.oid and d.refclassid = 'pg_proc'::regclass
    join pg_catalog.pg_proc f on f.oid = d.refobjid and f.prosecdef where ${OURS}
  union all
  select 'check-function', n.nspname || '.' || c.relname || '.' || x.conname,
    format('alter table %I.%I drop constraint %I;', n.nspname, c.relname, x.conname) from pg_catalog.pg_constraint x
    join pg_catalog.pg_class c on c.oid = x.conrelid join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    join pg_catalog.pg_depend d on d.classid = 'pg_constraint'::regclass and d.objid = x.oid and d.refclassid = 'pg_proc'::regclass
    join pg_catalog.pg_proc f on f.oid = d.refobjid and (f.prosecdef or f.provolatile = 'v') where x.contype = 'c' and ${OURS}
  union all
  select 'proof-keys', n.nspname || '.' || c.relname, null from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where n.nspname = 'glacis' and c.relname = 'tenant_keys'
      and (has_table_privilege($1, c.oid, 'SELECT, INSERT, UPDATE, DELETE') or has_any_column_privilege($1, c.oid, 'SELECT, UPDATE'))`;

/** Settings that somebody may change without being a superuser; the catalog exists since Postgres 15. */
export const PARAMETERS: string = `
  select 'parameter' as "area", p.parname as "name", null::text as "detail" from pg_catalog.pg_parameter_acl p, aclexplode(p.paracl) x
  where x.grantee = 0 or pg_has_role($1, x.grantee, 'USAGE')`;
