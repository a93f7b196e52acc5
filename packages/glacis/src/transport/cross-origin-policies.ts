/** COOP, CORP, COEP and Origin-Agent-Cluster: other origins share no process, no window and no resource (HTML and Fetch standards; guide A05). */
import type { Control, ControlMeta } from "../core/control.ts";
import { finding, type Finding, type Location, type Rule } from "../core/finding.ts";
import { nearestWord, rejectUnknownOptions } from "../core/options.ts";
import { observed, type Observation } from "../core/response.ts";
import { compilePaths } from "./path-list.ts";

const META: ControlMeta = {
  id: "cross-origin-policies",
  title: "COOP, CORP and COEP isolate the browsing context and resources",
  layer: "transport",
  guide: ["A05"],
  owasp2021: ["A05", "A01"],
  owasp2025: ["A02", "A01"],
  asvs: ["v5.0.0-3.4.8", "v5.0.0-3.5.8"],
  cwe: ["CWE-346", "CWE-1021", "CWE-942"],
};

export const CROSS_ORIGIN_OPENER: Rule = {
  id: "cross-origin-policies/opener",
  severity: "warning",
  what: "Cross-Origin-Opener-Policy does not separate the page's window.",
  why: "A page that opened it, or was opened by it, can keep a handle: it can navigate the window and count its frames.",
  fix: 'Use opener: "same-origin", or "same-origin-allow-popups" where sign-in windows need it.',
  django: ["security.E024"],
};
export const CROSS_ORIGIN_RESOURCE: Rule = {
  id: "cross-origin-policies/resource",
  severity: "warning",
  what: "Cross-Origin-Resource-Policy lets other origins load the response.",
  why: "Loaded into a hostile page's process, its bytes can be read through processor side channels.",
  fix: "Keep same-origin, and list public files that others may load in crossOriginResources.",
};
export const CROSS_ORIGIN_EMBEDDER: Rule = {
  id: "cross-origin-policies/embedder",
  severity: "warning",
  what: "Cross-Origin-Embedder-Policy is absent, off or not a value that browsers know.",
  why: "Without it the page may share its process with content of others that never agreed to it.",
  fix: 'Use embedder: "credentialless", or "require-corp" where nothing foreign is embedded.',
};
export const CROSS_ORIGIN_AGENT: Rule = {
  id: "cross-origin-policies/agent-cluster",
  severity: "note",
  what: "Origin-Agent-Cluster is not requested.",
  why: "Pages of sibling subdomains may then share a process and relax document.domain.",
  fix: "Leave originAgentCluster on.",
};

/** From strict to lax. */
const OPENER = ["same-origin", "noopener-allow-popups", "same-origin-allow-popups", "unsafe-none"] as const;
const RESOURCE = ["same-origin", "same-site", "cross-origin"] as const;
const EMBEDDER = ["require-corp", "credentialless", "unsafe-none"] as const;

const NAMES = {
  opener: "cross-origin-opener-policy",
  resource: "cross-origin-resource-policy",
  embedder: "cross-origin-embedder-policy",
  agent: "origin-agent-cluster",
} as const;

export interface CrossOriginPoliciesOptions {
  /** Cross-Origin-Opener-Policy. `same-origin` unless you say otherwise. */
  readonly opener?: (typeof OPENER)[number];
  /** Cross-Origin-Resource-Policy. `same-origin` unless you say otherwise. */
  readonly resource?: (typeof RESOURCE)[number];
  /** Cross-Origin-Embedder-Policy. `credentialless` unless you say otherwise. */
  readonly embedder?: (typeof EMBEDDER)[number];
  /** Asks for a process per origin. On unless you say otherwise. */
  readonly originAgentCluster?: boolean;
  /** Public files that every origin may load, such as `/assets/*`. */
  readonly crossOriginResources?: readonly string[];
}

/**
 * Separates pages and resources from other origins on every response. The application can tighten each value for a response, not loosen it.
 *
 * @throws TypeError for a value that browsers do not know.
 * @example
 * crossOriginPolicies({ opener: "same-origin-allow-popups", crossOriginResources: ["/embed.js"] });
 */
