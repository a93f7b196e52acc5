import type { Exchange } from "../core/exchange.ts";
import type { User } from "../core/principal.ts";
import { url, type SafeUrl } from "../input/url.ts";
import type { CenterSettings, Reach } from "./center-options.ts";
import type { CountRange } from "./event-store.ts";
import type { EventFilter } from "./event-filter.ts";

/** What every page works with. */
export interface CenterContext {
  readonly settings: CenterSettings;
  readonly request: Exchange;
  readonly user: User;
  readonly reach: Reach;
  readonly nowMs: number;
  readonly query: URLSearchParams;
  readonly assets: CenterAssets;
}

export interface CenterAssets {
  readonly style: SafeUrl;
  readonly script: SafeUrl;
}

/**
 * @throws Error when the access rule let somebody pass who is no user: nothing is shown then
 */
export function contextOf(settings: CenterSettings, assets: CenterAssets, request: Exchange): CenterContext {
  const { principal: user } = request;
  if (user.kind !== "user") throw new Error("The Security Center is for people.");
  const query = new URLSearchParams(request.query.slice(0, 4096));
  return { settings, request, user, reach: settings.reachOf(user), nowMs: request.receivedAtMs, query, assets };
}

/** An address of our own below the prefix, for a script or a stylesheet. */
export function assetUrl(prefix: string, file: string): SafeUrl {
  const [, first = "", second] = prefix.split("/");
  return second === undefined ? url`/${first}/assets/${file}` : url`/${first}/${second}/assets/${file}`;
}

/** The filter that a person's own reach adds; it is added last, so nothing in an address can widen it. */
export function withinReach(context: CenterContext, filter: EventFilter): EventFilter {
  return context.reach === "deployment" ? filter : { ...filter, tenant: context.user.tenantId };
}

export function rangeWithinReach(context: CenterContext, fromMs: number, toMs: number): CountRange {
  return { fromMs, toMs, ...(context.reach === "tenant" && { tenant: context.user.tenantId }) };
}

/** A link below the prefix. Empty parameters are left out. */
export function linkTo(
  { settings }: Pick<CenterContext, "settings">,
  page: string,
  parameters: Readonly<Record<string, string | undefined>> = {},
): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters))
    if (value !== undefined && value !== "") search.set(name, value);
  const text = search.toString();
  return `${settings.prefix}${page}${text === "" ? "" : `?${text}`}`;
}
