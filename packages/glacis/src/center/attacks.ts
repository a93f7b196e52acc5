/** Attacks under way: what the last hour's events add up to, by who is behind it. */
import type { AuditRecord } from "../core/event.ts";
import { html, type SafeHtml } from "../input/html.ts";
import { linkTo, withinReach, type CenterContext } from "./center-context.ts";
import type { EventFilter, FilterName } from "./event-filter.ts";
import type { ArchivedEvent } from "./event-record.ts";
import {
  badge,
  emptyState,
  exactTime,
  number,
  panel,
  table,
  timeOf,
  visible,
  visibleId,
  type Tone,
} from "./widgets.ts";

const HOUR_MS = 3_600_000;
/** Whoever was seen within these is taken to be at it still. */
const UNDER_WAY_MS = 300_000;
const MOST_READ = 300;
const MOST_SHOWN = 12;

type Words = Readonly<Partial<Record<FilterName, string>>>;

interface Sign {
  readonly title: string;
  /** Of the events, as the page of events takes it. */
  readonly filter: EventFilter & Words;
  /** From how many on it is an attack and no accident. */
  readonly least: number;
  readonly tone: Tone;
}

const detected = (title: string, event: string, tone: Tone = "bad"): Sign => ({
  title,
  filter: { event },
  least: 1,
  tone,
});

const SIGNS: readonly Sign[] = [
  { title: "Passwords guessed", filter: { type: "authentication", status: "failed" }, least: 10, tone: "bad" },
  detected("Passwords sprayed over accounts", "authn_password_spraying"),
  detected("Stolen credentials tried", "authn_credential_stuffing"),
  detected("One account guessed at from many networks", "authn_distributed_guessing"),
  detected("Ids tried one after another", "malicious_direct_reference"),
  detected("Another tenant reached for", "tenant_cross_access"),
  detected("More rights asked for than held", "authz.escalation_attempt"),
  detected("Bait touched", "malicious_honeytoken"),
  detected("Scanner's paths asked for", "malicious_honey_route", "warn"),
  detected("Search for hidden paths", "malicious_excess_404", "warn"),
  detected("Travel that nobody makes", "authn_impossible_travel"),
  { title: "Internal addresses called (SSRF)", filter: { type: "ssrf_blocked" }, least: 1, tone: "bad" },
  {
    title: "Pages made to load foreign code",
    filter: { type: "csp_violation", status: "refused" },
    least: 10,
    tone: "warn",
  },
  { title: "Forged forms (CSRF)", filter: { type: "csrf", status: "refused" }, least: 5, tone: "warn" },
  detected("Malicious file", "malicious_upload"),
];

interface Attack {
  readonly sign: Sign;
  readonly actor: { readonly name: "user" | "ip"; readonly value: string } | undefined;
  readonly count: number;
  readonly firstMs: number;
  readonly lastMs: number;
}

export async function attacksPanel(context: CenterContext): Promise<SafeHtml> {
  const found = await Promise.all(SIGNS.map(async (sign) => lookFor(context, sign)));
  const attacks = found.flatMap((one) => one.attacks).toSorted((left, right) => right.lastMs - left.lastMs);
  const shown = attacks.slice(0, MOST_SHOWN);
  const users = new Set(shown.flatMap(({ actor }) => (actor?.name === "user" ? [actor.value] : [])));
  const names = await namesOf(context, users);
  const current = attacks.filter((attack) => isUnderWay(attack, context.nowMs)).length;
  const hidden = attacks.length - shown.length;
  return panel({
    title: "Attacks under way",
    kind: attacks.length === 0 ? "" : "attacks",
    note:
      attacks.length === 0
        ? "the last hour"
        : html`${badge(current === 0 ? "none now" : `${number(current)} now`, current === 0 ? "good" : "bad")} the last hour`,
    body: html`${
      attacks.length === 0
        ? emptyState("Nobody is at the door", "Nothing in the last hour adds up to an attack.")
        : attackTable(context, shown, names)
    }
    ${hidden > 0 && html`<p class="searched">${number(hidden)} more are not shown: those that went on last stand first.</p>`}
    ${cutNote(found)}`,
  });
}

