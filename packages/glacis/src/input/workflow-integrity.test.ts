import { PGlite } from "@electric-sql/pglite";
import { afterAll, describe, expect, it } from "vitest";
import { testDatabase } from "../../../../test/support/services.ts";
import type { TenantId, UserId } from "../core/brand.ts";
import type { Control } from "../core/control.ts";
import type { AdmittedFacts, IdentifiedFacts } from "../core/facts.ts";
import type { User } from "../core/principal.ts";
import { currentDeployment } from "../primitives/deployment.ts";
import { sketchExchange } from "../testing/exchange.ts";
import { WORKFLOW_IN_MEMORY, WORKFLOW_NO_PAUSE, workflow, type WorkflowStep } from "./workflow-integrity.ts";
import { memoryWorkflows, postgresWorkflows, WORKFLOW_MIGRATION, type WorkflowStore } from "./workflow-store.ts";

const user = (id: string, rest: Partial<User> = {}): User => ({
  kind: "user",
  id: id as UserId,
  tenantId: "acme" as TenantId,
  roles: [],
  assurance: 1,
  authenticatedAtMs: 0,
  ...rest,
});
const ada = user("ada");
const steps: readonly WorkflowStep[] = [
  { name: "cart" },
  { name: "address", after: ["cart", "address"] },
  { name: "pay", minSeconds: 3 },
];

async function take(control: Control<IdentifiedFacts>, principal: User, nowMs: number, target = "/"): Promise<string> {
  const decision = await control.decideLast?.(sketchExchange({ method: "POST", principal, nowMs, target }));
  if (decision?.kind !== "deny") return decision?.kind ?? "nothing";
  expect(decision.events).toMatchObject([{ event: "sequence_fail", reason: decision.reason }]);
  return decision.events[0]?.detail ?? decision.reason;
}

const pglite = await PGlite.create();
const postgres = await testDatabase("workflow");
await pglite.exec(WORKFLOW_MIGRATION);
await postgres?.pool.query(WORKFLOW_MIGRATION);
afterAll(async () => {
  await pglite.close();
  await postgres?.drop();
});

const STORES: readonly (readonly [string, WorkflowStore])[] = [
  ["memory", memoryWorkflows()],
  ["PGlite", postgresWorkflows({ database: pglite })],
  ...(postgres === undefined ? [] : [["Postgres", postgresWorkflows({ database: postgres.pool })] as const]),
];

describe.each(STORES)("a flow over %s", (_, store) => {
  it("lets its steps be taken in order, one at a time, and each once", async () => {
    const flow = workflow({ name: "order", store, steps });
    const [cart, address, pay] = ["cart", "address", "pay"].map((name) => flow.step(name));
    if (cart === undefined || address === undefined || pay === undefined) throw new Error("No steps.");
    expect(await take(pay, ada, 0)).toBe("not_begun");
    expect(await take(cart, ada, 1000)).toBe("allow");
    expect(await take(pay, ada, 9000)).toBe("out_of_order");
    expect(await take(address, ada, 10_000)).toBe("allow");
    expect(await take(address, ada, 11_000)).toBe("allow");
    expect(await take(pay, ada, 13_999)).toBe("too_fast");
    expect(await take(pay, user("eve"), 20_000)).toBe("not_begun");
    expect(await take(pay, user("ada", { tenantId: "evil" as TenantId }), 20_000)).toBe("not_begun");
    expect(await take(pay, ada, 14_000)).toBe("allow");
    expect(await take(pay, ada, 60_000)).toBe("out_of_order");
    expect(await take(address, ada, 60_000)).toBe("out_of_order");
    expect(await take(cart, ada, 60_000)).toBe("allow");
  });

  it("lets one of 64 through who take a step at once", async () => {
    const flow = workflow({ name: "race", store, steps });
    await take(flow.step("cart"), ada, 1000);
    await take(flow.step("address"), ada, 1000);
    const tries = await Promise.all(Array.from({ length: 64 }, () => take(flow.step("pay"), ada, 10_000)));
    expect(tries.filter((outcome) => outcome === "allow")).toHaveLength(1);
    expect(tries.filter((outcome) => outcome === "raced" || outcome === "out_of_order")).toHaveLength(63);
  });

  it("ends when its time is over", async () => {
    const flow = workflow({ name: "slow", store, steps, expiresSeconds: 60 });
    await take(flow.step("cart"), ada, 0);
    expect(await take(flow.step("address"), ada, 60_000)).toBe("expired");
  });
});

describe("an approval", () => {
  const subject = (facts: AdmittedFacts): string => facts.query;
  const flow = workflow({
    name: "payout",
    store: memoryWorkflows(),
    subject,
    steps: [{ name: "ask" }, { name: "approve", by: "another" }],
  });

  it("is for another person than who asked, also where that is support behind an account", async () => {
    expect(await take(flow.step("ask"), ada, 0, "/?1")).toBe("allow");
    expect(await take(flow.step("approve"), ada, 10, "/?1")).toBe("same_person");
    const visit = { actor: { id: "ada" as UserId, tenantId: "acme" as TenantId } };
    expect(await take(flow.step("approve"), user("bob", visit), 10, "/?1")).toBe("same_person");
    expect(await take(flow.step("approve"), user("bob"), 10, "/?2")).toBe("not_begun");
    expect(await take(flow.step("approve"), user("bob"), 10, "/?1")).toBe("allow");
  });

  it("refuses who is nobody, and a subject that is none", async () => {
    const anonymous = sketchExchange({ method: "POST", target: "/?1" });
    expect(await flow.step("ask").decideLast?.(anonymous)).toMatchObject({ reason: "unauthenticated" });
    expect(await take(flow.step("ask"), ada, 0, "/")).toBe("subject");
    expect(await take(flow.step("ask"), ada, 0, `/?${"x".repeat(300)}`)).toBe("subject");
  });
});

describe("workflow", () => {
  const store = memoryWorkflows();
  it("finds a store that forgets and a flow without a pause, once for all its steps", () => {
    const flow = workflow({ name: "quick", store, steps: [{ name: "a" }, { name: "b" }] });
    const production = currentDeployment("production");
    expect(
      flow
        .step("a")
        .check(production)
        .map(({ rule }) => rule),
    ).toEqual([WORKFLOW_IN_MEMORY, WORKFLOW_NO_PAUSE]);
    expect(flow.step("b").check(production)).toEqual([]);
  });

  it("refuses what no one could take", () => {
    const make =
      (given: readonly unknown[], rest: object = {}) =>
      () =>
        workflow({ name: "x", store, steps: given as readonly WorkflowStep[], ...rest });
    expect(make([{ name: "a" }])).toThrow(/two to 20/u);
    expect(make([{ name: "a" }, { name: "a" }])).toThrow(/same name/u);
    expect(make([{ name: "a" }, { name: "b", after: ["c"] }])).toThrow(/after steps that are none/u);
    expect(make([{ name: "a", minSeconds: 1 }, { name: "b" }])).toThrow(/begins it/u);
    expect(make([{ name: "a" }, { name: "b", by: "another" }])).toThrow(/needs subject/u);
    expect(make([{ name: "a" }, { name: "b", minSeconds: 3600 }])).toThrow(/longer than the flow/u);
    expect(make([{ name: "a" }, { name: "b", minSecond: 1 }])).toThrow(/Did you mean/u);
    expect(make([{ name: "a" }, { name: "b" }], { name: "X y" })).toThrow(/needs a name/u);
    expect(() => workflow({ name: "x", store, steps: [{ name: "a" }, { name: "b" }] }).step("c")).toThrow(/no step/u);
  });
});
