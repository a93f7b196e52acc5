/**
 * A tenant that Postgres can check. Any SQL may change a setting; a policy that believes one is a convention against whoever can write SQL. With
 * a proof the policies ask a function, which recomputes an HMAC (RFC 2104) over tenant and expiry under a key that the runtime role cannot read.
 */
import { createHmac } from "node:crypto";
import type { DerivedKey, KeySource } from "../core/keys.ts";
import { TENANT_PROOF_SETTING, TENANT_SETTING } from "../core/tenancy.ts";
import { quoteIdentifier, quoteLiteral } from "./sql-quoting.ts";

const PURPOSE = "tenant-proof";
/** Long enough for clocks that differ and for a wait in the pool; a transaction that has begun is not cut short by it. */
const LIFETIME_SECONDS = 300;
const HASH_BLOCK_BYTES = 64;
const INNER = 0x36;
const OUTER = 0x5c;

/** SQLSTATE of a proof that does not hold; the class is of our own. */
export const PROOF_REFUSED = "GT001";

/** Makes proofs with the current key: `<key id>.<expiry>.<mac>`, the expiry in seconds since the epoch. */
export function tenantProofs(keys: KeySource): (tenantId: string, nowMs: number) => string {
  const { current } = keys.derive(PURPOSE);
  return (tenantId, nowMs) => {
    const expiry = Math.ceil(nowMs / 1000) + LIFETIME_SECONDS;
    const mac = createHmac("sha256", current.bytes).update(`${expiry}:${tenantId}`).digest("hex");
    return `${current.id}.${expiry}.${mac}`;
  };
}

/** A connection that owns the schema `glacis`. */
export interface ProofKeyOwner {
  query(text: string, values: unknown[]): Promise<unknown>;
}

/**
 * Gives the database the keys to check proofs with, and takes away those that have left the ring. Run it after the migrations, as their role.
 *
 * @example
 * await installTenantProof(owner, keyRing(process.env.GLACIS_KEYS));
 */
export async function installTenantProof(owner: ProofKeyOwner, keys: KeySource): Promise<void> {
  const all = keys.derive(PURPOSE).all.map((key) => [key.id, padded(key, INNER), padded(key, OUTER)]);
  await owner.query(
    `with wanted (id, inner_pad, outer_pad) as (
       select id, decode(inner_pad, 'hex'), decode(outer_pad, 'hex') from unnest($1::text[], $2::text[], $3::text[]) as given (id, inner_pad, outer_pad)
     ), gone as (
       delete from glacis.tenant_keys where id not in (select id from wanted)
     )
     insert into glacis.tenant_keys select id, inner_pad, outer_pad from wanted
     on conflict (id) do update set inner_pad = excluded.inner_pad, outer_pad = excluded.outer_pad`,
    [0, 1, 2].map((column) => all.map((row) => row[column])),
  );
}

/** The key as RFC 2104 section 2 mixes it in: filled up with zeros to a block of the hash, each byte with the pad. */
function padded({ bytes }: DerivedKey, pad: number): string {
  const block = Buffer.alloc(HASH_BLOCK_BYTES, pad);
  for (const [index, byte] of bytes.entries()) block[index] = byte ^ pad;
  return block.toString("hex");
}

/**
 * The schema, the keys' table and the function, as a migration that may be repeated. The function belongs to a role that can read the keys and
 * nothing else, so that it stays harmless whatever is wrong with its caller.
 *
 * @param keeper the function's owner, created where absent
 */
export function tenantProofMigration(role: string, keeper: string): string {
  const [runtime, owner] = [quoteIdentifier(role), quoteIdentifier(keeper)];
  return `
create schema if not exists glacis;
create table if not exists glacis.tenant_keys (
  id text primary key,
  inner_pad bytea not null check (length(inner_pad) = ${HASH_BLOCK_BYTES}),
  outer_pad bytea not null check (length(outer_pad) = ${HASH_BLOCK_BYTES})
);
revoke all on schema glacis from public;
revoke all on table glacis.tenant_keys from public;

create or replace function glacis.current_tenant() returns text
  language plpgsql stable parallel safe security definer set search_path = pg_catalog, pg_temp
  as $glacis$
declare
  tenant text := current_setting(${quoteLiteral(TENANT_SETTING)}, true);
  proof text[] := string_to_array(current_setting(${quoteLiteral(TENANT_PROOF_SETTING)}, true), '.');
  expected bytea;
begin
  if tenant is null or tenant = '' then return null; end if;
  select sha256(k.outer_pad || sha256(k.inner_pad || convert_to(proof[2] || ':' || tenant, 'UTF8')))
    into expected from glacis.tenant_keys k where k.id = proof[1];
  -- Hashed once more, so that the time a comparison takes tells nothing about the proof that was expected.
  if expected is null or sha256(expected) is distinct from sha256(decode(proof[3], 'hex')) then
    raise exception 'The tenant of this transaction is not proved.' using errcode = '${PROOF_REFUSED}';
  end if;
  if to_timestamp(proof[2]::double precision) < transaction_timestamp() then
    raise exception 'The proof of this transaction''s tenant has expired.' using errcode = '${PROOF_REFUSED}';
  end if;
  return tenant;
end
$glacis$;

grant usage, create on schema glacis to ${owner};
grant select on glacis.tenant_keys to ${owner};
grant ${owner} to current_user;
alter function glacis.current_tenant() owner to ${owner};
revoke create on schema glacis from ${owner};
revoke all on function glacis.current_tenant() from public;
grant usage on schema glacis to ${runtime};
grant execute on function glacis.current_tenant() to ${runtime};
`;
}
