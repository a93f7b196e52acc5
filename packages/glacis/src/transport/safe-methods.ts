/** GET, HEAD and OPTIONS change nothing (RFC 9110 section 9.2.1; catalog safe-methods; guide checklist: CSRF protection enabled). */
import type { Control, ControlMeta, DeclaredRoute } from "../core/control.ts";
import { finding, type Finding, type Rule } from "../core/finding.ts";
import { isSafeMethod } from "../core/safe-method.ts";

const META: ControlMeta = {
  id: "safe-methods",
  title: "GET/HEAD/OPTIONS never change state",
  layer: "transport",
  guide: ["checklist: CSRF protection enabled"],
  owasp2021: ["A01", "A04"],
  owasp2025: ["A01", "A06"],
  asvs: ["v5.0.0-3.5.3"],
  cwe: ["CWE-352", "CWE-650"],
};

export const SAFE_METHOD_ACTS: Rule = {
  id: "safe-methods/acting-path",
  severity: "warning",
  what: "A route answers GET at a path that names an action, and no other method there does it.",
  why: "A GET is followed by link previews, prefetchers and any page that holds an image of it; the CSRF token does not guard it.",
  fix: "Do the action on POST, and let GET show the page with the button.",
};
export const SAFE_METHOD_SHARED: Rule = {
  id: "safe-methods/any-method",
  severity: "warning",
  what: "One handler answers every method.",
  why: "What it changes for POST it changes for GET as well, where nothing guards it against other sites.",
  fix: "Declare the methods one by one, and change state in the handlers of POST, PUT, PATCH and DELETE alone.",
};

/** A path that ends in one of these asks for something to be done. */
const ACTIONS: ReadonlySet<string> = new Set([
  ..."activate approve archive cancel checkout clear confirm deactivate delete destroy disable enable erase".split(" "),
  ..."log-out logout pay publish purge reject remove reset restore revoke sign-off sign-out signoff signout".split(" "),
  ..."subscribe transfer unpublish unsubscribe withdraw".split(" "),
]);

/**
 * Holds safe methods to their promise. Tenant work inside a request with one is a read-only transaction (`tenantDatabase`), so that Postgres
 * refuses the write, the client gets 500 and the log `safe_method_write`. This control finds what no transaction sees: routes whose own
 * declaration says that they act.
 *
 * @example
 * safeMethods();
 */
export function safeMethods(): Control {
  return {
    meta: META,
    rules: [SAFE_METHOD_ACTS, SAFE_METHOD_SHARED],
    check: () => [],
    checkRoutes: (routes) => [...acting(routes), ...shared(routes)],
  };
}

function acting(routes: readonly DeclaredRoute[]): readonly Finding[] {
  const changing = new Set(routes.filter(({ method }) => !isSafeMethod(method)).map(({ pattern }) => pattern));
  return routes
    .filter(({ method, pattern }) => method === "GET" && namesAction(pattern) && !changing.has(pattern))
    .map(({ method, pattern }) => finding(SAFE_METHOD_ACTS, { kind: "route", method, pattern }));
}

function namesAction(pattern: string): boolean {
  const last = pattern.toLowerCase().replace(/\/+$/u, "").split("/").at(-1) ?? "";
  return ACTIONS.has(last) || ACTIONS.has(last.replaceAll("_", "-"));
}

/** A group's rule stands in front of its routes and handles nothing. */
function shared(routes: readonly DeclaredRoute[]): readonly Finding[] {
  return routes
    .filter(({ method, pattern }) => method === "*" && !pattern.includes("*"))
    .map(({ method, pattern }) => finding(SAFE_METHOD_SHARED, { kind: "route", method, pattern }));
}
