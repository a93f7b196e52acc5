/** Connections that a pool lends, and takes back only when they can be used again. */
import { wireOf } from "./tenant-driver.ts";
import { isDriversOwn } from "./tenant-flight.ts";
import type { PoolConnection, TenantPool, Wire } from "./tenant-wire.ts";

export interface Lease {
  broken: boolean;
}

/** Lends a connection for as long as it is used. Unless the user says that it is sound, the pool closes it. */
export async function borrow<Result>(
  pool: TenantPool,
  use: (wire: Wire, lease: Lease) => Promise<Result>,
): Promise<Result> {
  const client: PoolConnection = await pool.connect();
  const deafen = hearErrors(client);
  const lease: Lease = { broken: true };
  try {
    return await use(wireOf(client), lease);
  } finally {
    deafen?.();
    client.release(lease.broken);
  }
}

const heard = new WeakSet<PoolConnection>();

/**
 * A connection that breaks while it is out of the pool emits an error that nobody else listens to. A pool's own connection comes back, and gets
 * its listener once and for good: taking it off each time costs more than the rest of the lease. What wraps one may be new each time.
 *
 * @returns what takes the listener off, where it has to be
 */
function hearErrors(client: PoolConnection): (() => void) | undefined {
  if (heard.has(client)) return undefined;
  client.on("error", ignore);
  if (!isDriversOwn(client)) return () => client.off("error", ignore);
  heard.add(client);
  return undefined;
}

function ignore(): void {}
