/** Two answers compared by what they say, without what is new in every answer. */
import type { Answer } from "./attack-matrix-client.ts";

/** New each time, or about the connection, or a digest of the body, which is compared itself; a policy carries a nonce. Content-Length speaks for HEAD alone. */
const VOLATILE =
  /^(?:date|age|expires|etag|set-cookie|connection|keep-alive|transfer-encoding|content-length|x-request-id|request-id|retry-after|.*ratelimit.*|content-security-policy.*|reporting-endpoints)$/u;
const DATES = /\d{4}-\d\d-\d\d[T ][\d:.]+(?:Z|[+-]\d\d(?::?\d\d)?)?/gu;
const MONTH = String.raw`(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*`;
/** `26 Nov 2026, 15:30` and `November 26, 2026 15:30`: when a session was last seen moves while others ask. */
const DATES_IN_WORDS = new RegExp(
  String.raw`\b(?:\d{1,2}\.? ${MONTH}\.?|${MONTH}\.? \d{1,2}),? \d{4}(?:(?:,| at)? \d{1,2}:\d\d(?::\d\d)?)?`,
  "gu",
);
/** Ids, nonces, tokens, and secrets of webhooks, which are base64. Whose they are is the markers' business. */
const TOKENS = /whsec_[\w+/]{16,}=*|[\w-]{16,}/gu;

export function fingerprint({ status, headers, body }: Answer, method: string): string {
  const lines = headers
    .filter(([name]) => !VOLATILE.test(name) || (method === "HEAD" && name === "content-length"))
    .map(([name, value]) => `${name}: ${masked(value)}`);
  return [`${status}`, ...lines.toSorted(), "", masked(body)].join("\n");
}

function masked(text: string): string {
  return text.replaceAll(DATES, "<date>").replaceAll(DATES_IN_WORDS, "<date>").replaceAll(TOKENS, "<token>");
}

/** For an answer that differs from itself, such as one with a counter in it. */
export function withoutNumbers(print: string): string {
  return print.replaceAll(/\d+/gu, "<number>");
}

/** Where two fingerprints part, in one line. */
export function firstDifference(left: string, right: string): string {
  const [mine, theirs] = [left.split("\n"), right.split("\n")];
  const line = mine.findIndex((text, index) => text !== theirs[index]);
  const at = line === -1 ? mine.length : line;
  return line === 0 ? `status ${mine[0]} with it and ${theirs[0]} without` : around(mine[at] ?? "", theirs[at] ?? "");
}

const CONTEXT = 40;

function around(left: string, right: string): string {
  let start = 0;
  while (start < left.length && left[start] === right[start]) start += 1;
  const from = Math.max(0, start - CONTEXT / 2);
  return `"${left.slice(from, from + CONTEXT)}" with it and "${right.slice(from, from + CONTEXT)}" without`;
}
