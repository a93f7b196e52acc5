/** Templates are code, written by us, never made of input (catalog template-injection; CWE-1336; guide A03). */
import type { Control, ControlMeta } from "../core/control.ts";
import { deny } from "../core/decision.ts";
import { Refusal } from "../core/error-reason.ts";
import type { DeclaredRoute } from "../core/control.ts";
import { finding, type Finding, type Rule } from "../core/finding.ts";
import { rejectUnknownOptions } from "../core/options.ts";
import { html, type SafeHtml } from "./html.ts";

const META: ControlMeta = {
  id: "template-injection",
  title: "Templates are code, never built from input",
  layer: "input",
  guide: ["A03 template injection"],
  owasp2021: ["A03"],
  owasp2025: ["A05"],
  asvs: ["v5.0.0-1.3.7"],
  cwe: ["CWE-1336", "CWE-94", "CWE-917"],
};

export const TEMPLATE_NAMED_BY_CLIENT: Rule = {
  id: "template-injection/named-by-client",
  severity: "warning",
  what: "A route takes the name of a template or view from its path.",
  why: "Whoever chooses which file is rendered, or with which options, reads others and often runs code.",
  fix: "Let templates({ ... }) hold the templates, and choose among its names in the handler.",
};

const CLIENT_NAMES: ReadonlySet<string> = new Set(["template", "view", "layout", "partial"]);

/**
 * Finds routes that let the client choose what is rendered.
 *
 * @example
 * templateInjection();
 */
export function templateInjection(): Control {
  return { meta: META, rules: [TEMPLATE_NAMED_BY_CLIENT], check: () => [], checkRoutes: judge };
}

function judge(routes: readonly DeclaredRoute[]): readonly Finding[] {
  return routes
    .filter(({ pattern }) => [...pattern.matchAll(/:(\w+)/gu)].some(([, name]) => CLIENT_NAMES.has(name ?? "")))
    .filter(({ rule }) => rule.input === undefined)
    .map(({ method, pattern }) => finding(TEMPLATE_NAMED_BY_CLIENT, { kind: "route", method, pattern }));
}

/** A template of ours: a function from its data to escaped HTML. */
export type Template = (data: never) => SafeHtml;

/**
 * The templates of an application under their names. What is rendered is a name of this list, to the compiler and at run time; the data is
 * frozen, so a template cannot change what its caller holds.
 *
 * @returns render
 * @throws Error from `render` for a name that is none: a mistake of ours, answered with 500
 * @example
 * const render = templates({ welcome: ({ name }: { name: string }) => html`<h1>Hello ${name}</h1>` });
 * render("welcome", { name: "Ada" });
 */
export function templates<All extends Readonly<Record<string, Template>>>(
  all: All,
): <Name extends keyof All & string>(name: Name, data: Parameters<All[Name]>[0]) => SafeHtml {
  const known = new Map(Object.entries(all));
  for (const [name, template] of known)
    if (typeof template !== "function") throw new TypeError(`templates() needs "${name}" as a function of its data.`);
  return (name, data) => {
    const template = known.get(name);
    if (template === undefined) throw new Error("There is no such template.");
    const sealed: unknown = typeof data === "object" && data !== null ? Object.freeze({ ...(data as object) }) : data;
    return template(sealed as never);
  };
}

export interface FieldTemplateOptions {
  /** The names that a text may use, such as `["name", "company"]`. */
  readonly fields: readonly string[];
  /** The longest text, in UTF-16 code units. 20 000. */
  readonly maxLength?: number;
}

export interface FieldTemplate {
  /** The text with its fields, as it is; for plain mail. A field without a value is empty. */
  text(values: Readonly<Record<string, string>>): string;
  /** The same as escaped HTML. */
  html(values: Readonly<Record<string, string>>): SafeHtml;
}

const FIELD = /^[a-z][a-z0-9_]{0,31}$/u;
const MOST_PLACES = 500;
const RESERVED: ReadonlySet<string> = new Set(["constructor", "prototype"]);

/**
 * A text that a tenant has written, such as the words of its mails, with `{{name}}` where a field goes, and nothing else that could be computed:
 * no expressions, loops, helpers or paths. What a field's value holds is never read again, so a value that looks like a field stays a text.
 *
 * @throws Refusal with `input_invalid` for a field that is not in the list, braces that do not close, or a text that is too long
 * @throws TypeError on an unknown option or a field's name that is none
 * @example
 * const greeting = fieldTemplate(body.text, { fields: ["name"] });
 * greeting.text({ name: "Ada" });
 */
export function fieldTemplate(text: string, options: FieldTemplateOptions): FieldTemplate {
  rejectUnknownOptions("fieldTemplate", options, ["fields", "maxLength"]);
  const { fields, maxLength = 20_000 } = options;
  if (!Array.isArray(fields) || fields.some((name) => !FIELD.test(String(name)) || RESERVED.has(String(name))))
    throw new TypeError('fieldTemplate() needs fields as plain names, such as ["first_name"].');
  if (typeof text !== "string" || text.length > maxLength) throw invalid("template_size");
  const pieces = piecesOf(text, new Set(fields));
  const filled = (values: Readonly<Record<string, string>>): readonly string[] =>
    pieces.map((piece) => {
      if (piece.kind === "text") return piece.text;
      return Object.hasOwn(values, piece.name) ? String(values[piece.name]) : "";
    });
  return {
    text: (values) => filled(values).join(""),
    html: (values) => html`${filled(values).join("")}`,
  };
}

type Piece = { readonly kind: "text"; readonly text: string } | { readonly kind: "field"; readonly name: string };

function piecesOf(text: string, fields: ReadonlySet<string>): readonly Piece[] {
  const pieces: Piece[] = [];
  let at = 0;
  for (let open = text.indexOf("{{"); open !== -1; open = text.indexOf("{{", at)) {
    const close = text.indexOf("}}", open + 2);
    const name = close === -1 ? "" : text.slice(open + 2, close).trim();
    if (!fields.has(name)) throw invalid("template_field");
    if (pieces.length > 2 * MOST_PLACES) throw invalid("template_fields");
    pieces.push({ kind: "text", text: text.slice(at, open) }, { kind: "field", name });
    at = close + 2;
  }
  pieces.push({ kind: "text", text: text.slice(at) });
  return pieces;
}

function invalid(detail: string): Refusal {
  return new Refusal(
    deny("input_invalid", {
      event_type: "input_validation",
      status: "refused",
      severity: "info",
      event: "input_validation_fail",
      control: META.id,
      reason: "input_invalid",
      detail,
    }),
  );
}
