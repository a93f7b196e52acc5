/** Files of users are handed out as inert bytes to be saved, never as something to be opened here (catalog download-safety; ASVS 5.3.1, 5.4.1). */
import type { Control, ControlMeta } from "../core/control.ts";
import { deny, type HeaderPair } from "../core/decision.ts";
import { Refusal } from "../core/error-reason.ts";
import type { IdentifiedFacts } from "../core/facts.ts";
import { finding, type Finding, type Rule } from "../core/finding.ts";
import type { Reason } from "../core/reasons.ts";
import { observed, type Observation } from "../core/response.ts";
import { attachment } from "../primitives/content-disposition.ts";

const META: ControlMeta = {
  id: "download-safety",
  title: "User files served inert with safe names",
  layer: "input",
  guide: ["File uploads", "checklist: File storage is private by default"],
  owasp2021: ["A03", "A05"],
  owasp2025: ["A05", "A02"],
  asvs: ["v5.0.0-5.3.1", "v5.0.0-5.4.1", "v5.0.0-5.4.2"],
  cwe: ["CWE-434", "CWE-552", "CWE-116", "CWE-113"],
};

export const DOWNLOAD_NOT_INERT: Rule = {
  id: "download-safety/not-inert",
  severity: "error",
  what: "A file of a user is served so that a browser may open it here.",
  why: "What another user uploaded then runs in the application's own origin.",
  fix: "Send the headers of download(): attachment, a sandbox policy, nosniff, no-store.",
};

const INERT: readonly HeaderPair[] = [
  // Whatever it was found to be: a browser that must save needs no type, and one that guesses has none to go by.
  ["content-type", "application/octet-stream"],
  ["content-security-policy", "default-src 'none'; sandbox"],
  ["x-content-type-options", "nosniff"],
  ["cross-origin-resource-policy", "same-origin"],
  ["cache-control", "no-store"],
  ["accept-ranges", "bytes"],
];
const RANGE = /^bytes=(?:(\d{1,15})-(\d{0,15})|-(\d{1,15}))$/u;

/** Both ends inclusive. */
interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** Where a file can be read from. `Storage` of `glacis/data` is one. */
export interface DownloadSource {
  size(key: string): Promise<number | undefined>;
  read(key: string, range?: ByteRange): Promise<NodeJS.ReadableStream>;
}

export interface DownloadFile {
  readonly key: string;
  /** The name that the upload came with. */
  readonly filename: string;
  /** What the scan has said so far. Only what is clean, or was stored without a scan on purpose, is handed out. */
  readonly scan: "clean" | "none" | "pending" | "infected";
}

/** What to answer; each framework sends it in its own manner. */
export interface DownloadResponse {
  readonly status: 200 | 206 | 416;
  readonly headers: readonly HeaderPair[];
  /** Undefined where no body belongs: HEAD, and a range that is not there. */
  readonly body: NodeJS.ReadableStream | undefined;
}

/** The control, to be listed with those of the uploads. */
export function downloadSafety(): Control {
  return { meta: META, rules: [DOWNLOAD_NOT_INERT], check: () => [], observe };
}

/**
 * The answer to a request for a file: to be saved under a cleaned name, whole or one range of it (RFC 9110 section 14). Ask first whether the
 * caller may have the file.
 *
 * @throws Refusal 404 for what is not there, 423 for what is not scanned yet, 410 for what was found harmful
 * @example
 * const { status, headers, body } = await download(requestOf(request), storage, { key, filename, scan: "clean" });
 */
export async function download(
  request: Pick<IdentifiedFacts, "method" | "header">,
  source: DownloadSource,
  file: DownloadFile,
): Promise<DownloadResponse> {
  if (file.scan === "infected") throw refuse("upload_withdrawn");
  if (file.scan !== "clean" && file.scan !== "none") throw refuse("upload_pending");
  const size = await source.size(file.key);
  if (size === undefined) throw refuse("not_found");
  const headers: HeaderPair[] = [...INERT, ["content-disposition", attachment(file.filename)]];
  const range = readRange(request, size);
  if (range === "unsatisfiable")
    return {
      status: 416,
      headers: [...headers, ["content-range", `bytes */${size}`], ["content-length", "0"]],
      body: undefined,
    };
  const length = range === undefined ? size : range.end - range.start + 1;
  headers.push(["content-length", String(length)]);
  if (range !== undefined) headers.push(["content-range", `bytes ${range.start}-${range.end}/${size}`]);
  const body = request.method === "HEAD" || length === 0 ? undefined : await source.read(file.key, range);
  return { status: range === undefined ? 200 : 206, headers, body };
}

/** One range is answered; several, and what cannot be read, are answered with the whole file, as section 14.2 allows. */
function readRange(
  request: Pick<IdentifiedFacts, "method" | "header">,
  size: number,
): ByteRange | "unsatisfiable" | undefined {
  // There is no validator to hold an If-Range against, so the file may be another by now.
  if (request.method !== "GET" || request.header("if-range") !== undefined) return undefined;
  const [, first, last, suffix] = RANGE.exec(request.header("range") ?? "") ?? [];
  if (suffix !== undefined) {
    const length = Math.min(Number(suffix), size);
    return length === 0 ? "unsatisfiable" : { start: size - length, end: size - 1 };
  }
  if (first === undefined) return undefined;
  const start = Number(first);
  const end = last === "" || last === undefined ? size - 1 : Math.min(Number(last), size - 1);
  if (last !== "" && Number(last) < start) return undefined;
  return start < size ? { start, end } : "unsatisfiable";
}

/** Shares with `download` the headers that it sends. */
function observe(observation: Observation): readonly Finding[] {
  const [disposition] = observed(observation, "content-disposition");
  if (disposition === undefined || !/^attachment(?:;|$)/iu.test(disposition)) return [];
  const sniffs = observed(observation, "x-content-type-options").join() !== "nosniff";
  const runs = !observed(observation, "content-security-policy").some((policy) =>
    /(?:^|;)\s*sandbox(?:\s|;|$)/u.test(policy),
  );
  return sniffs || runs
    ? [finding(DOWNLOAD_NOT_INERT, { kind: "response", url: observation.url, header: "content-disposition" })]
    : [];
}

function refuse(reason: Reason): Refusal {
  return new Refusal(
    deny(reason, {
      event_type: "upload",
      status: "refused",
      severity: reason === "not_found" ? "info" : "warning",
      event: "download_refused",
      control: META.id,
      reason,
    }),
  );
}
