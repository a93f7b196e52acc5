import { describe, expect, it } from "vitest";
import { loadVectors } from "../../../../test/support/vectors.ts";
import type { Control } from "../core/control.ts";
import { compileHead } from "../core/head.ts";
import { sketchExchange } from "../testing/exchange.ts";
import { sketchResponse } from "../testing/response.ts";
import { contentTypeOptions } from "./content-type-options.ts";
import { crossOriginPolicies } from "./cross-origin-policies.ts";
import { frameOptions } from "./frame-options.ts";
import { hsts } from "./hsts.ts";
import { referrerPolicy, type ReferrerPolicy } from "./referrer-policy.ts";

interface HeadersCase {
  readonly id: string;
  readonly kind: string;
  readonly secure: boolean;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly added: Readonly<Record<string, string>>;
  readonly setting?: string | null;
  readonly preset: Readonly<Record<string, string>> & (string | null);
  readonly exempt: boolean;
  readonly result: string | null;
}

/** Where we differ from the recorded behaviour on purpose. */
const DEVIATIONS: Readonly<Record<string, string>> = {
  "headers-002": "nosniff cannot be switched off",
  "headers-005": "a Cross-Origin-Opener-Policy is always sent",
  "headers-008": "an application's laxer policy is replaced",
  "headers-009": "a Referrer-Policy is always sent",
  "headers-045": "an empty policy throws",
  "headers-049": "a policy that browsers do not know throws",
  "headers-050": "an empty policy throws",
  "headers-052": "an application's empty nosniff is replaced",
  "headers-053": "an application's shorter HSTS is replaced",
  "headers-041": "a number in quotes throws",
  "headers-043": "preload for a second throws: the list would refuse it",
  "headers-042": "preload without a duration throws",
  "headers-032": "an application's laxer X-Frame-Options is replaced",
  "headers-037": "no response is exempt; a page that others embed names them",
  "headers-082": "an empty value cannot be configured",
  "headers-083": "ALLOWALL cannot be configured",
  "headers-084": "ALLOW-FROM cannot be configured: browsers ignore it and allow everyone",
  "headers-085": "an application's empty value is replaced",
};

const vectors = loadVectors<HeadersCase>("headers");
const NAMES: Readonly<Record<string, string>> = {
  "strict-transport-security": "Strict-Transport-Security",
  "x-content-type-options": "X-Content-Type-Options",
  "referrer-policy": "Referrer-Policy",
  "cross-origin-opener-policy": "Cross-Origin-Opener-Policy",
};

function controlsFor(settings: Readonly<Record<string, unknown>>): readonly Control[] {
  const seconds = (settings["SECURE_HSTS_SECONDS"] ?? 0) as number;
  const policy = (settings["SECURE_REFERRER_POLICY"] ?? "same-origin") as string | readonly string[];
  const policies = [policy].flat().flatMap((list) => list.split(",").map((token) => token.trim() as ReferrerPolicy));
  const strict =
    seconds === 0
      ? []
      : [
          hsts({
            maxAgeSeconds: seconds,
            includeSubDomains: settings["SECURE_HSTS_INCLUDE_SUBDOMAINS"] === true,
            preload: settings["SECURE_HSTS_PRELOAD"] === true,
          }),
        ];
  const opener = settings["SECURE_CROSS_ORIGIN_OPENER_POLICY"] ?? "same-origin";
  return [
    ...strict,
    contentTypeOptions(),
    referrerPolicy({ policy: policies }),
    crossOriginPolicies({ opener: opener as "same-origin" }),
  ];
}

function emit(
  controls: readonly Control[],
  preset: Readonly<Record<string, string>>,
  secure: boolean,
): Readonly<Record<string, string>> {
  const lower = Object.fromEntries(Object.entries(preset).map(([name, value]) => [name.toLowerCase(), value]));
  const draft = sketchResponse({ headers: lower });
  compileHead(controls, () => undefined)(sketchExchange({ scheme: secure ? "https" : "http" }), draft);
  return draft.headers();
}

describe.skipIf(vectors === undefined)("recorded response headers", () => {
  const cases = vectors?.cases ?? [];
  const responses = cases.filter(({ kind }) => kind === "response");
  const frames = cases.filter(({ kind }) => kind === "x-frame-options");

  it.each(responses.filter(({ id }) => !(id in DEVIATIONS)))("$id", ({ settings, preset, secure, added }) => {
    const headers = emit(controlsFor(settings), preset, secure);
    const kept = Object.fromEntries(Object.entries(preset).map(([name, value]) => [name.toLowerCase(), value]));
    for (const [lower, name] of Object.entries(NAMES)) expect(headers[lower], name).toBe(added[name] ?? kept[lower]);
  });

  it.each(frames.filter(({ id }) => !(id in DEVIATIONS)))("$id", ({ setting, preset, result }) => {
    const origins = setting?.toUpperCase() === "SAMEORIGIN" ? ["'self'"] : [];
    const headers = emit([frameOptions({ origins })], preset === null ? {} : { "x-frame-options": preset }, true);
    expect(headers["x-frame-options"]).toBe(result);
  });

  it("differs only in cases that exist", () => {
    const known = new Set([...responses, ...frames].map(({ id }) => id));
    expect(Object.keys(DEVIATIONS).filter((id) => !known.has(id))).toEqual([]);
  });

  it.each(
    responses.filter(({ id }) =>
      ["headers-041", "headers-043", "headers-045", "headers-049", "headers-050"].includes(id),
    ),
  )("$id: throws at construction", ({ settings }) => {
    expect(() => controlsFor(settings)).toThrow(TypeError);
  });
});
