/** Where events are kept so that a change shows: in files beside the embedded database, or in Postgres, where the application may only append. */
import { createPrivateKey, generateKeyPairSync, randomBytes, type KeyObject } from "node:crypto";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileAnchor, openAuditLog, postgresAuditLog, type AuditLog, type PostgresAuditLog } from "glacis/audit";
import type { Database } from "../database/database.ts";
import { StartError, type Settings } from "./settings.ts";

export type AuditTrail = AuditLog | PostgresAuditLog;

/** @throws AuditLogError when the log in the folder has been altered: then nothing starts, and the folder is evidence */
export async function openTrail(settings: Settings, database: Database): Promise<AuditTrail> {
  if (database.shared) return postgresTrail(settings, database);
  return openAuditLog({ ...trailOptions(settings), directory: join(settings.dataFolder, "audit") });
}

export function postgresTrail(settings: Settings, { driver }: Database): PostgresAuditLog {
  return postgresAuditLog({ ...trailOptions(settings), database: driver });
}

function trailOptions(settings: Settings) {
  const { auditAnchor } = settings;
  const signingKey = signingKeyOf(settings);
  return {
    // Not the address: what was signed under an old one must still verify.
    origin: "folio/audit",
    ...(signingKey !== undefined && { signingKey }),
    ...(auditAnchor !== undefined && { anchors: [fileAnchor(auditAnchor)] }),
  };
}

/** Production keeps its key where its secrets are; a demonstration makes one. */
function signingKeyOf({ kind, dataFolder, auditKey }: Settings): KeyObject | undefined {
  if (auditKey !== undefined) return readKey(auditKey);
  if (kind === "production") return undefined;
  const file = join(dataFolder, "audit-key.pem");
  if (!existsSync(file)) {
    const { privateKey } = generateKeyPairSync("ed25519");
    writeFileSync(file, privateKey.export({ type: "pkcs8", format: "pem" }), { mode: 0o600, flag: "wx" });
  }
  return createPrivateKey(readFileSync(file));
}

function readKey(pem: string): KeyObject {
  try {
    return createPrivateKey(pem.replaceAll("\\n", "\n"));
  } catch {
    throw new StartError("AUDIT_SIGNING_KEY is no private key in PEM. npx glacis audit-log new-key makes one.");
  }
}

/** A credential that opens nothing, in a file that looks worth taking: whoever tries it has copied this folder. */
export function baitIn(folder: string): string {
  const file = join(folder, "deploy-token");
  if (!existsSync(file))
    writeFileSync(file, `folio_deploy_${randomBytes(24).toString("base64url")}\n`, { mode: 0o600, flag: "wx" });
  return readFileSync(file, "utf8").trim();
}

/** Since when the ring of the folder is in use, for each key in it. */
export function keyDatesIn(folder: string, ids: readonly string[]): Readonly<Record<string, string>> {
  const file = join(folder, "keys");
  if (!existsSync(file)) return {};
  const since = statSync(file).mtime.toISOString().slice(0, 10);
  return Object.fromEntries(ids.map((id) => [id, since]));
}
