import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Watch } from "glacis";
import { freePort } from "../../../../test/support/free-port.ts";
import { start } from "../../src/main.ts";
import { readSettings, type Settings } from "../../src/operations/settings.ts";
import { makeClient, type Client } from "./client.ts";
import { copyPrepared, HASHING } from "./prepared-folder.ts";

export interface Folio {
  readonly settings: Settings;
  /** Where it listens; the origin may be another, as behind TLS. */
  readonly url: string;
  readonly said: () => string;
  readonly watch: Watch;
  client(): Client;
  stop(): Promise<void>;
}

export function temporaryFolder(): string {
  return mkdtempSync(join(tmpdir(), "folio-"));
}

/** The whole application in this process, seeded, on a port and a folder of its own. */
export async function startFolio(
  kind: "demo" | "test-target",
  variables: Readonly<Record<string, string>> = {},
  more: Parameters<typeof start>[2] = {},
): Promise<Folio> {
  const folder = variables["DATA_DIR"] ?? temporaryFolder();
  const environment = { PORT: String(await freePort()), DATA_DIR: folder, ...variables };
  const options = kind === "demo" ? [] : ["--test-target"];
  const settings = readSettings(options, environment);
  // Alarms that have looked at the minutes up to now look at none of a clock that is behind.
  const isOwn = settings.databaseUrl !== undefined || more.alarmClock !== undefined;
  const isSeeded = !isOwn && (await copyPrepared(options, folder));
  const said: string[] = [];
  const running = await start(
    settings,
    { write: (text: string) => said.push(text) },
    { hashing: HASHING, ...more, isSeeded },
  );
  const url = `http://127.0.0.1:${settings.port}`;
  return {
    settings,
    url,
    said: () => said.join(""),
    watch: running.watch,
    client: () => makeClient(url, settings.origin),
    async stop() {
      await running.stop();
      if (variables["DATA_DIR"] === undefined) rmSync(folder, { recursive: true, force: true });
    },
  };
}
