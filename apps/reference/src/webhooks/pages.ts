import type { Secret } from "glacis";
import { html, type SafeHtml } from "glacis/input";
import { csrfField, errorSummary, field, hasErrors, postButton, type FormState } from "../views/form.ts";
import { layout, type Frame } from "../views/layout.ts";
import { time } from "../views/time.ts";
import { MOST_WEBHOOKS, type Delivery, type Webhook } from "./webhooks.ts";

export interface WebhooksView {
  readonly webhooks: readonly Webhook[];
  readonly state: FormState;
  readonly notice: string | undefined;
}

/** Where events go, and how it went lately. */
export function webhooksPage(frame: Frame, { webhooks, state, notice }: WebhooksView): SafeHtml {
  return layout(
    frame,
    { title: "Webhooks", section: "/settings", notice, failed: hasErrors(state) },
    html`
      <div class="page-head">
        <div>
          <h1>Webhooks</h1>
          <p class="lead">Other programs hear when a document of this workspace is created, changed, deleted or shared. They are told which one, and nothing of what it says.</p>
        </div>
      </div>
      ${errorSummary(state.errors)}
      <section class="sheet stack" aria-labelledby="webhooks-title">
        <h2 id="webhooks-title">Webhooks of this workspace</h2>
        ${webhooks.length === 0 && html`<p class="hint">There are none yet.</p>`}
        <ul class="rows">${webhooks.map((webhook) => webhookRow(frame, webhook))}</ul>
      </section>
      <section class="sheet stack after" aria-labelledby="new-webhook-title">
        <h2 id="new-webhook-title">Add a webhook</h2>
        <form class="stack" method="post" action="/settings/webhooks" novalidate>
          ${csrfField(frame.csrfToken)}
          ${field({
            state,
            name: "endpoint",
            label: "Address",
            type: "url",
            hint: `On the public internet, beginning with https://. A workspace has ${MOST_WEBHOOKS} at most.`,
            maxlength: 2000,
            required: true,
          })}
          <button class="button" type="submit">Add the webhook</button>
        </form>
      </section>
      <p class="after"><a href="/settings">Back to the settings</a></p>`,
  );
}

function webhookRow(frame: Frame, { id, endpoint, createdAt, deliveries }: Webhook): SafeHtml {
  return html`
    <li>
      <div>
        <strong>${endpoint}</strong>
        <p class="hint">Added ${time(createdAt)}</p>
        ${deliveries.length > 0 && html`<ul class="log" aria-label="Last deliveries to ${endpoint}">${deliveries.map(deliveryLine)}</ul>`}
      </div>
      <div class="actions">
        ${postButton(frame.csrfToken, `/settings/webhooks/${id}/test`, "Send a test", `Send a test to ${endpoint}`)}
        ${postButton(frame.csrfToken, `/settings/webhooks/${id}/remove`, "Remove", `Remove ${endpoint}`)}
      </div>
    </li>`;
}

function deliveryLine(delivery: Delivery): SafeHtml {
  const { event, createdAt, triedAt } = delivery;
  return html`<li class="hint"><code>${event}</code> ${progressOf(delivery)} ${time(triedAt ?? createdAt)}</li>`;
}

function progressOf({ state, outcome, attempts }: Delivery): string {
  const times = attempts === 1 ? "once" : `${attempts} times`;
  if (state === "delivered") return `Delivered: ${saidOf(outcome)}.`;
  if (state === "given_up") return `Given up${attempts > 0 ? `, tried ${times}` : ""}: ${saidOf(outcome)}.`;
  return attempts === 0 ? "Waiting." : `Tried ${times}, and will be again: ${saidOf(outcome)}.`;
}

const INSIDE = "not called, because the address leads into a private network";
const WORDS: Readonly<Record<string, string>> = {
  "address-not-public": INSIDE,
  "host-not-public": INSIDE,
  "redirect-refused": "answered with a redirect, which is not followed",
  "resolution-failed": "the host was not found",
  "connection-failed": "no connection, or no valid certificate",
  "timed-out": "no answer in time",
  "response-too-large": "the answer was too long",
  "headers-too-large": "the answer was too long",
  backlog: "too many were waiting",
};

function saidOf(outcome: string | null): string {
  if (outcome !== null && /^\d{3}$/u.test(outcome)) return `answered with ${outcome}`;
  return WORDS[outcome ?? ""] ?? "it failed";
}

/** The secret, this once. */
export function newWebhookPage(frame: Frame, endpoint: string, secret: Secret<string>): SafeHtml {
  return layout(
    frame,
    { title: "Your new webhook", section: "/settings" },
    html`
      <div class="narrow stack">
        <div class="sheet stack">
          <h1>Your new webhook</h1>
          <p class="lead">For ${endpoint}. Copy the secret into the program that listens there: it is not shown again.</p>
          <p class="key"><code>${secret.reveal()}</code></p>
          <p class="hint">Each delivery is signed with it as Standard Webhooks says. Verify <code>webhook-signature</code> before you believe one.</p>
          <p class="actions"><a class="button" href="/settings/webhooks">I have kept it</a></p>
        </div>
      </div>`,
  );
}
