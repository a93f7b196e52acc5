/** Two tenants that look alike: the same people, the same objects, ids that differ in one digit, and words that only one of them has. */

/** `own` is the tenant whose data is attacked, `other` the one that attacks. */
export type Side = "own" | "other";

export const SIDES: readonly Side[] = ["own", "other"];

export interface LookAlikePerson {
  /** The name that the matrix knows the person by, such as `member`; the same in both tenants. */
  readonly key: string;
  readonly side: Side;
  readonly tenantId: string;
  readonly id: string;
  readonly email: string;
  readonly name: string;
}

/** What a seed hook makes one tenant of. Everything that is not taken from here should be the same in both. */
export interface LookAlikeTenant {
  readonly side: Side;
  readonly id: string;
  readonly name: string;
  readonly people: Readonly<Record<string, LookAlikePerson>>;
  /** Ids for the named objects. A seed whose ids the database chooses returns those instead. */
  readonly objects: Readonly<Record<string, string>>;
  /** A word that stands nowhere but in this tenant: put one into every text column. It survives escaping, sorting and cutting. */
  canary(label: string): string;
}

const UUID_START = "c0ffee00-0000-4000-8000-0000";

/** The tenants of a matrix: deterministic, so that two runs ask the same questions. */
export function lookAlikes(
  people: readonly string[],
  objects: readonly string[],
): Readonly<Record<Side, LookAlikeTenant>> {
  return { own: tenantOf("own", people, objects), other: tenantOf("other", people, objects) };
}

function tenantOf(side: Side, people: readonly string[], objects: readonly string[]): LookAlikeTenant {
  const id = idOf(0, side);
  const word = side === "own" ? "Ownkestrel" : "Otherkestrel";
  const canary = (label: string): string => `${word}${label.replaceAll(/[^A-Za-z0-9]/gu, "")}`;
  const persons = people.map((key, index): readonly [string, LookAlikePerson] => [
    key,
    {
      key,
      side,
      tenantId: id,
      id: idOf(index + 1, side),
      email: `${key.toLowerCase().replaceAll(/[^a-z0-9]/gu, "")}@${word.toLowerCase()}.test`,
      name: `Robin ${canary(key)}`,
    },
  ]);
  return {
    side,
    id,
    name: `Acme ${canary("tenant")}`,
    people: Object.fromEntries(persons),
    objects: Object.fromEntries(objects.map((name, index) => [name, idOf(0x100 + index, side)])),
    canary,
  };
}

/** Version 4 by form. The sides differ in the last digit alone. */
function idOf(number: number, side: Side): string {
  return UUID_START + number.toString(16).padStart(7, "0") + (side === "own" ? "1" : "2");
}

const PLACEHOLDER = /\{([A-Za-z][\w]*)(?:\.(id|email|name))?\}/gu;

/** Whose id stands for a placeholder: decided for each place, so that one foreign id can stand among a caller's own. */
export type Resolve = (name: string, property: string | undefined) => string;

/** `{document}` an object's id, `{member.id}` and `{member.email}` a person, `{tenant}` the tenant's id. */
export function resolver(tenant: LookAlikeTenant): Resolve {
  return (name, property) => {
    if (property === undefined) {
      const id = name === "tenant" ? tenant.id : tenant.objects[name];
      if (id !== undefined) return id;
      throw new TypeError(
        `A case uses {${name}}, and there is no such object. Objects: ${["tenant", ...Object.keys(tenant.objects)].join(", ")}.`,
      );
    }
    const person = tenant.people[name];
    if (person !== undefined) return person[property as "id" | "email" | "name"];
    throw new TypeError(
      `A case uses {${name}.${property}}, and there is no such person. People: ${Object.keys(tenant.people).join(", ")}.`,
    );
  };
}

export function hasPlaceholder(text: string): boolean {
  return text.search(PLACEHOLDER) !== -1;
}

export function fill(text: string, resolve: Resolve): string {
  return text.replaceAll(PLACEHOLDER, (_, name: string, property: string | undefined) => resolve(name, property));
}
