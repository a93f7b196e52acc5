/** Everything that is tried with one honest request: who asks, with whose ids in which place, in which spelling, claiming what. */
import type { Ask } from "./attack-matrix-client.ts";
import { requestOf, type PreparedCase } from "./attack-matrix-cases.ts";
import type { Attempt, Caller } from "./attack-matrix-judge.ts";
import {
  methodVariants,
  pathVariants,
  spoofedHeaders,
  spoofedQueries,
  type Variant,
} from "./attack-matrix-variants.ts";
import { resolver, type LookAlikePerson, type LookAlikeTenant, type Side } from "./attack-matrix-world.ts";

export interface Cast {
  readonly tenants: Readonly<Record<Side, LookAlikeTenant>>;
  readonly anonymous: Caller;
  /** By side and the person's key. */
  readonly people: Readonly<Record<Side, Readonly<Record<string, Caller>>>>;
  /** Headers of every request. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface Plan {
  /** Who may do this, at home. The first is what mass assignment starts from. */
  readonly honest: readonly Attempt[];
  readonly attacks: readonly Attempt[];
}

const ALL: readonly Side[] = ["own", "other"];

/** @param declared the methods that the route table has for this pattern */
export function planOf(prepared: PreparedCase, cast: Cast, declared: ReadonlySet<string>): Plan {
  const make = maker(prepared, cast);
  const { everyone, allowed } = prepared;
  const first = allowed[0] ?? "";
  const strangers = everyone
    ? []
    : [...againstAnonymous(make, prepared, cast, first), ...variantsOf(make, prepared, cast, declared)];
  const colleagues = everyone ? [] : withinTenant(make, prepared, cast, first);
  const neighbours = acrossTenants(make, prepared, cast, first);
  return { honest: honestOf(make, prepared, cast), attacks: [...strangers, ...colleagues, ...neighbours] };
}

interface Details {
  readonly attack?: string;
  readonly expect: Attempt["expect"];
  readonly protects: readonly Side[];
  readonly blind?: boolean;
}

interface Maker {
  /** The request of the case by a caller, with the ids of a side, or of another side at one place. */
  readonly ask: (caller: Caller, side: Side, foreign?: { readonly place: string; readonly side: Side }) => Ask;
  readonly attempt: (caller: Caller, ask: Ask, details: Details) => Attempt;
}

function maker(prepared: PreparedCase, { tenants, headers }: Cast): Maker {
  const resolve = { own: resolver(tenants.own), other: resolver(tenants.other) };
  return {
    ask: (caller, side, foreign) =>
      requestOf(prepared, { ...headers, ...caller.headers }, (place) =>
        place === foreign?.place ? resolve[foreign.side] : resolve[side],
      ),
    attempt: (caller, ask, { attack = "as it is", expect, protects, blind = false }) => ({
      route: prepared.route,
      caller,
      attack,
      ask,
      expect,
      protects,
      blind,
      self: prepared.wanted.self === true,
    }),
  };
}

function honestOf(make: Maker, { everyone, allowed, places }: PreparedCase, cast: Cast): readonly Attempt[] {
  const people = allowed.map((person) => {
    const caller = callerOf(cast, "own", person);
    return make.attempt(caller, make.ask(caller, "own"), { expect: "success", protects: ["other"] });
  });
  if (!everyone) return people;
  // What a public route says about the tenant whose ids were given to it is that route's purpose.
  const protects = places.length > 0 ? (["other"] as const) : ALL;
  return [make.attempt(cast.anonymous, make.ask(cast.anonymous, "own"), { expect: "success", protects }), ...people];
}

function againstAnonymous(make: Maker, _: PreparedCase, cast: Cast, first: string): readonly Attempt[] {
  const ask = make.ask(cast.anonymous, "own");
  const details = { expect: "refusal", protects: ALL } as const;
  return [
    make.attempt(cast.anonymous, ask, details),
    ...spoofedHeaders(ask, personOf(cast, "own", first)).map(({ attack, ask: spoofed }) =>
      make.attempt(cast.anonymous, spoofed, { ...details, attack }),
    ),
  ];
}

