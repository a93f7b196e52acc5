import type { Command } from "commander";
import { rotateAccountSecrets } from "glacis/accounts";
import { keyRing, newKey } from "glacis/data";
import { databaseUrl, withClient, type DatabaseFailure } from "../database.ts";
import { CannotCheck } from "../outcome.ts";

const VARIABLE = "GLACIS_KEYS";
/** An id that counts, such as `k2`. */
const COUNTED = /^([a-z0-9_-]*?)([0-9]{1,9})$/u;

interface RingOptions {
  readonly variable: string;
}

/** `glacis keys`: makes the line of master keys, puts a new key in front of it, and says what is in it. */
export function addKeysCommand(program: Command): void {
  const keys = program.command("keys").description("make, rotate and look at the ring of master keys");
  keys
    .command("new")
    .description("print a ring of one new key: the value of a new GLACIS_KEYS")
    .option("--id <id>", "the key's id", "k1")
    .action(({ id }: { readonly id: string }) => print(named(id)));
  keys
    .command("rotate")
    .description("print the ring with a new key in front; the others are still accepted")
    .option("--id <id>", "the new key's id; by default the highest number and one")
    .option("--variable <name>", "the environment variable that holds the ring", VARIABLE)
    .addHelpText("after", "\nStore what it prints, deploy, move stored values, then remove the old key.")
    .action(({ id, variable }: RingOptions & { readonly id?: string }) => {
      const { text, ids } = readRing(variable);
      const rotated = `${named(id ?? nextId(ids))},${text}`;
      print(judge(rotated, variable).text);
    });
  keys
    .command("move")
    .description(
      "seal what the library keeps sealed, such as secrets of authenticator apps, under the ring's first key",
    )
    .option("--variable <name>", "the environment variable that holds the ring", VARIABLE)
    .addHelpText(
      "after",
      "\nRun it after rotate and deploy, in the database of DATABASE_URL, while the application runs. Safe to repeat.",
    )
    .action(({ variable }: RingOptions) => move(variable));
  keys
    .command("status")
    .description("print the ids of the ring, the current one first; never a key")
    .option("--variable <name>", "the environment variable that holds the ring", VARIABLE)
    .action(({ variable }: RingOptions) => {
      const { ids } = readRing(variable);
      print(ids.map((id, index) => `${id}  ${index === 0 ? "current" : "accepted"}`).join("\n"));
    });
}

const UNMOVED: DatabaseFailure = {
  what: "not everything was moved",
  why: "what stays sealed under the old key cannot be opened once that key is gone.",
  fix: "keep the old key in the ring, make the database reachable with rights to update glacis_totp, and run it again.",
};

async function move(variable: string): Promise<void> {
  const keys = keyRing(readRing(variable).text);
  const [moved, failed] = await withClient(databaseUrl("keys move"), UNMOVED, async (client) => {
    const database = {
      query: async (text: string, values: readonly unknown[]) =>
        (await client.query(text, [...values])).rows as readonly Readonly<Record<string, unknown>>[],
    };
    let last = { moved: 0, failed: 0 };
    for await (const progress of rotateAccountSecrets({ keys, database })) last = progress;
    return [last.moved, last.failed] as const;
  });
  print(`${moved} moved to ${keys.ids[0]}, ${failed} could not be opened.`);
  if (failed > 0)
    throw new CannotCheck(
      `${failed} secrets of authenticator apps open with no key of the ring.`,
      "their owners are asked for a code that nothing can verify.",
      `put the key that sealed them back into ${variable}, and run it again.`,
    );
}

interface Ring {
  readonly text: string;
  readonly ids: readonly string[];
}

function readRing(variable: string): Ring {
  const text = process.env[variable]?.trim();
  if (text !== undefined && text !== "") return judge(text, variable);
  throw new CannotCheck(
    `${variable} is not set.`,
    "without master keys nothing can be signed or sealed.",
    `run glacis keys new once, and store what it prints as ${variable} in the platform's secret store.`,
  );
}

/** What the application itself would say at its start. No message of it quotes a key. */
function judge(text: string, variable: string): Ring {
  try {
    return { text, ids: keyRing(text).ids };
  } catch (error) {
    throw new CannotCheck(
      `${variable} is no ring of keys: ${(error as Error).message}`,
      "the application refuses to start with it.",
      "mend that entry, or make another with glacis keys new --id <id>.",
    );
  }
}

function named(id: string): string {
  try {
    return newKey(id);
  } catch (error) {
    throw new CannotCheck(
      `"${id.slice(0, 40)}" is no id of a key.`,
      "stored values carry the id between dots.",
      (error as Error).message,
    );
  }
}

/** One above the highest number among the ids that are named like the current one. */
function nextId(ids: readonly string[]): string {
  const stem = COUNTED.exec(ids[0] ?? "")?.[1];
  if (stem === undefined) {
    throw new CannotCheck(
      "the current key's id does not end in a number.",
      "the next id cannot be guessed from it.",
      "name the new key: glacis keys rotate --id <id>.",
    );
  }
  const numbers = ids.map((id) => COUNTED.exec(id)).filter((match) => match?.[1] === stem);
  return `${stem}${Math.max(...numbers.map((match) => Number(match?.[2]))) + 1}`;
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
