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

/** From strict to lax. */
const REFERRERS = [
  "no-referrer",
  "same-origin",
  "strict-origin",
  "strict-origin-when-cross-origin",
  "origin",
  "origin-when-cross-origin",
  "no-referrer-when-downgrade",
  "unsafe-url",
];

/** Why we differ from the recorded behaviour on purpose. Where the value is at fault, the factory throws. */
function differenceOf({ kind, settings, setting, preset, exempt }: HeadersCase): string | undefined {
  if (kind === "x-frame-options") {
    if (exempt) return "no response is exempt; a page that others embed names them";
    if (preset !== null && preset !== setting?.toUpperCase() && preset !== "DENY")
      return "an application's laxer X-Frame-Options is replaced";
    return setting === null || setting === undefined || /^(?:deny|sameorigin)$/iu.test(setting)
      ? undefined
      : "ALLOWALL, ALLOW-FROM and nothing cannot be configured: browsers ignore them and allow everyone";
  }
  const seconds = settings["SECURE_HSTS_SECONDS"] ?? 0;
  const own = new Map(Object.entries(preset).map(([name, value]) => [name.toLowerCase(), value]));
  const referrer = settings["SECURE_REFERRER_POLICY"];
  const nosniff = own.get("x-content-type-options");
  if (settings["SECURE_CONTENT_TYPE_NOSNIFF"] === false && nosniff === undefined)
    return "nosniff cannot be switched off";
  if (
    !settings["SECURE_CROSS_ORIGIN_OPENER_POLICY"] &&
    "SECURE_CROSS_ORIGIN_OPENER_POLICY" in settings &&
    !own.has("cross-origin-opener-policy")
  )
    return "a Cross-Origin-Opener-Policy is always sent";
  if ((referrer === null && !own.has("referrer-policy")) || referrer === "" || referrer === "not-a-policy")
    return "a Referrer-Policy that browsers know is always sent";
  if (typeof seconds !== "number") return "a number in quotes throws";
  const listed = seconds >= 31_536_000 && settings["SECURE_HSTS_INCLUDE_SUBDOMAINS"] === true;
  if (seconds > 0 && settings["SECURE_HSTS_PRELOAD"] === true && !listed)
    return "preload for less than a year or a part of the domain throws: the list would refuse it";
  if (nosniff !== undefined && nosniff !== "nosniff") return "an application's empty nosniff is replaced";
  const strict = own.get("strict-transport-security");
  const isShorter = Number(/max-age=(\d+)/u.exec(strict ?? "")?.[1] ?? seconds) < seconds;
  const isNarrower = settings["SECURE_HSTS_INCLUDE_SUBDOMAINS"] === true && strict?.includes("includeSub") === false;
  if (seconds > 0 && (isShorter || isNarrower)) return "an application's shorter or narrower HSTS is replaced";
  const policy = own.get("referrer-policy");
  const wanted = (referrer ?? "same-origin") as string | readonly string[];
  const configured = [wanted].flat().join(",").split(",").at(-1)?.trim() ?? "";
  return policy !== undefined && REFERRERS.indexOf(policy) > REFERRERS.indexOf(configured)
    ? "an application's laxer policy is replaced"
    : undefined;
}

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

  const sent = ({ settings, preset, secure }: HeadersCase) => emit(controlsFor(settings), preset, secure);
  const framed = ({ setting, preset }: HeadersCase): string | undefined => {
    const origins = setting?.toUpperCase() === "SAMEORIGIN" ? ["'self'"] : [];
    return emit([frameOptions({ origins })], preset === null ? {} : { "x-frame-options": preset }, true)[
      "x-frame-options"
    ];
  };

  it.each(responses)("$id", (one) => {
    const kept = Object.fromEntries(Object.entries(one.preset).map(([name, value]) => [name.toLowerCase(), value]));
    const expected = Object.entries(NAMES).map(([lower, name]) => one.added[name] ?? kept[lower]);
    const why = differenceOf(one);
    const ours = (): unknown => Object.keys(NAMES).map((name) => sent(one)[name]);
    if (why === undefined) expect(ours()).toEqual(expected);
    else expect(outcomeOf(ours), why).not.toEqual(expected);
  });

  it.each(frames)("$id", (one) => {
    const why = differenceOf(one);
    if (why === undefined) expect(framed(one)).toBe(one.result);
    else expect(framed(one), why).not.toBe(one.result);
  });
});

/** What comes of it; the message, where the value is refused. */
function outcomeOf(run: () => unknown): unknown {
  try {
    return run();
  } catch (error) {
    if (error instanceof TypeError) return error.message;
    throw error;
  }
}
