/** Alarms: what rings, above everything else; and what watches at all, on a page of its own. */
import type { AlarmSeverity, CompositeAlarm, MetricAlarm } from "../audit/alarm-definition.ts";
import type { AlarmEngine, AlarmStatus } from "../audit/alarm-engine.ts";
import type { ReceiverTrial } from "../audit/alarm-trial.ts";
import type { AlarmState } from "../audit/alarm.ts";
import { html, type SafeHtml } from "../input/html.ts";
import { linkTo, type CenterContext } from "./center-context.ts";
import { eventPanel } from "./event-panel.ts";
import { renderPage } from "./page-frame.ts";
import { badge, emptyState, number, panel, table, timeOf, visible, visibleId, type Tone } from "./widgets.ts";

/** An alarm as people read it. */
interface AlarmView {
  readonly name: string;
  readonly description: string;
  readonly severity: AlarmSeverity;
  readonly rule: string;
  readonly state: AlarmState;
  readonly sinceMs: number | undefined;
  readonly contributors: readonly string[];
  readonly isSuppressed: boolean;
}

const STATES: Readonly<Record<AlarmState, readonly [text: string, tone: Tone, order: number]>> = {
  ALARM: ["rings", "bad", 0],
  INSUFFICIENT_DATA: ["no data yet", "neutral", 2],
  OK: ["quiet", "good", 1],
};
const SEVERITY: Readonly<Record<AlarmSeverity, readonly [tone: Tone, order: number]>> = {
  critical: ["bad", 0],
  error: ["bad", 1],
  warning: ["warn", 2],
};
const MOST_CONTRIBUTORS = 5;
/** What is under the attacks must not be pushed out of sight. */
const MOST_RINGING = 5;
/** A combination of others is longer, and stands in the title. */
const LONGEST_RULE = 36;

/** What rings first, the worst first. */
async function alarmsOf({ options, status }: Pick<AlarmEngine, "options" | "status">): Promise<readonly AlarmView[]> {
  const stored = new Map((await status()).map((one): [string, AlarmStatus] => [one.alarm, one]));
  const { alarms, composites } = options.definitions;
  const views = [...alarms, ...composites].map((alarm): AlarmView => {
    const now = stored.get(alarm.name);
    return {
      name: alarm.name,
      description: alarm.description ?? "",
      severity: alarm.severity,
      rule: ruleOf(alarm),
      state: now?.state ?? "INSUFFICIENT_DATA",
      sinceMs: now?.sinceMs,
      contributors: (now?.contributors ?? []).map(contributorOf),
      isSuppressed: now?.suppressedBy !== undefined,
    };
  });
  return views.toSorted(
    (left, right) =>
      STATES[left.state][2] - STATES[right.state][2] || SEVERITY[left.severity][1] - SEVERITY[right.severity][1],
  );
}

function ruleOf(alarm: MetricAlarm | CompositeAlarm): string {
  if (alarm.kind === "composite") return alarm.ruleText;
  const { comparisonOperator, threshold, periodSeconds, datapointsToAlarm, evaluationPeriods } = alarm;
  const sign = comparisonOperator.startsWith("Greater") ? "from" : "below";
  const length =
    periodSeconds % 3600 === 0
      ? `${periodSeconds / 3600} h`
      : periodSeconds % 60 === 0
        ? `${periodSeconds / 60} min`
        : `${periodSeconds} s`;
  const often = evaluationPeriods === 1 ? "" : `, ${datapointsToAlarm} of ${evaluationPeriods} times`;
  return `${sign} ${number(threshold)} in ${length}${often}`;
}

/** Values of dimensions come as a JSON list. */
function contributorOf(series: string): string {
  try {
    const values: unknown = JSON.parse(series);
    return Array.isArray(values) ? values.join(" ") : series;
  } catch {
    return series;
  }
}

/** For the top of the first page. */
export async function ringingPanel(context: CenterContext): Promise<SafeHtml> {
  const { settings, nowMs, reach } = context;
  if (reach !== "deployment") return html``;
  if (settings.alarms === undefined)
    return html`<section class="banner info"><h2>No alarms are mounted</h2><p>Pass <code>alarms</code> to saas() and to the Security Center, and what rings is shown here first.</p></section>`;
  const alarms = await alarmsOf(settings.alarms);
  const ringing = alarms.filter(({ state }) => state === "ALARM");
  if (ringing.length === 0)
    return html`<section class="banner good"><h2>All quiet</h2><p><a href="${linkTo(context, "/alarms")}">${number(alarms.length)} alarms</a> watch, and none of them rings.</p></section>`;
  return html`<section class="banner bad">
    <h2>${ringing.length === 1 ? "An alarm rings" : `${number(ringing.length)} alarms ring`}</h2>
    <ul class="alarms">
      ${ringing.slice(0, MOST_RINGING).map(
        ({ name, description, severity, sinceMs, contributors }) =>
          html`<li>
            <p><strong>${visible(name)}</strong> ${badge(severity, SEVERITY[severity][0])} <span class="quiet">since ${sinceMs !== undefined && timeOf(sinceMs, nowMs)}</span> ${contributorLinks(context, contributors)}</p>
            ${description !== "" && html`<p>${visible(description, 300)}</p>`}
          </li>`,
      )}
      ${ringing.length > MOST_RINGING && html`<li><a href="${linkTo(context, "/alarms")}">${number(ringing.length - MOST_RINGING)} more</a></li>`}
    </ul>
  </section>`;
}

