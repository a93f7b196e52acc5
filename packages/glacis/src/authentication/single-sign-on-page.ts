import { answer, type Answer } from "../core/decision.ts";
import { CSRF_FIELD } from "../primitives/csrf-field.ts";

/**
 * A page of a few lines that goes on to another address. A redirect would not do: after a form, browsers hold it against `form-action`, and a cookie
 * that is Strict stays at home on a chain that another site began (ADR 3). A page of our own begins a new navigation.
 *
 * @param automatic false waits for a click
 */
export function goOn(address: string, automatic: boolean = true): Answer {
  const target = escaped(address.replaceAll("'", "%27"));
  const refresh = automatic ? `<meta http-equiv="refresh" content="0;url='${target}'">` : "";
  const link = `<p><a href="${target}" rel="noreferrer">Continue</a></p>`;
  return pageOf({ title: "Signing in", head: refresh, main: link, referrer: "no-referrer" });
}

/** A form of one button for what no link may do by itself. */
export function askFirst(action: string, what: string, csrfToken: string): Answer {
  const token = `<input type="hidden" name="${CSRF_FIELD}" value="${escaped(csrfToken)}">`;
  const button = `<button type="submit">${what}</button>`;
  const form = `<form method="post" action="${escaped(action)}">${token}${button}</form>`;
  // With no-referrer the form's own Origin would be null.
  return pageOf({ title: what, head: "", main: form, referrer: "strict-origin" });
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}

interface Page {
  readonly title: string;
  readonly head: string;
  readonly main: string;
  readonly referrer: string;
}

function pageOf({ title, head, main, referrer }: Page): Answer {
  const body =
    `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="robots" content="noindex"><title>${title}</title>` +
    `${head}</head><body>${main}</body></html>`;
  return answer(
    200,
    [
      ["content-type", "text/html; charset=utf-8"],
      ["cache-control", "no-store"],
      ["referrer-policy", referrer],
    ],
    body,
  );
}

/** A path of this application, or the fallback: two slashes would be another host, and a backslash is a slash to a browser. */
export function pathOr(path: string | null, fallback: string): string {
  return path !== null && path.length <= 2048 && /^\/(?![/\\])[\x21-\x7e]*$/u.test(path) && !path.includes("\\")
    ? path
    : fallback;
}
