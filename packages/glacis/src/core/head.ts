import type { Control } from "./control.ts";
import type { AuditEvent } from "./event.ts";
import type { Exchange } from "./exchange.ts";
import type { HeaderRule, ResponseDraft } from "./response.ts";

/** Media types that a browser renders as an active document. */
export const DOCUMENT_TYPES: ReadonlySet<string> = new Set([
  "text/html",
  "application/xhtml+xml",
  "image/svg+xml",
  "application/xml",
  "text/xml",
]);

/** Lists to which several decisions may contribute: two rate limits that allowed, a third that refused. */
const LIST_FIELDS: ReadonlySet<string> = new Set(["ratelimit", "ratelimit-policy", "vary"]);

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
  const select = (document: boolean, https: boolean): readonly HeaderRule[] =>
    rules.filter(({ on }) => on === "always" || (on === "https" && https) || on === (document ? "document" : "data"));
  const plain = { document: select(true, false), data: select(false, false) };
  const secure = { document: select(true, true), data: select(false, true) };

  return function head(exchange, draft) {
    const set = exchange.scheme === "https" ? secure : plain;
    for (const rule of DOCUMENT_TYPES.has(draft.mediaType) ? set.document : set.data) {
      const ours = typeof rule.value === "string" ? rule.value : rule.value(exchange);
      const theirs = rule.reconcile === undefined ? undefined : draft.get(rule.name);
      draft.set(
        rule.name,
        theirs === undefined ? ours : (rule.reconcile as NonNullable<HeaderRule["reconcile"]>)(theirs, ours),
      );
    }
    if (exchange.responseHeaders !== undefined) {
      for (const [name, value] of exchange.responseHeaders) {
        if (name === "set-cookie") draft.setCookieLines([...draft.setCookies, value]);
        else if (LIST_FIELDS.has(name)) joinField(draft, name, value);
        else draft.set(name, value);
      }
    }
    for (const write of writers) {
      const events = write(draft, exchange);
      if (events !== undefined) for (const event of events) report(event, exchange);
    }
  };
}

function joinField(draft: ResponseDraft, name: string, value: string): void {
  const before = draft.get(name);
  draft.set(name, before === undefined ? value : `${before}, ${value}`);
}
