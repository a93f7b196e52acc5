/** What support did in a workspace, from the archive of events: a bounded look, whatever else happens there. */
import type { ArchivedEvent, EventStore } from "glacis/center";

const MOST_RECORDS = 100;

/** What the record is made of, and how many of each are read. What was seen must not be pushed out by what was tried, and much of it shows nothing. */
const RECORDED: Readonly<Record<string, number>> = {
  "support.consent_given": MOST_RECORDS,
  "support.consent_withdrawn": MOST_RECORDS,
  "support.visit_begun": MOST_RECORDS,
  "support.visit_ended": MOST_RECORDS,
  "support.visit_refused": 20,
  "support.viewed": 5 * MOST_RECORDS,
};

/** What shows nothing of the workspace: a stylesheet, the token of a form. */
const SILENT: ReadonlySet<string> = new Set(["/assets/:file", "/api/csrf", "/healthz", "/robots.txt"]);

/**
 * The latest events of support in a workspace, newest first. Each kind is looked for by itself, along the index of workspaces or of events: whatever else
 * the workspace does, however much, pushes none of it out.
 */
export async function supportEvents(store: EventStore, tenant: string): Promise<readonly ArchivedEvent[]> {
  const pages = await Promise.all(
    Object.entries(RECORDED).map(async ([event, most]) => store.look({ tenant, event, type: "data_access" }, most)),
  );
  return pages
    .flatMap(({ events }) => events)
    .filter(({ record: { event, route = "" } }) => !(event === "support.viewed" && SILENT.has(route)))
    .toSorted((left, right) => right.timeMs - left.timeMs || Number(right.id) - Number(left.id))
    .slice(0, MOST_RECORDS);
}
