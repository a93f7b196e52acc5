import { deny } from "../core/decision.ts";
import type { AuditRecord } from "../core/event.ts";
import type { ClientAddress } from "../core/brand.ts";
import { ANONYMOUS } from "../core/principal.ts";
import type { Layers } from "../core/security.ts";
import { rawHeader } from "../core/wire.ts";
import { parseCookieHeader } from "../primitives/cookie-header.ts";
import { systemSources } from "../primitives/sources.ts";

/**
 * The smallest composition that works: no controls, everyone anonymous, JSON bodies parsed, events kept in a list. For tests of one control or
 * of an adapter; an application starts from `saas()`.
 */
export function bareLayers(replacements: Partial<Layers> = {}): Layers & { readonly records: AuditRecord[] } {
  const records: AuditRecord[] = [];
  const layers: Layers = {
    mode: "test",
    origin: "https://app.example.com",
    interpretation: {
      sources: systemSources(),
      resolve: (wire) => ({
        client: wire.peerAddress as ClientAddress,
        scheme: wire.encrypted ? "https" : "http",
        authority: rawHeader(wire.rawHeaders, "host"),
      }),
      parseCookies: parseCookieHeader,
    },
    environment: [],
    network: [],
    transport: [],
    authenticate: () => ({ principal: ANONYMOUS, session: undefined }),
    authentication: [],
    authorization: [],
    body: {
      maxBytes: () => 100_000,
      parses: (mediaType) => mediaType === "application/json",
      parse: parseJson,
      watchMultipart: () => () => undefined,
    },
    server: {
      maxHeaderBytes: 16_384,
      maxHeaderCount: 100,
      headersTimeoutMs: 15_000,
      requestTimeoutMs: 30_000,
      responseTimeoutMs: 5_000,
      keepAliveTimeoutMs: 5_000,
      connectionsCheckingIntervalMs: 1_000,
      maxRequestsPerSocket: 1_000,
    },
    endpoints: [],
    audit: (record) => void records.push(record),
    controlTimeoutMs: 1_000,
    ...replacements,
  };
  return Object.defineProperty(layers, "records", { value: records, enumerable: false }) as Layers & {
    records: AuditRecord[];
  };
}

function parseJson(_mediaType: string, text: string): ReturnType<Layers["body"]["parse"]> {
  try {
    return { value: JSON.parse(text) as unknown };
  } catch {
    const event = {
      event_type: "input_validation",
      status: "refused",
      severity: "info",
      event: "input_validation_fail",
    } as const;
    return { refusal: deny("body_malformed", event) };
  }
}

/** A control with the given faces and nothing else, for tests of the composition. */
export function stubControl<Faces extends object>(id: string, faces: Faces): Faces & Layers["network"][number] {
  const meta = { id, title: id, layer: "network", guide: [], owasp2021: [], owasp2025: [], asvs: [], cwe: [] } as const;
  return { meta, rules: [], check: () => [], ...faces };
}
