/** Counts the parts of a multipart body while it streams past, without parsing or keeping it (RFC 2046 section 5.1). */

import { deny, type Decision } from "../core/decision.ts";
import type { Reason } from "../core/reasons.ts";

/** Takes the chunks of one body in order; a refusal ends the body. */
export type BodyWatch = (chunk: Uint8Array) => Decision | undefined;

/** RFC 2046 section 5.1.1: one to seventy characters of this set, not ending in a space. Unquoted where senders leave the quotes out. */
const BOUNDARY =
  /;\s*boundary\s*=\s*(?:"([\w'()+,\-./:=? ]{0,69}[\w'()+,\-./:=?])"|([\w'()+,\-./:=?]{1,70}))(?=\s*(?:;|$))/giu;

/**
 * Watches one multipart body for its number of parts. Whatever a parser would take for a delimiter line is counted, so the count is never
 * too low. A Content-Type whose boundary is missing, malformed or given twice refuses the first chunk: two readers would see two bodies.
 *
 * @param contentType with its parameters, as sent
 */
export function watchParts(contentType: string, maxParts: number): BodyWatch {
  const boundary = boundaryOf(contentType);
  if (boundary === undefined) return () => refuse("body_malformed", "multipart_boundary");
  const delimiter = Buffer.from(`\n--${boundary}`, "latin1");
  const reach = delimiter.length - 1;
  // The first delimiter may stand at the very start, where no line break comes before it.
  let tail: Buffer = Buffer.from("\n");
  // Every part has one delimiter before it, and one more closes the last.
  let remaining = maxParts + 1;
  return (chunk) => {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
    // What begins in the chunks before and what begins in this one are looked for apart, so that no chunk is copied.
    const seam = Buffer.concat([tail, bytes.subarray(0, reach)]);
    remaining -= occurrences(seam, delimiter) + occurrences(bytes, delimiter);
    tail = Buffer.from(bytes.length < reach ? seam.subarray(-reach) : bytes.subarray(-reach));
    return remaining < 0 ? refuse("parameters_too_many", "multipart_parts", maxParts) : undefined;
  };
}

/** A delimiter begins with a line break and has no other, so that two never overlap. */
function occurrences(bytes: Buffer, delimiter: Buffer): number {
  let count = 0;
  for (let at = bytes.indexOf(delimiter); at !== -1; at = bytes.indexOf(delimiter, at + delimiter.length)) count += 1;
  return count;
}

function boundaryOf(contentType: string): string | undefined {
  if (contentType.split(/boundary\s*=/iu).length !== 2) return undefined;
  const found = [...contentType.matchAll(BOUNDARY)][0];
  return found?.[1] ?? found?.[2];
}

function refuse(reason: Reason, detail: string, limit?: number): Decision {
  return deny(
    reason,
    {
      event_type: "input_validation",
      status: "refused",
      severity: "info",
      event: "input_validation_fail",
      control: "request-limits",
      reason,
      detail,
      ...(limit !== undefined && { limit }),
    },
    { why: limit === undefined ? "The multipart boundary is missing or malformed." : `The limit is ${limit} parts.` },
  );
}
