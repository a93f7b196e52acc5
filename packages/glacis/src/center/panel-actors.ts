/** Whom his attacks have caught up with, whichever process has counted them, and the button that lets him go on. */
import type { ActorStanding } from "../audit/actor-ledger.ts";
import type { Actor, ActorKind } from "../audit/actor-score.ts";
import { html, type SafeHtml } from "../input/html.ts";
import { linkTo, withinReach, type CenterContext } from "./center-context.ts";
import { badge, emptyState, panel, table, visible, visibleId } from "./widgets.ts";

/** Longer than anybody stays held back. */
const LOOK_BACK_MS = 1_800_000;
const MOST_EVENTS = 200;
const MOST_ACTORS = 25;
const KINDS: ReadonlySet<string> = new Set<ActorKind>(["user", "service", "address"]);

type Row = Actor & ActorStanding;

export async function actorsPanel(context: CenterContext): Promise<SafeHtml> {
  const { actors } = context.settings;
  if (actors === undefined) return html``;
  const rows = await heldActors(context, actors.standing);
  return panel({
    title: actors.response === "observe" ? "Would be held back for attacks" : "Held back for attacks",
    body:
      rows.length === 0
        ? emptyState("Nobody", "Nobody's attacks have added up to a hundred points within half an hour.")
        : table<Row>(
            "Held back for attacks",
            [
              { title: "Who", cell: ({ kind }) => badge(kind, "neutral") },
              { title: "Id", kind: "mono wide", cell: ({ id }) => visibleId(id) },
              { title: "Points", kind: "number", cell: ({ score }) => String(score) },
              { title: "State", cell: (row) => stateOf(row, context.nowMs) },
              { title: "Action", cell: (row) => releaseForm(context, row) },
            ],
            rows,
          ),
  });
}

/** The events say who passed a threshold; the counters say what has become of it. */
async function heldActors(
  context: CenterContext,
  standing: (actor: Actor) => Promise<ActorStanding>,
): Promise<readonly Row[]> {
  const { settings, nowMs } = context;
  const filter = withinReach(context, { event: "malicious_actor_held", fromMs: nowMs - LOOK_BACK_MS });
  const { events } = await settings.archive.store.look(filter, MOST_EVENTS);
  const actors = new Map<string, Actor>();
  for (const { record } of events) {
    const { resource_type: kind = "", resource_id: id } = record;
    if (id !== undefined && KINDS.has(kind)) actors.set(`${kind} ${id}`, { kind: kind as ActorKind, id });
  }
  const rows = await Promise.all(
    [...actors.values()].slice(0, MOST_ACTORS).map(async (actor) => ({ ...actor, ...(await standing(actor)) })),
  );
  return rows.filter(({ throttledUntilMs, blockedUntilMs }) => Math.max(throttledUntilMs, blockedUntilMs) > nowMs);
}

function stateOf({ throttledUntilMs, blockedUntilMs }: Row, nowMs: number): SafeHtml {
  const minutes = (untilMs: number): string => `${Math.ceil((untilMs - nowMs) / 60_000)} min`;
  return blockedUntilMs > nowMs
    ? badge(visible(`shut out, ${minutes(blockedUntilMs)}`, 40), "bad")
    : badge(visible(`slowed down, ${minutes(throttledUntilMs)}`, 40), "warn");
}

function releaseForm(context: CenterContext, { kind, id }: Row): SafeHtml {
  const { settings, request } = context;
  return html`<form method="post" action="${linkTo(context, "/limits/release")}" class="inline">
    <input type="hidden" name="csrf_token" value="${settings.csrf.token(request)}" />
    <input type="hidden" name="kind" value="${kind}" />
    <input type="hidden" name="id" value="${id}" />
    <button class="button small">Release</button>
  </form>`;
}
