/** A rotation that is killed again and again, while the application writes: nothing that was acknowledged is lost, and it ends. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { fieldEncryption, keyRing, newKey } from "glacis/data";
import { afterAll, describe, expect, it } from "vitest";
import { testDatabase } from "./support/services.ts";

const WORKER = fileURLToPath(new URL("./support/rotation-worker.mjs", import.meta.url));
const NAME = { table: "people", column: "ssn" };
const TENANT = "tenant-1";
const ROWS = 2000;
const KILLS = 12;

const [first, second] = [newKey("k1"), newKey("k2")];
const ring = `${second},${first}`;
const columnOf = (keys: string) => fieldEncryption({ keys: keyRing(keys) }).column(NAME);
const [old, both, fresh] = [columnOf(first), columnOf(ring), columnOf(second)];
const ground = await testDatabase("rotation_kill");

interface Progress {
  readonly cursor: string;
}

/** Runs the rotation in a process of its own; it is killed in the middle of a batch when it has told of so many. */
async function run(
  url: string,
  batches: number,
  pauseMs: number,
): Promise<{ readonly done: boolean; readonly cursor: number }> {
  const worker = fork(WORKER, [url, ring], { execArgv: [] });
  const exited = once(worker, "exit");
  let [told, cursor, done] = [0, -1, false];
  worker.on("message", (message: Progress | "done") => {
    if (message === "done") {
      done = true;
      return;
    }
    told += 1;
    cursor = Number(message.cursor);
    if (told === batches) void delay(pauseMs).then(() => worker.kill("SIGKILL"));
  });
  const [code, signal] = (await exited) as [number | null, string | null];
  expect(done ? code : signal).toBe(done ? 0 : "SIGKILL");
  return { done, cursor };
}

describe.runIf(ground !== undefined)("rotateColumn under kill -9", () => {
  afterAll(() => ground?.drop());

  it("keeps every acknowledged batch and every write, and ends when it is started again", async () => {
    const pool = ground?.pool as NonNullable<typeof ground>["pool"];
    const url = ground?.url as string;
    await pool.query("create table people (id int primary key, tenant_id text not null, ssn text)");
    const expected = Array.from({ length: ROWS }, (_, index) => `value ${index}`);
    const sealed = expected.map((text, row) => old.seal(text, { tenantId: TENANT, row }));
    await pool.query("insert into people select n - 1, $1, v from unnest($2::text[]) with ordinality as u (v, n)", [
      TENANT,
      sealed,
    ]);
    let killed = 0;
    let runs = 0;
    for (let done = false; !done && runs < 100; runs += 1) {
      const running = run(url, runs < KILLS ? 1 + (runs % 4) : Number.POSITIVE_INFINITY, runs % 5);
      // The application writes meanwhile, rows that were moved and rows that were not.
      for (let write = 0; write < 5; write += 1) {
        const row = (runs * 397 + write * 211) % ROWS;
        expected[row] = `written in run ${runs}`;
        await pool.query("update people set ssn = $2 where id = $1", [
          row,
          both.seal(expected[row], { tenantId: TENANT, row }),
        ]);
      }
      const { done: ended, cursor } = await running;
      done = ended;
      if (!ended) killed += 1;
      const { rows: behind } = await pool.query("select 1 from people where id <= $1 and not starts_with(ssn, $2)", [
        cursor,
        both.currentPrefix,
      ]);
      expect(behind).toEqual([]);
    }
    expect(killed).toBe(KILLS);
    const { rows } = await pool.query<{ id: number; ssn: string }>("select id, ssn from people order by id");
    // Under the new key alone: the old one can go.
    expect(rows.map(({ id, ssn }) => fresh.open(ssn, { tenantId: TENANT, row: id }))).toEqual(expected);
  }, 60_000);
});
