/** Refresh tokens that change with each use and end some day (catalog oauth-refresh-rotation; RFC 9700 section 2.2.2). */
import type { Control, ControlMeta } from "../core/control.ts";
import { finding, type Finding, type Rule } from "../core/finding.ts";
import {
  clientsOf,
  isPublicClient,
  settingFor,
  type KnownClient,
  type OauthServer,
} from "../primitives/oauth-server.ts";

const META: ControlMeta = {
  id: "oauth-refresh-rotation",
  title: "Refresh tokens rotate with reuse detection and absolute expiry",
  layer: "authentication",
  guide: ["A07"],
  owasp2021: ["A07"],
  owasp2025: ["A07"],
  asvs: ["v5.0.0-10.4.5", "v5.0.0-10.4.8", "v5.0.0-10.4.14"],
  cwe: ["CWE-294", "CWE-613"],
};

export const REFRESH_STANDING: Rule = {
  id: "oauth-refresh-rotation/not-rotating",
  severity: "error",
  what: "A refresh token of a public client stays the same.",
  why: "Whoever copies it once out of a browser or a phone has the account for as long as it lives, and nobody notices.",
  fix: "Set rotateRefreshToken: true; a used one that comes again then ends its whole family.",
};
export const REFRESH_LONG_LIVED: Rule = {
  id: "oauth-refresh-rotation/long-lived",
  severity: "warning",
  what: "A refresh token is good for more than 30 days, or nobody can tell for how long.",
  why: "A device that was lost or sold goes on having access.",
  fix: "Set ttl: { RefreshToken: 14 * 86_400 }, and a grant of 30 days at most: ttl: { Grant: 30 * 86_400 }.",
};

const MOST_SECONDS = 30 * 86_400;
/** What oidc-provider gives where nothing is said. */
const DEFAULT_SECONDS = 14 * 86_400;

export function oauthRefreshRotation(server: OauthServer): Control {
  return {
    meta: META,
    rules: [REFRESH_STANDING, REFRESH_LONG_LIVED],
    check: () =>
      clientsOf(server)
        .filter(({ grant_types: grants }) => grants.includes("refresh_token"))
        .flatMap((client) => judge(server, client)),
  };
}

function judge({ configuration }: OauthServer, client: KnownClient): readonly Finding[] {
  const { rotateRefreshToken: rotate, ttl } = configuration;
  const at = { kind: "setting", name: `oauth client ${client.client_id}` } as const;
  // oidc-provider rotates those of public clients where nothing is said.
  const rotates = rotate === undefined || settingFor(rotate, client) === true;
  const lives = [
    ttl?.["RefreshToken"] === undefined ? DEFAULT_SECONDS : settingFor(ttl["RefreshToken"], client),
    ttl?.["Grant"] === undefined ? DEFAULT_SECONDS : settingFor(ttl["Grant"], client),
  ];
  const long = lives.find((seconds) => !(typeof seconds === "number" && seconds > 0 && seconds <= MOST_SECONDS));
  return [
    ...(isPublicClient(client) && !rotates ? [finding(REFRESH_STANDING, at)] : []),
    ...(long === undefined ? [] : [finding(REFRESH_LONG_LIVED, at, typeof long === "number" ? `${long} s` : "untold")]),
  ];
}
