/** Where the application may connect to, written down in one place (catalog egress-allowlist; ASVS 5 13.2.4; guide A10). */
import type { Control, ControlMeta, Deployment } from "../core/control.ts";
import type { AuditEvent } from "../core/event.ts";
import { finding, type Finding, type Rule } from "../core/finding.ts";
import { rejectUnknownOptions } from "../core/options.ts";
import { OutboundError } from "./outbound-error.ts";
import { targetJudge, type JudgeTarget } from "./outbound-target.ts";
import { outbound, OUTBOUND_OPTION_NAMES, type Outbound, type OutboundOptions } from "./outbound.ts";

const META: ControlMeta = {
  id: "egress-allowlist",
  title: "Outbound requests reach listed destinations and nothing else",
  layer: "network",
  guide: ["A10"],
  owasp2021: ["A10", "A05"],
  owasp2025: ["A02", "A01"],
  asvs: ["v5.0.0-13.1.1", "v5.0.0-13.2.4", "v5.0.0-13.2.5", "v5.0.0-4.2.5"],
  cwe: ["CWE-918", "CWE-923"],
};

export const EGRESS_SHARED_SUFFIX: Rule = {
  id: "egress-allowlist/shared-suffix",
  severity: "warning",
  what: "A listed domain is one under which anybody can have a name.",
  why: "Whoever wants data from your server rents a name below it, and the list lets it out.",
  fix: "List the full names of your own services, such as my-bucket.s3.eu-central-1.amazonaws.com.",
};
export const EGRESS_ADDRESS: Rule = {
  id: "egress-allowlist/address",
  severity: "note",
  what: "A listed destination is an IP address.",
  why: "Addresses change owners without notice, and few certificates name one.",
  fix: "List the service's name.",
};
export const EGRESS_UNEXPLAINED: Rule = {
  id: "egress-allowlist/unexplained",
  severity: "note",
  what: "A listed destination does not say what it is for.",
  why: "Nobody dares to remove it later, and nobody knows which personal data goes there.",
  fix: 'Write it as { host, purpose: "payments", data: ["personal"] }; the list is then your register of processors.',
};
export const EGRESS_UNDECLARED: Rule = {
  id: "egress-allowlist/undeclared",
  severity: "note",
  what: "A variable holds the address of a host that is not listed.",
  why: "Either requests to it will be refused, or something sends them past the list.",
  fix: "List the host if the application is meant to call it; otherwise remove the variable.",
};

/** Domains under which customers of a host or cloud have names. */
const SHARED =
  /^(?:[a-z0-9-]+\.)*(?:amazonaws\.com|cloudfront\.net|azurewebsites\.net|core\.windows\.net|cloudapp\.azure\.com|azure\.com|googleusercontent\.com|appspot\.com|run\.app|web\.app|firebaseapp\.com|cloudfunctions\.net|githubusercontent\.com|github\.io|gitlab\.io|vercel\.app|netlify\.app|herokuapp\.com|fly\.dev|onrender\.com|pages\.dev|workers\.dev|r2\.dev|ngrok\.io|ngrok\.app|ngrok-free\.app|trycloudflare\.com|digitaloceanspaces\.com|ondigitalocean\.app|supabase\.co|blogspot\.com|myshopify\.com)$/u;
/** What the list holds when it is empty: a name that never exists (RFC 2606). */
const NOWHERE = "nowhere.invalid";
const OPTION_NAMES = ["allow", "origin", ...OUTBOUND_OPTION_NAMES.filter((name) => name !== "hosts")];
const MOST_DESTINATIONS = 1000;

/** A class of data as in the personal data map. */
export type SharedDataClass = "public" | "internal" | "personal" | "sensitive" | "secret";

/** A destination with its reason: one row of the register of processors. */
export interface Destination {
  /** A name, `name:port`, or `.example.com` for a domain with everything below it. */
  readonly host: string;
  /** What it is called for, such as `payments`. */
  readonly purpose?: string;
  /** What is sent there at most. */
  readonly data?: readonly SharedDataClass[];
  /** Where the processor keeps it, such as `EU`. */
  readonly region?: string;
}

export interface EgressAllowlistOptions extends Omit<OutboundOptions, "hosts"> {
  /** Every destination; none, and nothing can be reached. */
  readonly allow: readonly (string | Destination)[];
  /** The application's own origin: a variable that holds it is no finding. */
  readonly origin?: string;
}

export interface EgressAllowlist extends Pick<Outbound, "fetch" | "close"> {
  /** This control and that of the `outbound()` underneath, to be mounted. */
  readonly controls: readonly Control[];
  /** The register, for a page about processors or a test. */
  readonly destinations: readonly Destination[];
  /** Puts `fetch` in the place of the platform's, for libraries that use that; returns how to undo it. */
  readonly replaceGlobalFetch: () => () => void;
}

