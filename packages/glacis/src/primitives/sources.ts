import { randomFillSync } from "node:crypto";
import type { Nonce, RequestId } from "../core/brand.ts";
import type { Sources } from "../core/facts.ts";

const TOKEN_BYTES = 16;
const POOL_BYTES = TOKEN_BYTES * 512;

/**
 * Makes 128-bit random tokens in base64url. Random bytes are drawn from the system generator in blocks, because one call per token costs more
 * than everything else a small request does; each byte is used once and overwritten.
 */
export function tokenSource(): () => string {
  const pool = Buffer.allocUnsafeSlow(POOL_BYTES);
  let used = POOL_BYTES;
  return () => {
    if (used === POOL_BYTES) {
      randomFillSync(pool);
      used = 0;
    }
    const token = pool.toString("base64url", used, used + TOKEN_BYTES);
    pool.fill(0, used, used + TOKEN_BYTES);
    used += TOKEN_BYTES;
    return token;
  };
}

/** The real clock and the system's random generator. */
export function systemSources(): Sources {
  const token = tokenSource();
  return { now: Date.now, requestId: () => token() as RequestId, nonce: () => token() as Nonce };
}
