/** Writes numbered events into an audit log for as long as it lives, and says on stdout which are on the disk. Its parent kills it. */
import { generateKeyPairSync } from "node:crypto";
import { writeSync } from "node:fs";
import { openAuditLog } from "../../packages/glacis/dist/audit/index.js";

const [directory, from, segmentBytes] = process.argv.slice(2);
const { privateKey } = generateKeyPairSync("ed25519");
const log = await openAuditLog({
  directory,
  origin: "test/worker",
  signingKey: privateKey,
  segmentBytes: Number(segmentBytes),
});

for (let number = Number(from); ; number += 1) {
  const record = {
    time: new Date().toISOString(),
    event_type: "system",
    status: "observed",
    severity: "info",
    event: "sys_heartbeat",
    count: number,
  };
  void log.append(record).then(() => writeSync(1, `${number}\n`));
  if (number % 50 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
}
