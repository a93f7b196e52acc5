import { attackMatrix, expectIsolation } from "glacis/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { testDatabase } from "../../../test/support/services.ts";
import { CASES, OBJECTS } from "./attack-matrix-cases.ts";
import {
  embeddedGround,
  listen,
  PEOPLE,
  postgresGround,
  seed,
  signIn,
  stateOf,
  type Ground,
  type Running,
} from "./attack-matrix-support.ts";

const postgres = await testDatabase("matrix");

const routes = Object.keys(CASES);
/** The embedded engine is the same code, compiled for another machine and slower: it is asked for every twelfth route where a Postgres answers for all. */
const some = postgres === undefined ? routes : routes.filter((_, index) => index % 12 === 0);
const grounds: readonly (readonly [name: string, open: () => Promise<Ground>, only: readonly string[]])[] = [
  ["PGlite", embeddedGround, some],
  ...(postgres === undefined ? [] : [["Postgres", () => postgresGround(postgres), routes] as const]),
];

describe.each(grounds)("the attack matrix over the application on %s", (_, open, only) => {
  let ground: Ground;
  let running: Running;
  beforeAll(async () => {
    ground = await open();
    running = await listen(ground);
  });
  afterAll(async () => {
    await running?.stop();
    await ground?.close();
  });

  it("finds nothing, on any route that it is asked for, by anybody", { timeout: 600_000 }, async () => {
    const report = await attackMatrix({
      security: running.security,
      target: running.url,
      headers: { host: new URL(running.origin).host },
      people: PEOPLE,
      objects: OBJECTS,
      seed: (tenant) => seed(ground, tenant),
      signIn: signIn(running),
      state: stateOf(ground),
      cases: CASES,
      ...(only.length < routes.length && { only }),
    });
    expectIsolation(report);
    expect(report.cells.length).toBeGreaterThan(only.length < routes.length ? 200 : 1500);
  });
});
