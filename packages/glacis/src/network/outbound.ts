/** The fetch for everything that leaves the application (catalog `ssrf-guard`; guide A10; OWASP SSRF prevention). */
import type { Control, Deployment } from "../core/control.ts";
import type { AuditEvent } from "../core/event.ts";
import { finding, type Finding, type Location } from "../core/finding.ts";
import { rejectUnknownOptions } from "../core/options.ts";
import { addressRule } from "./outbound-address.ts";
import { openConnections, type Connections, type Resolve } from "./outbound-connection.ts";
import { OutboundError, outboundErrorOf } from "./outbound-error.ts";
import { redirectedRequest, redirectTarget, wireRequest, type OutboundInit } from "./outbound-request.ts";
import { boundedResponse, release } from "./outbound-response.ts";
import {
  META,
  OUTBOUND_ANY_HOST,
  OUTBOUND_PRIVATE,
  OUTBOUND_PRIVATE_FOR_USERS,
  OUTBOUND_PROXY_BYPASSED,
  OUTBOUND_RULES,
} from "./outbound-rules.ts";
import { targetJudge, type JudgeTarget } from "./outbound-target.ts";

/**
 * Ranges beyond the public internet that may be contacted: an internal service, or a test's own server. `check` reports it. Link-local and
 * metadata addresses stay refused.
 */
export const dangerouslyAllowAddresses: unique symbol = Symbol("dangerouslyAllowAddresses");

export interface OutboundOptions {
  /**
   * The hosts that may be contacted: exact names, `name:port`, and `.example.com` for a domain with everything below it. `"public-only"` means
   * any host on the internet, for URLs that users give.
   */
  readonly hosts: readonly string[] | "public-only";
  /** Ports of entries that name none. 443. */
  readonly ports?: readonly number[];
  /** How many redirects are followed; each destination is judged like the first. None. */
  readonly redirects?: number;
  /** The largest response in bytes, as sent and once decompressed. 5 MiB. */
  readonly maxResponseBytes?: number;
  /** The largest response head in bytes. 16 KiB. */
  readonly maxHeaderBytes?: number;
  /** From the call to the last byte of the body, redirects included. 10 000. */
  readonly timeoutMs?: number;
  /** Resolution, TCP and TLS of one connection. 5 000. */
  readonly connectTimeoutMs?: number;
  /** From the request to the end of the response's head. 10 000. */
  readonly headersTimeoutMs?: number;
  /** Connections to one host at a time; further requests wait. 64. */
  readonly maxConnectionsPerHost?: number;
  /** Certificate authorities as PEM, instead of the system's. */
  readonly ca?: string | readonly string[];
  /** Finds every address of a name; the system's resolver unless you say otherwise. Its answers are vetted like any. */
  readonly resolve?: Resolve;
  /**
   * Through a proxy the proxy resolves names, and no address can be vetted here. So where the environment names one (`HTTPS_PROXY`,
   * `ALL_PROXY`), `outbound()` throws, until `direct` says to connect past it.
   */
  readonly proxy?: "refuse" | "direct";
  /** Receives an event for every refused destination, such as `security.report`. */
  readonly report?: (event: AuditEvent) => void;
  readonly [dangerouslyAllowAddresses]?: readonly string[];
}

/** The only way out. */
export interface Outbound {
  /**
   * As the platform's `fetch`, for https alone. It needs no `this`, so it can be handed to an SDK.
   *
   * @throws OutboundError when the destination is refused or the exchange fails; the reason of the caller's signal when that aborts
   */
  readonly fetch: (input: string | URL | Request, init?: OutboundInit) => Promise<Response>;
  /**
   * Asks whether `fetch` would go there now, and goes nowhere: for a form that takes an address to be called later. It promises nothing for then,
   * when the name may lead elsewhere and `fetch` judges again.
   *
   * @throws OutboundError as `fetch` does, for a destination that is refused or whose name leads nowhere
   * @example
   * await hooks.vet(form.endpoint); // throws for https://169.254.169.254/ and for names that lead there
   */
  readonly vet: (url: string) => Promise<void>;
  /** To mount beside the other controls, so that `check` judges the options. */
  readonly control: Control;
  /** Waits for requests in flight and closes every connection. */
  readonly close: () => Promise<void>;
}

