import { createHmac } from "node:crypto";

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const shown = new Map<string, number>();

/**
 * The next code of an authenticator app that nobody has shown yet (RFC 6238): a clock may be one step early or late, so three at most come at
 * once. One of the step before is good for at least ten seconds more, which a busy machine may take to ask.
 */
export async function nextCode(secret: string): Promise<string> {
  for (;;) {
    const now = Math.floor(Date.now() / 30_000);
    const earliest = Math.floor((Date.now() - 20_000) / 30_000);
    const step = Math.max((shown.get(secret) ?? 0) + 1, earliest);
    if (step <= now + 1) {
      shown.set(secret, step);
      return codeOf(secret, step);
    }
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
}

export function codeOf(secret: string, step: number): string {
  const bits = [...secret].map((letter) => ALPHABET.indexOf(letter).toString(2).padStart(5, "0")).join("");
  const key = Buffer.from((bits.match(/.{8}/gu) ?? []).map((byte) => Number.parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  // glacis-waive scan/weak-hash: what authenticator apps compute (maintainers, until 2027-02-20)
  const digest = createHmac("sha1", key).update(counter).digest();
  const offset = (digest.at(-1) ?? 0) & 15;
  return String((digest.readUInt32BE(offset) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}