function contributorLinks(context: CenterContext, contributors: readonly string[]): SafeHtml {
  return html`${contributors
    .slice(0, MOST_CONTRIBUTORS)
    .map(
      (one) =>
        html` <a href="${linkTo(context, "/events", { search: one })}" title="${visible(one)}">${badge(visibleId(one), "neutral")}</a>`,
    )}`;
}

/** What has just been tried, as far as it is known by now. */
type Trials = readonly ReceiverTrial[] | "waiting";

/** @param trials how the receivers have just taken a test message */
export async function alarmsPage(context: CenterContext, trials?: Trials): Promise<SafeHtml> {
  const { settings } = context;
  const [alarms, changes] = await Promise.all([
    settings.alarms && alarmsOf(settings.alarms),
    eventPanel(context, {
      title: "Rang last",
      caption: "Alarms that rang",
      filter: { event: "sys_alarm_raised" },
      limit: 10,
      none: html`<p class="quiet">None has rung as far back as events are kept.</p>`,
    }),
  ]);
  const ringing = alarms?.filter(({ state }) => state === "ALARM").length ?? 0;
  return renderPage(context, {
    page: "/alarms",
    title: "Alarms",
    lead:
      alarms &&
      html`${number(alarms.length)} watch the events as they are written; ${ringing === 0 ? "none rings" : `${number(ringing)} ring`}.`,
    body: html`${
      alarms === undefined
        ? panel({
            title: "Alarms",
            body: emptyState(
              "No alarms are mounted",
              "Pass alarms to saas() and to the Security Center, and they are listed here.",
            ),
          })
        : html`<section class="panel flush">
            <h2 class="unseen">All alarms</h2>
            ${alarmTable(context, alarms)}
          </section>
          ${receiversPanel(context, trials)}`
    }
    ${changes}`,
  });
}

function receiversPanel({ settings, request, ...context }: CenterContext, trials: Trials | undefined): SafeHtml {
  const actions = settings.alarms?.options.actions ?? [];
  if (actions.length === 0)
    return panel({
      title: "Who is told",
      body: emptyState("Nobody is told", "Give the alarms actions, such as mailAction() or webhookAction()."),
    });
  const trialOf = new Map(trials === "waiting" ? [] : trials?.map((trial) => [trial.action, trial]));
  const untold = trials === "waiting" ? "no answer yet; the log will say" : "not tried just now";
  return panel({
    title: "Who is told",
    note: html`<form method="post" action="${linkTo({ settings, ...context }, "/alarms/test")}" class="inline">
      <input type="hidden" name="csrf_token" value="${settings.csrf.token(request)}" />
      <button class="button small">Send a test message</button>
    </form>`,
    body: table<(typeof actions)[number]>(
      "Who is told",
      [
        { title: "Receiver", cell: ({ name }) => html`<strong>${visible(name, 60)}</strong>` },
        { title: "Test", kind: "wide stack", cell: ({ name }) => trialCell(trialOf.get(name), untold) },
      ],
      actions,
    ),
  });
}

function trialCell(trial: ReceiverTrial | undefined, untold: string): SafeHtml {
  if (trial === undefined) return html`<span class="quiet">${untold}</span>`;
  if (trial.isHeard) return badge("has taken it", "good");
  return html`${badge("has not taken it", "bad")} ${visible(trial.fault ?? "", 300)}<small>${trial.fix ?? ""}</small>`;
}

function alarmTable(context: CenterContext, alarms: readonly AlarmView[]): SafeHtml {
  return table<AlarmView>(
    "Alarms",
    [
      {
        title: "State",
        cell: ({ state, isSuppressed }) =>
          html`${badge(STATES[state][0], STATES[state][1])}${isSuppressed && html` ${badge("untold", "neutral")}`}`,
      },
      {
        title: "Alarm",
        kind: "wide stack",
        cell: ({ name, description }) =>
          html`<strong>${visible(name)}</strong><small>${visible(description, 300)}</small>`,
      },
      { title: "Severity", cell: ({ severity }) => badge(severity, SEVERITY[severity][0]) },
      {
        title: "Rings",
        cell: ({ rule }) => html`<span title="${visible(rule, 600)}">${visible(rule, LONGEST_RULE)}</span>`,
      },
      {
        title: "Since",
        kind: "time",
        cell: ({ sinceMs }) =>
          sinceMs === undefined ? html`<span class="quiet">–</span>` : timeOf(sinceMs, context.nowMs),
      },
      { title: "Who", cell: ({ contributors }) => contributorLinks(context, contributors) },
    ],
    alarms,
  );
}
