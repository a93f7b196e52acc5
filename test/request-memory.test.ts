import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const WORKER = fileURLToPath(new URL("./support/request-memory-worker.mjs", import.meta.url));

/** A request that is kept leaves all of itself, which is more than 500 bytes. */
const MOST_BYTES = 150;

it("lets requests die young: what controls remember of them leaves nothing in the old generation (ADR 10)", async () => {
  const worker = fork(WORKER, { execArgv: ["--expose-gc", "--single-threaded-gc"] });
  const [bytes] = (await once(worker, "message")) as [number];
  expect(bytes).toBeLessThan(MOST_BYTES);
});
