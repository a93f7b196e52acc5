import type { TenantScope } from "glacis";
import { systemScope, type Accounts, type Role } from "./accounts/accounts.ts";
import type { PasswordHasher } from "./accounts/password-hasher.ts";
import type { Database } from "./database/database.ts";
import { documents, documentShares } from "./database/schema.ts";

export interface DemoPerson {
  readonly key: string;
  readonly id: string;
  readonly name: string;
  readonly email: string;
  readonly password: string;
  readonly role: Role;
  /** For tests alone; not shown to people. */
  readonly hidden?: boolean;
}

export interface DemoTenant {
  readonly id: string;
  readonly name: string;
  readonly people: readonly DemoPerson[];
}

export const DEMO_DOCUMENTS = {
  alpha: "11111111-1111-4111-8111-111111111111",
  bravo: "22222222-2222-4222-8222-222222222222",
} as const;
export const DEMO_MARKERS = { alpha: "ALPHA-SECRET-BODY", bravo: "BRAVO-SECRET-BODY" } as const;

/** Ids are fixed, so that a description of the seeded application can name them. Passwords are public: never seed them in production. */
export const DEMO: readonly DemoTenant[] = [
  {
    id: "a0000000-0000-4000-8000-000000000000",
    name: "Alpha Surveying",
    people: [
      person(
        "a_admin",
        "a0000000-0000-4000-8000-000000000001",
        "Ada Admin",
        "admin@alpha.test",
        "Alpha-Admin-Passw0rd!",
        "owner",
      ),
      person(
        "a_user",
        "a0000000-0000-4000-8000-000000000002",
        "Alice Abel",
        "alice@alpha.test",
        "Alice-Correct-Horse-9",
        "member",
      ),
      person(
        "a_user2",
        "a0000000-0000-4000-8000-000000000003",
        "Amy Arden",
        "amy@alpha.test",
        "Amy-Correct-Horse-91",
        "member",
      ),
    ],
  },
  {
    id: "b0000000-0000-4000-8000-000000000000",
    name: "Bravo Textiles",
    people: [
      person(
        "b_admin",
        "b0000000-0000-4000-8000-000000000001",
        "Bea Admin",
        "admin@bravo.test",
        "Bravo-Admin-Passw0rd!",
        "owner",
      ),
      person(
        "b_user",
        "b0000000-0000-4000-8000-000000000002",
        "Bob Brandt",
        "bob@bravo.test",
        "Bob-Correct-Horse-99",
        "member",
      ),
    ],
  },
];

/** Accounts that a black-box test may lock without locking anybody whom it still needs. */
const EXPENDABLE: readonly DemoPerson[] = [1, 2, 3, 4, 5, 6].map((number) => ({
  ...person(
    `lock${number}`,
    `a0000000-0000-4000-8000-00000000001${number}`,
    `Lock ${number}`,
    `lock${number}@alpha.test`,
    `Lock-Me-Please-${number}${number}`,
    "member",
  ),
  hidden: true,
}));

/** The demonstration tenants, with the accounts that only a test needs. */
export const TEST_TENANTS: readonly DemoTenant[] = DEMO.map((tenant, index) =>
  index === 0 ? { ...tenant, people: [...tenant.people, ...EXPENDABLE] } : tenant,
);

function person(key: string, id: string, name: string, email: string, password: string, role: Role): DemoPerson {
  return { key, id, name, email, password, role };
}

export interface Seeding {
  readonly database: Database;
  readonly accounts: Accounts;
  /** By e-mail address; hashing is slow and begins before there is a database. */
  readonly hashes: ReadonlyMap<string, string>;
}

/** Hashes every password of the demonstration, two at a time. */
export async function hashDemo(hasher: PasswordHasher, tenants: readonly DemoTenant[]): Promise<Seeding["hashes"]> {
  const hashes = new Map<string, string>();
  const people = tenants.flatMap((tenant) => tenant.people);
  const work = async (): Promise<void> => {
    for (let next = people.shift(); next !== undefined; next = people.shift()) {
      hashes.set(next.email, await hasher.hash(next.password));
    }
  };
  await Promise.all([work(), work()]);
  return hashes;
}

