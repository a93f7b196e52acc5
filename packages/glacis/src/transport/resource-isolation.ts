/** Fetch metadata: an API is not a page, and other sites load nothing from it (W3C Fetch Metadata; ASVS 5 sections 3.2.1 and 3.5.6). */
import type { Control, ControlMeta } from "../core/control.ts";
import { ALLOW, deny, type Decision } from "../core/decision.ts";
import type { IdentifiedFacts, RouteKind } from "../core/facts.ts";
import { finding, type Finding, type Rule } from "../core/finding.ts";
import { observed, type Observation, type ResponseDraft } from "../core/response.ts";
import { isNamed } from "../core/wire.ts";

const META: ControlMeta = {
  id: "response-context-isolation",
  title: "Non-page responses cannot be rendered or executed as pages",
  layer: "transport",
  guide: ["Input Validation: file upload validation and secure file storage"],
  owasp2021: ["A03", "A05"],
  owasp2025: ["A05", "A02"],
  asvs: ["v5.0.0-3.2.1", "v5.0.0-3.5.6"],
  cwe: ["CWE-79", "CWE-430", "CWE-838", "CWE-653"],
};

export const ISOLATION_RENDERED: Rule = {
  id: "response-context-isolation/rendered",
  severity: "error",
  what: "A JSON address answers with HTML that may run script.",
  why: "Whatever reaches that answer from a request or a database is then a page of your origin.",
  fix: "Declare the route's kind as api or download; its responses are sandboxed. Answer JSON with its own type.",
};
const FRAMES = new Set(["document", "iframe", "frame", "fencedframe", "embed", "object"]);
const CODE = new Set([
  "script",
  "style",
  "worker",
  "sharedworker",
  "serviceworker",
  "audioworklet",
  "paintworklet",
  "xslt",
]);
const PLUGINS = new Set(["embed", "object"]);
const OWN_SITES = new Set(["same-origin", "same-site", "none"]);

/** A closed set of causes for the log. */
type Cause = "navigation" | "executed" | "embedded" | "cross_site_load";

/**
 * Refuses, with 403 `context_refused`, what no honest page of yours does: opening an API as a document, running its answer as script, loading
 * it or a page from another site without CORS. It reads the Sec-Fetch headers, which script cannot forge; a client that sends none is no
 * browser and passes. Downloads always leave as attachments.
 *
 * @example
 * resourceIsolation();
 */
export function resourceIsolation(): Control<IdentifiedFacts> {
  return {
    meta: META,
    rules: [ISOLATION_RENDERED],
    decide: decideContext,
    head: attachDownload,
    // There is nothing to configure, so nothing to misconfigure: mounted, it is on. What an address of data answers, only the wire shows.
    check: () => [],
    observe: observeContext,
  };
}

interface FetchMetadata {
  readonly site: string;
  readonly mode: string;
  readonly destination: string;
}

function decideContext(facts: IdentifiedFacts): Decision {
  const metadata = readMetadata(facts.wire.rawHeaders);
  if (metadata === undefined) return ALLOW;
  const cause = judge(facts.route.kind, metadata);
  return cause === undefined ? ALLOW : refuse(cause);
}

const NAME_LENGTH = "sec-fetch-site".length;

/** In one pass: the three names are equally long. The first line of each counts; the request's shape has refused a second one. */
function readMetadata(rawHeaders: readonly string[]): FetchMetadata | undefined {
  let site: string | undefined;
  let mode: string | undefined;
  let destination: string | undefined;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] as string;
    if (name.length !== NAME_LENGTH) continue;
    const value = rawHeaders[index + 1];
    if (isNamed(name, "sec-fetch-site")) site ??= value;
    else if (isNamed(name, "sec-fetch-mode")) mode ??= value;
    else if (isNamed(name, "sec-fetch-dest")) destination ??= value;
  }
  return site === undefined ? undefined : { site, mode: mode ?? "", destination: destination ?? "" };
}

/** What is wrong with a request for a route of this kind, or undefined. An unknown site is a foreign one. */
function judge(kind: RouteKind, { site, mode, destination }: FetchMetadata): Cause | undefined {
  if (kind === "asset") return undefined;
  const foreign = !OWN_SITES.has(site);
  if (kind === "api" && (mode === "navigate" || FRAMES.has(destination))) return "navigation";
  if (kind !== "page" && CODE.has(destination)) return "executed";
  if (foreign && PLUGINS.has(destination)) return "embedded";
  return foreign && mode === "no-cors" ? "cross_site_load" : undefined;
}

function refuse(cause: Cause): Decision {
  return deny(
    "context_refused",
    {
      event_type: "transport",
      status: "refused",
      severity: "info",
      event: "transport.context_refused",
      control: META.id,
      reason: "context_refused",
      detail: cause,
    },
    {
      why: `The browser says that this route is used by ${cause === "navigation" ? "opening it as a page" : cause === "executed" ? "running it as code" : "a foreign site"}.`,
      fix: 'A route that people open is kind: "page", a file is kind: "download", a public static file is kind: "asset".',
    },
  );
}

/** A download that could be shown in place becomes one that is saved. */
function attachDownload(draft: ResponseDraft, facts: IdentifiedFacts): void {
  if (facts.route.kind !== "download" || facts.pattern === "") return;
  const disposition = draft.get("content-disposition");
  if (disposition === undefined || !/^\s*attachment\s*(?:;|$)/iu.test(disposition)) {
    const parameters = disposition?.includes(";") === true ? disposition.slice(disposition.indexOf(";")) : "";
    draft.set("content-disposition", `attachment${parameters}`);
  }
}

/** Only what a response alone can show: an address of data that answers with a live page. */
function observeContext(response: Observation): readonly Finding[] {
  const path = new URL(response.url).pathname;
  const html = /^text\/html\b/iu.test(observed(response, "content-type")[0] ?? "");
  if (!html || !/^\/api(?:\/|$)|\.json$/iu.test(path) || response.status >= 300) return [];
  const inert = observed(response, "content-security-policy").some((policy) =>
    /(?:^|[;,\s])sandbox\s*(?:[;,]|$)/iu.test(policy),
  );
  return inert ? [] : [finding(ISOLATION_RENDERED, { kind: "response", url: response.url, header: "content-type" })];
}