/** Colleagues who may not, also when they claim to be one who may. */
function withinTenant(make: Maker, { allowed }: PreparedCase, cast: Cast, first: string): readonly Attempt[] {
  const refused = Object.keys(cast.people.own).filter((person) => !allowed.includes(person));
  const details = { expect: "refusal", protects: ["other"] } as const;
  return refused.flatMap((person) => {
    const caller = callerOf(cast, "own", person);
    const ask = make.ask(caller, "own");
    const spoofed = spoofedHeaders(ask, personOf(cast, "own", first));
    return [
      make.attempt(caller, ask, details),
      ...spoofed.map((variant) => make.attempt(caller, variant.ask, { ...details, attack: variant.attack })),
    ];
  });
}

function acrossTenants(make: Maker, prepared: PreparedCase, cast: Cast, first: string): readonly Attempt[] {
  const { everyone, allowed } = prepared;
  const victim = personOf(cast, "own", first);
  const home = allowed.flatMap((person) => {
    const caller = callerOf(cast, "other", person);
    return [
      make.attempt(caller, make.ask(caller, "other"), {
        attack: "at home",
        expect: "success",
        protects: ["own"],
        blind: !everyone,
      }),
    ];
  });
  if (everyone) return home;
  const strongest = callerOf(cast, "other", first);
  const at = make.ask(strongest, "other");
  const claims = [...spoofedHeaders(at, victim), ...(prepared.method === "GET" ? spoofedQueries(at, victim) : [])];
  return [
    ...home,
    ...claims.map(({ attack, ask }) =>
      make.attempt(strongest, ask, { attack, expect: "harmless", protects: ["own"], blind: true }),
    ),
    ...Object.keys(cast.people.other).flatMap((person) =>
      foreignIds(make, prepared, callerOf(cast, "other", person), victim),
    ),
  ];
}

/**
 * The attacked tenant's ids in every place at once, then in one place among the caller's own. A foreign id in the path names what is asked for
 * and must be refused; elsewhere it may also be ignored, as long as it makes no difference whether it exists.
 */
function foreignIds(make: Maker, prepared: PreparedCase, caller: Caller, victim: LookAlikePerson): readonly Attempt[] {
  const { places, allowed } = prepared;
  if (places.length === 0) return [];
  const may = allowed.includes(caller.person?.key ?? "");
  const expectAt = (foreign: readonly string[]): Attempt["expect"] =>
    !may || foreign.some((place) => place.startsWith("path ")) ? "refusal" : "harmless";
  const all = make.ask(caller, "own");
  const details = (attack: string, foreign: readonly string[]): Details => ({
    attack,
    expect: expectAt(foreign),
    protects: ["own"],
    blind: true,
  });
  const single = places.length === 1 ? [] : places;
  return [
    make.attempt(caller, all, details(`foreign ${places.join(", ")}`, places)),
    ...single.map((place) =>
      make.attempt(caller, make.ask(caller, "other", { place, side: "own" }), details(`foreign ${place}`, [place])),
    ),
    ...(may ? spoofedHeaders(all, victim) : []).map(({ attack, ask }) =>
      make.attempt(caller, ask, details(`foreign ids, ${attack}`, places)),
    ),
  ];
}

/** Other spellings and other methods, by a stranger and by the neighbour who may do this at home. */
function variantsOf(
  make: Maker,
  prepared: PreparedCase,
  cast: Cast,
  declared: ReadonlySet<string>,
): readonly Attempt[] {
  const inPath = prepared.places.some((place) => place.startsWith("path "));
  const neighbour = callerOf(cast, "other", prepared.allowed[0] ?? "");
  const callers = inPath ? [cast.anonymous, neighbour] : [cast.anonymous];
  return callers.flatMap((caller) => {
    const ask = make.ask(caller, "own");
    const variants: readonly Variant[] = [
      ...(prepared.method === "GET" ? [{ attack: "method: HEAD", ask: { ...ask, method: "HEAD" } }] : []),
      ...pathVariants(ask),
      ...methodVariants(ask, new Set([...declared, "HEAD"])),
    ];
    const protects = caller === cast.anonymous ? ALL : (["own"] as const);
    return variants.map(({ attack, ask: varied }) =>
      make.attempt(caller, varied, { attack, expect: "variant", protects }),
    );
  });
}

function callerOf(cast: Cast, side: Side, person: string): Caller {
  return cast.people[side][person] ?? cast.anonymous;
}

function personOf(cast: Cast, side: Side, person: string): LookAlikePerson {
  const found = cast.tenants[side].people[person];
  if (found === undefined) throw new TypeError(`There is no person "${person}".`);
  return found;
}
