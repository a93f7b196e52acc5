import type { Control } from "./control.ts";
import type { AuditEvent } from "./event.ts";
import type { Exchange } from "./exchange.ts";
import { HeaderNames, type ConstantHeaders, type HeaderRule, type ResponseDraft } from "./response.ts";

/** Media types that a browser renders as an active document. */
export const DOCUMENT_TYPES: ReadonlySet<string> = new Set([
  "text/html",
  "application/xhtml+xml",
  "image/svg+xml",
  "application/xml",
  "text/xml",
]);

/** Lists to which several decisions may contribute: two rate limits that allowed, a third that refused. */
function isListField(name: string): boolean {
  return name === "ratelimit" || name === "ratelimit-policy" || name === "vary";
}

/**
 * Sorts every header rule once, by the occasions on which it applies, and returns the function that writes a response's head.
 * What is left per response is one loop over an array that was chosen by two booleans.
 */
export function compileHead(
  controls: readonly Control<never>[],
  report: (event: AuditEvent, exchange: Exchange) => void,
): (exchange: Exchange, draft: ResponseDraft) => void {
  const rules = controls.flatMap((control) => control.headers ?? []);
  const writers = controls.flatMap((control) => (control.head === undefined ? [] : [control.head]));
  const select = (document: boolean, https: boolean): RuleSet =>
    ruleSet(
      rules.filter(({ on }) => on === "always" || (on === "https" && https) || on === (document ? "document" : "data")),
    );
  const plain = { document: select(true, false), data: select(false, false) };
  const secure = { document: select(true, true), data: select(false, true) };

  return function head(exchange, draft) {
    const set = exchange.scheme === "https" ? secure : plain;
    writeRules(DOCUMENT_TYPES.has(draft.mediaType) ? set.document : set.data, draft, exchange);
    if (exchange.responseHeaders !== undefined) {
      for (const [name, value] of exchange.responseHeaders) {
        if (name === "set-cookie") draft.setCookieLines([...draft.setCookies, value]);
        else if (isListField(name)) joinField(draft, name, value);
        else draft.set(name, value);
      }
    }
    for (const write of writers) {
      const events = write(draft, exchange);
      if (events !== undefined) for (const event of events) report(event, exchange);
    }
  };
}

/** The rules of one occasion. */
interface RuleSet {
  readonly rules: readonly HeaderRule[];
  /** What the rules say that is the same on every response, and those that say something else on each. */
  readonly constants: ConstantHeaders;
  readonly variables: readonly VariableRule[];
  readonly names: HeaderNames;
  /** No two rules write the same header, so that none has to look for what another has written. */
  readonly distinct: boolean;
}

interface VariableRule {
  readonly name: string;
  readonly valueOf: (exchange: Exchange) => string;
}

function ruleSet(rules: readonly HeaderRule[]): RuleSet {
  const names = new Set(rules.map(({ name }) => name));
  const values = new Map(rules.flatMap(({ name, value }) => (typeof value === "string" ? [[name, value]] : [])));
  const variables = rules.flatMap(({ name, value }) => (typeof value === "string" ? [] : [{ name, valueOf: value }]));
  const constants = { names: [...values.keys()], values };
  return { rules, constants, variables, names: new HeaderNames(names), distinct: names.size === rules.length };
}

/** Most responses carry none of our headers yet, and then there is nothing to replace or to reconcile. */
function writeRules(set: RuleSet, draft: ResponseDraft, exchange: Exchange): void {
  if (set.distinct && !draft.hasAny(set.names)) {
    draft.addConstants(set.constants);
    for (const { name, valueOf } of set.variables) draft.add(name, valueOf(exchange));
    return;
  }
  for (const { name, value, reconcile } of set.rules) {
    const ours = typeof value === "string" ? value : value(exchange);
    const theirs = reconcile === undefined ? undefined : draft.get(name);
    draft.set(name, theirs === undefined || reconcile === undefined ? ours : reconcile(theirs, ours));
  }
}

function joinField(draft: ResponseDraft, name: string, value: string): void {
  const before = draft.get(name);
  draft.set(name, before === undefined ? value : `${before}, ${value}`);
}
