/** Values that count once: a link to reset a password, an invitation, a confirmation (catalog signed-payloads, CWE-294). */
import { randomBytes } from "node:crypto";
import { rejectUnknownOptions } from "../core/options.ts";
import {
  signer,
  type SignerOptions,
  type SigningContext,
  type SignOptions,
  type VerifyOptions,
} from "./signed-value.ts";

const NONCE_BYTES = 16;
const NONCE_CHARACTERS = 22;
const CONTEXT = "glacis/single-use";

/** Remembers what was used. */
export interface SingleUseStore {
  /**
   * Marks an id as used, and says whether this call was the first one: of any number at once, in any number of processes, exactly one is.
   *
   * @param id at most 128 characters
   * @param untilMs may be forgotten from then on
   * @throws when the store does not answer; nothing was proved then, and the caller refuses
   */
  readonly take: (id: string, untilMs: number) => Promise<boolean>;
}

export interface SingleUseOptions extends SignerOptions {
  readonly store: SingleUseStore;
}

export interface SingleUse {
  /** As `Signer.sign`; two calls never make the same text. */
  readonly sign: (payload: string, options: SignOptions) => string;
  /**
   * The payload, the first time; undefined for everything that `Signer.verify` refuses, and ever after.
   *
   * @throws what the store throws: a value is never redeemed without having been marked as used
   */
  readonly redeem: (text: unknown, options?: VerifyOptions) => Promise<string | undefined>;
}

/**
 * Signs values that can be redeemed once. Redeem where the effect is, after everything else that could refuse: what was redeemed is gone. A link
 * that mail scanners open should lead to a page with a button.
 *
 * @throws TypeError as `signer`.
 * @example
 * const resets = singleUse({ keys, purpose: "password-reset", store: postgresSingleUse({ database: pool }) });
 * const link = resets.sign(userId, { expiresInSeconds: 900, context: passwordVersion });
 * const userId = await resets.redeem(text, { context: passwordVersion });
 */
export function singleUse(options: SingleUseOptions): SingleUse {
  const known = ["keys", "purpose", "longestSeconds", "clockSkewSeconds", "now", "store"];
  rejectUnknownOptions("singleUse", options, known);
  const { store, ...signing } = options;
  if (typeof store?.take !== "function")
    throw new TypeError("singleUse() needs store: memorySingleUse(), redisSingleUse() or postgresSingleUse().");
  const signed = signer(signing);
  const skewMs = (signing.clockSkewSeconds ?? 0) * 1000;
  return {
    sign(payload, signOptions) {
      const nonce = randomBytes(NONCE_BYTES).toString("base64url");
      return signed.sign(nonce + payload, { ...signOptions, context: onceContext(signOptions.context) });
    },
    async redeem(text, verifyOptions = {}) {
      const payload = signed.verify(text, { context: onceContext(verifyOptions.context) });
      if (payload === undefined) return undefined;
      // The fourth field of what was just verified.
      const expiresMs = Number((text as string).split(".")[3]) * 1000;
      const first = await store.take(`${signing.purpose}:${payload.slice(0, NONCE_CHARACTERS)}`, expiresMs + skewMs);
      return first ? payload.slice(NONCE_CHARACTERS) : undefined;
    },
  };
}

/** Keeps these values apart from what a plain signer makes for the same purpose: those could be used again, or as these. */
function onceContext(context: SigningContext | undefined): readonly string[] {
  if (context === undefined) return [CONTEXT];
  // What is no text is left to the signer, which refuses it.
  return [CONTEXT, ...(Array.isArray(context) ? (context as readonly string[]) : [context as string])];
}

/** How many used ids are remembered at most; what comes then is refused rather than something forgotten too early. */
const MOST_REMEMBERED = 1_000_000;

/** A store of this process alone: for tests, and for applications that are one process. A restart forgets. */
export function memorySingleUse(options: { readonly now?: () => number } = {}): SingleUseStore {
  rejectUnknownOptions("memorySingleUse", options, ["now"]);
  const { now = Date.now } = options;
  const usedUntil = new Map<string, number>();
  return {
    async take(id, untilMs) {
      if (usedUntil.has(id)) return false;
      if (usedUntil.size >= MOST_REMEMBERED) {
        const nowMs = now();
        for (const [old, until] of usedUntil) if (until <= nowMs) usedUntil.delete(old);
        if (usedUntil.size >= MOST_REMEMBERED) throw new Error("memorySingleUse() is full.");
      }
      usedUntil.set(id, untilMs);
      return true;
    },
  };
}
