/** Mass assignment: every privileged-looking field, one at a time, at every level of a body that is otherwise honest (CWE-915). */
import type { Answer, Ask } from "./attack-matrix-client.ts";
import type { Judgement } from "./attack-matrix-judge.ts";
import type { Effect, StateRow } from "./attack-matrix-state.ts";
import type { LookAlikePerson, LookAlikeTenant } from "./attack-matrix-world.ts";

export interface ExtraField {
  readonly name: string;
  /** Where it is put, such as `filter.0`; empty for the top. */
  readonly level: string;
  readonly value: unknown;
  readonly ask: Ask;
}

const FIXED_ID = "0badf1e1-d000-4000-8000-00000000beef";
const FIXED_DATE = "1999-12-31T23:59:59.000Z";

/**
 * What a client should never decide.
 *
 * @param victim another tenant
 * @param colleague somebody else of the caller's own tenant
 */
export function privilegedFields(
  victim: LookAlikeTenant,
  colleague: LookAlikePerson,
): Readonly<Record<string, unknown>> {
  return {
    id: FIXED_ID,
    tenant_id: victim.id,
    tenantId: victim.id,
    owner_id: colleague.id,
    ownerId: colleague.id,
    user_id: colleague.id,
    userId: colleague.id,
    role: "admin",
    roles: ["admin"],
    is_admin: true,
    isAdmin: true,
    created_at: FIXED_DATE,
    createdAt: FIXED_DATE,
    updated_at: FIXED_DATE,
    password_hash: "0badf1e1d-password-hash",
    // Own members of these names, as JSON carries them; in a literal they would set the prototype.
    ...(JSON.parse(
      '{"__proto__":{"role":"admin","is_admin":true},"constructor":{"prototype":{"role":"admin"}}}',
    ) as object),
  };
}

/** @param fields from `privilegedFields`, and what the user adds; what the honest body has already is left as it is */
export function withExtraFields(ask: Ask, fields: Readonly<Record<string, unknown>>): readonly ExtraField[] {
  const { body = "" } = ask;
  if (ask.headers["content-type"] === "application/x-www-form-urlencoded") {
    const honest = new URLSearchParams(body);
    return Object.entries(fields)
      .filter(([name, value]) => !honest.has(name) && typeof value !== "object")
      .map(([name, value]) => {
        const text = new URLSearchParams([...honest, [name, String(value)]]).toString();
        return { name, level: "", value, ask: { ...ask, body: text } };
      });
  }
  if (ask.headers["content-type"] !== "application/json") return [];
  const honest: unknown = JSON.parse(body);
  return levelsOf(honest, "").flatMap(({ level, names }) =>
    Object.entries(fields)
      .filter(([name]) => !names.includes(name))
      .map(([name, value]) => ({
        name,
        level,
        value,
        ask: { ...ask, body: JSON.stringify(inserted(honest, level, name, value)) },
      })),
  );
}

interface Level {
  readonly level: string;
  readonly names: readonly string[];
}

/** Every object of a document; of a list the first. */
function levelsOf(value: unknown, level: string): readonly Level[] {
  if (typeof value !== "object" || value === null) return [];
  const below = (key: string): string => (level === "" ? key : `${level}.${key}`);
  if (Array.isArray(value)) return value.slice(0, 1).flatMap((item) => levelsOf(item, below("0")));
  const deeper = Object.entries(value).flatMap(([key, item]) => levelsOf(item, below(key)));
  return [{ level, names: Object.keys(value) }, ...deeper];
}

function inserted(root: unknown, level: string, name: string, value: unknown): unknown {
  const copy = structuredClone(root);
  let at = copy as Record<string, unknown>;
  for (const key of level === "" ? [] : level.split(".")) at = at[key] as Record<string, unknown>;
  Object.defineProperty(at, name, { value, enumerable: true, configurable: true, writable: true });
  return copy;
}

/**
 * Refused by name, refused, or ignored without effect: all three pass, and the report says which.
 *
 * @param control what the same request does without the field
 */
export function judgeField({ name, value }: ExtraField, answer: Answer, effect: Effect, control: Effect): Judgement {
  const taken = effect.added
    .map((row) => takenColumn(row, name, value, control))
    .find((column) => column !== undefined);
  if (taken !== undefined) return { verdict: "leak", why: `${taken} took the client's ${name}` };
  if (answer.status >= 400 && shapeOf(effect) !== "")
    return { verdict: "leak", why: `status ${answer.status}, and yet it was done` };
  if (shapeOf(effect) !== "" && shapeOf(effect) !== shapeOf(control))
    return { verdict: "leak", why: `with ${name} the request changed other rows than without it` };
  if (answer.status < 400) return { verdict: "pass", why: "ignored" };
  return { verdict: "pass", why: answer.body.includes(name) ? "refused by name" : "refused" };
}

function takenColumn(row: StateRow, name: string, value: unknown, control: Effect): string | undefined {
  const same = control.added.filter(({ table }) => table === row.table);
  for (const [column, stored] of Object.entries(row.values)) {
    const before = same.some(({ values }) => JSON.stringify(values[column]) === JSON.stringify(stored));
    if (!before && resembles(stored, column, name, value)) return `${row.table}.${column}`;
  }
  return undefined;
}

/** Dates come back in another spelling; a true is only telling in a column of that name. */
function resembles(stored: unknown, column: string, name: string, value: unknown): boolean {
  const text = typeof stored === "string" ? stored : JSON.stringify(stored);
  if (typeof value === "string") return text.includes(value === FIXED_DATE ? "1999-12-31" : value);
  const bare = (word: string): string => word.replaceAll(/[^a-z0-9]/giu, "").toLowerCase();
  if (typeof value === "object" && value !== null) return /admin/u.test(text);
  return stored === value && bare(column) === bare(name);
}

/** Which tables and tenants changed, and by how many rows. */
function shapeOf({ added, removed }: Effect): string {
  const places = [
    ...added.map(({ table, tenant }) => `+${table} ${tenant ?? ""}`),
    ...removed.map(({ table, tenant }) => `-${table} ${tenant ?? ""}`),
  ];
  return places.toSorted().join("\n");
}
