/** What can be shown to an auditor: findings of the composition, and the state of the audit chain. */
import { groupByRule, type FindingGroup } from "../core/finding.ts";
import { judgeSecurity } from "../core/judge.ts";
import { html, type SafeHtml } from "../input/html.ts";
import { linkTo, type CenterContext } from "./center-context.ts";
import type { ChainState } from "./center-options.ts";
import { eventTable } from "./event-table.ts";
import { renderPage } from "./page-frame.ts";
import { badge, emptyState, number, panel, timeOf, visible } from "./widgets.ts";

const SEVERITY_TONE = { error: "bad", warning: "warn", note: "info" } as const;

export function findingsPage(context: CenterContext): SafeHtml {
  const { settings, nowMs } = context;
  const security = settings.security();
  const deployment = settings.deployment?.();
  const judgement = deployment === undefined ? undefined : judgeSecurity(security, { ...deployment, nowMs });
  const groups = groupByRule(judgement?.standing ?? []);
  const waived = judgement?.waived ?? [];
  return renderPage(context, {
    page: "/findings",
    title: "Deploy findings",
    lead: html`${number(security.controls.length)} controls judged in the environment that runs.`,
    body: html`${
      judgement === undefined
        ? panel({
            title: "Findings",
            body: emptyState(
              "The environment is not known",
              "Hand securityCenter() currentDeployment as deployment, and findings are listed here.",
            ),
          })
        : groups.length === 0
          ? panel({
              title: "Findings",
              body: emptyState("Nothing to find", "Every control is content with its options in this environment."),
            })
          : groups.map(findingPanel)
    }
    ${
      waived.length > 0 &&
      panel({
        title: "Accepted for a while",
        body: html`<ul class="plain-list">
        ${waived.map(({ finding, waiver }) => html`<li><span><span class="mono">${finding.rule.id}</span> ${waiver.reason} (${waiver.owner})</span><span class="quiet">until ${waiver.expires}</span></li>`)}
      </ul>`,
      })
    }`,
  });
}

function findingPanel({ rule, places }: FindingGroup): SafeHtml {
  return panel({
    title: rule.what,
    note: html`${badge(rule.severity, SEVERITY_TONE[rule.severity])} <span class="mono">${rule.id}</span>`,
    body: html`<p>${rule.why}</p>
      <p><strong>Fix</strong> ${rule.fix}</p>
      <p class="mono quiet">${visible(places.slice(0, 20).join(", "), 600)}</p>`,
  });
}

export async function auditPage(context: CenterContext): Promise<SafeHtml> {
  const { settings, nowMs } = context;
  const { archive } = settings;
  const [chain, events] = await Promise.all([settings.chain?.(), archive.store.page({ type: "audit_integrity" }, 10)]);
  const { queued, lost, failing } = archive.state;
  return renderPage(context, {
    page: "/audit",
    title: "Audit chain",
    lead: "Whether what is written here can still be believed.",
    body: html`${chainPanel(chain, nowMs)}
    ${panel({
      title: "Archive",
      note: failing ? badge("store is down", "bad") : badge("writing", "good"),
      body: html`<dl class="fields">
        <div><dt>Waiting to be written</dt><dd>${number(queued)}</dd></div>
        <div><dt>Lost since the start of this process</dt><dd>${number(lost)}</dd></div>
        <div><dt>Kept for</dt><dd>${number(archive.retentionDays)} days</dd></div>
      </dl>`,
    })}
    ${panel({
      title: "Events about the log itself",
      note: html`<a href="${linkTo(context, "/events", { type: "audit_integrity" })}">All of them</a>`,
      body:
        events.length === 0
          ? html`<p class="quiet">None: nothing was lost, repaired or found broken.</p>`
          : eventTable(context, "Events about the log itself", events),
    })}`,
  });
}

function chainPanel(chain: ChainState | undefined, nowMs: number): SafeHtml {
  if (chain === undefined)
    return panel({
      title: "Hash chain",
      body: emptyState(
        "No chain is mounted",
        "Hand securityCenter() the state of the audit log's chain, and it is shown here.",
      ),
    });
  const { intact, entries, verifiedAtMs, head, fault } = chain;
  return panel({
    title: "Hash chain",
    note: intact ? badge("intact", "good") : badge("broken", "bad"),
    body: html`<dl class="fields">
      <div><dt>Entries</dt><dd>${number(entries)}</dd></div>
      <div><dt>Verified</dt><dd>${verifiedAtMs === undefined ? "not yet" : timeOf(verifiedAtMs, nowMs)}</dd></div>
      ${head !== undefined && html`<div><dt>Head</dt><dd class="mono">${visible(head, 128)}</dd></div>`}
      ${fault !== undefined && html`<div><dt>Fault</dt><dd>${visible(fault, 300)}</dd></div>`}
    </dl>`,
  });
}
