/** Where checkpoints go that the writer of the log cannot take back. */
import { appendFile } from "node:fs/promises";
import { answeredWithin } from "./audit-deadline.ts";

export interface AuditAnchor {
  readonly name: string;
  /** Keeps a signed note. What it throws is told to the log and tried again with the next checkpoint. */
  readonly publish: (note: string) => void | Promise<void>;
}

const LONGEST_SECONDS = 10;

/** @throws what the anchor throws, or Error when it has not answered after ten seconds: one that hangs holds up neither the log nor its close */
export async function publishNote(anchor: AuditAnchor, note: string): Promise<void> {
  await answeredWithin(LONGEST_SECONDS, "The anchor", anchor.publish(note));
}

/**
 * Appends each note to a file: on another mount, or one that the process may only append to (`chattr +a`). `glacis audit-log verify --anchor` reads it.
 *
 * @example
 * fileAnchor("/mnt/worm/app-checkpoints.jsonl");
 */
export function fileAnchor(path: string): AuditAnchor {
  return {
    name: "file",
    publish: async (note) => appendFile(path, `${JSON.stringify({ note })}\n`, { mode: 0o600 }),
  };
}
