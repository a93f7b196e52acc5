/** The addresses that a page may carry although they come from data (CWE-79, CWE-83; WHATWG URL, section 4.4). */

const SCHEMES: ReadonlySet<string> = new Set(["http", "https", "mailto", "tel"]);
/** The scheme that browsers resolve to an error page and nothing else. */
const INVALID = "about:invalid";

/**
 * The address itself if it is relative or its scheme is http, https, mailto or tel; otherwise `about:invalid`. Whatever stands before a colon that
 * comes before any `/`, `?` or `#` counts as a scheme, so that no spelling of another scheme passes.
 *
 * @param value an address, not yet escaped for HTML
 * @param complete whether the address, or at least its first step, ends where the value ends. If not, the value has to show by itself that no
 * scheme can arise from what is joined to it.
 */
export function safeUrl(value: string, complete: boolean): string {
  // As a browser reads it: controls and spaces in front do not count, tabs and line breaks count nowhere.
  const read = value.replace(/[\t\n\r]/gu, "").replace(/^[\0- ]+/u, "");
  const end = read.search(/[/?#:]/u);
  if (end === -1) return complete ? value : INVALID;
  if (read[end] !== ":") return value;
  return SCHEMES.has(read.slice(0, end).toLowerCase()) ? value : INVALID;
}

/** What follows the `/` that a path of this site begins with: with another slash at its front it would be the name of another site. */
export function ownStep(value: string): string {
  return value.replace(/^[\t\n\r]*[/\\]/u, encodeURIComponent);
}
