import { and, asc, eq, sql } from "drizzle-orm";
import { randomUUID } from "node:crypto";
import { tenantScope, type TenantScope, type User } from "glacis";
import type { Database } from "../database/database.ts";
import { credentials, memberships, tenants, users } from "../database/schema.ts";
import { membershipsIn, type Memberships, type Role } from "./memberships.ts";

export interface Person {
  readonly id: string;
  readonly name: string;
  readonly email: string;
  readonly role: Role;
}

export interface Profile extends Person {
  readonly tenantId: string;
  readonly tenantName: string;
}

export interface Credentials {
  readonly tenantId: string;
  readonly userId: string;
  readonly passwordHash: string;
  /** How often this account has signed in. */
  readonly signIns: number;
}

export interface NewAccount {
  readonly email: string;
  readonly name: string;
  readonly passwordHash: string;
}

export interface NewPerson extends NewAccount {
  readonly role: Role;
  readonly id?: string;
}

export interface Accounts extends Memberships {
  /** Creates a tenant with its first person. @returns false when the address is taken */
  createTenant(tenant: { readonly name: string; readonly id?: string }, owner: NewPerson): Promise<boolean>;
  /** @returns false when the address is taken */
  addPerson(scope: TenantScope, person: NewPerson): Promise<boolean>;
  /** @param email canonical */
  findCredentials(email: string): Promise<Credentials | undefined>;
  /** What a session of this account may say about it; undefined for somebody who was removed. Counts the sign-in. */
  admit(found: Credentials): Promise<{ readonly role: Role } | undefined>;
  profile(user: User): Promise<Profile | undefined>;
  rename(user: User, name: string): Promise<void>;
  changePassword(user: User, passwordHash: string): Promise<void>;
  /** Everybody in the tenant, by name. */
  people(scope: TenantScope): Promise<readonly Person[]>;
}

export function accountsIn(database: Database): Accounts {
  return {
    createTenant: ({ name, id = randomUUID() }, owner) =>
      insertPerson(database, systemScope(id, "sign-up"), name, owner),
    addPerson: (scope, person) => insertPerson(database, scope, undefined, person),

    async findCredentials(email) {
      const { rows } = await database.query("select * from find_credentials($1)", [email]);
      const row = rows[0] as CredentialRow | undefined;
      if (row === undefined) return undefined;
      const { tenant_id: tenantId, user_id: userId, password_hash: passwordHash, sign_ins: signIns } = row;
      return { tenantId, userId, passwordHash, signIns: Number(signIns) };
    },

    admit: ({ tenantId, userId }) =>
      database.withTenant(systemScope(tenantId, "sign-in"), async (db) => {
        const own = and(eq(credentials.tenantId, tenantId), eq(credentials.userId, userId));
        await db
          .update(credentials)
          .set({ signIns: sql`${credentials.signIns} + 1` })
          .where(own);
        const [found] = await db
          .select({ role: memberships.role })
          .from(memberships)
          .where(and(eq(memberships.tenantId, tenantId), eq(memberships.userId, userId)));
        return found;
      }),

    profile: (user) =>
      database.withTenant(tenantScope(user), async (db) => {
        const [found] = await db
          .select({ ...PERSON, tenantId: tenants.id, tenantName: tenants.name })
          .from(users)
          .innerJoin(memberships, sameUser)
          .innerJoin(tenants, eq(tenants.id, users.tenantId))
          .where(and(eq(users.tenantId, user.tenantId), eq(users.id, user.id)));
        return found;
      }),

    rename: (user, name) =>
      database.withTenant(tenantScope(user), async (db) => {
        await db
          .update(users)
          .set({ name })
          .where(and(eq(users.tenantId, user.tenantId), eq(users.id, user.id)));
      }),

    changePassword: (user, passwordHash) =>
      database.withTenant(tenantScope(user), async (db) => {
        await db
          .update(credentials)
          .set({ passwordHash })
          .where(and(eq(credentials.tenantId, user.tenantId), eq(credentials.userId, user.id)));
      }),

    people: (scope) =>
      database.withTenant(scope, (db) =>
        db
          .select(PERSON)
          .from(users)
          .innerJoin(memberships, sameUser)
          .where(eq(users.tenantId, scope.tenantId))
          .orderBy(asc(sql`lower(${users.name})`), asc(users.id))
          .limit(500),
      ),

    ...membershipsIn(database),
  };
}

async function insertPerson(
  database: Database,
  scope: TenantScope,
  tenantName: string | undefined,
  person: NewPerson,
): Promise<boolean> {
  const { tenantId } = scope;
  const { email, name, role, passwordHash, id: userId = randomUUID() } = person;
  return unlessTaken(
    database.withTenant(scope, async (db) => {
      if (tenantName !== undefined) await db.insert(tenants).values({ id: tenantId, name: tenantName });
      await db.insert(users).values({ tenantId, id: userId, email, name });
      await db.insert(memberships).values({ tenantId, userId, role });
      await db.insert(credentials).values({ tenantId, userId, email, passwordHash });
    }),
  );
}

const PERSON = { id: users.id, name: users.name, email: users.email, role: memberships.role };
const sameUser = and(eq(memberships.tenantId, users.tenantId), eq(memberships.userId, users.id));

interface CredentialRow {
  readonly tenant_id: string;
  readonly user_id: string;
  readonly password_hash: string;
  readonly sign_ins: string | number;
}

/** The scope of a step that has no signed-in user yet: sign-up makes the tenant, sign-in has just proved the account. */
export function systemScope(tenantId: string, step: string): TenantScope {
  return tenantScope({ kind: "service", id: step, tenantId: tenantId as User["tenantId"], roles: [] });
}

const UNIQUE_VIOLATION = "23505";

/** The unique index decides, not a query before it: two sign-ups at once cannot both win. */
async function unlessTaken(insertion: Promise<void>): Promise<boolean> {
  try {
    await insertion;
    return true;
  } catch (error) {
    if (isTaken(error)) return false;
    throw error;
  }
}

/** Drizzle wraps what the driver threw. */
function isTaken(error: unknown): boolean {
  if (typeof error !== "object" || error === null) return false;
  const { code, constraint, cause } = error as { code?: unknown; constraint?: unknown; cause?: unknown };
  return (code === UNIQUE_VIOLATION && constraint === "credentials_email_key") || isTaken(cause);
}
