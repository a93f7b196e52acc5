/** The Security Center: what happens, who is locked out, what stands in front, on pages for administrators with a fresh second factor. */
import { createHash } from "node:crypto";
import { answer, type Answer, type Deny, type Redirect } from "../core/decision.ts";
import type { Endpoint } from "../core/endpoint.ts";
import type { RouteRule } from "../core/route.ts";
import type { SafeHtml } from "../input/html.ts";
import { rulesOf } from "./center-access.ts";
import { exportFile, nothingHere, release, revoke, testReceivers, unlock, verifyChain } from "./center-actions.ts";
import { assetUrl, contextOf, withinReach, type CenterAssets, type CenterContext } from "./center-context.ts";
import { liveFeed, type LiveFeed } from "./center-live.ts";
import { settingsOf, type SecurityCenterOptions } from "./center-options.ts";
import { SCRIPT } from "./center-script.ts";
import { STYLE } from "./center-style.ts";
import { readFilter } from "./event-filter.ts";
import { accountPage, accountsPage } from "./page-accounts.ts";
import { alarmsPage } from "./page-alarms.ts";
import { cspPage, keysPage, limitsPage, routesPage } from "./page-defences.ts";
import { auditPage, findingsPage } from "./page-evidence.ts";
import { eventPage, eventsPage } from "./page-events.ts";
import { nowPage } from "./page-now.ts";

type Reply = Answer | Deny | Redirect;
type Page = (context: CenterContext) => SafeHtml | undefined | Promise<SafeHtml | undefined>;

const HTML = [["content-type", "text/html; charset=utf-8"]] as const;
const FORM = ["application/x-www-form-urlencoded"];

/** Pages whose content is not of one tenant. */
const DEPLOYMENT_PAGES: Readonly<Record<string, Page>> = {
  "/alarms": async (context) => alarmsPage(context),
  "/limits": limitsPage,
  "/csp": cspPage,
  "/routes": routesPage,
  "/keys": keysPage,
  "/findings": findingsPage,
  "/audit": auditPage,
};
const TENANT_PAGES: Readonly<Record<string, Page>> = {
  "": nowPage,
  "/events": eventsPage,
  "/event": eventPage,
  "/accounts": accountsPage,
  "/account": accountPage,
};
const ACTIONS: Readonly<Record<string, (context: CenterContext) => Reply | Promise<Reply>>> = {
  "/accounts/unlock": unlock,
  "/accounts/revoke": revoke,
  "/alarms/test": testReceivers,
  "/limits/release": release,
  "/audit/verify": verifyChain,
};

/**
 * The endpoints of the Security Center, the same in Express, Fastify and Hono. Every page asks for a role and a recent second factor; by default
 * an administrator sees the own tenant alone.
 *
 * @throws TypeError on an unknown option or a prefix that is no plain path
 * @example
 * const archive = eventArchive({ store: postgresEvents(pool) });
 * const layers = saas({ origin, keys, database: pool, audit: archive.tee(eventLog()), auditLog, alarms });
 * const { csrf, sessions, watch } = layers;
 * const center = securityCenter({ archive, csrf, sessions, alarms: watch.alarms, chain: watch.chain, security: () => security });
 * const security = glacis({ ...layers, endpoints: [...layers.endpoints, ...center] });
 */
export function securityCenter(options: SecurityCenterOptions): readonly Endpoint[] {
  const settings = settingsOf(options);
  const { prefix } = settings;
  const rules = rulesOf(settings);
  const { endpoints: assetEndpoints, assets } = assetsOf(prefix, rules.asset);
  const feed = liveFeed(settings.archive.store);
  const at = (method: Endpoint["method"], path: string, rule: RouteRule, handle: Handle): Endpoint => ({
    method,
    path: `${prefix}${path}`,
    rule,
    accepts: method === "POST" ? FORM : [],
    handle: (request) => handle(contextOf(settings, assets, request)),
  });
  return [
    ...Object.entries(TENANT_PAGES).map(([path, page]) => at("GET", path, rules.page, showing(page))),
    ...Object.entries(DEPLOYMENT_PAGES).map(([path, page]) =>
      at("GET", path, rules.page, showing(forDeployment(page))),
    ),
    ...Object.entries(ACTIONS).map(([path, act]) => at("POST", path, rules.action, act)),
    at("POST", "/events/export", rules.download, exportFile),
    at("GET", "/events/live", rules.live, (context) => liveEvents(context, feed)),
    ...assetEndpoints,
  ];
}

type Handle = (context: CenterContext) => Reply | Promise<Reply>;

function showing(page: Page): Handle {
  return async (context) => {
    const shown = await page(context);
    return shown === undefined ? nothingHere(context, "view") : answer(200, HTML, String(shown));
  };
}

function forDeployment(page: Page): Page {
  return (context) => (context.reach === "deployment" ? page(context) : undefined);
}

function liveEvents(context: CenterContext, feed: LiveFeed): Reply {
  const { filter, invalid } = readFilter(context.query);
  const after = /^\d{1,18}$/u.exec(context.request.header("last-event-id") ?? "")?.[0];
  const stream = invalid.length > 0 ? undefined : feed.follow(withinReach(context, filter), after);
  // 204 tells an EventSource not to come again.
  if (stream === undefined) return answer(204);
  const headers = [
    ["content-type", "text/event-stream; charset=utf-8"],
    ["x-accel-buffering", "no"],
  ] as const;
  return { ...answer(200, headers), stream };
}

function assetsOf(
  prefix: string,
  rule: RouteRule,
): { readonly endpoints: readonly Endpoint[]; readonly assets: CenterAssets } {
  const files = [
    { content: STYLE, ending: "css", type: "text/css; charset=utf-8" },
    { content: SCRIPT, ending: "js", type: "text/javascript; charset=utf-8" },
  ].map((file) => {
    const version = createHash("sha256").update(file.content).digest("base64url").replaceAll(/[-_]/gu, "").slice(0, 12);
    return { ...file, name: `center-${version}.${file.ending}` };
  });
  const [style, script] = files.map(({ name }) => assetUrl(prefix, name));
  if (style === undefined || script === undefined) throw new TypeError("Two assets have two addresses.");
  const endpoints = files.map(({ content, type, name }): Endpoint => ({
    method: "GET",
    path: `${prefix}/assets/${name}`,
    rule,
    accepts: [],
    handle: () => answer(200, [["content-type", type]], content),
  }));
  return { endpoints, assets: { style, script } };
}