/** What the last hour had too much of: an attack that is louder may hide another one of its kind. */
function cutNote(looks: readonly Look[]): SafeHtml {
  const cut = looks.flatMap(({ sign, cutMs }) => (cutMs === undefined ? [] : [{ title: sign.title, cutMs }]));
  return html`${cut.map(
    ({ title, cutMs }) =>
      html`<p class="searched">${title}: only the latest were counted, back to ${exactTime(cutMs)}.</p>`,
  )}`;
}

interface Look {
  readonly sign: Sign;
  readonly attacks: readonly Attack[];
  /** How far back was looked, where that is not the whole hour. */
  readonly cutMs: number | undefined;
}

async function lookFor(context: CenterContext, sign: Sign): Promise<Look> {
  const filter = withinReach(context, { ...sign.filter, fromMs: context.nowMs - HOUR_MS });
  const { events, older } = await context.settings.archive.store.look(filter, MOST_READ);
  return { sign, attacks: attacksIn(sign, events), cutMs: older?.timeMs };
}

function attacksIn(sign: Sign, events: readonly ArchivedEvent[]): readonly Attack[] {
  const byActor = new Map<string, ArchivedEvent[]>();
  for (const event of events) {
    const actor = actorOf(event.record);
    const key = actor === undefined ? "" : `${actor.name} ${actor.value}`;
    const own = byActor.get(key);
    if (own === undefined) byActor.set(key, [event]);
    else own.push(event);
  }
  return [...byActor.values()]
    .filter((own) => own.length >= sign.least)
    .map((own) => ({
      sign,
      actor: own[0] && actorOf(own[0].record),
      count: own.length,
      firstMs: Math.min(...own.map(({ timeMs }) => timeMs)),
      lastMs: Math.max(...own.map(({ timeMs }) => timeMs)),
    }));
}

/** A user before an address, as the detection has it: behind one address are many. */
function actorOf({ user_id: user, ip_address: ip }: AuditRecord): Attack["actor"] {
  if (user !== undefined) return { name: "user", value: user };
  return ip === undefined ? undefined : { name: "ip", value: ip };
}

/** Who the users are, as far as this administrator may know. */
export async function namesOf(
  context: CenterContext,
  users: ReadonlySet<string>,
): Promise<ReadonlyMap<string, string>> {
  const { accounts } = context.settings;
  const found = await Promise.all([...users].map(async (user) => accounts?.get(user, context.user)));
  return new Map(found.flatMap((one) => (one === undefined ? [] : [[one.userId, one.name ?? one.identifier]])));
}

function isUnderWay({ lastMs }: Attack, nowMs: number): boolean {
  return nowMs - lastMs <= UNDER_WAY_MS;
}

function attackTable(context: CenterContext, attacks: readonly Attack[], names: ReadonlyMap<string, string>): SafeHtml {
  const { nowMs } = context;
  return table<Attack>(
    "Attacks of the last hour",
    [
      {
        title: "Attack",
        kind: "wide",
        cell: ({ sign, actor }) =>
          html`<a href="${linkTo(context, "/events", { ...wordsOf(sign), ...(actor && { [actor.name]: actor.value }) })}">${sign.title}</a>`,
      },
      {
        title: "State",
        cell: (attack) =>
          isUnderWay(attack, nowMs) ? badge("under way", attack.sign.tone) : badge("quiet again", "neutral"),
      },
      {
        title: "Who",
        kind: "clip",
        cell: ({ actor }) =>
          actor === undefined ? html`<span class="quiet">not known</span>` : actorLink(context, actor, names),
      },
      {
        title: "Events",
        kind: "number",
        cell: ({ count }) => (count < MOST_READ ? number(count) : `${number(count)}+`),
      },
      { title: "Began", cell: ({ firstMs }) => timeOf(firstMs, nowMs) },
      { title: "Last", cell: ({ lastMs }) => timeOf(lastMs, nowMs) },
    ],
    attacks,
  );
}

function actorLink(
  context: CenterContext,
  { name, value }: NonNullable<Attack["actor"]>,
  names: ReadonlyMap<string, string>,
): SafeHtml {
  const person = name === "user" ? names.get(value) : undefined;
  const href = linkTo(context, "/events", { [name]: value });
  return html`<a class="plain ${person === undefined && "mono"}" href="${href}" title="${visible(value)}">${person === undefined && name === "user" ? visibleId(value) : visible(person ?? value, 40)}</a>`;
}

function wordsOf({ filter: { type, status, event } }: Sign): Words {
  return { ...(type && { type }), ...(status && { status }), ...(event && { event }) };
}
