import { answer, type Answer } from "../core/decision.ts";

/**
 * A page of a few lines that goes on to another address. A redirect would not do: after a form, browsers hold it against `form-action`, and a cookie
 * that is Strict stays at home on a chain that another site began (ADR 3). A page of our own begins a new navigation.
 *
 * @param automatic false waits for a click
 */
export function goOn(address: string, automatic: boolean = true): Answer {
  const target = address
    .replaceAll("'", "%27")
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
  const refresh = automatic ? `<meta http-equiv="refresh" content="0;url='${target}'">` : "";
  const body =
    `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="robots" content="noindex"><title>Signing in</title>` +
    `${refresh}</head><body><p><a href="${target}" rel="noreferrer">Continue</a></p></body></html>`;
  return answer(
    200,
    [
      ["content-type", "text/html; charset=utf-8"],
      ["cache-control", "no-store"],
      ["referrer-policy", "no-referrer"],
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
