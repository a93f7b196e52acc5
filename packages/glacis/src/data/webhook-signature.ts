/** Webhooks that we receive: verified over the body as it came, fresh, and each once (catalog webhook-signatures; guide A08). */
import { hash } from "node:crypto";
import { publicAccess } from "../core/access.ts";
import type { Control, ControlMeta } from "../core/control.ts";
import { ALLOW, deny, type Decision } from "../core/decision.ts";
import type { IdentifiedFacts, RequestFacts } from "../core/facts.ts";
import { finding, type Rule } from "../core/finding.ts";
import { rejectUnknownOptions } from "../core/options.ts";
import { PerRequest } from "../core/per-request.ts";
import { routeRule, type RouteRule } from "../core/route.ts";
import type { Secret } from "../core/secret.ts";
import type { SingleUseStore } from "./single-use.ts";
import type { WebhookClaim, WebhookKey } from "./webhook-key.ts";
import { standardWebhooks, type WebhookScheme } from "./webhook-scheme.ts";

const META: ControlMeta = {
  id: "webhook-signatures",
  title: "Inbound webhooks verified on raw bytes; outbound signed and SSRF-safe",
  layer: "data",
  guide: ["A08"],
  owasp2021: ["A08", "A10"],
  owasp2025: ["A08", "A01"],
  asvs: ["v5.0.0-4.1.5"],
  cwe: ["CWE-345", "CWE-347", "CWE-294", "CWE-918"],
};

export const WEBHOOK_NO_TIME: Rule = {
  id: "webhook-signatures/no-time",
  severity: "note",
  what: "The sender of a webhook signs no time.",
  why: "A delivery that somebody recorded can be played again once it is no longer remembered.",
  fix: "Have the sender use Standard Webhooks where it can; otherwise let the handler do nothing twice.",
};

const TOLERANCE_SECONDS = 300;
const REMEMBER_SECONDS = 2_592_000;
const BODY_BYTES = 262_144;
const MOST_SECRETS = 5;
const NAME = /^[a-z][a-z0-9-]{0,31}$/u;

export interface WebhookSignatureOptions {
  /** Who sends, such as `stripe`: in the route table, and apart from every other sender in the store. */
  readonly name: string;
  /** The sender's secrets, or its public keys; more than one while it changes. As a function it is asked at each delivery. */
  readonly secrets: readonly Secret<string>[] | (() => readonly Secret<string>[]);
  /** Remembers what has arrived: `postgresSingleUse(...)` or `redisSingleUse(...)`. */
  readonly store: SingleUseStore;
  /** `standardWebhooks()` unless you say otherwise. */
  readonly scheme?: WebhookScheme;
  /** How far the sender's clock and ours may be apart, delays included: 300 seconds, and no more. */
  readonly toleranceSeconds?: number;
  /** How long a delivery is remembered when its sender signs no time: 30 days. */
  readonly rememberSeconds?: number;
}

/** A delivery whose signature was good. */
export interface WebhookDelivery {
  /** The sender's id of the event, where it is signed: the same at every attempt, so a handler keeps it to do nothing twice. */
  readonly id: string | undefined;
  readonly sentAtMs: number | undefined;
}

export interface WebhookSignature {
  /**
   * The rule of the route: open to whoever can sign, without a CSRF token, 256 KiB at most, verified before the handler runs.
   * `access(stripe.rule)`.
   */
  readonly rule: RouteRule;
  /** The control by itself, for a rule of your own; that needs `csrfExempt: "verified by webhook signature"`. */
  readonly control: Control<IdentifiedFacts>;
  /** @throws Error for a request that this webhook has not verified */
  delivery(request: RequestFacts): WebhookDelivery;
}

type Cause = "headers" | "no_body" | "secret_missing" | "stale" | "future" | "mismatch" | "replayed";

const OPTIONS = ["name", "secrets", "store", "scheme", "toleranceSeconds", "rememberSeconds"];

/**
 * Verifies webhooks. The signature is over the text that arrived, never over what a parser made of it; a signed message counts once within its time, in
 * every process. A sender's further attempt is signed anew and comes through: `delivery(request).id` tells the handler that it has seen the event.
 *
 * @throws TypeError on an unknown option, a name that is none, or a secret that cannot be one.
 * @example
 * const stripe = webhookSignature({ name: "stripe", scheme: timestampedSignature(), secrets: [secret], store });
 * app.post("/hooks/stripe", access(stripe.rule), (request, response) => receive(stripe.delivery(requestOf(request))));
 */
