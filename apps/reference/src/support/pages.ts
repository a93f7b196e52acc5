import type { SupportConsent } from "glacis/authorization";
import { html, type SafeHtml } from "glacis/input";
import { csrfField, errorSummary, field, hasErrors, type FormState } from "../views/form.ts";
import { layout, type Frame } from "../views/layout.ts";
import { time } from "../views/time.ts";
import { CONSENT_HOURS } from "./input.ts";
import type { OpenDoor, SupportRecord } from "./support.ts";

export interface AccessView {
  readonly consent: SupportConsent | undefined;
  readonly records: readonly SupportRecord[];
  readonly state: FormState;
  readonly notice: string | undefined;
}

const SPANS: Readonly<Record<(typeof CONSENT_HOURS)[number], string>> = {
  "1": "One hour",
  "24": "One day",
  "168": "One week",
};

/** For the owner of a workspace: whether support may look in, and what it has looked at. */
export function accessPage(frame: Frame, { consent, records, state, notice }: AccessView): SafeHtml {
  return layout(
    frame,
    { title: "Support access", section: "/settings", notice, failed: hasErrors(state) },
    html`
      <div class="page-head">
        <div>
          <p class="crumb"><a href="/settings">Settings</a></p>
          <h1>Support access</h1>
          <p class="lead">Folio's support can see your workspace only while you let them, and can change nothing in it.</p>
        </div>
      </div>
      ${errorSummary(state.errors)}
      ${consent === undefined ? consentForm(frame, state) : standing(frame, consent)}
      ${recordList(records)}`,
  );
}

function consentForm(frame: Frame, state: FormState): SafeHtml {
  const error = state.errors["hours"];
  return html`
    <section class="sheet stack" aria-labelledby="consent-title">
      <h2 id="consent-title">Let support look in</h2>
      <p>They see what you see, for half an hour at a time. You get a mail whenever somebody looks, and each page is on record below.</p>
      <form class="stack" method="post" action="/settings/support/consent">
        ${csrfField(frame.csrfToken)}
        <fieldset class="choices" ?aria-describedby="${error !== undefined && "hours-error"}">
          <legend>For how long?</legend>
          ${error !== undefined && html`<p class="field-error" id="hours-error"><span class="visually-hidden">Error: </span>${error}</p>`}
          ${CONSENT_HOURS.map(
            (hours, index) => html`
              <label class="choice"><input type="radio" name="hours" ?id="${index === 0 && "hours"}" value="${hours}" ?checked="${index === 0}"> ${SPANS[hours]}</label>`,
          )}
        </fieldset>
        <button class="button" type="submit">Allow it</button>
      </form>
    </section>`;
}

function standing(frame: Frame, { endsAtMs }: SupportConsent): SafeHtml {
  return html`
    <section class="sheet stack" aria-labelledby="consent-title">
      <h2 id="consent-title">Support may look in</h2>
      <p>Until ${time(endsAtMs)}, to read. Whoever is in at the moment is out as soon as you end it.</p>
      <form method="post" action="/settings/support/withdraw">
        ${csrfField(frame.csrfToken)}
        <button class="button danger" type="submit">End it now</button>
      </form>
    </section>`;
}

const WORDS: Readonly<Record<string, string>> = {
  "support.consent_given": "Access was allowed",
  "support.consent_withdrawn": "Access was ended",
  "support.visit_begun": "A visit began",
  "support.visit_ended": "The visit was ended",
  "support.viewed": "A page was looked at",
  "support.visit_refused": "Something was refused",
};

function recordList(records: readonly SupportRecord[]): SafeHtml {
  return html`
    <div class="after">
      <h2 id="records-title">What support has done here</h2>
      ${
        records.length === 0
          ? html`<p class="lead">Nobody has looked in so far.</p>`
          : html`
            <div class="sheet flush table-wrap" tabindex="0" role="region" aria-labelledby="records-title">
              <table>
                <thead>
                  <tr><th scope="col">When</th><th scope="col">What</th><th scope="col">Who</th><th scope="col">As</th></tr>
                </thead>
                <tbody>${records.map(recordRow)}</tbody>
              </table>
            </div>`
      }
    </div>`;
}

function recordRow({ atMs, event, visitor, person, route, purpose }: SupportRecord): SafeHtml {
  const [who, as] = visitor === undefined ? [person, undefined] : [visitor, person];
  return html`
    <tr>
      <td>${time(atMs)}</td>
      <td>
        ${WORDS[event] ?? event}
        ${route !== undefined && visitor !== undefined && html` <code>${route}</code>`}
        ${purpose !== undefined && html`<p class="hint">${purpose}</p>`}
      </td>
      <td>${who ?? ""}</td>
      <td>${as ?? ""}</td>
    </tr>`;
}

export interface DeskView {
  readonly doors: readonly OpenDoor[];
  readonly state: FormState;
  readonly notice: string | undefined;
}

/** For Folio's staff: the workspaces that let them look in. */
export function deskPage(frame: Frame, { doors, state, notice }: DeskView): SafeHtml {
  return layout(
    frame,
    { title: "Support desk", section: "/support", notice, failed: hasErrors(state) },
    html`
      <div class="page-head">
        <div>
          <h1>Support desk</h1>
          <p class="lead">Workspaces whose owners let us look in. A visit lasts half an hour, changes nothing, and is on record under your name and theirs.</p>
        </div>
      </div>
      ${errorSummary(state.errors)}
      ${
        doors.length === 0
          ? html`<div class="sheet stack narrow"><p>No workspace lets support look in at the moment. An owner can, in the settings under Support access.</p></div>`
          : visitForm(frame, doors, state)
      }`,
  );
}

function visitForm(frame: Frame, doors: readonly OpenDoor[], state: FormState): SafeHtml {
  const error = state.errors["tenantId"];
  const chosen = state.values["tenantId"];
  return html`
    <form class="sheet stack" method="post" action="/support/visits" novalidate>
      ${csrfField(frame.csrfToken)}
      <fieldset class="choices" ?aria-describedby="${error !== undefined && "tenantId-error"}">
        <legend>Which workspace?</legend>
        ${error !== undefined && html`<p class="field-error" id="tenantId-error"><span class="visually-hidden">Error: </span>${error}</p>`}
        ${doors.map(
          ({ tenantId, tenantName, userName, endsAtMs }, index) => html`
            <label class="choice">
              <input type="radio" name="tenantId" ?id="${index === 0 && "tenantId"}" value="${tenantId}" ?checked="${chosen === undefined ? index === 0 : chosen === tenantId}">
              <span><strong>${tenantName}</strong> <span class="hint">as ${userName}, open until ${time(endsAtMs)}</span></span>
            </label>`,
        )}
      </fieldset>
      ${field({ state, name: "purpose", label: "What for?", hint: "The customer reads it. The number of their request is a good beginning.", maxlength: 200, required: true })}
      <button class="button" type="submit">Begin the visit</button>
    </form>`;
}
