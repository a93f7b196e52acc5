/** One row in a process of its own: `node measure.mjs <label>` prints the microseconds of processor time that a decision costs. */
import { PEERS } from "./peers.mjs";
import { ACTIONS, byHand, DOCUMENTS, PRINCIPALS, questions } from "./scenario.mjs";

const QUESTIONS = 4096;
const WARM_UPS = 2;

const peer = PEERS.find(({ label }) => label === process.argv[2]);
const decide = await peer.open();
const asked = questions(QUESTIONS);
for (let round = 0; round < WARM_UPS; round += 1) await time();
const microseconds = await time();
await agree();
console.log(JSON.stringify(microseconds));

async function time() {
  const start = process.cpuUsage();
  const permitted = peer.asynchronous === true ? await askLater() : ask();
  const { user, system } = process.cpuUsage(start);
  if (permitted === 0) throw new Error("Nothing was permitted, so nothing was measured.");
  return (user + system) / peer.decisions;
}

function ask() {
  let permitted = 0;
  for (let index = 0; index < peer.decisions; index += 1) {
    const { principal, action, document } = asked[index & (QUESTIONS - 1)];
    if (decide(principal, action, document) === true) permitted += 1;
  }
  return permitted;
}

async function askLater() {
  let permitted = 0;
  for (let index = 0; index < peer.decisions; index += 1) {
    const { principal, action, document } = asked[index & (QUESTIONS - 1)];
    if ((await decide(principal, action, document)) === true) permitted += 1;
  }
  return permitted;
}

/** A library that is fast and wrong is not faster: every question there is, documents of other tenants included. */
async function agree() {
  for (const principal of PRINCIPALS) {
    for (const action of Object.keys(ACTIONS)) {
      for (const document of DOCUMENTS) {
        const expected = byHand(principal, action, document);
        if ((await decide(principal, action, document)) === expected) continue;
        throw new Error(`${expected} is right for ${JSON.stringify({ principal, action, document })}`);
      }
    }
  }
}
