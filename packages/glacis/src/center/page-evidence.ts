/** What can be shown to an auditor: findings of the composition, and the state of the audit chain. */
import type { AuditChainState } from "../audit/audit-chain.ts";
import { groupByRule, type FindingGroup } from "../core/finding.ts";
import { judgeSecurity } from "../core/judge.ts";
import { html, type SafeHtml } from "../input/html.ts";
import { linkTo, type CenterContext } from "./center-context.ts";
import { eventPanel } from "./event-panel.ts";
import { renderPage } from "./page-frame.ts";
import { badge, emptyState, number, panel, timeOf, visible } from "./widgets.ts";

const SEVERITY_TONE = { error: "bad", warning: "warn", note: "info" } as const;

export function findingsPage(context: CenterContext): SafeHtml {
  const { settings, nowMs } = context;
  const security = settings.security();
  const deployment = settings.deployment?.();
  const judgement = deployment === undefined ? undefined : judgeSecurity(security, { ...deployment, nowMs });
  const groups = groupByRule(judgement?.standing ?? []).toSorted((one, other) => urgencyOf(other) - urgencyOf(one));
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

/** What is dangerous first. */
function urgencyOf({ rule: { severity } }: FindingGroup): number {
  return severity === "error" ? 2 : severity === "warning" ? 1 : 0;
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
  const events = await eventPanel(context, {
    title: "Events about the log itself",
    caption: "Events about the log itself",
    filter: { type: "audit_integrity" },
    limit: 10,
    none: html`<p class="quiet">None: nothing was lost, repaired or found broken.</p>`,
  });
  const { queued, lost, failing } = archive.state;
  return renderPage(context, {
    page: "/audit",
    title: "Audit chain",
    lead: "Whether what is written here can still be believed.",
    actions: settings.chain && verifyForm(context),
    body: html`${chainPanel(settings.chain?.state(), settings.chain !== undefined, nowMs)}
    ${panel({
      title: "Archive",
      note: failing ? badge("store is down", "bad") : badge("writing", "good"),
      body: html`<dl class="fields">
        <div><dt>Waiting to be written</dt><dd>${number(queued)}</dd></div>
        <div><dt>Lost since the start of this process</dt><dd>${number(lost)}</dd></div>
        <div><dt>Kept for</dt><dd>${number(archive.retentionDays)} days</dd></div>
      </dl>`,
    })}
    ${events}`,
  });
}

function verifyForm(context: CenterContext): SafeHtml {
  const { settings, request } = context;
  return html`<form method="post" action="${linkTo(context, "/audit/verify")}" class="inline">
    <input type="hidden" name="csrf_token" value="${settings.csrf.token(request)}" />
    <button class="button">Verify now</button>
  </form>`;
}

function chainPanel(chain: AuditChainState | undefined, isMounted: boolean, nowMs: number): SafeHtml {
  if (chain === undefined)
    return panel({
      title: "Hash chain",
      body: isMounted
        ? html`<p class="quiet">The log has not been read since this process began. It is read a moment after the start, and every hour.</p>`
        : emptyState(
            "No chain is mounted",
            "Pass auditLog to saas() and its chain to the Security Center, and its state is shown here.",
          ),
    });
  const { intact, entries, verifiedAtMs, head, checkpoints, anchors = [], fault } = chain;
  return panel({
    title: "Hash chain",
    note: intact ? badge("intact", "good") : badge("broken", "bad"),
    body: html`${
      fault !== undefined &&
      html`<p class="notice warn" role="alert">Not as it was written: ${visible(fault, 300)}. Keep the log as evidence, and ask glacis audit-log verify.</p>`
    }
      <dl class="fields">
        <div><dt>Entries</dt><dd>${number(entries)}</dd></div>
        <div><dt>Verified</dt><dd>${verifiedAtMs === undefined ? "not yet" : timeOf(verifiedAtMs, nowMs)}</dd></div>
        <div><dt>Signed checkpoints that agree</dt><dd>${checkpoints === undefined ? badge("nobody signs", "warn") : number(checkpoints)}</dd></div>
        <div><dt>Kept elsewhere by</dt><dd>${anchors.length === 0 ? badge("nobody", "warn") : visible(anchors.join(", "), 200)}</dd></div>
        ${head !== undefined && html`<div class="whole"><dt>Root over all entries</dt><dd class="mono">${visible(head, 128)}</dd></div>`}
      </dl>`,
  });
}
