import { PGlite } from "@electric-sql/pglite";
import { dataDir } from "@electric-sql/pglite-prepopulatedfs";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { makeDatabase, type Database } from "./database.ts";
import { migrate } from "./migrate.ts";
import { FOUNDATION, migrations, ROLES, upkeep } from "./migrations.ts";

// V8 compiles a WebAssembly function once more, and better, as soon as it has run a little. A start runs all of Postgres a little: that took half
// of its processor time, and a second of somebody's. What runs a lot still gets there.
setFlagsFromString("--wasm-tiering-budget=200000000");

/**
 * Opens the embedded Postgres of a folder, creating and migrating it. A new one starts from a directory that is ready-made in a package:
 * `initdb` in WebAssembly takes six seconds, unpacking takes two.
 *
 * For a laptop: it runs inside this process, as one connection that could become its superuser again.
 */
export async function openEmbedded(folder: string): Promise<Database> {
  const directory = join(folder, "postgres");
  const isNew = !existsSync(join(directory, "PG_VERSION"));
  const engine = await PGlite.create(directory, { ...(isNew && { loadDataDir: await dataDir() }) });
  await migrate(
    { query: (text, values) => engine.query(text, values), exec: (sql) => engine.exec(sql) },
    migrations(),
    upkeep(),
    FOUNDATION,
  );
  // One connection cannot be two roles: it is the library's, and each tenant's transaction becomes the other.
  await engine.exec(`set role ${ROLES.library}`);
  return makeDatabase({
    description: `embedded Postgres in ${directory}`,
    shared: false,
    driver: engine,
    tenantDriver: engine,
    role: ROLES.runtime,
    close: () => engine.close(),
  });
}
