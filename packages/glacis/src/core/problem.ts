import type { Deny } from "./decision.ts";
import { pageStyle } from "./page-style.ts";
import { REASONS } from "./reasons.ts";

export interface RefusalBody {
  readonly contentType: string;
  readonly body: string;
}

export interface RefusalView {
  readonly denial: Deny;
  readonly requestId: string;
  /** Development shows why and how to fix; production shows neither. */
  readonly developer: boolean;
}

/** What an application's own refusal page may know. */
export interface RefusalPageView extends RefusalView {
  /** For a style or a script of the page. */
  readonly nonce: string;
}

/** RFC 9457 problem document: the reason's code and sentence, an opaque id, and nothing else in production. */
export function problemJson(view: RefusalView): RefusalBody {
  const { denial, requestId, developer } = view;
  const { status, sentence } = REASONS[denial.reason];
  const document = {
    type: `urn:glacis:reason:${denial.reason}`,
    title: sentence,
    status,
    code: denial.reason,
    request_id: requestId,
    ...denial.members,
    ...(developer && { why: denial.why, fix: denial.fix }),
  };
  return { contentType: "application/problem+json", body: JSON.stringify(document) };
}

/** The same refusal as a page for people: static markup, and no script. */
export function problemPage(view: RefusalPageView): RefusalBody {
  const { denial, requestId, developer, nonce } = view;
  const { status, sentence } = REASONS[denial.reason];
  const details = developer
    ? [denial.why, denial.fix]
        .filter((line) => line !== undefined)
        .map((line) => `<p><code>${escapeText(line)}</code></p>`)
        .join("")
    : "";
  const body =
    `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${status}</title>${pageStyle(nonce)}</head>` +
    `<body><main><p class="soft">${status}</p><h1>${escapeText(sentence)}</h1>${details}<p class="soft">Reference: <code>${escapeText(requestId)}</code></p></main></body></html>`;
  return { contentType: "text/html; charset=utf-8", body };
}

/** For text and quoted attributes of HTML. */
export function escapeText(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replaceAll("'", "&#39;");
}
