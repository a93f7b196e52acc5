import type { TrailEntry } from "glacis/audit";
import { html, type SafeHtml } from "glacis/input";
import { csrfField } from "../views/form.ts";
import { layout, type Frame } from "../views/layout.ts";
import { time } from "../views/time.ts";

export interface ActivityView {
  readonly entries: readonly TrailEntry[];
  readonly hasMore: boolean;
  readonly isFirst: boolean;
  /** People of the workspace by id; whoever has left is shown by theirs. */
  readonly names: ReadonlyMap<string, string>;
}

const ACTIONS: Readonly<Record<string, string>> = {
  "document.create": "wrote a document",
  "document.change": "changed a document",
  "document.remove": "deleted a document",
  "document.share": "shared a document",
  "document.unshare": "ended a share",
  "member.role": "changed a role",
  "member.remove": "removed somebody",
  "webhook.add": "added a webhook",
  "webhook.remove": "removed a webhook",
};

export function activityPage(frame: Frame, view: ActivityView): SafeHtml {
  const { entries, hasMore, isFirst } = view;
  return layout(
    frame,
    { title: "Activity", section: "/activity" },
    html`
      <div class="page-head">
        <div>
          <h1>Activity</h1>
          <p class="lead">What was done in this workspace, kept for 400 days. What documents say is not recorded.</p>
        </div>
        ${exports(frame)}
      </div>
      ${
        entries.length === 0
          ? html`<div class="sheet empty stack"><h2>Nothing yet</h2></div>`
          : html`
            <div class="sheet flush table-wrap" tabindex="0" role="region" aria-label="Activity">
              <table>
                <thead>
                  <tr><th scope="col">When</th><th scope="col">Who</th><th scope="col">What</th><th scope="col">Change</th></tr>
                </thead>
                <tbody>${entries.map((entry) => row(entry, view.names))}</tbody>
              </table>
            </div>`
      }
      ${
        (hasMore || !isFirst) &&
        html`
          <nav class="pager" aria-label="Pages">
            ${isFirst ? html`<span></span>` : html`<a class="button quiet" href="/activity">Back to the newest</a>`}
            ${hasMore && html`<a class="button quiet" href="/activity?before=${entries.at(-1)?.id ?? ""}" rel="next">Older</a>`}
          </nav>`
      }`,
  );
}

function exports({ csrfToken }: Frame): SafeHtml {
  return html`
    <form class="actions" method="post" action="/activity/export">
      ${csrfField(csrfToken)}
      <button class="button quiet small" type="submit" name="format" value="csv">Save as CSV</button>
      <button class="button quiet small" type="submit" name="format" value="json">Save as JSON</button>
    </form>`;
}

function row(entry: TrailEntry, names: ActivityView["names"]): SafeHtml {
  const { at, actorId, impersonatorId, action, resourceId, changes } = entry;
  return html`
    <tr>
      <td>${time(at)}</td>
      <th scope="row">${names.get(actorId) ?? actorId}${impersonatorId !== null && html` <span class="badge">through support</span>`}</th>
      <td>${ACTIONS[action] ?? action} <small>${names.get(resourceId) ?? resourceId}</small></td>
      <td>${changes.map(({ field, before, after }) => html`<div>${field}: ${shown(before, names)} → ${shown(after, names)}</div>`)}</td>
    </tr>`;
}

function shown(value: string | null, names: ActivityView["names"]): string {
  if (value === null) return "–";
  return value.startsWith("[") ? "not shown" : (names.get(value) ?? value);
}
