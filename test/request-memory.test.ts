import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";

const WORKER = fileURLToPath(new URL("./support/request-memory-worker.mjs", import.meta.url));

/** A request that is kept leaves all of itself, which is 600 bytes and more. */
const MOST_BYTES = 150;

it("lets requests die young: what controls remember of them leaves nothing in the old generation (ADR 10)", async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ["--expose-gc", "--single-threaded-gc", WORKER]);
  expect(Number(stdout)).toBeLessThan(MOST_BYTES);
});
