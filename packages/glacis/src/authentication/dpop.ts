/** Proof of possession: a token that is bound to a key is worth nothing without it (RFC 9449). */
import { createHmac, hash, timingSafeEqual } from "node:crypto";
import type { HeaderPair } from "../core/decision.ts";
import type { RequestFacts } from "../core/facts.ts";
import type { KeySource } from "../core/keys.ts";
import { rejectUnknownOptions } from "../core/options.ts";
import { rawHeaderValues } from "../core/wire.ts";
import { JWT_ALGORITHMS, verifyByOwnKey } from "./jwt-verification.ts";
import { canParseUrl } from "../primitives/can-parse-url.ts";

const WINDOW_SECONDS = 60;
const SKEW_SECONDS = 30;
const NONCE_MS = 300_000;
const LONGEST_ADDRESS = 2048;
const PURPOSE = "glacis/dpop-nonce";

/** Why a proof is none: for the log. */
export type ProofFlaw =
  | "proof_missing"
  | "proof_unbound"
  | "proof_malformed"
  | "proof_key"
  | "proof_request"
  | "proof_time"
  | "proof_token"
  | "proof_nonce"
  | "proof_replayed";

export interface DpopOptions {
  /** The public origin; a proof names it. */
  readonly origin: string;
  /** Master keys, for nonces that every process recognises. */
  readonly keys: KeySource;
  /** Remembers the ids of proofs: `postgresSingleUse({ database: pool })`. */
  readonly store: { readonly take: (id: string, untilMs: number) => boolean | Promise<boolean> };
}

/** Holds a request's proof against its token. `jwt({ dpop })` takes one. */
export interface Dpop {
  judge(facts: RequestFacts, token: string, thumbprint: string): Promise<ProofFlaw | undefined>;
  /** What tells the client to try again, or how. */
  challenge(flaw: ProofFlaw, nowMs: number): readonly HeaderPair[];
  /** The next nonce, for an answer to a client whose own will not do much longer. */
  renewal(facts: RequestFacts): readonly HeaderPair[];
}

/**
 * Proofs of possession: each for one request of one client's key, once, with a nonce of ours that is ten minutes old at most.
 *
 * @throws TypeError on an unknown option or an origin that is none.
 * @example
 * jwt({ issuers, dpop: dpop({ origin, keys, store: postgresSingleUse({ database: pool }) }) });
 */
export function dpop(options: DpopOptions): Dpop {
  rejectUnknownOptions("dpop", options, ["origin", "keys", "store"]);
  const { origin, keys, store } = options;
  if (!canParseUrl(origin) || new URL(origin).origin !== origin)
    throw new TypeError('dpop() needs the public origin, such as "https://api.example.com".');
  if (typeof store?.take !== "function") throw new TypeError("dpop() needs a store that remembers the ids of proofs.");
  const key = keys.derive(PURPOSE).current.bytes;
  const others = keys.derive(PURPOSE).all.map(({ bytes }) => bytes);

  const nonceAt = (window: number, bytes: Uint8Array = key): string =>
    createHmac("sha256", bytes).update(`${window}`).digest("base64url");
  const isOurs = (nonce: unknown, nowMs: number): boolean => {
    const window = Math.floor(nowMs / NONCE_MS);
    const given = Buffer.from(typeof nonce === "string" ? nonce : "");
    const known = others.flatMap((bytes) => [nonceAt(window, bytes), nonceAt(window - 1, bytes)]);
    return known.map((one) => sameBytes(Buffer.from(one), given)).includes(true);
  };

  return {
    async judge(facts, token, thumbprint) {
      const proofs = rawHeaderValues(facts.wire.rawHeaders, "dpop");
      if (proofs.length !== 1) return "proof_missing";
      const proof = await verifyByOwnKey(proofs[0] as string, "dpop+jwt");
      if (proof === undefined) return "proof_malformed";
      if (proof.thumbprint !== thumbprint) return "proof_key";
      const { htm, htu, iat, ath, jti, nonce } = proof.claims;
      if (htm !== facts.method || !isAddressOf(htu, origin + facts.path)) return "proof_request";
      if (ath !== hash("sha256", token, "base64url")) return "proof_token";
      const ageSeconds = facts.receivedAtMs / 1000 - (typeof iat === "number" ? iat : Number.NaN);
      if (!(ageSeconds <= WINDOW_SECONDS && ageSeconds >= -SKEW_SECONDS)) return "proof_time";
      if (!isOurs(nonce, facts.receivedAtMs)) return "proof_nonce";
      if (typeof jti !== "string" || jti === "" || jti.length > 256) return "proof_malformed";
      const untilMs = facts.receivedAtMs + (WINDOW_SECONDS + 2 * SKEW_SECONDS) * 1000;
      const first = await store.take(`dpop:${hash("sha256", JSON.stringify([thumbprint, jti]), "base64url")}`, untilMs);
      return first ? undefined : "proof_replayed";
    },
    challenge(flaw, nowMs) {
      const error = flaw === "proof_nonce" ? "use_dpop_nonce" : "invalid_dpop_proof";
      return [
        ["www-authenticate", `DPoP error="${error}", algs="${JWT_ALGORITHMS.join(" ")}"`],
        ["dpop-nonce", nonceAt(Math.floor(nowMs / NONCE_MS))],
      ];
    },
    renewal: ({ receivedAtMs }) => [["dpop-nonce", nonceAt(Math.floor(receivedAtMs / NONCE_MS))]],
  };
}

/** RFC 9449 section 4.3: without query and fragment, after normalisation. */
function isAddressOf(htu: unknown, address: string): boolean {
  if (typeof htu !== "string" || htu.length > LONGEST_ADDRESS || !canParseUrl(htu) || !canParseUrl(address))
    return false;
  const [named, asked] = [new URL(htu), new URL(address)];
  return named.username === "" && named.origin === asked.origin && named.pathname === asked.pathname;
}

function sameBytes(one: Buffer, other: Buffer): boolean {
  return one.length === other.length && timingSafeEqual(one, other);
}
