/** What answers and effects are judged by. */
import type { Cast } from "./attack-matrix-attempts.ts";
import type { PreparedCase } from "./attack-matrix-cases.ts";
import type { Answer } from "./attack-matrix-client.ts";
import { fingerprint } from "./attack-matrix-fingerprint.ts";
import type { Bench, Caller, Hidden } from "./attack-matrix-judge.ts";
import type { MarkedWorld } from "./attack-matrix-markers.ts";
import type { AttackMatrixOptions } from "./attack-matrix-options.ts";
import type { Runner } from "./attack-matrix-runner.ts";
import { SIDES, type LookAlikePerson, type LookAlikeTenant, type Side } from "./attack-matrix-world.ts";

/** Asks once what strangers may read, and prepares the rest. */
export async function benchOf(
  { objects, refuses }: AttackMatrixOptions,
  { tenants, anonymous, headers }: Cast,
  marked: MarkedWorld,
  runner: Runner,
  prepared: readonly PreparedCase[],
): Promise<Bench> {
  const sideOf = (tenant: string | undefined): Side | undefined => SIDES.find((side) => tenants[side].id === tenant);
  const open = prepared.filter(({ everyone, method, places }) => everyone && method === "GET" && places.length === 0);
  const targets = [
    ...open.map(({ pattern }) => pattern).filter((pattern) => !/[:*{]/u.test(pattern)),
    "/no-such-path-anywhere",
  ];
  const known = new Set<string>();
  for (const target of targets) {
    const { answer } = await runner.one({ method: "GET", target, headers: { ...headers, ...anonymous.headers } });
    if (!(answer instanceof Error)) known.add(fingerprint(answer, "GET"));
  }
  const ids = { own: idsOf(tenants.own), other: idsOf(tenants.other) };
  return {
    tenantOf: ({ tenant }) => sideOf(tenant),
    nameOf: (tenant) => sideOf(tenant) ?? (tenant === undefined ? "no tenant" : "a new tenant"),
    markersOf: (side) => marked.sides[side],
    idsOf: (side) => ids[side],
    hiddenFrom: memoized(({ person, self }) =>
      person === undefined ? [] : hiddenOf(person, self, tenants[person.side], objects, marked),
    ),
    refuses: (answer) => isRefusal(answer) || refuses?.(answer) === true,
    isPublic: (answer) => known.has(fingerprint(answer, "GET")),
  };
}

/** The objects that others of his tenant see and he does not; on a route about himself his colleagues as well. */
function hiddenOf(
  person: LookAlikePerson,
  self: boolean,
  { people, objects: ids }: LookAlikeTenant,
  objects: AttackMatrixOptions["objects"],
  marked: MarkedWorld,
): readonly Hidden[] {
  const nothing = new Map<string, string>();
  const things = Object.entries(objects)
    .filter(([, visibleTo]) => visibleTo !== "everyone" && !visibleTo.includes(person.key))
    .map(([name]) => ({
      name: `the ${name}`,
      id: ids[name] ?? "",
      markers: marked.objects[person.side].get(name) ?? nothing,
    }));
  if (!self) return things;
  const colleagues = Object.values(people).filter(({ key }) => key !== person.key);
  return [
    ...things,
    ...colleagues.map(({ key, id }) => ({
      name: `the ${key}`,
      id,
      markers: marked.people[person.side].get(key) ?? nothing,
    })),
  ];
}

/** Asked for each answer, and always the same for a caller. */
function memoized(
  make: (asked: { readonly person: Caller["person"]; readonly self: boolean }) => readonly Hidden[],
): Bench["hiddenFrom"] {
  const known = new Map<string, readonly Hidden[]>();
  return ({ caller, self }) => {
    const key = `${caller.label} ${self}`;
    let hidden = known.get(key);
    if (hidden === undefined) known.set(key, (hidden = make({ person: caller.person, self })));
    return hidden;
  };
}

function idsOf({ id, people, objects }: LookAlikeTenant): ReadonlySet<string> {
  return new Set(
    [id, ...Object.values(people).map((person) => person.id), ...Object.values(objects)].map((text) =>
      text.toLowerCase(),
    ),
  );
}

function isRefusal({ status }: Answer): boolean {
  return (status >= 400 && status < 500) || status === 501 || status === 505;
}
