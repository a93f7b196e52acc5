/** What is kept is encrypted where it lies (catalog encryption-at-rest; CWE-311; guide checklist: sensitive data encrypted at rest). */
import type { Control, ControlMeta } from "../core/control.ts";
import { finding, type Finding, type Rule } from "../core/finding.ts";
import { rejectUnknownOptions } from "../core/options.ts";

const META: ControlMeta = {
  id: "encryption-at-rest",
  title: "Databases, volumes, queues and caches encrypted at rest",
  layer: "data",
  guide: ["checklist: Sensitive data encrypted at rest"],
  owasp2021: ["A02", "A04"],
  owasp2025: ["A04", "A06"],
  asvs: ["v5.0.0-14.2.4"],
  cwe: ["CWE-311", "CWE-312"],
};

export const REST_PLAINTEXT: Rule = {
  id: "encryption-at-rest/plaintext",
  severity: "error",
  what: "A store keeps its data in the clear.",
  why: "A disk that is sold, a snapshot that is shared or a copy that is lost is the data itself.",
  fix: "Switch encryption on. Where the provider cannot for a store that exists, restore a copy of it into an encrypted one.",
};
export const REST_NOT_VERIFIED: Rule = {
  id: "encryption-at-rest/not-verified",
  severity: "warning",
  what: "Nobody has said whether a store is encrypted.",
  why: "What is not known has not been verified.",
  fix: "Pass what the provider's description says, or declare it with the way you know.",
};

export type StoreKind = "database" | "volume" | "files" | "bucket" | "queue" | "cache" | "search" | "logs";

/** What is known of one store. */
export interface StoreFacts {
  readonly name: string;
  readonly kind: StoreKind;
  /** Undefined where nobody knows. */
  readonly encrypted: boolean | undefined;
}

export interface EncryptionAtRestOptions {
  /** Every place that keeps data: what you declare, and what `awsStores` reads. */
  readonly stores: readonly StoreFacts[];
}

/**
 * Judges the stores of an application. Fields that only few may read need sealing besides: whoever may query sees what the disk hides.
 *
 * @throws TypeError on an unknown option or a store without a name.
 * @example
 * encryptionAtRest({ stores: [...awsStores(await rds.send(new DescribeDBInstancesCommand({}))), { name: "sessions", kind: "cache", encrypted: true }] });
 */
export function encryptionAtRest(options: EncryptionAtRestOptions): Control {
  rejectUnknownOptions("encryptionAtRest", options, ["stores"]);
  const { stores } = options;
  if (
    !Array.isArray(stores) ||
    (stores as readonly StoreFacts[]).some((store) => typeof store?.name !== "string" || store.name === "")
  )
    throw new TypeError("encryptionAtRest() needs stores as a list of { name, kind, encrypted }.");
  return { meta: META, rules: [REST_PLAINTEXT, REST_NOT_VERIFIED], check: () => assess(stores) };
}

function assess(stores: readonly StoreFacts[]): readonly Finding[] {
  if (stores.length === 0)
    return [finding(REST_NOT_VERIFIED, { kind: "setting", name: "encryptionAtRest.stores" }, "none")];
  return stores.flatMap(({ name, kind, encrypted }) => {
    if (encrypted === true) return [];
    return [finding(encrypted === false ? REST_PLAINTEXT : REST_NOT_VERIFIED, { kind: "setting", name }, kind)];
  });
}
