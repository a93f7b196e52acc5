import fc from "fast-check";
import type { TenantId, UserId } from "../../packages/glacis/src/core/brand.ts";
import { ANONYMOUS, type Principal } from "../../packages/glacis/src/core/principal.ts";
import { accessPolicy, type AccessPolicy } from "../../packages/glacis/src/authorization/access-policy.ts";
import {
  above,
  anyOf,
  atLeast,
  atMost,
  below,
  caller,
  contains,
  isNull,
  isPresent,
  not,
  related,
  sameAs,
  type ConditionSource,
  type Pattern,
  type Related,
} from "../../packages/glacis/src/authorization/match.ts";
import { acrossTenants } from "../../packages/glacis/src/authorization/read-policy.ts";
import type { Statement } from "../../packages/glacis/src/authorization/statements.ts";

/** Access policies, callers and rows by chance, over one table that has a column of every type. */

export const COLUMNS = {
  number: "integer",
  tenantId: "text",
  ownerId: "text",
  reviewerId: "text",
  status: "text",
  level: "integer",
  size: "bigint",
  open: "boolean",
  teamId: "uuid",
  sharedWith: "text[]",
  teams: "uuid[]",
  deletedAt: "timestamptz",
} as const;
const ACTIONS = { list: "list", retrieve: "read", create: "create", update: "update", destroy: "delete" } as const;

export type ThingAction = keyof typeof ACTIONS;
export type GeneratedPolicy = AccessPolicy<typeof COLUMNS, ThingAction, never>;
/** A row of a second table, of which a thing has several. */
export interface Mark {
  readonly userId: string | null;
  readonly kind: string | null;
}
export type Thing = Readonly<Record<keyof typeof COLUMNS, unknown>> & { readonly marks: readonly Mark[] };

// Equal to the eye, to a careless comparison or to a careless quoting, and not equal.
const TEXTS = [
  "a",
  "A",
  "ä",
  "a\u0308",
  "o'neil",
  'q"uote',
  "back\\slash",
  "\\'",
  "",
  " a",
  "a ",
  "null",
  "💥",
  "%",
  "$1",
  "''",
  "1",
];
const UUIDS = ["0b9f8d64-3f5c-4f6e-9a51-5d1c2f6f0a01", "0b9f8d64-3f5c-4f6e-9a51-5d1c2f6f0a02"] as const;
/** Ids that name a uuid or a number, in the one way in which they are written and in others that Postgres reads as well. */
const ODD_IDS = [
  UUIDS[0],
  UUIDS[0].toUpperCase(),
  `{${UUIDS[0]}}`,
  UUIDS[0].replaceAll("-", ""),
  ` ${UUIDS[0]}`,
  `${UUIDS[0]}\n`,
  "0",
  "-1",
  "01",
  "+1",
  " 1",
  "1_0",
  "0x1",
  "1.0",
  "NaN",
  "9007199254740993",
  "9223372036854775807",
  "9223372036854775808",
  "99999999999999999999",
  "\u0661",
];
const ROLES = ["a", "admin", "o'neil", 'q"uote', "back\\slash", "ä"];

// Half of the time the same text, so that callers own rows and conditions hold.
const text = fc.oneof(fc.constant("a"), fc.constantFrom(...TEXTS));
const tenant = fc.oneof(fc.constant("a"), fc.constantFrom("a", "A", "", "o'neil"));
const uuid = fc.constantFrom(...UUIDS);
const level = fc.integer({ min: -1, max: 2 });
const orNull = <Value>(value: fc.Arbitrary<Value>): fc.Arbitrary<Value | null> => fc.option(value, { freq: 4 });

const row: fc.Arbitrary<Omit<Thing, "number">> = fc.record({
  tenantId: orNull(tenant),
  ownerId: orNull(text),
  reviewerId: orNull(text),
  status: orNull(text),
  level: orNull(level),
  size: orNull(fc.constantFrom("0", "1", "9007199254740993", "9223372036854775807")),
  open: orNull(fc.boolean()),
  teamId: orNull(uuid),
  sharedWith: orNull(fc.array(orNull(text), { maxLength: 3 })),
  teams: orNull(fc.array(orNull(uuid), { maxLength: 3 })),
  deletedAt: orNull(fc.constant("2026-01-01T00:00:00Z")),
  marks: fc.array(fc.record({ userId: orNull(text), kind: orNull(fc.constantFrom("view", "edit")) }), { maxLength: 3 }),
});

const names = fc.subarray(ROLES, { maxLength: 3 });
const id = fc.oneof({ weight: 2, arbitrary: text }, { weight: 1, arbitrary: fc.constantFrom(...ODD_IDS) });
const somebody = { id, tenantId: tenant, roles: names, groups: names };
const principal: fc.Arbitrary<Principal> = fc.oneof(
  { weight: 1, arbitrary: fc.constant(ANONYMOUS) },
  {
    weight: 4,
    arbitrary: fc.record(somebody).map(({ id, tenantId, ...rest }): Principal => ({
      kind: "user",
      id: id as UserId,
      tenantId: tenantId as TenantId,
      ...rest,
      assurance: 1,
      authenticatedAtMs: 0,
    })),
  },
  {
    weight: 2,
    arbitrary: fc
      .record(somebody)
      .map(({ tenantId, ...rest }): Principal => ({ kind: "service", tenantId: tenantId as TenantId, ...rest })),
  },
);

