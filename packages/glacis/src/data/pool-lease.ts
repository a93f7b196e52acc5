/** Connections that a pool lends, and takes back only when they can be used again. */
import { wireOf, type PoolConnection, type TenantPool, type Wire } from "./tenant-driver.ts";

export interface Lease {
  broken: boolean;
}

/** Lends a connection for as long as it is used. Unless the user says that it is sound, the pool closes it. */
export async function borrow<Result>(
  pool: TenantPool,
  use: (wire: Wire, lease: Lease) => Promise<Result>,
): Promise<Result> {
  const client: PoolConnection = await pool.connect();
  // A connection that breaks while it is out of the pool emits an error that nobody else listens to.
  client.on("error", ignore);
  const lease: Lease = { broken: true };
  try {
    return await use(wireOf(client), lease);
  } finally {
    client.off("error", ignore);
    client.release(lease.broken);
  }
}

function ignore(): void {}
