/** The root over all lines of a log, kept as the few hashes that the next line needs (RFC 6962 section 2.1). */
import { createHash } from "node:crypto";

const EMPTY_ROOT: Buffer = createHash("sha256").digest();

/** The roots of the perfect subtrees of a log, the largest first: as many as its size has binary ones. */
export interface MerkleFrontier {
  readonly size: () => number;
  /** @param leaf what the leaf holds; hashed with the prefix of leaves */
  readonly add: (leaf: Uint8Array) => void;
  readonly root: () => Buffer;
  readonly export: () => readonly string[];
  readonly clone: () => MerkleFrontier;
}

const LEAF = Buffer.from([0]);
const NODE = Buffer.from([1]);

function nodeHash(left: Uint8Array, right: Uint8Array): Buffer {
  return createHash("sha256").update(NODE).update(left).update(right).digest();
}

/**
 * @param size how many leaves there are already
 * @param hashes what `export` gave for them, in base64url
 * @throws TypeError when they are not as many as the size asks for
 */
export function merkleFrontier(size = 0, hashes: readonly string[] = []): MerkleFrontier {
  const roots: Buffer[] = hashes.map((text) => Buffer.from(text, "base64url"));
  if (roots.length !== onesIn(size) || roots.some(({ length }) => length !== 32))
    throw new TypeError("The frontier of a Merkle tree does not fit its size.");
  let count = size;
  return {
    size: () => count,
    add(leaf) {
      let hash: Buffer = createHash("sha256").update(LEAF).update(leaf).digest();
      // Each trailing one of the size is a subtree that is full once its neighbour is.
      for (let rest = count; rest % 2 === 1; rest = (rest - 1) / 2) hash = nodeHash(roots.pop() as Buffer, hash);
      roots.push(hash);
      count += 1;
    },
    root: () => {
      const [smallest = EMPTY_ROOT, ...larger] = roots.toReversed();
      return larger.reduce<Buffer>((right, left) => nodeHash(left, right), smallest);
    },
    export: () => roots.map((root) => root.toString("base64url")),
    clone: () =>
      merkleFrontier(
        count,
        roots.map((root) => root.toString("base64url")),
      ),
  };
}

function onesIn(value: number): number {
  let ones = 0;
  for (let rest = value; rest > 0; rest = Math.floor(rest / 2)) ones += rest % 2;
  return ones;
}
