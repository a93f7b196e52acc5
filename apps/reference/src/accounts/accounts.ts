import { and, asc, eq, sql } from "drizzle-orm";
import { randomUUID } from "node:crypto";
import type { TenantConnection } from "glacis/data";
import { tenantScope, type TenantScope, type User } from "glacis";
import type { Database, TenantDrizzle } from "../database/database.ts";
import { addressOf, memberships, tenants, users } from "../database/schema.ts";
import { erasePerson, exportPerson, type PersonalData } from "./personal-data.ts";
import { removeAddedSince } from "../webhooks/leaving.ts";
import { mayInvite, membershipsIn, type Memberships, type Role } from "./memberships.ts";

export interface Person {
  readonly id: string;
  readonly name: string;
  readonly email: string;
  readonly role: Role;
}

export interface Profile extends Person {
  readonly tenantId: string;
  readonly tenantName: string;
  /** Everybody in the workspace needs a second factor. */
  readonly secondFactorRequired: boolean;
}

/** Somebody who has an account, and is to have a place. */
export interface NewPerson {
  readonly id: string;
  readonly name: string;
  readonly role: Role;
}

/** Where somebody belongs. */
export interface Belonging {
  readonly tenantId: string;
  readonly role: Role;
}

/** Who is where, under which name. Addresses and passwords are the library's. */
export interface Accounts extends Memberships, SecondFactorPolicy {
  /** Creates a tenant with its first person. */
  createTenant(tenant: { readonly name: string; readonly id?: string }, owner: NewPerson): Promise<void>;
  /**
   * Gives somebody a place in a tenant; whoever has one there keeps the role that he has.
   *
   * @param invitedBy who vouches for him: without the right to give that role, at the moment when it is given, nobody gets a place
   */
  addPerson(scope: TenantScope, person: NewPerson, invitedBy?: string): Promise<void>;
  /** Asked before a tenant is known; undefined for somebody who has no account or was removed. */
  belonging(userId: string): Promise<Belonging | undefined>;
  profile(user: User): Promise<Profile | undefined>;
  /** The same of anybody in a workspace. */
  profileIn(scope: TenantScope, user: Pick<Person, "id">): Promise<Profile | undefined>;
  rename(user: User, name: string): Promise<void>;
  /** Everybody in the tenant, by name. */
  people(scope: TenantScope): Promise<readonly Person[]>;
  exportPerson(userId: string): Promise<PersonalData | undefined>;
  /** Removes the webhooks that were added in somebody's name since then: it was not he who did it. */
  disownSince(userId: string, since: Date): Promise<void>;
  /** Removes a person with the documents that are his; a workspace goes with the only person in it. */
  erasePerson(userId: string): Promise<void>;
}

/** Whether everybody in a workspace needs a second factor. */
interface SecondFactorPolicy {
  /** Asked at each sign-in of somebody without one. */
  requiresSecondFactor(tenantId: string): Promise<boolean>;
  requireSecondFactor(owner: User, required: boolean): Promise<void>;
}

export function accountsIn(database: Database): Accounts {
  const belonging = async (userId: string): Promise<Belonging | undefined> => {
    const { rows } = await database.query("select * from find_membership($1)", [userId]);
    const row = rows[0] as { readonly tenant_id: string; readonly role: Role } | undefined;
    return row && { tenantId: row.tenant_id, role: row.role };
  };
  const inOwnTenant = async <Result>(
    userId: string,
    step: string,
    work: (db: TenantDrizzle, connection: TenantConnection, person: User) => Promise<Result>,
  ): Promise<Result | undefined> => {
    const found = await belonging(userId);
    if (found === undefined) return undefined;
    const person = personOf(found.tenantId, userId, found.role);
    return database.withTenant(
      systemScope(found.tenantId, step),
      (db, connection) => work(db, connection, person),
      person,
    );
  };
  const profileIn = profileReader(database);
  return {
    createTenant: ({ name, id = randomUUID() }, owner) =>
      database.withTenant(systemScope(id, "sign-up"), async (db) => {
        await db.insert(tenants).values({ id, name });
        await insertPerson(db, id, owner);
      }),
    addPerson: (scope, person, invitedBy) =>
      database.withTenant(scope, (db) => insertPerson(db, scope.tenantId, person, invitedBy), undefined, "writes"),
    belonging,

    profile: (user) => profileIn(tenantScope(user), user),
    profileIn,

    rename: (user, name) =>
      database.withTenant(tenantScope(user), async (db) => {
        await db
          .update(users)
          .set({ name })
          .where(and(eq(users.tenantId, user.tenantId), eq(users.id, user.id)));
      }),

    people: (scope) =>
      database.withTenant(scope, async (db) => {
        const rows = await db
          .select(PERSON)
          .from(users)
          .innerJoin(memberships, sameUser)
          .where(eq(users.tenantId, scope.tenantId))
          .orderBy(asc(sql`lower(${users.name})`), asc(users.id))
          .limit(500);
        return rows.flatMap((row) => addressed(row) ?? []);
      }),

    exportPerson: (userId) => inOwnTenant(userId, "export", (_, connection) => exportPerson(connection, userId)),
    disownSince: async (userId, since) => {
      await inOwnTenant(userId, "disowning", (db, connection, person) =>
        removeAddedSince(db, connection, person, since),
      );
    },
    erasePerson: async (userId) => {
      await inOwnTenant(userId, "erasure", erasePerson);
    },
    ...membershipsIn(database),
    ...secondFactorPolicyIn(database),
  };
}

