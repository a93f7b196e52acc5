/** An issuer's public keys: fetched from one address that we chose, kept for a while, and kept longer while the issuer does not answer. */
import type { AuditEvent } from "../core/event.ts";
import { rejectUnknownOptions } from "../core/options.ts";
import type { PublicKeys } from "./jwt-verification.ts";
import { canParseUrl } from "../primitives/can-parse-url.ts";

/** The part of `fetch` that is used; `outbound.fetch` fits, and is the one to pass. */
export type KeyFetch = (
  url: string,
  init: {
    readonly headers: Readonly<Record<string, string>>;
    readonly redirect: "error";
    readonly signal: AbortSignal;
  },
) => Promise<Response>;

export interface PublishedKeysOptions {
  /** Where the issuer publishes its keys: https, fixed, never from a token. */
  readonly url: string;
  readonly fetch: KeyFetch;
  /** How long fetched keys are used without asking again: 600 seconds. */
  readonly freshSeconds?: number;
  /** How long they are used while the issuer does not answer: a day. */
  readonly staleSeconds?: number;
  /** How long an unknown key waits for the next question: 30 seconds, so that invented key ids cannot make us ask without end. */
  readonly cooldownSeconds?: number;
  /** Told of fetches that failed: `security.report`. */
  readonly report?: (event: AuditEvent) => void;
}

/** Where a verifier finds the keys of one issuer. */
export interface KeySet {
  /** @throws when there are none to be had */
  current(nowMs: number): PublicKeys | Promise<PublicKeys>;
  /** Keys that are newer than those, because a token names one that is not among them; undefined when nobody may be asked again yet. */
  newer(known: PublicKeys, nowMs: number): Promise<PublicKeys | undefined>;
}

const TIMEOUT_MS = 5_000;
const MOST_BYTES = 262_144;
const MOST_KEYS = 100;
const OPTIONS = ["url", "fetch", "freshSeconds", "staleSeconds", "cooldownSeconds", "report"];

/**
 * Keys from an issuer's JWKS (RFC 7517 section 5). Many requests at once make one fetch; a fetch that fails leaves the old keys in use.
 *
 * @throws TypeError on an unknown option, or an address that is not https.
 * @example
 * publishedKeys({ url: "https://issuer.example/jwks", fetch: outbound.fetch });
 */
export function publishedKeys(options: PublishedKeysOptions): KeySet {
  rejectUnknownOptions("publishedKeys", options, OPTIONS);
  const { url, fetch, freshSeconds = 600, staleSeconds = 86_400, cooldownSeconds = 30, report } = options;
  if (!canParseUrl(url) || new URL(url).protocol !== "https:" || new URL(url).username !== "")
    throw new TypeError('publishedKeys() needs an https address, such as "https://issuer.example/jwks".');
  if (typeof fetch !== "function") throw new TypeError("publishedKeys() needs fetch: outbound.fetch.");
  if (!(freshSeconds > 0 && staleSeconds >= freshSeconds && cooldownSeconds >= 1))
    throw new TypeError("publishedKeys() needs freshSeconds above zero, staleSeconds no smaller, and a cooldown.");
  let held: { readonly keys: PublicKeys; readonly atMs: number } | undefined;
  let askedAtMs = Number.NEGATIVE_INFINITY;
  let flight: Promise<PublicKeys> | undefined;

  const ask = (nowMs: number): Promise<PublicKeys> => {
    askedAtMs = nowMs;
    flight ??= readKeys(url, fetch)
      .then((keys) => {
        held = { keys, atMs: nowMs };
        return keys;
      })
      .catch((error: unknown) => {
        report?.(unreachable(error));
        throw error;
      })
      .finally(() => (flight = undefined));
    return flight;
  };
  const rests = (nowMs: number): boolean => nowMs - askedAtMs < cooldownSeconds * 1000;

  return {
    current(nowMs) {
      if (held === undefined) return rests(nowMs) && flight === undefined ? missing() : ask(nowMs);
      const ageMs = nowMs - held.atMs;
      if (ageMs < freshSeconds * 1000) return held.keys;
      const { keys } = held;
      if (ageMs >= staleSeconds * 1000) return rests(nowMs) && flight === undefined ? missing() : ask(nowMs);
      // The old ones do while the new ones come.
      if (!rests(nowMs)) void ask(nowMs).catch(() => undefined);
      return keys;
    },
    async newer(known, nowMs) {
      if (held !== undefined && held.keys !== known) return held.keys;
      if (flight === undefined && rests(nowMs)) return undefined;
      return ask(nowMs);
    },
  };
}

/** Keys that are written down, such as a partner's single one. They never change, so nobody is asked. */
export function fixedKeys(keys: PublicKeys): KeySet {
  const checked = requireKeys(keys);
  return { current: () => checked, newer: () => Promise.resolve(undefined) };
}

function missing(): Promise<PublicKeys> {
  return Promise.reject(new Error("The issuer's keys could not be fetched a moment ago."));
}

async function readKeys(url: string, fetch: KeyFetch): Promise<PublicKeys> {
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const response = await fetch(url, { headers: { accept: "application/json" }, redirect: "error", signal });
  if (response.status !== 200) throw new Error(`The issuer's keys: status ${response.status}.`);
  return requireKeys(JSON.parse(await boundedText(response)));
}

async function boundedText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += chunk.length;
    if (bytes > MOST_BYTES) throw new Error("The issuer's keys are longer than 256 KiB.");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** Public keys alone: a secret among them would be everybody's. */
function requireKeys(value: unknown): PublicKeys {
  const keys = (value as { readonly keys?: unknown } | null)?.keys;
  if (!Array.isArray(keys) || keys.length === 0 || keys.length > MOST_KEYS)
    throw new TypeError("These are no keys as RFC 7517 section 5 has them.");
  const usable = (keys as readonly unknown[]).filter(
    (key): key is PublicKeys["keys"][number] =>
      typeof key === "object" &&
      key !== null &&
      ["RSA", "EC", "OKP"].includes((key as { readonly kty?: string }).kty ?? ""),
  );
  if (usable.some((key) => "d" in key)) throw new TypeError("A private key stands among the public ones.");
  return { keys: usable };
}

function unreachable(error: unknown): AuditEvent {
  return {
    event_type: "system",
    status: "failed",
    severity: "error",
    event: "sys_issuer_keys_unavailable",
    control: "jwt-signature",
    error: error instanceof Error ? error.name : "unknown",
  };
}
