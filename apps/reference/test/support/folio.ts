import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Watch } from "glacis";
import { freePort } from "../../../../test/support/free-port.ts";
import { start } from "../../src/main.ts";
import { readSettings, type Settings } from "../../src/operations/settings.ts";
import { makeClient, type Client } from "./client.ts";

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

/** The whole application in this process, on a port and a folder of its own. */
export async function startFolio(
  kind: "demo" | "test-target",
  variables: Readonly<Record<string, string>> = {},
  more: Parameters<typeof start>[2] = {},
): Promise<Folio> {
  const folder = variables["DATA_DIR"] ?? temporaryFolder();
  const environment = { PORT: String(await freePort()), DATA_DIR: folder, ...variables };
  const settings = readSettings(kind === "demo" ? [] : ["--test-target"], environment);
  const said: string[] = [];
  const running = await start(settings, { write: (text: string) => said.push(text) }, more);
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
