import { CSRF_FIELD } from "glacis/authentication";
import type { FieldErrors } from "../input.ts";

export function CsrfField({ token }: { token: string }) {
  return <input type="hidden" name={CSRF_FIELD} value={token} />;
}

/** What a form was sent with and what is wrong with it. */
export interface FormState {
  readonly values: Readonly<Record<string, string>>;
  readonly errors: FieldErrors;
}

export const BLANK: FormState = { values: {}, errors: {} };

/** Every error, first on the page and focused, each linked to its field. */
export function ErrorSummary({ errors, prefix = "" }: { errors: FieldErrors; prefix?: string }) {
  const entries = Object.entries(errors);
  if (entries.length === 0) return null;
  return (
    <div class="errors" role="alert" tabindex={-1} autofocus aria-labelledby="errors-title">
      <h2 id="errors-title">There is a problem</h2>
      <ul>
        {entries.map(([field, message]) => (
          <li>{field === "" ? message : <a href={`#${prefix}${field}`}>{message}</a>}</li>
        ))}
      </ul>
    </div>
  );
}

export interface FieldProps {
  readonly state: FormState;
  readonly name: string;
  readonly label: string;
  readonly hint?: string;
  readonly type?: "text" | "email" | "password" | "url" | "search";
  readonly autocomplete?: string;
  /** Where several forms stand on a page, ids must differ. */
  readonly prefix?: string;
  readonly required?: boolean;
  readonly maxlength?: number;
  readonly autofocus?: boolean;
}

export function Field(props: FieldProps) {
  const { state, name, label, hint, type = "text", prefix = "", autofocus = false } = props;
  const id = `${prefix}${name}`;
  const error = state.errors[name];
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <Notes id={id} hint={hint} error={error} />
      <input
        id={id}
        name={name}
        type={type}
        // A password is never sent back to the page.
        value={type === "password" ? undefined : state.values[name]}
        autocomplete={props.autocomplete ?? "off"}
        required={props.required}
        maxlength={props.maxlength}
        autofocus={autofocus && Object.keys(state.errors).length === 0}
        autocapitalize={type === "email" || type === "password" || type === "url" ? "none" : undefined}
        aria-invalid={error === undefined ? undefined : "true"}
        aria-describedby={describedBy(id, hint, error)}
      />
    </div>
  );
}

export function TextArea(props: Pick<FieldProps, "state" | "name" | "label" | "hint">) {
  const { state, name, label, hint } = props;
  const error = state.errors[name];
  return (
    <div class="field">
      <label for={name}>{label}</label>
      <Notes id={name} hint={hint} error={error} />
      <textarea
        id={name}
        name={name}
        aria-invalid={error === undefined ? undefined : "true"}
        aria-describedby={describedBy(name, hint, error)}
      >
        {/* HTML drops a line break right after the opening tag, and with it one of the writer's. */}
        {`\n${state.values[name] ?? ""}`}
      </textarea>
    </div>
  );
}

export interface SelectProps extends Pick<FieldProps, "state" | "name" | "label" | "prefix"> {
  readonly options: readonly (readonly [value: string, label: string])[];
}

export function Select({ state, name, label, options, prefix = "" }: SelectProps) {
  const id = `${prefix}${name}`;
  const error = state.errors[name];
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <Notes id={id} hint={undefined} error={error} />
      <select
        id={id}
        name={name}
        aria-invalid={error === undefined ? undefined : "true"}
        aria-describedby={describedBy(id, undefined, error)}
      >
        {options.map(([value, text]) => (
          <option value={value} selected={value === state.values[name]}>
            {text}
          </option>
        ))}
      </select>
    </div>
  );
}

function Notes({ id, hint, error }: { id: string; hint: string | undefined; error: string | undefined }) {
  return (
    <>
      {hint !== undefined && (
        <p class="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
      {error !== undefined && (
        <p class="field-error" id={`${id}-error`}>
          <span class="visually-hidden">Error: </span>
          {error}
        </p>
      )}
    </>
  );
}

function describedBy(id: string, hint: string | undefined, error: string | undefined): string | undefined {
  const ids = [hint === undefined ? "" : `${id}-hint`, error === undefined ? "" : `${id}-error`].filter(
    (part) => part !== "",
  );
  return ids.length === 0 ? undefined : ids.join(" ");
}
