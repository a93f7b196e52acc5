/** Who may look and who may act: a role, a second factor, and a proof that is fresh (catalog step-up-auth). */
import { stepUp } from "../authentication/step-up.ts";
import { allOf, hasRole, publicAccess, signInFirst, type AccessRule } from "../core/access.ts";
import { routeRule, type RouteRule } from "../core/route.ts";
import { adminInterface } from "./admin-interface.ts";
import type { CenterSettings } from "./center-options.ts";

const TEN_MINUTES = 600;
const LARGEST_FORM_BYTES = 8192;

export interface CenterRules {
  readonly page: RouteRule;
  /** Asked for by a page on its own, so it does not keep a session alive. */
  readonly live: RouteRule;
  readonly action: RouteRule;
  readonly download: RouteRule;
  readonly asset: RouteRule;
}

export function rulesOf(settings: CenterSettings): CenterRules {
  const { maxAgeSeconds } = settings;
  const look = guarded(settings, maxAgeSeconds);
  const act = guarded(settings, Math.min(maxAgeSeconds, TEN_MINUTES));
  const controls = [adminInterface(settings)];
  return {
    page: routeRule(look, { controls }),
    live: routeRule(look, { kind: "api", passive: true, controls }),
    action: routeRule(act, { bodyBytes: LARGEST_FORM_BYTES, controls }),
    download: routeRule(act, { kind: "download", bodyBytes: LARGEST_FORM_BYTES, controls }),
    asset: routeRule(publicAccess("stylesheet and script of the Security Center, without data"), {
      kind: "asset",
      cacheControl: "public, max-age=31536000, immutable",
    }),
  };
}

function guarded({ roles, level, signInPage, confirmPage }: CenterSettings, maxAgeSeconds: number): AccessRule {
  const rule = allOf(
    hasRole(...roles),
    stepUp({ level, maxAgeSeconds, ...(confirmPage !== undefined && { page: confirmPage }) }),
  );
  return signInPage === undefined ? rule : signInFirst(signInPage, rule);
}
