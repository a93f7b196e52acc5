/**
 * The way back in. A `SameSite=Strict` cookie stays at home when a link in a mail or an identity provider leads here, and no redirect brings it
 * along, because a redirect keeps the site that began it. A page of our own that opens the same address does: it begins a navigation of this site.
 */
import { answer, type Decision } from "../core/decision.ts";
import type { IdentifiedFacts } from "../core/facts.ts";

/**
 * The page that opens the same address again, for a navigation from another site whose browser has a session but was not allowed to send it; undefined
 * for every other request. It happens once: the second request comes from this site. Only a GET of a page is repeated, and only a top-level one.
 *
 * @param hint name of the `SameSite=Lax` cookie that says that there is a session, and nothing more
 */
export function openAgain(facts: IdentifiedFacts, cookieName: string, hint: string): Decision | undefined {
  if (facts.header("sec-fetch-site") !== "cross-site" || facts.method !== "GET" || facts.route.kind !== "page")
    return undefined;
  if (facts.header("sec-fetch-mode") !== "navigate" || facts.header("sec-fetch-dest") !== "document") return undefined;
  // A page that may be kept by caches is the same for everybody, and so must its answer be.
  if (facts.route.cacheControl !== undefined) return undefined;
  if (facts.cookies.has(cookieName) || !facts.cookies.has(hint)) return undefined;
  const { target } = facts.wire;
  // Two slashes would be another host, and a backslash is a slash to a browser.
  if (!/^\/(?![/\\])[\x21-\x7e]*$/u.test(target)) return undefined;
  const address = escapeAttribute(target);
  const body =
    `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="robots" content="noindex"><title>One moment</title>` +
    `<meta http-equiv="refresh" content="0;url='${address}'"></head>` +
    `<body><p><a href="${address}">Continue</a></p></body></html>`;
  return answer(
    200,
    [
      ["content-type", "text/html; charset=utf-8"],
      ["cache-control", "no-store"],
    ],
    body,
  );
}

/** A quote ends the address inside the quotes of `content`, also when it is written as a reference, so it is percent-encoded. */
function escapeAttribute(target: string): string {
  return target
    .replaceAll("'", "%27")
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}
