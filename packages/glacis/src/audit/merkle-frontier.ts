/** The root over all lines of a log, kept as the few hashes that the next line needs (RFC 6962 section 2.1). */
import { hash as hashOnce } from "node:crypto";

/** The roots of the perfect subtrees of a log, the largest first: as many as its size has binary ones. */
export interface MerkleFrontier {
  readonly size: () => number;
  /** @param leaf what the leaf holds, in base64url; 1,024 characters at most */
  readonly add: (leaf: string) => void;
  /** In base64. */
  readonly root: () => string;
  /** In base64url. */
  readonly export: () => readonly string[];
}

const LONGEST_LEAF = 1024;
// Hashes stay texts of one byte for each character: Node makes those twice as fast as buffers, and a line needs several.
const EMPTY_ROOT = hashOnce("sha256", "", "binary");

/** RFC 6962 sets leaves and nodes apart by their first byte. */
const LEAF_INPUT = Buffer.alloc(1 + LONGEST_LEAF);
const NODE_INPUT = Buffer.alloc(65, 1);

function leafHash(leaf: string): string {
  if (leaf.length > LONGEST_LEAF) throw new RangeError(`A leaf has ${LONGEST_LEAF} characters at most.`);
  const length = LEAF_INPUT.write(leaf, 1, "base64url");
  return hashOnce("sha256", LEAF_INPUT.subarray(0, 1 + length), "binary");
}

function nodeHash(left: string, right: string): string {
  NODE_INPUT.write(left, 1, "latin1");
  NODE_INPUT.write(right, 33, "latin1");
  return hashOnce("sha256", NODE_INPUT, "binary");
}

/**
 * @param size how many leaves there are already
 * @param hashes what `export` gave for them, in base64url
 * @throws TypeError when they are not as many as the size asks for
 */
export function merkleFrontier(size = 0, hashes: readonly string[] = []): MerkleFrontier {
  const roots = hashes.map((text) => Buffer.from(text, "base64url").toString("latin1"));
  if (roots.length !== onesIn(size) || roots.some(({ length }) => length !== 32))
    throw new TypeError("The frontier of a Merkle tree does not fit its size.");
  let count = size;
  return {
    size: () => count,
    add(leaf) {
      let hash = leafHash(leaf);
      // Each trailing one of the size is a subtree that is full once its neighbour is.
      for (let rest = count; rest % 2 === 1; rest = (rest - 1) / 2) hash = nodeHash(roots.pop() as string, hash);
      roots.push(hash);
      count += 1;
    },
    root() {
      const [smallest = EMPTY_ROOT, ...larger] = roots.toReversed();
      const root = larger.reduce((right, left) => nodeHash(left, right), smallest);
      return Buffer.from(root, "latin1").toString("base64");
    },
    export: () => roots.map((root) => Buffer.from(root, "latin1").toString("base64url")),
  };
}

function onesIn(value: number): number {
  let ones = 0;
  for (let rest = value; rest > 0; rest = Math.floor(rest / 2)) ones += rest % 2;
  return ones;
}
