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

const grounds: Readonly<Record<string, () => Promise<Ground>>> = {
  PGlite: embeddedGround,
  ...(postgres !== undefined && { Postgres: () => postgresGround(postgres) }),
};

describe.each(Object.entries(grounds))("the attack matrix over the application on %s", (_, open) => {
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

  it("finds nothing, on any route, by anybody", { timeout: 600_000 }, async () => {
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
    });
    expectIsolation(report);
    expect(report.cells.length).toBeGreaterThan(1500);
  });
});
