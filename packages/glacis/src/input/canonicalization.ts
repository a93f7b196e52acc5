/** One reading of a path and a query: what proxies, frameworks and handlers would decode differently is refused (CWE-180, CWE-436). */
import type { Control, ControlMeta } from "../core/control.ts";
import { ALLOW, deny, type Decision } from "../core/decision.ts";

const META: ControlMeta = {
  id: "canonicalization",
  title: "Decode once: no path or query with two readings",
  layer: "input",
  guide: ["A03", "checklist: All user input validated"],
  owasp2021: ["A03"],
  owasp2025: ["A05", "A06"],
  asvs: ["v5.0.0-1.1.1", "v5.0.0-1.5.3"],
  cwe: ["CWE-172", "CWE-178", "CWE-180", "CWE-436"],
};

/** Where a path could hold what this control looks for; an ordinary one costs one search. */
const SUSPICIOUS = /%|\/\./u;
/** A segment `.` or `..`, with or without the parameters that some servers cut off (`..;x`). */
const DOT_SEGMENT = /(?:^|[/\\])\.{1,2}(?:;[^/\\]*)?(?:[/\\]|$)/u;
/** What a second decoding would turn into a dot, a slash, a backslash, a NUL or a percent sign. */
const TWICE_ENCODED = /%(?:2e|2f|5c|00|25)/iu;

type Cause = "encoding" | "nul" | "dot_segment" | "twice_encoded";

const WHY: Readonly<Record<Cause, string>> = {
  encoding: "A percent-encoding is incomplete or is not UTF-8.",
  nul: "The path or the query holds an encoded NUL.",
  dot_segment: "The path holds a dot segment; some readers resolve it and some do not.",
  twice_encoded: "The path is encoded twice; whoever decodes once more sees another path.",
};

/**
 * Refuses with 400 a path or query whose meaning depends on who decodes it: incomplete or non-UTF-8 escapes, NUL, dot segments in any
 * spelling, double encoding. Hono resolves dot segments, Express does not, Fastify decodes before it routes: under this control none of them
 * is asked.
 *
 * @example
 * canonicalization();
 */
export function canonicalization(): Control {
  return {
    meta: META,
    rules: [],
    decide({ path, query }) {
      const cause =
        (SUSPICIOUS.test(path) ? judgePath(path) : undefined) ?? (query.includes("%") ? judgeQuery(query) : undefined);
      return cause === undefined ? ALLOW : refuse(cause);
    },
    check: () => [],
  };
}

function judgePath(path: string): Cause | undefined {
  const decoded = decode(path);
  if (decoded === undefined) return "encoding";
  if (decoded.includes("\0")) return "nul";
  if (DOT_SEGMENT.test(decoded)) return "dot_segment";
  return TWICE_ENCODED.test(decoded) ? "twice_encoded" : undefined;
}

function judgeQuery(query: string): Cause | undefined {
  const decoded = decode(query);
  if (decoded === undefined) return "encoding";
  return decoded.includes("\0") ? "nul" : undefined;
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

function refuse(cause: Cause): Decision {
  return deny(
    "request_malformed",
    {
      event_type: "input_validation",
      status: "refused",
      severity: "warning",
      event: "input.canonicalization",
      control: META.id,
      reason: "request_malformed",
      detail: cause,
    },
    { why: WHY[cause] },
  );
}
