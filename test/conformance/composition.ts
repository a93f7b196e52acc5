/** The composition that every case runs against: the preset, with small limits, and two defective controls to see what a defect does. */
import { glacis, keyRing, newKey, saas, withControls, type AuditRecord, type Security } from "glacis";
import type { Csrf, Sessions } from "glacis/authentication";
import { requestLimits } from "glacis/network";
import { stubControl } from "glacis/testing";
import { ALLOW } from "../../packages/glacis/src/core/decision.ts";

const ORIGIN = "https://app.example.com";

export interface Composition {
  readonly security: Security;
  readonly sessions: Sessions;
  readonly csrf: Csrf;
  /** Every event, in order. */
  readonly records: AuditRecord[];
}

export function compose(): Composition {
  const records: AuditRecord[] = [];
  const preference = { purpose: "preference" } as const;
  const layers = saas({
    mode: "test",
    origin: ORIGIN,
    keys: keyRing(newKey("k1")),
    proxies: ["127.0.0.1/32"],
    cors: {
      origins: ["https://partner.example"],
      credentials: ["https://partner.example"],
      allowedHeaders: ["content-type"],
    },
    cookies: { first: preference, second: preference, a: preference, b: preference },
    // Cases come from addresses of their own; only the case about the limit fills one.
    limits: { client: "20/m" },
    audit: (record) => void records.push(record),
  });
  const small = requestLimits({
    jsonBytes: 20_000,
    formBytes: 20_000,
    multipartBytes: 20_000,
    multipartParts: 5,
    headersTimeoutMs: 1500,
    requestTimeoutMs: 1500,
    responseTimeoutMs: 1500,
  });
  const mounted = withControls(layers, small.control);
  const security = glacis({
    ...mounted,
    network: [...mounted.network, brokenOpen],
    transport: [...mounted.transport, brokenHead],
    body: small.body,
    server: small.server,
    controlTimeoutMs: 150,
  });
  return { security, sessions: layers.sessions, csrf: layers.csrf, records };
}

const brokenOpen = stubControl("open-throws", {
  decide(facts: { readonly path: string }) {
    if (facts.path === "/broken-open") throw new Error("SECRET control failure");
    return ALLOW;
  },
});

const brokenHead = stubControl("head-throws", {
  head(_draft: unknown, facts: { readonly path: string }) {
    if (facts.path === "/broken-head") throw new Error("SECRET head failure");
  },
});
