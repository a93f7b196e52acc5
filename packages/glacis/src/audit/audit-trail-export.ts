/** A tenant's audit trail as a file, in pages of bounded length. */
import { csv } from "../primitives/csv.ts";
import type { AuditTrail, TrailConnection, TrailEntry, TrailQuery } from "./audit-trail.ts";

const PAGE = 500;
/** Whoever needs more asks for less at a time. */
const MOST_EXPORTED = 100_000;
const HEAD = [
  "id",
  "at",
  "actor",
  "actor_kind",
  "impersonator",
  "action",
  "resource_type",
  "resource",
  "changes",
  "reason",
  "request",
];

/**
 * Entries as CSV, in which no cell is a formula, or as one JSON object a line; the newest first, 100 000 at most.
 *
 * @param connection inside the tenant's transaction, for as long as the file is read
 * @example
 * for await (const part of exportAuditTrail(trail, connection, "csv")) file.write(part);
 */
export async function* exportAuditTrail(
  trail: Pick<AuditTrail, "page">,
  connection: TrailConnection,
  format: "csv" | "json",
  query: Omit<TrailQuery, "before" | "limit"> = {},
): AsyncGenerator<string, void, undefined> {
  if (format === "csv") yield csv([HEAD]);
  let before: string | undefined;
  for (let exported = 0; exported < MOST_EXPORTED; exported += PAGE) {
    const page = await trail.page(connection, { ...query, limit: PAGE, ...(before !== undefined && { before }) });
    if (page.length > 0)
      yield format === "csv" ? csv(page.map(cellsOf)) : page.map((entry) => `${JSON.stringify(entry)}\n`).join("");
    if (page.length < PAGE) return;
    before = page.at(-1)?.id;
  }
}

function cellsOf(entry: TrailEntry): readonly (string | Date | null)[] {
  const { id, at, actorId, actorKind, impersonatorId, action, resourceType, resourceId, changes, reason, requestId } =
    entry;
  const told = changes.map(({ field, before, after }) => `${field}: ${before ?? "–"} → ${after ?? "–"}`).join("; ");
  return [id, at, actorId, actorKind, impersonatorId, action, resourceType, resourceId, told, reason, requestId];
}