/**
 * One `fetch` for the whole application, and the list of where it may lead. Every refusal is an `OutboundError` for the caller and an event.
 *
 * @throws TypeError on an unknown option, a host that is none, and as `outbound`.
 * @example
 * const egress = egressAllowlist({ allow: [{ host: "api.stripe.com", purpose: "payments", data: ["personal"] }], report: security.report });
 * const stripe = new Stripe(key, { httpClient: Stripe.createFetchHttpClient(egress.fetch) });
 */
export function egressAllowlist(options: EgressAllowlistOptions): EgressAllowlist {
  const { allow, origin, ...rest } = options;
  if (!Array.isArray(allow) || allow.length > MOST_DESTINATIONS)
    throw new TypeError(`egressAllowlist() needs allow as a list of at most ${MOST_DESTINATIONS} destinations.`);
  rejectUnknownOptions("egressAllowlist", rest, OPTION_NAMES);
  const destinations = allow.map((entry: string | Destination) => readDestination(entry));
  const hosts = destinations.length === 0 ? [NOWHERE] : destinations.map(({ host }) => host);
  const judge = targetJudge({ hosts, ports: rest.ports ?? [443], permits: () => true });
  const way = destinations.length === 0 ? closed(judge, rest) : outbound({ ...rest, hosts });
  const own = origin === undefined ? undefined : new URL(origin).hostname;
  const control: Control = {
    meta: META,
    rules: [EGRESS_SHARED_SUFFIX, EGRESS_ADDRESS, EGRESS_UNEXPLAINED, EGRESS_UNDECLARED],
    check: (deployment) =>
      deployment.mode === "production"
        ? [...destinations.flatMap(judgeDestination), ...judgeVariables(deployment, judge, own)]
        : [],
  };
  return {
    fetch: way.fetch,
    close: way.close,
    controls: way.control === undefined ? [control] : [control, way.control],
    destinations,
    replaceGlobalFetch() {
      const before = globalThis.fetch;
      const guarded = way.fetch as typeof globalThis.fetch;
      globalThis.fetch = guarded;
      return () => {
        if (globalThis.fetch === guarded) globalThis.fetch = before;
      };
    },
  };
}

type Way = Pick<Outbound, "fetch" | "close"> & { readonly control?: Control };

/** Without a destination there is nothing to connect: no agent, and no proxy to mind. */
function closed(judge: JudgeTarget, options: Omit<OutboundOptions, "hosts">): Way {
  const { report } = options;
  return {
    async fetch(input) {
      try {
        const url = judge(typeof input === "string" ? input : input instanceof URL ? input.href : input.url);
        throw new OutboundError("host-not-listed", url.hostname);
      } catch (error) {
        if (error instanceof OutboundError) report?.(deniedEvent(error));
        throw error;
      }
    },
    close: async () => undefined,
  };
}

function deniedEvent({ reason, host }: OutboundError): AuditEvent {
  return {
    event_type: "ssrf_blocked",
    status: "refused",
    severity: "warning",
    event: "egress.blocked",
    control: META.id,
    detail: reason,
    ...(host !== undefined && { blocked: host }),
  };
}

function readDestination(entry: string | Destination): Destination {
  if (typeof entry === "string") return { host: entry };
  rejectUnknownOptions("egressAllowlist({ allow })", entry, ["host", "purpose", "data", "region"]);
  if (typeof entry.host !== "string") throw new TypeError("egressAllowlist() needs the host of each destination.");
  return entry;
}

function judgeDestination({ host, purpose = "" }: Destination): readonly Finding[] {
  const at = { kind: "setting", name: "allow" } as const;
  const findings: Finding[] = [];
  const name = host.toLowerCase().replace(/:\d+$/u, "");
  if (name.startsWith(".") && SHARED.test(name.slice(1))) findings.push(finding(EGRESS_SHARED_SUFFIX, at, host));
  if (name.startsWith("[") || /\.\d+$/u.test(name)) findings.push(finding(EGRESS_ADDRESS, at, host));
  if (purpose.trim() === "") findings.push(finding(EGRESS_UNEXPLAINED, at, host));
  return findings;
}

/** Only the host is told: the rest of such an address is often a credential. */
function judgeVariables({ variables }: Deployment, judge: JudgeTarget, own: string | undefined): readonly Finding[] {
  return [...variables].flatMap(([name, value]) => {
    const host = /^https:\/\//iu.test(value) ? unlistedHost(value, judge) : undefined;
    return host === undefined || host === own ? [] : [finding(EGRESS_UNDECLARED, { kind: "environment", name }, host)];
  });
}

function unlistedHost(value: string, judge: JudgeTarget): string | undefined {
  try {
    const { protocol, host } = new URL(value);
    judge(`${protocol}//${host}/`);
    return undefined;
  } catch (error) {
    return error instanceof OutboundError && error.reason === "host-not-listed" ? error.host : undefined;
  }
}
