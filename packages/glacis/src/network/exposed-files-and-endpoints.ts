/** No source, secrets, listings, documentation or metrics by accident (catalog exposed-files-and-endpoints; ASVS 5 13.4.1, 13.4.3, 13.4.5; guide A05). */
import type { Control, ControlMeta, DeclaredRoute } from "../core/control.ts";
import { finding, type Finding, type Rule } from "../core/finding.ts";
import { observed, type Observation } from "../core/response.ts";
import { exposedPath, exposureOfRoute, type Exposure } from "./exposed-paths.ts";
import { canParseUrl } from "../primitives/can-parse-url.ts";

const META: ControlMeta = {
  id: "exposed-files-and-endpoints",
  title: "No source metadata, listings, docs or metrics exposed by accident",
  layer: "network",
  guide: ["A05"],
  owasp2021: ["A05", "A01"],
  owasp2025: ["A02", "A01"],
  asvs: ["v5.0.0-13.4.1", "v5.0.0-13.4.3", "v5.0.0-13.4.5", "v5.0.0-13.4.7"],
  cwe: ["CWE-538", "CWE-548", "CWE-527", "CWE-552", "CWE-651"],
};

export const SECRET_SERVED: Rule = {
  id: "exposed-files-and-endpoints/secret-served",
  severity: "error",
  what: "A file with credentials, a key, a log or a copy of the database is served.",
  why: "Scanners ask every host on the internet for it within hours, and what it opens is open from then on.",
  fix: "Revoke what it holds first. Then serve one folder that the build fills, and nothing beside it.",
};
export const SOURCE_SERVED: Rule = {
  id: "exposed-files-and-endpoints/source-served",
  severity: "error",
  what: "Source code, its history or its configuration is served.",
  why: "A history holds every secret that was ever committed; manifests name each dependency with the version that has the hole.",
  fix: "Serve one folder that the build fills, never the root of the project.",
};
export const OPERATIONS_PUBLIC: Rule = {
  id: "exposed-files-and-endpoints/operations-public",
  severity: "error",
  what: "Metrics, profiles or debug output can be read by everybody.",
  why: "They tell tenants apart by size, show paths and versions, and a heap dump holds every secret of the process.",
  fix: "Listen for them on another port that only the collector reaches, or give the route a role.",
};
export const DESCRIPTION_PUBLIC: Rule = {
  id: "exposed-files-and-endpoints/description-public",
  severity: "warning",
  what: "The description of an API can be read by everybody.",
  why: "It lists every operation and field for whoever looks for the one without a check.",
  fix: "Ask for a signed-in user, or waive this where the API is meant for the public.",
};
export const DIRECTORY_LISTED: Rule = {
  id: "exposed-files-and-endpoints/directory-listed",
  severity: "warning",
  what: "The server lists a folder.",
  why: "Names that nobody was given lead to files that nobody protected.",
  fix: "Turn the index off in the static handler and in the proxy before it.",
};
export const SOURCE_MAP_PUBLIC: Rule = {
  id: "exposed-files-and-endpoints/source-map-public",
  severity: "warning",
  what: "A source map with its sources is served.",
  why: "It is the source code of the front end, comments included.",
  fix: "Build maps for the error reporter alone, and leave them out of what is deployed.",
};
export const HEALTH_DETAILS: Rule = {
  id: "exposed-files-and-endpoints/health-details",
  severity: "warning",
  what: "The health check answers with more than a status.",
  why: "Versions, uptimes and the state of each dependency tell an attacker which hole to try and when it worked.",
  fix: 'Answer { "status": "ok" } and keep the details for the metrics.',
};

const RULE_OF: Readonly<Record<Exposure, Rule>> = {
  secret: SECRET_SERVED,
  source: SOURCE_SERVED,
  operations: OPERATIONS_PUBLIC,
  description: DESCRIPTION_PUBLIC,
  listing: DIRECTORY_LISTED,
};

/** Where health checks are; what a probe asks for, besides those that are known. */
export const HEALTH_PATHS: readonly string[] = ["/healthz", "/health", "/livez", "/readyz", "/status"];
const PLAIN_HEALTH = new Set(["status", "ok", "healthy"]);

/**
 * Looks for what was never meant to be served: among the sealed routes before a start, among answers in a probe. An answer counts by its content,
 * for many sites answer 200 to whatever is asked.
 *
 * @example
 * exposedFilesAndEndpoints();
 */
export function exposedFilesAndEndpoints(): Control {
  return {
    meta: META,
    rules: [...Object.values(RULE_OF), SOURCE_MAP_PUBLIC, HEALTH_DETAILS],
    check: () => [],
    checkRoutes: (routes) => routes.flatMap(judgeRoute),
    observe: judgeAnswer,
  };
}

function judgeRoute({ method, pattern, rule }: DeclaredRoute): readonly Finding[] {
  if (rule.access.kind !== "public" || (method !== "GET" && method !== "ALL")) return [];
  const exposure = exposureOfRoute(pattern);
  return exposure === undefined ? [] : [finding(RULE_OF[exposure], { kind: "route", method, pattern })];
}

function judgeAnswer(answer: Observation): readonly Finding[] {
  const { url, status, body = "", method = "GET" } = answer;
  if (status !== 200 || method !== "GET" || !canParseUrl(url)) return [];
  const { pathname, search } = new URL(url);
  const found = (rule: Rule): readonly Finding[] => [finding(rule, { kind: "response", url, header: undefined })];
  const type = (observed(answer, "content-type")[0] ?? "").toLowerCase();
  const known = exposedPath(pathname + search);
  if (known !== undefined) {
    // A page is what an application answers to any path; only what is itself a page may be one.
    const page = /^\s*<(?:!doctype|html)/iu.test(body) || type.startsWith("text/html");
    const mayBePage = known.exposure !== "secret" && known.exposure !== "source";
    return known.looks.test(body) && (mayBePage || !page) ? found(RULE_OF[known.exposure]) : [];
  }
  if (pathname.endsWith(".map")) return hasSources(body) ? found(SOURCE_MAP_PUBLIC) : [];
  return HEALTH_PATHS.includes(pathname) && tellsMore(body) ? found(HEALTH_DETAILS) : [];
}

function hasSources(body: string): boolean {
  return /^\s*\{/u.test(body) && /"sources(?:Content)?"\s*:\s*\[\s*"/u.test(body) && /"mappings"\s*:/u.test(body);
}

function tellsMore(body: string): boolean {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return false;
  }
  return (
    typeof value === "object" &&
    value !== null &&
    Object.entries(value).some(([name, content]) => !PLAIN_HEALTH.has(name) || typeof content === "object")
  );
}
