// glacis-waive-file scan/hard-coded-secret: accounts of the demonstration, which production never has (maintainers, until 2027-02-20)
import type { Role } from "./accounts/memberships.ts";
import { OPERATORS, SUPPORT_TENANT } from "./operations/settings.ts";

export interface DemoPerson {
  readonly key: string;
  readonly id: string;
  readonly name: string;
  readonly email: string;
  readonly password: string;
  readonly role: Role;
  /** The secret of an authenticator app, in base32. */
  readonly totpSecret?: string;
  readonly recoveryCodes?: readonly string[];
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
      {
        key: "a_admin",
        id: "a0000000-0000-4000-8000-000000000001",
        name: "Ada Admin",
        email: "admin@alpha.test",
        password: "Alpha-Admin-Passw0rd!",
        role: "owner",
        totpSecret: "GUZTIYRZMYYGCMJUGFRDINZUMZSWMYJQ",
        recoveryCodes: [
          "4Q0W-7V3M-K9RT-2HXB-N5CD-8JPZ",
          "B7TN-1XKE-6M2V-RC84-GQ0H-Y3WS",
          "9DHF-PZ52-W8QJ-0TMK-V6XA-1CNB",
          "K3RY-8GVC-5N7P-ZQ1D-E4MH-2TWX",
          "X6BJ-0SQM-T9FA-4KEW-7PZC-V1RN",
          "2WNG-Y5DT-C8XK-M0QV-J3HB-R7FP",
          "ZP4C-6KRM-1VTX-9BND-Q8WE-5HJG",
          "H0QX-3FWB-7CYK-P2MR-T6ZN-D9VS",
        ],
      },
      {
        key: "a_user",
        id: "a0000000-0000-4000-8000-000000000002",
        name: "Alice Abel",
        email: "alice@alpha.test",
        password: "Alice-Correct-Horse-9",
        role: "member",
      },
      {
        key: "a_user2",
        id: "a0000000-0000-4000-8000-000000000003",
        name: "Amy Arden",
        email: "amy@alpha.test",
        password: "Amy-Correct-Horse-91",
        role: "member",
      },
    ],
  },
  {
    id: "b0000000-0000-4000-8000-000000000000",
    name: "Bravo Textiles",
    people: [
      {
        key: "b_admin",
        id: "b0000000-0000-4000-8000-000000000001",
        name: "Bea Admin",
        email: "admin@bravo.test",
        password: "Bravo-Admin-Passw0rd!",
        role: "owner",
      },
      {
        key: "b_user",
        id: "b0000000-0000-4000-8000-000000000002",
        name: "Bob Brandt",
        email: "bob@bravo.test",
        password: "Bob-Correct-Horse-99",
        role: "member",
      },
    ],
  },
  {
    id: OPERATORS,
    name: "Folio Operations",
    people: [
      {
        key: "operator",
        id: "f0000000-0000-4000-8000-000000000001",
        name: "Olga Operator",
        email: "operator@folio.test",
        password: "Olga-Watches-Passw0rd!",
        role: "owner",
        totpSecret: "MZXWY2LPFVXXAZLSMF2G64TTFUZDAMRW",
      },
    ],
  },
  {
    id: SUPPORT_TENANT,
    name: "Folio support",
    people: [
      {
        key: "support",
        id: "c0000000-0000-4000-8000-000000000001",
        name: "Sue Support",
        email: "sue@folio.test",
        password: "Sue-Support-Passw0rd!",
        role: "owner",
        totpSecret: "ONXW2ZJAMRQXIYJAO5UXI2BAMFWGYZLT",
        recoveryCodes: ["C8WQ-2MHT-K0VD-9XNE-R5BJ-6ZPG", "T3YA-N7RF-1QXC-5DKW-E8VM-0HSB"],
      },
    ],
  },
];

/** Accounts that a black-box test may lock without locking anybody whom it still needs. */
const EXPENDABLE: readonly DemoPerson[] = [1, 2, 3, 4, 5, 6].map((number) => ({
  key: `lock${number}`,
  id: `a0000000-0000-4000-8000-00000000001${number}`,
  name: `Lock ${number}`,
  email: `lock${number}@alpha.test`,
  password: `Lock-Me-Please-${number}${number}`,
  role: "member",
  hidden: true,
}));

/** The demonstration tenants, with the accounts that only a test needs. */
export const TEST_TENANTS: readonly DemoTenant[] = DEMO.map((tenant, index) =>
  index === 0 ? { ...tenant, people: [...tenant.people, ...EXPENDABLE] } : tenant,
);

/**
 * A workspace that nobody works in. Its rows lie among the others, so whoever has copied the database finds an account and a document worth trying;
 * nobody else has ever seen their names, and a sign-in to the one or a question for the other says who has been where.
 */
export const BAIT = {
  id: "d0000000-0000-4000-8000-000000000000",
  name: "Payroll",
  person: {
    id: "d0000000-0000-4000-8000-000000000001",
    name: "Payroll Export",
    email: "payroll.export@alpha.test",
    role: "owner",
  },
  document: {
    id: "d0000000-0000-4000-8000-0000000000d1",
    title: "Bank access for the salary run",
    body: "The PIN letter lies in the safe. The transfer key is in the vault under PAYROLL-2026.",
  },
} as const;

interface DemoText {
  readonly id?: string;
  readonly title: string;
  readonly body: string;
  readonly link?: string;
  readonly byLead?: boolean;
  readonly minutes: number;
}

export const TEXTS: Readonly<Record<"alpha" | "bravo", readonly DemoText[]>> = {
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
