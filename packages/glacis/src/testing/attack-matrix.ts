/** The attack matrix: every route of the sealed table, tried by everybody who should not (catalog tenant-isolation, security-regression-tests). */
import { nearestWord, rejectUnknownOptions } from "../core/options.ts";
import type { SealedRoute } from "../core/security.ts";
import type { Cast } from "./attack-matrix-attempts.ts";
import { benchOf } from "./attack-matrix-bench.ts";
import { openLine } from "./attack-matrix-client.ts";
import { nameOfRoute, prepareCase, type PreparedCase, type RouteCase } from "./attack-matrix-cases.ts";
import type { Caller } from "./attack-matrix-judge.ts";
import { markersIn } from "./attack-matrix-markers.ts";
import { OPTION_NAMES, type AttackMatrixOptions } from "./attack-matrix-options.ts";
import { reportOf, type AttackCell, type AttackReport } from "./attack-matrix-report.ts";
import { runnerOn } from "./attack-matrix-runner.ts";
import { tryCases } from "./attack-matrix-trial.ts";
import { lookAlikes, SIDES, type LookAlikePerson, type LookAlikeTenant, type Side } from "./attack-matrix-world.ts";

/**
 * Seeds two tenants that look alike, and tries every route of the sealed table: as a stranger, as each colleague who may not, as everybody of the
 * other tenant; with foreign ids in path, query, headers, body and nested JSON; with claims about tenant, user and role; in other spellings of the
 * path and by other methods; and each write with every field that a client must not decide. It looks at the answer, at every row of the database
 * before and after, and at whether the answer is the same when the attacked tenant does not exist. Each attack counts only where the rightful
 * person succeeds with the same request.
 *
 * Deterministic and sequential. The database must be the test's own: everything in it is read, changed and put back.
 *
 * @returns the matrix; `expectIsolation` turns it into an assertion
 * @throws TypeError on options or cases that cannot mean anything, such as a case for a route that does not exist
 * @example
 * expectIsolation(await attackMatrix({ security, target: "http://127.0.0.1:3000", people, objects, seed, signIn, state, cases }));
 */
export async function attackMatrix(options: AttackMatrixOptions): Promise<AttackReport> {
  rejectUnknownOptions("attackMatrix", options, OPTION_NAMES);
  rejectPeople(options);
  const { target, state } = options;
  const routes = wantedRoutes(options);
  const { prepared, cells } = readCases(options, routes);
  const tenants = await seedBoth(options);
  const line = typeof target === "string" ? openLine(target) : { send: target, close: () => undefined };
  try {
    const cast = await signAllIn(options, tenants);
    const runner = runnerOn(line.send, state);
    await runner.begin(await state.read());
    const marked = markersIn(runner.baseline(), tenants, state);
    const settled = [...cells, ...marked.blind.map(blindCell)];
    const trial = { options, prepared, cast, runner, bench: await benchOf(options, cast, marked, runner, prepared) };
    const found = settled.some((cell) => options.stopWhen?.(cell)) ? settled : [...settled, ...(await tryCases(trial))];
    const names = [...routes.map(nameOfRoute), ...found.map(({ route }) => route)];
    return reportOf(found, [...new Set(names)], runner.requests());
  } finally {
    line.close();
  }
}

/** Mass assignment needs somebody else to give things to, and visibility needs names that exist. */
function rejectPeople({ people, objects }: AttackMatrixOptions): void {
  if (
    people.length < 2 ||
    new Set(people).size < people.length ||
    people.some((person) => !/^[A-Za-z]\w*$/u.test(person))
  )
    throw new TypeError(
      'attackMatrix() needs people as two or more different words, such as ["admin", "member", "viewer"].',
    );
  for (const [name, visibleTo] of Object.entries(objects)) {
    const stranger = visibleTo === "everyone" ? undefined : visibleTo.find((person) => !people.includes(person));
    if (stranger !== undefined)
      throw new TypeError(
        `The object "${name}" is visible to "${stranger}", and there is no such person. People: ${people.join(", ")}.`,
      );
  }
}

function wantedRoutes({ security, cases, only }: AttackMatrixOptions): readonly SealedRoute[] {
  const names = security.routes.map(nameOfRoute);
  for (const name of [...Object.keys(cases), ...(only ?? [])]) {
    if (names.includes(name)) continue;
    const nearest = nearestWord(name, names);
    throw new TypeError(
      `attackMatrix() has a case for "${name}", and there is no such route.${nearest === undefined ? "" : ` Did you mean "${nearest}"?`}`,
    );
  }
  if (names.length === 0) throw new TypeError("attackMatrix() needs a sealed application: start it first.");
  return only === undefined ? security.routes : security.routes.filter((route) => only.includes(nameOfRoute(route)));
}

interface ReadCases {
  readonly prepared: readonly PreparedCase[];
  /** What is settled before anything is asked. */
  readonly cells: AttackCell[];
}

function readCases(options: AttackMatrixOptions, routes: readonly SealedRoute[]): ReadCases {
  const { security, cases, objects } = options;
  const sees = (person: string): number =>
    Object.values(objects).filter((visibleTo) => visibleTo === "everyone" || visibleTo.includes(person)).length;
  const people = options.people.toSorted((one, two) => sees(two) - sees(one));
  const prepared: PreparedCase[] = [];
  const cells: AttackCell[] = [];
  const ours = new Set(security.layers.endpoints.map(({ method, path }) => `${method} ${path}`));
  for (const route of routes) {
    const name = nameOfRoute(route);
    const wanted = cases[name];
    const settled = (verdict: "missing" | "waived", why: string): void =>
      void cells.push({ route: name, caller: "nobody", attack: "none", verdict, why, request: "" });
    if (wanted === undefined) {
      if (ours.has(name)) settled("waived", "an endpoint of the library, which knows no tenant");
      else settled("missing", `no case; add "${name}": { ... }`);
    } else if ("waived" in wanted) {
      if (wanted.waived.trim() === "") throw new TypeError(`The case of ${name} is waived without a reason.`);
      settled("waived", wanted.waived);
    } else {
      for (const one of [wanted].flat() as readonly RouteCase[]) prepared.push(prepareCase(route, one, people));
    }
  }
  return { prepared, cells };
}

async function seedBoth({
  people,
  objects,
  seed,
}: AttackMatrixOptions): Promise<Readonly<Record<Side, LookAlikeTenant>>> {
  const planned = lookAlikes(people, Object.keys(objects));
  const seeded = async (side: Side): Promise<LookAlikeTenant> => {
    const chosen = (await seed(planned[side])) ?? {};
    return { ...planned[side], objects: { ...planned[side].objects, ...chosen } };
  };
  return { own: await seeded("own"), other: await seeded("other") };
}

async function signAllIn(
  { people, signIn, headers = {} }: AttackMatrixOptions,
  tenants: Readonly<Record<Side, LookAlikeTenant>>,
): Promise<Cast> {
  const anonymous: Caller = { label: "anonymous", person: undefined, headers: await signIn(undefined) };
  const callers: Record<Side, Record<string, Caller>> = { own: {}, other: {} };
  for (const side of SIDES) {
    for (const key of people) {
      const person = tenants[side].people[key] as LookAlikePerson;
      callers[side][key] = { label: `${side} ${key}`, person, headers: await signIn(person) };
    }
  }
  return { tenants, anonymous, people: callers, headers: { accept: "application/json", ...headers } };
}

function blindCell(place: string): AttackCell {
  const why = `${place} has no canary, so nobody would notice its leak; seed one, or name the column closed`;
  return { route: "(seed)", caller: "nobody", attack: "none", verdict: "invalid", why, request: "" };
}