export const OUTBOUND_OPTION_NAMES: readonly string[] = [
  "hosts",
  "ports",
  "redirects",
  "maxResponseBytes",
  "maxHeaderBytes",
  "timeoutMs",
  "connectTimeoutMs",
  "headersTimeoutMs",
  "maxConnectionsPerHost",
  "ca",
  "resolve",
  "proxy",
  "report",
] satisfies readonly (keyof OutboundOptions)[];

const PROXY_VARIABLES = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
const MOST_REDIRECTS = 10;

/**
 * Opens the way out to a set of destinations. A URL is judged as text, its host against the list, and every address of the host against the
 * special-purpose registries; the connection then goes to those very addresses (no DNS rebinding).
 *
 * @throws TypeError on an unknown option, a host or limit that is none, and where the environment names a proxy
 * @example
 * const stripe = outbound({ hosts: ["api.stripe.com"] });
 * const previews = outbound({ hosts: "public-only", redirects: 3, maxResponseBytes: 1_000_000, report: security.report });
 * const page = await previews.fetch(linkFromUser);
 */
export function outbound(options: OutboundOptions): Outbound {
  rejectUnknownOptions("outbound", options, OUTBOUND_OPTION_NAMES);
  const { hosts, ports = [443], proxy = "refuse", report = () => undefined } = options;
  if (hosts !== "public-only" && !(Array.isArray(hosts) && hosts.length > 0))
    throw new TypeError(
      'outbound() needs hosts: a list such as ["api.example.com"], or "public-only" for users\' URLs.',
    );
  if (proxy !== "direct") refuseProxy(process.env);
  const redirects = bounded("redirects", options.redirects ?? 0, 0, MOST_REDIRECTS);
  const maxResponseBytes = bounded("maxResponseBytes", options.maxResponseBytes ?? 5 * 1024 * 1024, 1, 2 ** 40);
  const timeoutMs = bounded("timeoutMs", options.timeoutMs ?? 10_000, 1, 2 ** 31 - 1);
  const permits = addressRule(options[dangerouslyAllowAddresses]);
  const judge = targetJudge({ hosts, ports, permits });
  const connectTimeoutMs = bounded("connectTimeoutMs", options.connectTimeoutMs ?? 5_000, 1, 2 ** 31 - 1);
  const connections = openConnections({
    permits,
    resolve: options.resolve,
    ca: options.ca,
    timeoutMs,
    connectTimeoutMs,
    headersTimeoutMs: bounded("headersTimeoutMs", options.headersTimeoutMs ?? 10_000, 1, 2 ** 31 - 1),
    maxHeaderBytes: bounded("maxHeaderBytes", options.maxHeaderBytes ?? 16_384, 256, 1_048_576),
    maxConnectionsPerHost: bounded("maxConnectionsPerHost", options.maxConnectionsPerHost ?? 64, 1, 65_536),
  });
  const fetchWithin = fetcher({ judge, connections, redirects, maxResponseBytes, timeoutMs });
  const told = (error: unknown): never => {
    if (error instanceof OutboundError && error.blocked) report(blockedEvent(error));
    throw error;
  };
  return {
    fetch: (input, init) => fetchWithin(input, init).catch(told),
    vet: (url) => vetWithin({ judge, connections, timeoutMs: connectTimeoutMs }, url).catch(told),
    control: { meta: META, rules: OUTBOUND_RULES, check: (deployment) => assess(options, deployment) },
    close: () => connections.close(),
  };
}

interface Way {
  readonly judge: JudgeTarget;
  readonly connections: Connections;
  readonly redirects: number;
  readonly maxResponseBytes: number;
  readonly timeoutMs: number;
}

