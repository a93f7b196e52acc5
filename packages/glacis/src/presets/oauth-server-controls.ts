import { oauthAuthorizationCode } from "../authentication/oauth-authorization-code.ts";
import { oauthClientAuth } from "../authentication/oauth-client-auth.ts";
import { oauthGrantTypes } from "../authentication/oauth-grant-types.ts";
import { oauthRedirectUri } from "../authentication/oauth-redirect-uri.ts";
import { oauthRefreshRotation } from "../authentication/oauth-refresh-rotation.ts";
import { oauthConsent, type OauthConsentOptions } from "../authorization/oauth-consent.ts";
import type { Control } from "../core/control.ts";
import { rejectUnknownOptions } from "../core/options.ts";

/**
 * Judges of an authorization server that you run: pass its configuration, in the words of oidc-provider, and have `glacis check` and a production start
 * judge it. The server itself is somebody's who does nothing else.
 *
 * @throws TypeError on an unknown option.
 * @example
 * withControls(saas(options), ...oauthServerControls({ issuer, configuration, firstParty: ["web"] }));
 */
export function oauthServerControls(server: OauthConsentOptions): readonly Control[] {
  rejectUnknownOptions("oauthServerControls", server, ["issuer", "configuration", "firstParty"]);
  return [
    oauthRedirectUri(server),
    oauthAuthorizationCode(server),
    oauthGrantTypes(server),
    oauthRefreshRotation(server),
    oauthClientAuth(server),
    oauthConsent(server),
  ];
}
