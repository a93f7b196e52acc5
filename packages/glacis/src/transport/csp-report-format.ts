/** Reads violation reports in both formats: `report-uri` (CSP level 2 section 4.4) and the Reporting API (CSP level 3 section 5). */
import { CSP_DIRECTIVES } from "./csp-directives.ts";
import { canParseUrl } from "../primitives/can-parse-url.ts";

/** What is kept of a report: names and places, nothing that a person typed or that identifies one. */
export interface Violation {
  readonly directive: string;
  /** An origin, a scheme such as `data:`, or a word such as `inline`. */
  readonly blocked: string;
  readonly document: string;
  readonly source: string | undefined;
  readonly line: number | undefined;
  readonly enforced: boolean;
}

/** `noise` counts reports that say nothing about this application: extensions cause them, or they are about foreign pages. */
export interface ReadReports {
  readonly violations: readonly Violation[];
  readonly noise: number;
}

const MOST_REPORTS = 20;
const BLOCKED_WORDS = new Set(["inline", "eval", "wasm-eval", "self", "trusted-types-sink", "trusted-types-policy"]);
const EXTENSION =
  /^(?:[a-z-]*extension|about|chrome|resource|webkit-masked-url|jar|view-source|safari-resource)(?::|$)/iu;

/**
 * @param documentOrigin reports about pages of other origins are noise; without it every page counts
 * @returns undefined when the text is no report
 */
export function readReports(text: string, documentOrigin?: string): ReadReports | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return undefined;
  }
  const bodies = reportBodies(parsed);
  if (bodies === undefined) return undefined;
  const violations: Violation[] = [];
  let noise = 0;
  for (const body of bodies) {
    const violation = readViolation(body, documentOrigin);
    if (violation === undefined) return undefined;
    if (violation === "noise") noise += 1;
    else violations.push(violation);
  }
  return { violations, noise };
}

type Fields = Readonly<Record<string, unknown>>;

function reportBodies(parsed: unknown): readonly Fields[] | undefined {
  if (Array.isArray(parsed)) {
    if (parsed.length === 0 || parsed.length > MOST_REPORTS || !parsed.every(isFields)) return undefined;
    const reports = parsed.filter((report) => report["type"] === "csp-violation");
    const bodies = reports.map((report) => report["body"]);
    return bodies.every(isFields) ? bodies : undefined;
  }
  if (!isFields(parsed)) return undefined;
  const legacy = parsed["csp-report"];
  if (isFields(legacy)) return [legacy];
  return parsed["type"] === "csp-violation" && isFields(parsed["body"]) ? [parsed["body"]] : undefined;
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function readViolation(body: Fields, documentOrigin: string | undefined): Violation | "noise" | undefined {
  const text = (modern: string, legacy: string): string | undefined => {
    const value = body[modern] ?? body[legacy];
    return typeof value === "string" ? value : undefined;
  };
  const directive = (
    text("effectiveDirective", "effective-directive") ?? text("violatedDirective", "violated-directive")
  )
    ?.trim()
    .split(/\s/u, 1)[0]
    ?.toLowerCase();
  const documentAddress = text("documentURL", "document-uri");
  if (directive === undefined || documentAddress === undefined) return undefined;
  // A directive that is younger than this table is not worth losing the rest of the batch for.
  if (!CSP_DIRECTIVES.has(directive)) return "noise";
  const blockedAddress = text("blockedURL", "blocked-uri") ?? "";
  const sourceAddress = text("sourceFile", "source-file");
  if (EXTENSION.test(blockedAddress) || (sourceAddress !== undefined && EXTENSION.test(sourceAddress))) return "noise";
  const page = canParseUrl(documentAddress) ? new URL(documentAddress) : undefined;
  if (page === undefined || (documentOrigin !== undefined && page.origin !== documentOrigin)) return "noise";
  const line = body["lineNumber"] ?? body["line-number"];
  return {
    directive,
    blocked: describeBlocked(blockedAddress),
    document: describeAddress(page),
    source:
      sourceAddress !== undefined && canParseUrl(sourceAddress) ? describeAddress(new URL(sourceAddress)) : undefined,
    line: typeof line === "number" && Number.isSafeInteger(line) && line >= 0 ? line : undefined,
    enforced: (body["disposition"] ?? "enforce") !== "report",
  };
}

function describeBlocked(address: string): string {
  const word = address.trim().toLowerCase();
  if (BLOCKED_WORDS.has(word)) return word;
  // Browsers shorten some addresses to the bare scheme.
  if (/^[a-z][a-z0-9+.-]{0,30}$/u.test(word)) return `${word}:`;
  if (!canParseUrl(address)) return "unknown";
  const { protocol, host } = new URL(address);
  return protocol === "http:" || protocol === "https:" || protocol === "ws:" || protocol === "wss:"
    ? `${protocol}//${host}`.slice(0, LONGEST_ADDRESS)
    : protocol.slice(0, LONGEST_ADDRESS);
}

const LONGEST_ADDRESS = 200;

/** Origin and path. Query, fragment and user names go; a path segment that could be an id or a token becomes `:id`. */
function describeAddress(url: URL): string {
  if (url.protocol !== "http:" && url.protocol !== "https:") return url.protocol.slice(0, LONGEST_ADDRESS);
  const path = url.pathname.split("/").map((segment) => (isOpaque(segment) ? ":id" : segment));
  return `${url.origin}${path.join("/")}`.slice(0, LONGEST_ADDRESS);
}

function isOpaque(segment: string): boolean {
  const name = segment.replace(/\.[a-z]{1,5}$/iu, "");
  return /^\d+$/u.test(name) || (name.length >= 16 && /\d/u.test(name)) || name.length > 32 || /%|@/u.test(name);
}