function fetcher({ judge, connections, redirects, maxResponseBytes, timeoutMs }: Way): Outbound["fetch"] {
  return async (input, given = {}) => {
    const { target, init } = readInput(input, given);
    let request = wireRequest(init);
    let url = judge(target);
    const deadline = startDeadline(timeoutMs, init.signal, url.hostname);
    try {
      for (let hop = 0; ; hop += 1) {
        const wire = await connections.send(url, request, deadline.signal);
        const location = redirectTarget(wire.status, wire.headers["location"]);
        if (location === undefined || init.redirect === "manual") {
          const bounds = { maxResponseBytes, finished: deadline.end };
          const response = await boundedResponse(wire, url, request.method, bounds).catch((error: unknown) => {
            release(wire);
            throw error;
          });
          if (hop > 0) Object.defineProperty(response, "redirected", { value: true });
          return response;
        }
        release(wire);
        if (hop >= redirects || init.redirect === "error") throw new OutboundError("redirect-refused", url.hostname);
        const next = judge(location, url);
        request = redirectedRequest(request, wire.status, url, next);
        url = next;
      }
    } catch (error) {
      deadline.end();
      if (init.signal?.aborted === true) throw init.signal.reason;
      throw outboundErrorOf(error, url.hostname);
    }
  };
}

async function vetWithin(
  { judge, connections, timeoutMs }: Pick<Way, "judge" | "connections" | "timeoutMs">,
  url: string,
) {
  const { hostname } = judge(url);
  const deadline = startDeadline(timeoutMs, undefined, hostname);
  await connections.vet(hostname, deadline.signal).finally(deadline.end);
}

/** A Request object is taken apart, because its own dispatcher and redirect mode must not count. */
function readInput(input: string | URL | Request, given: OutboundInit): { target: string; init: OutboundInit } {
  if (typeof input === "string") return { target: input, init: given };
  if (input instanceof URL) return { target: input.href, init: given };
  const { url, method, headers, body, signal } = input;
  return { target: url, init: { method, headers, body, signal, ...given } };
}

interface Deadline {
  readonly signal: AbortSignal;
  readonly end: () => void;
}

function startDeadline(timeoutMs: number, outer: AbortSignal | null | undefined, host: string): Deadline {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(new OutboundError("timed-out", host)), timeoutMs);
  const abort = (): void => controller.abort(outer?.reason);
  if (outer?.aborted === true) abort();
  else outer?.addEventListener("abort", abort, { once: true });
  return {
    signal: controller.signal,
    end() {
      clearTimeout(timer);
      outer?.removeEventListener("abort", abort);
    },
  };
}

function bounded(name: string, value: number, least: number, most: number): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new TypeError(`outbound() needs ${name} as a whole number from ${least} to ${most}.`);
}

function refuseProxy(variables: NodeJS.ProcessEnv): void {
  const name = PROXY_VARIABLES.find((variable) => (variables[variable] ?? "") !== "");
  if (name === undefined) return;
  throw new TypeError(
    `outbound() will not go through a proxy, and ${name} is set: a proxy resolves names itself, so no address can be vetted here. ` +
      `Unset it for this process, or say outbound({ proxy: "direct" }) to connect past it.`,
  );
}

/** The host is canonical and holds letters, digits, dots and hyphens alone; path, query and user name stay out of the log. */
function blockedEvent({ reason, host }: OutboundError): AuditEvent {
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

function assess(options: OutboundOptions, { mode, variables }: Deployment): readonly Finding[] {
  if (mode !== "production") return [];
  const at = (name: string): Location => ({ kind: "setting", name });
  const findings: Finding[] = [];
  const anyHost = options.hosts === "public-only";
  if (anyHost) findings.push(finding(OUTBOUND_ANY_HOST, at("hosts")));
  const ranges = options[dangerouslyAllowAddresses] ?? [];
  if (ranges.length > 0) {
    const rule = anyHost ? OUTBOUND_PRIVATE_FOR_USERS : OUTBOUND_PRIVATE;
    findings.push(finding(rule, at("dangerouslyAllowAddresses"), ranges.join(", ")));
  }
  const proxy = PROXY_VARIABLES.find((name) => (variables.get(name) ?? "") !== "");
  if (proxy !== undefined) findings.push(finding(OUTBOUND_PROXY_BYPASSED, { kind: "environment", name: proxy }));
  return findings;
}