/** Fills an empty database. What is already there stays as it is. */
export async function seedDemo({ database, accounts, hashes }: Seeding, tenants: readonly DemoTenant[]): Promise<void> {
  for (const tenant of tenants) {
    const [first, ...others] = tenant.people;
    if (first === undefined || (await accounts.findCredentials(first.email)) !== undefined) continue;
    const newcomer = (one: DemoPerson) => ({ ...one, passwordHash: hashes.get(one.email) ?? "" });
    await accounts.createTenant(tenant, newcomer(first));
    const scope = systemScope(tenant.id, "seed");
    for (const other of others) await accounts.addPerson(scope, newcomer(other));
    await seedDocuments(database, scope, tenant);
  }
}

async function seedDocuments(database: Database, scope: TenantScope, tenant: DemoTenant): Promise<void> {
  const people = tenant.people.filter(({ hidden }) => hidden !== true);
  const author = people[1];
  const lead = people[0];
  if (author === undefined || lead === undefined) return;
  const tenantId = tenant.id;
  const which = tenant === DEMO[0] || tenant.id === DEMO[0]?.id ? "alpha" : "bravo";
  const texts = TEXTS[which];
  const rows = texts.map(({ id, title, body, link, byLead, minutes }) => {
    const at = new Date(Date.UTC(2026, 10, 20, 9, 0) + minutes * 60_000);
    const ownerId = byLead === true ? lead.id : author.id;
    return {
      tenantId,
      ...(id !== undefined && { id }),
      ownerId,
      title,
      body,
      link: link ?? null,
      createdAt: at,
      updatedAt: at,
    };
  });
  await database.withTenant(scope, async (db) => {
    const made = await db.insert(documents).values(rows).returning({ id: documents.id, ownerId: documents.ownerId });
    const shares = made
      .filter(({ ownerId }) => ownerId === lead.id)
      .map(({ id }, index) => ({
        tenantId,
        documentId: id,
        userId: author.id,
        permission: index === 0 ? ("edit" as const) : ("view" as const),
      }));
    if (shares.length > 0) await db.insert(documentShares).values(shares);
  });
}

interface DemoText {
  readonly id?: string;
  readonly title: string;
  readonly body: string;
  readonly link?: string;
  readonly byLead?: boolean;
  readonly minutes: number;
}

const TEXTS: Readonly<Record<"alpha" | "bravo", readonly DemoText[]>> = {
  alpha: [
    {
      id: DEMO_DOCUMENTS.alpha,
      title: "Harbour survey, first findings",
      body: `The quay wall has moved four millimetres since May.\n\nWe measure again in December, at low water and with both instruments. Until then nobody outside the team needs the raw figures.\n\nReference: ${DEMO_MARKERS.alpha}`,
      minutes: 4345,
    },
    {
      title: "How we name field books",
      body: "Year, site, two letters for the crew: 2026-HARBOUR-AA.\n\nA book that is full gets its last page photographed before it leaves the office.",
      minutes: 1500,
    },
    {
      title: "Budget 2027, draft",
      body: "One new total station, two tripods, and the van that we have been postponing since 2024.\n\nPlease write your doubts into the margin, not into the chat.",
      link: "https://example.com/budget",
      byLead: true,
      minutes: 4330,
    },
    {
      title: "Holiday calendar",
      body: "The office is closed from 24 December to 2 January.",
      byLead: true,
      minutes: 95,
    },
  ],
  bravo: [
    {
      id: DEMO_DOCUMENTS.bravo,
      title: "Indigo, supplier comparison",
      body: `Three samples, washed forty times. The second kept its colour best; the first is a third cheaper.\n\nReference: ${DEMO_MARKERS.bravo}`,
      minutes: 4370,
    },
    {
      title: "Loom 4 maintenance",
      body: "Oil weekly. The left shuttle sticks in cold weather; warm it up for ten minutes first.",
      minutes: 1525,
    },
    {
      title: "Trade fair checklist",
      body: "Swatches, order forms, two lamps with daylight bulbs, and the good chairs.",
      byLead: true,
      minutes: 2985,
    },
  ],
};