export function crossOriginPolicies(options: CrossOriginPoliciesOptions = {}): Control {
  rejectUnknownOptions("crossOriginPolicies", options, [
    "opener",
    "resource",
    "embedder",
    "originAgentCluster",
    "crossOriginResources",
  ]);
  const opener = oneOf("opener", OPENER, options.opener ?? "same-origin");
  const resource = oneOf("resource", RESOURCE, options.resource ?? "same-origin");
  const embedder = oneOf("embedder", EMBEDDER, options.embedder ?? "credentialless");
  const { originAgentCluster = true, crossOriginResources = [] } = options;
  const agent = originAgentCluster ? "?1" : "?0";
  const isShared = compilePaths("crossOriginPolicies", crossOriginResources);
  return {
    meta: META,
    rules: [CROSS_ORIGIN_OPENER, CROSS_ORIGIN_RESOURCE, CROSS_ORIGIN_EMBEDDER, CROSS_ORIGIN_AGENT],
    headers: [
      { name: NAMES.opener, value: opener, on: "always", reconcile: stricter(OPENER) },
      {
        name: NAMES.resource,
        value:
          crossOriginResources.length === 0 ? resource : (facts) => (isShared(facts.path) ? "cross-origin" : resource),
        on: "always",
        reconcile: stricter(RESOURCE),
      },
      { name: NAMES.embedder, value: embedder, on: "always", reconcile: stricter(EMBEDDER) },
      { name: NAMES.agent, value: agent, on: "always" },
    ],
    check: () =>
      assess({ opener: [opener], resource: [resource], embedder: [embedder], agent: [agent] }, () => ({
        kind: "setting",
        name: "cross-origin-policies",
      })),
    observe: (response) => observeIsolation(response, isShared),
  };
}

function oneOf<Value extends string>(option: string, known: readonly Value[], value: Value): Value {
  if (known.includes(value)) return value;
  const nearest = typeof value === "string" ? nearestWord(value, known) : undefined;
  const hint = nearest === undefined ? `Known: ${known.join(", ")}.` : `Did you mean "${nearest}"?`;
  throw new TypeError(`crossOriginPolicies() does not know ${option} ${JSON.stringify(value)}. ${hint}`);
}

/** The token of a structured-field item, without parameters. */
const tokenOf = (value: string | undefined): string => (value ?? "").split(";", 1)[0]?.trim() ?? "";

function stricter(order: readonly string[]): (theirs: string, ours: string) => string {
  return (theirs, ours) => {
    const rank = order.indexOf(tokenOf(theirs));
    return rank !== -1 && rank <= order.indexOf(ours) ? theirs : ours;
  };
}

type Isolation = Readonly<Record<keyof typeof NAMES, readonly string[]>>;

function observeIsolation(response: Observation, isShared: (path: string) => boolean): readonly Finding[] {
  const shared = isShared(new URL(response.url).pathname);
  const isolation: Isolation = {
    opener: observed(response, NAMES.opener),
    resource: shared ? ["same-origin"] : observed(response, NAMES.resource),
    embedder: observed(response, NAMES.embedder),
    agent: observed(response, NAMES.agent),
  };
  return assess(isolation, (header) => ({ kind: "response", url: response.url, header: NAMES[header] }));
}

/** The one judgement behind `check` and `observe`. Browsers treat a repeated header as absent. */
function assess(isolation: Isolation, at: (header: keyof typeof NAMES) => Location): readonly Finding[] {
  const sound: Readonly<Record<keyof typeof NAMES, readonly [Rule, readonly string[]]>> = {
    opener: [CROSS_ORIGIN_OPENER, ["same-origin", "same-origin-allow-popups", "noopener-allow-popups"]],
    resource: [CROSS_ORIGIN_RESOURCE, ["same-origin", "same-site"]],
    embedder: [CROSS_ORIGIN_EMBEDDER, ["require-corp", "credentialless"]],
    agent: [CROSS_ORIGIN_AGENT, ["?1"]],
  };
  return (Object.keys(sound) as (keyof typeof NAMES)[]).flatMap((header) => {
    const [rule, accepted] = sound[header];
    const values = isolation[header];
    if (values.length === 1 && accepted.includes(tokenOf(values[0]))) return [];
    return [finding(rule, at(header), values.join(", ").slice(0, 80) || "absent")];
  });
}
