/** Permissions-Policy: powerful browser features are off unless the application says it uses them (W3C Permissions Policy; guide A05). */
import type { Control, ControlMeta } from "../core/control.ts";
import { finding, type Finding, type Location, type Rule } from "../core/finding.ts";
import { nearestWord, rejectUnknownOptions } from "../core/options.ts";
import { observed, type Observation } from "../core/response.ts";
import { isExactHttpsOrigin } from "./embedding.ts";
import { parsePermissions, serializePermissions, type Permissions } from "./permissions-field.ts";

const META: ControlMeta = {
  id: "permissions-policy",
  title: "Powerful browser features switched off unless declared",
  layer: "transport",
  guide: ["A05", "A05: remove unnecessary features"],
  owasp2021: ["A05"],
  owasp2025: ["A02", "A06"],
  asvs: [],
  cwe: ["CWE-693"],
};

export const PERMISSIONS_POLICY_MISSING: Rule = {
  id: "permissions-policy/missing",
  severity: "warning",
  what: "Permissions-Policy is absent or not a structured field.",
  why: "Browsers drop a header that they cannot read, and every feature is then there for injected script and embedded frames.",
  fix: "Mount permissionsPolicy(); remove a second writer such as a proxy.",
};
export const PERMISSIONS_POLICY_OPEN: Rule = {
  id: "permissions-policy/open",
  severity: "warning",
  what: "A powerful feature is open to every origin.",
  why: "Any frame that an injection or an advertisement brings can then ask for it in your name.",
  fix: 'Give the feature to "self" or to exact origins.',
};
export const PERMISSIONS_POLICY_UNSET: Rule = {
  id: "permissions-policy/unset",
  severity: "warning",
  what: "A powerful feature is not mentioned.",
  why: "What is not mentioned keeps the browser's default, which for most features means: allowed on this page.",
  fix: "Name every feature; permissionsPolicy() does and switches each off.",
};

/**
 * Off unless the application says otherwise, save for signing in with a passkey on the page itself. Only names that a released browser knows:
 * Chromium warns on every page of one that it does not, and a warning that is always there hides the one that matters.
 */
const DEFAULTS = {
  accelerometer: [],
  autoplay: [],
  "browsing-topics": [],
  camera: [],
  "clipboard-read": [],
  "display-capture": [],
  "encrypted-media": [],
  fullscreen: [],
  gamepad: [],
  geolocation: [],
  gyroscope: [],
  hid: [],
  "identity-credentials-get": [],
  "idle-detection": [],
  "keyboard-map": [],
  "local-fonts": [],
  magnetometer: [],
  microphone: [],
  midi: [],
  "otp-credentials": [],
  payment: [],
  "picture-in-picture": [],
  "publickey-credentials-create": ["self"],
  "publickey-credentials-get": ["self"],
  "screen-wake-lock": [],
  serial: [],
  "storage-access": [],
  usb: [],
  "window-management": [],
  "xr-spatial-tracking": [],
} as const;

/** Known, and left to the browser unless you set them: harmless enough, or behind a flag that Chromium ships switched off. */
const OTHERS = [
  "ambient-light-sensor",
  "bluetooth",
  "clipboard-write",
  "compute-pressure",
  "cross-origin-isolated",
  "sync-xhr",
  "unload",
  "web-share",
] as const;

const POWERFUL = Object.keys(DEFAULTS);
const KNOWN: readonly string[] = [...POWERFUL, ...OTHERS];

export type PermissionsFeature = keyof typeof DEFAULTS | (typeof OTHERS)[number];

/** `"none"`, `"self"`, `"*"` for everyone, or a list of `"self"` and exact HTTPS origins. */
export type PermissionsAllowlist = "none" | "self" | "*" | readonly string[];

export interface PermissionsPolicyOptions {
  /** Features that the application uses, and for whom. Each replaces its default, which is off. */
  readonly features?: { readonly [Feature in PermissionsFeature]?: PermissionsAllowlist };
}

/**
 * Switches powerful features off on every response, except those that you name. The application can narrow a feature for a response, not widen it.
 *
 * @throws TypeError for a feature that browsers do not know, or an origin that is not exact.
 * @example
 * permissionsPolicy({ features: { camera: "self", fullscreen: ["self", "https://player.example"] } });
 */
export function permissionsPolicy(options: PermissionsPolicyOptions = {}): Control {
  rejectUnknownOptions("permissionsPolicy", options, ["features"]);
  const permissions = new Map<string, readonly string[]>(Object.entries(DEFAULTS));
  for (const [feature, allowlist] of Object.entries(options.features ?? {})) {
    if (!KNOWN.includes(feature)) {
      const nearest = nearestWord(feature, KNOWN);
      throw new TypeError(
        `permissionsPolicy() does not know the feature "${feature}". ${nearest === undefined ? "See the W3C list of features." : `Did you mean "${nearest}"?`}`,
      );
    }
    permissions.set(feature, readAllowlist(feature, allowlist));
  }
  const value = serializePermissions(permissions);
  return {
    meta: META,
    rules: [PERMISSIONS_POLICY_MISSING, PERMISSIONS_POLICY_OPEN, PERMISSIONS_POLICY_UNSET],
    headers: [
      { name: "permissions-policy", value, on: "always", reconcile: (theirs) => narrower(theirs, permissions, value) },
    ],
    check: () => assess([value], { kind: "setting", name: "permissions-policy" }),
    observe: observePermissions,
  };
}

function readAllowlist(feature: string, allowlist: PermissionsAllowlist): readonly string[] {
  if (allowlist === "none") return [];
  const members = [allowlist].flat();
  for (const member of members) {
    if (member === "self" || (member === "*" && members.length === 1) || isExactHttpsOrigin(member)) continue;
    const hint =
      member === "'self'"
        ? 'Write "self": this header has no inner quotes.'
        : 'Use "none", "self", "*" or a list of exact https:// origins.';
    throw new TypeError(`permissionsPolicy() cannot give ${feature} to ${JSON.stringify(member)}. ${hint}`);
  }
  return [...new Set(members)];
}

/** Each feature for those whom both allow; a field that cannot be read changes nothing. */
function narrower(theirs: string, ours: Permissions, unchanged: string): string {
  const other = parsePermissions([theirs]);
  if (other === undefined) return unchanged;
  const merged = new Map(ours);
  for (const [feature, allowed] of other) {
    const mine = ours.get(feature);
    if (mine === undefined || mine.includes("*")) merged.set(feature, allowed);
    else if (!allowed.includes("*"))
      merged.set(
        feature,
        mine.filter((member) => allowed.includes(member)),
      );
  }
  return serializePermissions(merged);
}

function observePermissions(response: Observation): readonly Finding[] {
  const name = "permissions-policy";
  return assess(observed(response, name), { kind: "response", url: response.url, header: name });
}

/** The one judgement behind `check` and `observe`. */
function assess(values: readonly string[], at: Location): readonly Finding[] {
  const permissions = values.length === 0 ? undefined : parsePermissions(values);
  if (permissions === undefined)
    return [finding(PERMISSIONS_POLICY_MISSING, at, values.length === 0 ? "absent" : "not readable")];
  const open = POWERFUL.filter((feature) => permissions.get(feature)?.includes("*") === true);
  const unset = POWERFUL.filter((feature) => !permissions.has(feature));
  return [
    ...open.map((feature) => finding(PERMISSIONS_POLICY_OPEN, at, feature)),
    ...(unset.length === 0 ? [] : [finding(PERMISSIONS_POLICY_UNSET, at, unset.join(", ").slice(0, 200))]),
  ];
}