const attribute = fc.constantFrom(caller.userId, caller.serviceId, caller.tenantId);
const nonEmpty = <Value>(values: Value[]): readonly [Value, ...Value[]] => values as [Value, ...Value[]];
const some = <Value>(value: fc.Arbitrary<Value>) => fc.array(value, { minLength: 1, maxLength: 3 }).map(nonEmpty);
const textMatch = fc.oneof(
  text,
  attribute,
  some(text).map((values) => anyOf(...values)),
  fc.constantFrom(anyOf(caller.roles), anyOf(caller.groups), isNull(), isPresent()),
  text.map((value) => not(value)),
  attribute.map((value) => not(value)),
  fc.constantFrom(not(anyOf(caller.roles)), sameAs("ownerId"), not(sameAs("status"))),
);
const numberMatch = fc.oneof(
  level,
  level.map((value) => atLeast(value)),
  level.map((value) => atMost(value)),
  level.map((value) => above(value)),
  level.map((value) => not(below(value))),
  some(level).map((values) => anyOf(...values)),
  fc.constantFrom(isNull(), isPresent()),
  attribute,
  attribute.map((value) => not(value)),
);
const matches = {
  tenantId: textMatch,
  ownerId: textMatch,
  reviewerId: textMatch,
  status: textMatch,
  level: numberMatch,
  size: fc.oneof(numberMatch, fc.constantFrom(9007199254740993n, not(9007199254740993n))),
  open: fc.oneof(
    fc.boolean(),
    fc.boolean().map((value) => not(value)),
    fc.constant(isNull()),
  ),
  teamId: fc.oneof(
    uuid,
    uuid.map((value) => not(value.toUpperCase())),
    fc.constant(isPresent()),
    attribute,
    attribute.map((value) => not(value)),
  ),
  teams: fc.oneof(
    fc.oneof(uuid, attribute).map((value) => contains(value)),
    fc.oneof(uuid, attribute).map((value) => not(contains(value))),
  ),
  sharedWith: fc.oneof(
    fc.oneof(text, attribute).map((value) => contains(value)),
    fc.oneof(text, attribute).map((value) => not(contains(value))),
    fc.constant(isNull()),
  ),
  deletedAt: fc.constantFrom(isNull(), isPresent()),
};
const columnMatch = fc.oneof(
  ...Object.entries(matches).map(([column, match]) => (match as fc.Arbitrary<unknown>).map((value) => [column, value])),
);
const pattern: fc.Arbitrary<ConditionSource<typeof COLUMNS>> = fc
  .array(columnMatch, { minLength: 1, maxLength: 2 })
  .map((columns) => Object.fromEntries(columns) as Pattern<typeof COLUMNS>);

const MARK_COLUMNS = {
  number: "integer",
  ownerId: "text",
  status: "text",
  userId: "text",
  kind: "text",
} as const;
const marked: fc.Arbitrary<Related> = fc
  .record({ userId: textMatch, kind: fc.constantFrom("view", "edit", not("edit"), isNull()) }, { requiredKeys: [] })
  .filter((where) => Object.keys(where).length > 0)
  .map((where) =>
    related({
      property: "marks",
      table: "marks",
      columns: MARK_COLUMNS,
      on: { number: "number" },
      where: where as Pattern<typeof MARK_COLUMNS>,
    }),
  );

const CONDITIONS = ["p", "q", "r", "s"] as const;
const expression = fc.constantFrom(
  ...CONDITIONS,
  "p and q",
  "not p",
  "p or q and not r",
  "not (p or s)",
  "not (q and r)",
  "(p or q) and (r or not s)",
);
const principals = fc.constantFrom(
  ...([
    "*",
    "anonymous",
    "authenticated",
    "user",
    "service",
    "user:a",
    "user:o'neil",
    "service:A",
    "user:back\\slash",
  ] as const),
  ...ROLES.flatMap((name) => [`role:${name}`, `group:${name}`] as const),
);
const statement = fc.record(
  {
    action: fc.array(fc.constantFrom("*", "<read>", "<write>", "list", "retrieve", "create", "update", "destroy"), {
      minLength: 1,
      maxLength: 2,
    }),
    principal: fc.array(principals, { minLength: 1, maxLength: 2 }),
    effect: fc.constantFrom("allow", "allow", "deny"),
    condition: fc.array(fc.constantFrom(...CONDITIONS), { minLength: 1, maxLength: 2 }),
    expression,
  },
  { requiredKeys: ["action", "principal", "effect"] },
) as fc.Arbitrary<Statement<ThingAction, (typeof CONDITIONS)[number], string, string>>;

/** Something to allow, for the others to deny and to disagree about. */
const broad = fc.record(
  {
    action: fc.constant("*"),
    principal: fc.constantFrom("*", "authenticated", "user"),
    effect: fc.constant("allow"),
    expression,
  },
  { requiredKeys: ["action", "principal", "effect"] },
) as typeof statement;

const policy: fc.Arbitrary<GeneratedPolicy> = fc
  .record({
    fenced: fc.boolean(),
    conditions: fc.record({
      p: pattern,
      q: fc.oneof(pattern, marked),
      r: pattern,
      s: fc.oneof(pattern, fc.constantFrom("p or not q", "r and p")),
    }),
    statements: fc.tuple(broad, fc.array(statement, { maxLength: 5 })).map(([first, rest]) => [...rest, first]),
  })
  .map(({ fenced, conditions, statements }) =>
    accessPolicy({
      resource: "thing",
      table: "things",
      columns: COLUMNS,
      tenant: fenced ? "tenantId" : acrossTenants("half of the generated policies have no tenant"),
      id: "number",
      actions: ACTIONS,
      roles: ROLES,
      groups: ROLES,
      conditions,
      statements,
      report: () => undefined,
    }),
  );

export const policies = policy;
export const things: fc.Arbitrary<Omit<Thing, "number">[]> = fc.array(row, { minLength: 8, maxLength: 12 });
export const callers: fc.Arbitrary<Principal[]> = fc.array(principal, { minLength: 2, maxLength: 2 });
