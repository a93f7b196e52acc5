/** X-Content-Type-Options and an honest Content-Type: no response is executed as something else (Fetch standard; guide A02). */
import type { Control, ControlMeta } from "../core/control.ts";
import { finding, type Finding, type Location, type Rule } from "../core/finding.ts";
import { observed, type Observation, type ResponseDraft } from "../core/response.ts";

const META: ControlMeta = {
  id: "nosniff",
  title: "MIME sniffing disabled and accurate Content-Type with charset",
  layer: "transport",
  guide: ["A02", "Django Security Middleware"],
  owasp2021: ["A05", "A04"],
  owasp2025: ["A02", "A06"],
  asvs: ["v5.0.0-3.4.4", "v5.0.0-4.1.1"],
  cwe: ["CWE-430", "CWE-693"],
};

export const NOSNIFF_MISSING: Rule = {
  id: "nosniff/missing",
  severity: "error",
  what: "X-Content-Type-Options is not nosniff.",
  why: "A browser may then guess that an upload or an API's answer is a script or a page, and run it.",
  fix: "Mount contentTypeOptions(); send the header once, with the one value nosniff.",
  django: ["security.W006"],
};
export const NOSNIFF_NO_TYPE: Rule = {
  id: "nosniff/no-content-type",
  severity: "warning",
  what: "A response with a body has no Content-Type.",
  why: "Without one the browser decides what the body is.",
  fix: "Set the type in the handler; contentTypeOptions() serves what has none as a download.",
};
export const NOSNIFF_NO_CHARSET: Rule = {
  id: "nosniff/no-charset",
  severity: "warning",
  what: "A text or XML response does not name its character set.",
  why: "A guessed character set can turn harmless bytes into markup.",
  fix: "Add charset=utf-8; contentTypeOptions() does so for text that has none.",
};

const NAME = "x-content-type-options";
const TEXTUAL = /^text\/|^(?:application|image)\/(?:[\w.-]+\+)?xml$/u;

/**
 * Sends `X-Content-Type-Options: nosniff` with every response, names UTF-8 for text that names no character set, and serves a body without a
 * type as a download.
 *
 * @example
 * contentTypeOptions();
 */
export function contentTypeOptions(): Control {
  return {
    meta: META,
    rules: [NOSNIFF_MISSING, NOSNIFF_NO_TYPE, NOSNIFF_NO_CHARSET],
    headers: [{ name: NAME, value: "nosniff", on: "always" }],
    head: nameType,
    check: () =>
      assess(
        { options: ["nosniff"], contentType: "text/html; charset=utf-8", body: true },
        { kind: "setting", name: "nosniff" },
      ),
    observe: observeType,
  };
}

function nameType(draft: ResponseDraft): void {
  const { mediaType } = draft;
  if (mediaType === "") {
    if (!mayHaveBody(draft.status, draft.get("content-length"), draft.get("location"))) return;
    draft.set("content-type", "application/octet-stream");
    draft.set("content-disposition", "attachment");
  } else if (TEXTUAL.test(mediaType)) {
    const type = draft.get("content-type") as string;
    // As nearly every framework writes it.
    if (type.endsWith("; charset=utf-8")) return;
    if (!/;\s*charset\s*=/iu.test(type)) draft.set("content-type", `${type.replace(/[;\s]+$/u, "")}; charset=utf-8`);
  }
}

/** Whether a browser could show a body. A redirect that says where to go is followed, not shown. */
function mayHaveBody(status: number, length: string | undefined, location: string | undefined): boolean {
  if (status < 200 || status === 204 || status === 205 || status === 304 || length === "0") return false;
  return !(status >= 300 && status < 400 && location !== undefined);
}

interface TypedAnswer {
  readonly options: readonly string[];
  readonly contentType: string | undefined;
  readonly body: boolean;
}

function observeType(response: Observation): readonly Finding[] {
  const [contentType] = observed(response, "content-type");
  const body = mayHaveBody(response.status, observed(response, "content-length")[0], observed(response, "location")[0]);
  return assess(
    { options: observed(response, NAME), contentType, body },
    { kind: "response", url: response.url, header: NAME },
  );
}

/** The one judgement behind `check` and `observe`. */
function assess({ options, contentType, body }: TypedAnswer, at: Location): readonly Finding[] {
  const findings: Finding[] = [];
  if (options.length !== 1 || options[0]?.trim().toLowerCase() !== "nosniff")
    findings.push(finding(NOSNIFF_MISSING, at, options.length === 0 ? "absent" : options.join(", ").slice(0, 80)));
  if (!body) return findings;
  const mediaType = (contentType ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "";
  if (mediaType === "") findings.push(finding(NOSNIFF_NO_TYPE, at));
  else if (TEXTUAL.test(mediaType) && !/;\s*charset\s*=/iu.test(contentType ?? ""))
    findings.push(finding(NOSNIFF_NO_CHARSET, at, mediaType));
  return findings;
}
