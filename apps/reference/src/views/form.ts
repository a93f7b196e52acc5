import { CSRF_FIELD } from "glacis/authentication";
import { html, type FormOutcome, type SafeHtml } from "glacis/input";

/** A message for each field that is wrong; `""` holds what belongs to no field. */
export type FieldErrors = Readonly<Record<string, string>>;

export function csrfField(token: string): SafeHtml {
  return html`<input type="hidden" name="${CSRF_FIELD}" value="${token}">`;
}

/**
 * A small button that is a form of its own.
 *
 * @param title what it does and to what, for those who do not see where it stands
 */
export function postButton(csrfToken: string, action: string, label: string, title: string): SafeHtml {
  return html`
    <form method="post" action="${action}">
      ${csrfField(csrfToken)}
      <button class="button quiet small" type="submit" aria-label="${title}">${label}</button>
    </form>`;
}

/** What a form was sent with and what is wrong with it. */
export interface FormState {
  readonly values: Readonly<Record<string, string>>;
  readonly errors: FieldErrors;
}

export const BLANK: FormState = { values: {}, errors: {} };

/** A form to be shown again: what was typed, and of each field what is wrong with it first. */
export function stateOf({ errors, typed }: Extract<FormOutcome<unknown>, { readonly ok: false }>): FormState {
  const messages: Record<string, string> = {};
  for (const { in: place, pointer, message } of errors) messages[place === "form" ? pointer.slice(1) : ""] ??= message;
  return { values: typed, errors: messages };
}

export function hasErrors({ errors }: FormState): boolean {
  return Object.keys(errors).length > 0;
}

/**
 * Every error, first on the page and focused, each linked to its field.
 *
 * @param fields in the order of the page, where messages alone do not say which field they are about
 */
export function errorSummary(
  errors: FieldErrors,
  prefix = "",
  fields: readonly Pick<FieldOptions, "name" | "label">[] = [],
): SafeHtml | undefined {
  const named = fields.flatMap(({ name, label }) => {
    const message = errors[name];
    return message === undefined ? [] : [[name, `${label}: ${message}`] as const];
  });
  const known = new Set(fields.map(({ name }) => name));
  const entries = [...named, ...Object.entries(errors).filter(([name]) => !known.has(name))];
  if (entries.length === 0) return undefined;
  return html`
    <div class="errors" role="alert" tabindex="-1" autofocus aria-labelledby="errors-title">
      <h2 id="errors-title">There is a problem</h2>
      <ul>
        ${entries.map(([field, message]) =>
          field === "" ? html`<li>${message}</li>` : html`<li><a href="#${prefix}${field}">${message}</a></li>`,
        )}
      </ul>
    </div>`;
}

export interface FieldOptions {
  readonly state: FormState;
  readonly name: string;
  readonly label: string;
  readonly hint?: string;
  readonly type?: "text" | "email" | "password" | "url" | "search";
  readonly autocomplete?: string;
  /** The keyboard that a phone shows. */
  readonly inputmode?: "numeric";
  /** Where several forms stand on a page, ids must differ. */
  readonly prefix?: string;
  readonly required?: boolean;
  readonly maxlength?: number;
  readonly autofocus?: boolean;
}

export function field(options: FieldOptions): SafeHtml {
  const { state, name, label, hint, type = "text", prefix = "", autocomplete = "off", autofocus = false } = options;
  const id = `${prefix}${name}`;
  const error = state.errors[name];
  // A password is never sent back to the page.
  const value = type === "password" ? undefined : state.values[name];
  const typedExactly = type === "email" || type === "password" || type === "url";
  return html`
    <div class="field">
      <label for="${id}">${label}</label>
      ${notes(id, hint, error)}
      <input id="${id}" name="${name}" type="${type}" ?dir="${!typedExactly && "auto"}" ?value="${value}" autocomplete="${autocomplete}"
        ?required="${options.required}" ?maxlength="${options.maxlength}" ?inputmode="${options.inputmode}"
        ?data-reveal="${type === "password" && "Show password"}" ?autofocus="${autofocus && !hasErrors(state)}" ?autocapitalize="${typedExactly && "none"}"
        ?aria-invalid="${error !== undefined && "true"}" ?aria-describedby="${describedBy(id, hint, error)}">
    </div>`;
}

export function textArea({
  state,
  name,
  label,
  hint,
}: Pick<FieldOptions, "state" | "name" | "label" | "hint">): SafeHtml {
  const error = state.errors[name];
  // HTML drops a line break right after the opening tag, and without ours it would be one of the writer's.
  return html`
    <div class="field">
      <label for="${name}">${label}</label>
      ${notes(name, hint, error)}
      <textarea id="${name}" name="${name}" dir="auto" ?aria-invalid="${error !== undefined && "true"}"
        ?aria-describedby="${describedBy(name, hint, error)}">${`\n${state.values[name] ?? ""}`}</textarea>
    </div>`;
}

export interface FileFieldOptions extends Pick<FieldOptions, "state" | "name" | "label" | "hint" | "prefix"> {
  /** What the browser offers first; the server decides. */
  readonly accept: string;
}

export function fileField({ state, name, label, hint, accept, prefix = "" }: FileFieldOptions): SafeHtml {
  const id = `${prefix}${name}`;
  const error = state.errors[name];
  return html`
    <div class="field">
      <label for="${id}">${label}</label>
      ${notes(id, hint, error)}
      <input id="${id}" name="${name}" type="file" accept="${accept}" required
        ?aria-invalid="${error !== undefined && "true"}" ?aria-describedby="${describedBy(id, hint, error)}">
    </div>`;
}

export interface SelectOptions extends Pick<FieldOptions, "state" | "name" | "label" | "prefix"> {
  readonly options: readonly (readonly [value: string, label: string])[];
}

export function select({ state, name, label, options, prefix = "" }: SelectOptions): SafeHtml {
  const id = `${prefix}${name}`;
  const error = state.errors[name];
  return html`
    <div class="field">
      <label for="${id}">${label}</label>
      ${notes(id, undefined, error)}
      <select id="${id}" name="${name}" ?aria-invalid="${error !== undefined && "true"}"
        ?aria-describedby="${describedBy(id, undefined, error)}">
        ${options.map(
          ([value, text]) =>
            html`<option value="${value}" ?selected="${value === state.values[name]}">${text}</option>`,
        )}
      </select>
    </div>`;
}

function notes(id: string, hint: string | undefined, error: string | undefined): readonly (SafeHtml | false)[] {
  return [
    hint !== undefined && html`<p class="hint" id="${id}-hint">${hint}</p>`,
    error !== undefined &&
      html`<p class="field-error" id="${id}-error"><span class="visually-hidden">Error: </span>${error}</p>`,
  ];
}

function describedBy(id: string, hint: string | undefined, error: string | undefined): string | undefined {
  const ids = [hint === undefined ? "" : `${id}-hint`, error === undefined ? "" : `${id}-error`].filter(
    (part) => part !== "",
  );
  return ids.length === 0 ? undefined : ids.join(" ");
}