export function webhookSignature(options: WebhookSignatureOptions): WebhookSignature {
  const { name, store, scheme, keys, toleranceMs, rememberMs } = settingsOf(options);
  const verified = new PerRequest<WebhookDelivery>();

  function judgeHeaders(facts: IdentifiedFacts): { readonly claim: WebhookClaim } | { readonly cause: Cause } {
    const claim = scheme.read(facts.wire);
    if (claim === undefined) return { cause: "headers" };
    const ageMs = facts.receivedAtMs - (claim.sentAtMs ?? facts.receivedAtMs);
    if (ageMs > toleranceMs) return { cause: "stale" };
    return ageMs < -toleranceMs ? { cause: "future" } : { claim };
  }

  async function judgeBody(facts: IdentifiedFacts, text: string): Promise<Decision> {
    const judged = judgeHeaders(facts);
    if ("cause" in judged) return refuse(name, judged.cause);
    const { claim } = judged;
    const present = keys();
    if (present.length === 0) return refuse(name, "secret_missing");
    // Each key is asked, so that time does not tell which of them it is.
    if (present.filter((key) => key.signed(claim, text)).length === 0) return refuse(name, "mismatch");
    const message = hash("sha256", `${claim.preamble}${text}`, "base64url");
    // Twice the tolerance, so that a store whose clock is ahead of ours does not forget what still counts.
    const untilMs = claim.sentAtMs === undefined ? facts.receivedAtMs + rememberMs : claim.sentAtMs + 2 * toleranceMs;
    if (!(await store.take(`webhook:${name}:${message}`, untilMs))) return refuse(name, "replayed");
    verified.set(facts, { id: claim.id, sentAtMs: claim.sentAtMs });
    return ALLOW;
  }

  const control: Control<IdentifiedFacts> = {
    meta: META,
    rules: [WEBHOOK_NO_TIME],
    // Nothing of the body has been read yet: what cannot be good is not worth reading.
    decide(facts) {
      const judged = judgeHeaders(facts);
      if ("cause" in judged) return refuse(name, judged.cause);
      return facts.awaitsBody ? ALLOW : refuse(name, "no_body");
    },
    decideBody: (facts, { text }) => judgeBody(facts, text),
    check: () =>
      scheme.signsTime ? [] : [finding(WEBHOOK_NO_TIME, { kind: "setting", name: `webhookSignature ${name}` })],
  };
  return {
    control,
    rule: routeRule(publicAccess(`webhook of ${name}, verified by its signature`), {
      kind: "api",
      csrfExempt: "verified by webhook signature",
      bodyBytes: BODY_BYTES,
      controls: [control],
    }),
    delivery(request) {
      const delivery = verified.get(request);
      if (delivery === undefined) throw new Error(`This request did not pass webhookSignature("${name}").`);
      return delivery;
    },
  };
}

interface Settings {
  readonly name: string;
  readonly store: SingleUseStore;
  readonly scheme: WebhookScheme;
  readonly keys: () => readonly WebhookKey[];
  readonly toleranceMs: number;
  readonly rememberMs: number;
}

function settingsOf(options: WebhookSignatureOptions): Settings {
  rejectUnknownOptions("webhookSignature", options, OPTIONS);
  const { name, secrets, store, scheme = standardWebhooks() } = options;
  const { toleranceSeconds = TOLERANCE_SECONDS, rememberSeconds = REMEMBER_SECONDS } = options;
  if (typeof name !== "string" || !NAME.test(name))
    throw new TypeError('webhookSignature() needs the name of the sender, such as "stripe".');
  if (typeof store?.take !== "function") throw new TypeError("webhookSignature() needs a store of what has arrived.");
  if (!(toleranceSeconds > 0 && toleranceSeconds <= TOLERANCE_SECONDS))
    throw new TypeError(`webhookSignature() needs toleranceSeconds up to ${TOLERANCE_SECONDS}.`);
  if (!(rememberSeconds >= 86_400)) throw new TypeError("webhookSignature() needs rememberSeconds of a day at least.");
  const times = { toleranceMs: toleranceSeconds * 1000, rememberMs: rememberSeconds * 1000 };
  if (typeof secrets === "function") return { name, store, scheme, keys: () => keysOf(secrets(), scheme), ...times };
  const keys = keysOf(secrets, scheme);
  if (keys.length === 0) throw new TypeError("webhookSignature() needs one to five secrets of the sender.");
  return { name, store, scheme, keys: () => keys, ...times };
}

function keysOf(secrets: readonly Secret<string>[], scheme: WebhookScheme): readonly WebhookKey[] {
  if (!Array.isArray(secrets) || secrets.length > MOST_SECRETS)
    throw new TypeError("webhookSignature() needs one to five secrets of the sender.");
  return secrets.map((secret: Secret<string>) => {
    const key = scheme.keyOf(secret.reveal());
    if (key === undefined) throw new TypeError(`A secret is not of the form that "${scheme.name}" webhooks have.`);
    return key;
  });
}

function refuse(name: string, cause: Cause): Decision {
  return deny(
    "signature_invalid",
    {
      event_type: "crypto",
      status: "refused",
      severity: cause === "secret_missing" ? "error" : "warning",
      event: "crypto_webhook_rejected",
      control: META.id,
      reason: "signature_invalid",
      detail: cause,
      resource_type: "webhook",
      resource_id: name,
    },
    { why: `Webhook of ${name}: ${cause}.` },
  );
}
