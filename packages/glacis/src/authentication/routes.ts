/** The flows over HTTP, as endpoints that every adapter mounts: JSON for programs, forms for people, at the same addresses. */
import { assurance, publicAccess, signInFirst, type AccessRule } from "../core/access.ts";
import { ALLOW, redirect } from "../core/decision.ts";
import type { Control } from "../core/control.ts";
import type { Endpoint } from "../core/endpoint.ts";
import type { IdentifiedFacts } from "../core/facts.ts";
import { rejectUnknownOptions } from "../core/options.ts";
import { routeRule } from "../core/route.ts";
import type { AuthenticationFlows } from "./flows.ts";
import { CHANGE_PASSWORD_ADDRESS, passwordFieldUx } from "./password-field-ux.ts";
import { accountRoutes } from "./routes-account.ts";
import { factorRoutes } from "./routes-factors.ts";
import { linkRoutes } from "./routes-links.ts";
import { overviewRoute } from "./routes-overview.ts";
import { signInRoutes } from "./routes-sign-in.ts";
import type { AuthenticationRoutesOptions, FlowRoute, RouteContext } from "./route-context.ts";
import { stepUp } from "./step-up.ts";

const FORM_TYPES = ["application/json", "application/x-www-form-urlencoded"];
const LARGEST_BODY_BYTES = 16_384;
const OPTIONS = ["csrf", "render", "home", "profile", "limits", "changePasswordPage", "without"];
const OWN_PATH = /^\/(?![/\\])[\w/-]*$/u;
const FIELD = /^[a-z][A-Za-z0-9_]{0,39}$/u;

/**
 * Endpoints for `saas()`: sign-up, sign-in, second factors, resets, and the account's own settings. Opening a link changes nothing; its form does.
 *
 * @throws TypeError on an unknown option, a home that is not a path of this application, or a profile field that is none.
 * @example
 * const layers = saas({ origin, keys, database: pool });
 * const flows = authenticationFlows({ ...options, sessions: layers.sessions });
 * const endpoints = authenticationRoutes(flows, { csrf: layers.csrf, render: authenticationPages({ name: "Folio" }) });
 * const security = glacis({ ...layers, endpoints: [...layers.endpoints, ...endpoints] });
 */
export function authenticationRoutes(
  flows: AuthenticationFlows,
  options: AuthenticationRoutesOptions,
): readonly Endpoint[] {
  rejectUnknownOptions("authenticationRoutes", options, OPTIONS);
  const { home = "/", profile = [], limits = [], without = [] } = options;
  if (!OWN_PATH.test(home)) throw new TypeError('authenticationRoutes() needs home as a plain path, such as "/".');
  const odd = profile.find((name) => !FIELD.test(name));
  if (odd !== undefined) throw new TypeError(`authenticationRoutes() cannot have a profile field called "${odd}".`);
  const offers: string[] = [];
  const context: RouteContext = { ...options, flows, home, profile, offers };
  const routes = [
    ...signInRoutes(context),
    ...linkRoutes(context),
    ...accountRoutes(context),
    ...factorRoutes(context),
    overviewRoute(context),
  ];
  const unknown = without.find((path) => routes.every((route) => route.path !== path));
  if (unknown !== undefined) throw new TypeError(`authenticationRoutes() has no route "${unknown}" to leave out.`);
  const mounted = routes.filter(({ path }) => !without.includes(path));
  offers.push(...mounted.map(({ path }) => path));
  return [
    ...mounted.flatMap((route) => endpointsOf(route, context, limits)),
    ...changePassword(
      options,
      mounted.some(({ path }) => path === "/account/password"),
    ),
  ];
}

/** Where a password manager looks for the page; no page, and the address answers 404 as any other. */
function changePassword(
  { render, changePasswordPage }: AuthenticationRoutesOptions,
  mounted: boolean,
): readonly Endpoint[] {
  if (changePasswordPage !== undefined && !OWN_PATH.test(changePasswordPage))
    throw new TypeError(
      'authenticationRoutes() needs changePasswordPage as a plain path, such as "/settings/password".',
    );
  const page = changePasswordPage ?? (render !== undefined && mounted ? "/account/password" : undefined);
  if (page === undefined) return [];
  const rule = routeRule(publicAccess("the address of the page where a password is changed"), {
    kind: "page",
    controls: [passwordFieldUx(render && { render })],
  });
  return [{ method: "GET", path: CHANGE_PASSWORD_ADDRESS, accepts: [], rule, handle: () => redirect(303, page) }];
}

function endpointsOf(
  { path, who, limited = false, show, list, post }: FlowRoute,
  { render, flows }: RouteContext,
  limits: readonly Control<IdentifiedFacts>[],
): readonly Endpoint[] {
  const access = accessOf(path, who);
  const opened = access.kind === "public" ? access : signInFirst(flows.context.paths.signIn, access);
  const posted = routeRule(access, { kind: "page", bodyBytes: LARGEST_BODY_BYTES, controls: limited ? limits : [] });
  return [
    ...(list === undefined
      ? []
      : [{ method: "GET" as const, path, accepts: [], rule: routeRule(access, { kind: "api" }), handle: list }]),
    ...(show === undefined || render === undefined
      ? []
      : [{ method: "GET" as const, path, accepts: [], rule: routeRule(opened, { kind: "page" }), handle: show }]),
    ...(post === undefined ? [] : [{ method: "POST" as const, path, accepts: FORM_TYPES, rule: posted, handle: post }]),
  ];
}

function accessOf(path: string, who: FlowRoute["who"]): AccessRule {
  if (who === "anyone") return publicAccess(`the form of ${path}`);
  // A program has no session to prove anything in, or to end.
  if (who === "signed_in") return assurance(1);
  const recent = stepUp({ level: 1, page: "/confirm" });
  if (who === "recently_proved") return recent;
  const description =
    "public: whoever must add a second factor before he is signed in; a recent proof for everybody else";
  return {
    kind: "public",
    description,
    decide: (facts) => (facts.principal.kind === "anonymous" ? ALLOW : recent.decide(facts)),
  };
}
