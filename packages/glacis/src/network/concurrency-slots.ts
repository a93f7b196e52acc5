/** Places for work, shared out to users within tenants, with a line in front of each tenant. */

export interface ConcurrencyBounds {
  readonly perUser: number;
  readonly perTenant: number;
  readonly maxWaiting: number;
  readonly waitMs: number;
}

/** A place that somebody has. Giving it back twice is giving it back once. */
export interface Slot {
  release(): void;
}

export interface ConcurrencySlots {
  /**
   * @returns the place at once where there is one; a promise of it where there is a line; undefined when the line is full or the wait was too long
   */
  take(tenant: string, user: string): Slot | undefined | Promise<Slot | undefined>;
  /** Tenants that are remembered. */
  readonly size: number;
}

interface Tenant {
  taken: number;
  readonly users: Map<string, User>;
  readonly line: Set<Waiting>;
}

interface User {
  taken: number;
  waiting: number;
  readonly tenant: Tenant;
}

interface Waiting {
  readonly user: User;
  readonly resolve: (slot: Slot | undefined) => void;
  readonly timer: NodeJS.Timeout;
}

/** Idle ones are remembered up to here: making them anew for each request would cost more than keeping them. */
const MOST_IDLE = 1000;

/**
 * A place is given when both the user and the tenant have one left. Who waits is served in the order of asking, except that nobody is held up by
 * another user's being at his own limit.
 */
export function concurrencySlots(bounds: ConcurrencyBounds): ConcurrencySlots {
  const { perUser, perTenant, maxWaiting, waitMs } = bounds;
  const tenants = new Map<string, Tenant>();

  function userOf(tenantId: string, userId: string): User {
    let tenant = tenants.get(tenantId);
    if (tenant === undefined) {
      if (tenants.size >= MOST_IDLE) forget(tenants, ({ taken, line }) => taken + line.size === 0);
      tenants.set(tenantId, (tenant = { taken: 0, users: new Map(), line: new Set() }));
    }
    let user = tenant.users.get(userId);
    if (user === undefined) {
      if (tenant.users.size >= MOST_IDLE) forget(tenant.users, ({ taken, waiting }) => taken + waiting === 0);
      tenant.users.set(userId, (user = { taken: 0, waiting: 0, tenant }));
    }
    return user;
  }

  const fits = ({ taken, tenant }: User): boolean => taken < perUser && tenant.taken < perTenant;

  function give(user: User): Slot {
    user.taken += 1;
    user.tenant.taken += 1;
    return new Place(user, serve);
  }

  function leave(waiting: Waiting): void {
    waiting.user.waiting -= 1;
    waiting.user.tenant.line.delete(waiting);
    clearTimeout(waiting.timer);
  }

  function serve({ line }: Tenant): void {
    for (const waiting of line) {
      if (!fits(waiting.user)) continue;
      leave(waiting);
      return waiting.resolve(give(waiting.user));
    }
  }

  function wait(user: User): Promise<Slot | undefined> {
    return new Promise((resolve) => {
      const giveUp = (): void => {
        leave(waiting);
        resolve(undefined);
      };
      const waiting: Waiting = { user, resolve, timer: setTimeout(giveUp, waitMs) };
      user.waiting += 1;
      user.tenant.line.add(waiting);
    });
  }

  return {
    take(tenantId, userId) {
      const user = userOf(tenantId, userId);
      if (fits(user)) return give(user);
      return user.tenant.line.size < maxWaiting ? wait(user) : undefined;
    },
    get size() {
      return tenants.size;
    },
  };
}

/** A class, because one is made for each request. */
class Place implements Slot {
  readonly #user: User;
  readonly #serve: (tenant: Tenant) => void;
  #given = true;

  constructor(user: User, serve: (tenant: Tenant) => void) {
    this.#user = user;
    this.#serve = serve;
  }

  release(): void {
    if (!this.#given) return;
    this.#given = false;
    const { tenant } = this.#user;
    this.#user.taken -= 1;
    tenant.taken -= 1;
    if (tenant.line.size > 0) this.#serve(tenant);
  }
}

function forget<Value>(kept: Map<string, Value>, isIdle: (value: Value) => boolean): void {
  for (const [id, value] of kept) if (isIdle(value)) kept.delete(id);
}
