import type { ApiKey } from "glacis/authentication";
import { html, type SafeHtml } from "glacis/input";
import { csrfField, errorSummary, field, hasErrors, postButton, select, type FormState } from "../views/form.ts";
import { layout, type Frame } from "../views/layout.ts";
import { time } from "../views/time.ts";
import { ACCESS_NAMES, LIFETIME_NAMES } from "./input.ts";

export interface ApiKeysView {
  readonly keys: readonly ApiKey[];
  /** Who looks: a key is rotated by whoever made it alone. */
  readonly userId: string;
  readonly nowMs: number;
  readonly state: FormState;
  readonly notice: string | undefined;
}

/** The keys of a workspace. Of a key itself nothing is known any more but how it begins. */
export function apiKeysPage(frame: Frame, { keys, userId, nowMs, state, notice }: ApiKeysView): SafeHtml {
  const values = { access: "read", days: "90", ...state.values };
  return layout(
    frame,
    { title: "API keys", section: "/settings", notice, failed: hasErrors(state) },
    html`
      <div class="page-head">
        <div>
          <h1>API keys</h1>
          <p class="lead">For programs that read or write your documents. A key sees what whoever made it sees, and ends with their role.</p>
        </div>
      </div>
      ${errorSummary(state.errors)}
      <section class="sheet stack" aria-labelledby="keys-title">
        <h2 id="keys-title">Keys of this workspace</h2>
        ${keys.length === 0 && html`<p class="hint">There are none yet.</p>`}
        <ul class="rows">${keys.map((key) => keyRow(frame, key, key.ownerId === userId, nowMs))}</ul>
      </section>
      <section class="sheet stack after" aria-labelledby="new-key-title">
        <h2 id="new-key-title">Make a key</h2>
        <form class="stack" method="post" action="/settings/api-keys" novalidate>
          ${csrfField(frame.csrfToken)}
          ${field({ state, name: "name", label: "What it is for", hint: "Such as the program that uses it.", maxlength: 100, required: true })}
          ${select({ state: { ...state, values }, name: "access", label: "What it may do", options: Object.entries(ACCESS_NAMES) })}
          ${select({ state: { ...state, values }, name: "days", label: "How long it is good", options: Object.entries(LIFETIME_NAMES) })}
          <button class="button" type="submit">Make the key</button>
        </form>
      </section>
      <p class="after"><a href="/settings">Back to the settings</a></p>`,
  );
}

function keyRow(frame: Frame, key: ApiKey, own: boolean, nowMs: number): SafeHtml {
  const { id, name, start, scopes, usedAtMs, expiresAtMs, revokedAtMs } = key;
  const alive = revokedAtMs === undefined && nowMs < expiresAtMs;
  const writes = scopes.includes("documents:write");
  return html`
    <li>
      <div>
        <strong>${name}</strong> <span class="badge plain">${writes ? "read and write" : "read"}</span>
        <p class="hint"><code>${start}_…</code></p>
        <p class="hint">${usedAtMs === undefined ? "Never used" : html`Last used ${time(usedAtMs)}`},
          ${revokedAtMs === undefined ? html`${alive ? "good until" : "over since"} ${time(expiresAtMs)}` : html`revoked ${time(revokedAtMs)}`}</p>
      </div>
      ${
        alive &&
        html`<div class="actions">
          ${own && postButton(frame.csrfToken, `/settings/api-keys/${id}/rotate`, "Rotate", `Rotate ${name}`)}
          ${postButton(frame.csrfToken, `/settings/api-keys/${id}/revoke`, "Revoke", `Revoke ${name}`)}
        </div>`
      }
    </li>`;
}

/** The key, this once. */
export function newKeyPage(frame: Frame, key: string, { name, expiresAtMs }: ApiKey, rotated: boolean): SafeHtml {
  return layout(
    frame,
    { title: "Your new key", section: "/settings" },
    html`
      <div class="narrow stack">
        <div class="sheet stack">
          <h1>Your new key</h1>
          <p class="lead">For ${name}. Copy it into the program that uses it: it is not shown again.</p>
          <p class="key"><code>${key}</code></p>
          <p class="hint">Good until ${time(expiresAtMs)}. ${rotated && "The former secret works for 24 more hours."}
            Send it as <code>Authorization: Bearer</code>.</p>
          <p class="actions"><a class="button" href="/settings/api-keys">I have kept it</a></p>
        </div>
      </div>`,
  );
}