function profileReader(database: Database): Accounts["profileIn"] {
  return (scope, user) =>
    database.withTenant(scope, async (db) => {
      const [found] = await db
        .select(PROFILE)
        .from(users)
        .innerJoin(memberships, sameUser)
        .innerJoin(tenants, eq(tenants.id, users.tenantId))
        .where(and(eq(users.tenantId, scope.tenantId), eq(users.id, user.id)));
      return found && addressed(found);
    });
}

function secondFactorPolicyIn(database: Database): SecondFactorPolicy {
  return {
    requiresSecondFactor: (tenantId) =>
      database.withTenant(systemScope(tenantId, "sign-in"), async (db) => {
        const [found] = await db.select().from(tenants).where(eq(tenants.id, tenantId));
        // A workspace that is not there asks for more, never for less.
        return found?.requiresSecondFactor ?? true;
      }),

    requireSecondFactor: (owner, required) =>
      database.withTenant(tenantScope(owner), async (db) => {
        await db.update(tenants).set({ requiresSecondFactor: required }).where(eq(tenants.id, owner.tenantId));
      }),
  };
}

async function insertPerson(
  db: TenantDrizzle,
  tenantId: string,
  { id, name, role }: NewPerson,
  invitedBy?: string,
): Promise<void> {
  if (invitedBy !== undefined && !(await mayInvite(db, tenantId, invitedBy, role))) return;
  // Whoever was here before and was removed comes back under the name that he gives now.
  await db
    .insert(users)
    .values({ tenantId, id, name })
    .onConflictDoUpdate({ target: [users.tenantId, users.id], set: { name } });
  await db
    .insert(memberships)
    .values({ tenantId, userId: id, role })
    .onConflictDoNothing({ target: [memberships.tenantId, memberships.userId] });
}

const PERSON = { id: users.id, name: users.name, email: addressOf, role: memberships.role };
const PROFILE = {
  ...PERSON,
  tenantId: tenants.id,
  tenantName: tenants.name,
  secondFactorRequired: tenants.requiresSecondFactor,
};
const sameUser = and(eq(memberships.tenantId, users.tenantId), eq(memberships.userId, users.id));

/** Somebody whose account has gone a moment ago is nobody any more. */
export function addressed<Row extends { readonly email: string | null }>(
  row: Row,
): (Row & { readonly email: string }) | undefined {
  return row.email === null ? undefined : { ...row, email: row.email };
}

/** Somebody whom the database is to take for the one who asks, where nobody is signed in: his export, and the seeding of what is his. */
export function personOf(tenantId: string, userId: string, role: Role): User {
  const ids = { id: userId as User["id"], tenantId: tenantId as User["tenantId"] };
  return { kind: "user", ...ids, roles: [role], assurance: 1, authenticatedAtMs: 0 };
}

/** The scope of a step that has no signed-in user yet: sign-up makes the tenant, sign-in has just proved the account. */
export function systemScope(tenantId: string, step: string): TenantScope {
  return tenantScope({ kind: "service", id: step, tenantId: tenantId as User["tenantId"], roles: [] });
}
