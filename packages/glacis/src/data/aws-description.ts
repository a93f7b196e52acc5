/** Reads what AWS answers to its describe calls, as its clients and its command line give it. */
import { isRecord } from "../primitives/is-record.ts";
import type { BackupFacts } from "./backup-encryption.ts";
import type { StoreFacts, StoreKind } from "./encryption-at-rest.ts";

type Description = Readonly<Record<string, unknown>>;

interface Shape {
  /** The member that holds the list. */
  readonly list: string;
  readonly kind: StoreKind;
  /** The members that name an entry, the best first. */
  readonly names: readonly string[];
  readonly encrypted: (entry: Description) => boolean | undefined;
}

const flag =
  (name: string) =>
  (entry: Description): boolean | undefined => {
    const value = entry[name];
    return typeof value === "boolean" ? value : undefined;
  };

const STORES: readonly Shape[] = [
  { list: "DBInstances", kind: "database", names: ["DBInstanceIdentifier"], encrypted: flag("StorageEncrypted") },
  { list: "DBClusters", kind: "database", names: ["DBClusterIdentifier"], encrypted: flag("StorageEncrypted") },
  { list: "Volumes", kind: "volume", names: ["VolumeId"], encrypted: flag("Encrypted") },
  { list: "FileSystems", kind: "files", names: ["Name", "FileSystemId"], encrypted: flag("Encrypted") },
  {
    list: "ReplicationGroups",
    kind: "cache",
    names: ["ReplicationGroupId"],
    encrypted: flag("AtRestEncryptionEnabled"),
  },
  {
    list: "DomainStatusList",
    kind: "search",
    names: ["DomainName"],
    encrypted: ({ EncryptionAtRestOptions: options }) => (isRecord(options) ? flag("Enabled")(options) : undefined),
  },
];

/**
 * The stores in the answer to `DescribeDBInstances`, `DescribeDBClusters`, `DescribeVolumes`, `DescribeFileSystems`, `DescribeReplicationGroups` or
 * OpenSearch's `DescribeDomains`; of `GetBucketEncryption` and SQS's `GetQueueAttributes`, with a name.
 *
 * @param name of the bucket or the queue, whose answers do not say it
 * @throws TypeError for an answer that is none of these: what is not understood is not encrypted
 */
export function awsStores(description: unknown, name: string = ""): readonly StoreFacts[] {
  if (!isRecord(description)) throw unknown();
  const shape = STORES.find(({ list }) => Array.isArray(description[list]));
  if (shape !== undefined) {
    return entriesOf(description, shape.list).map((entry) => ({
      name: nameOf(entry, shape.names),
      kind: shape.kind,
      encrypted: shape.encrypted(entry),
    }));
  }
  if (name !== "" && isRecord(description["ServerSideEncryptionConfiguration"]))
    return [
      {
        name,
        kind: "bucket",
        encrypted: entriesOf(description["ServerSideEncryptionConfiguration"], "Rules").length > 0,
      },
    ];
  const attributes = description["Attributes"];
  if (name !== "" && isRecord(attributes)) {
    const own = attributes["SqsManagedSseEnabled"];
    const encrypted =
      own === "true" || (typeof attributes["KmsMasterKeyId"] === "string" && attributes["KmsMasterKeyId"] !== "");
    return [{ name, kind: "queue", encrypted: encrypted || (own === "false" ? false : undefined) }];
  }
  throw unknown();
}

/**
 * The backups in the answer to `DescribeDBSnapshots`, `DescribeDBClusterSnapshots` or `DescribeSnapshots`: the newest of each source, encrypted only if
 * all of them are. Who they are shared with, how long they stay and whether they were ever restored is for you to add.
 *
 * @throws TypeError for an answer that is none of these
 */
export function awsBackups(description: unknown): readonly BackupFacts[] {
  const list = isRecord(description)
    ? ["DBSnapshots", "DBClusterSnapshots", "Snapshots"].find((name) => Array.isArray(description[name]))
    : undefined;
  if (list === undefined || !isRecord(description)) throw unknown();
  const bySource = new Map<string, BackupFacts>();
  for (const entry of entriesOf(description, list)) {
    const name = nameOf(entry, ["DBInstanceIdentifier", "DBClusterIdentifier", "VolumeId"]);
    const encrypted = flag("Encrypted")(entry) ?? flag("StorageEncrypted")(entry);
    const before = bySource.get(name);
    const madeMs = timeOf(entry["SnapshotCreateTime"] ?? entry["StartTime"]);
    bySource.set(name, {
      name,
      encrypted: before === undefined ? encrypted : both(before.encrypted, encrypted),
      newestAtMs: Math.max(before?.newestAtMs ?? 0, madeMs ?? 0),
    });
  }
  return [...bySource.values()];
}

function both(one: boolean | undefined, other: boolean | undefined): boolean | undefined {
  if (one === false || other === false) return false;
  return one === true && other === true ? true : undefined;
}

function entriesOf(description: Description, list: string): readonly Description[] {
  const entries = description[list];
  return Array.isArray(entries) ? (entries as readonly unknown[]).filter(isRecord) : [];
}

function nameOf(entry: Description, names: readonly string[]): string {
  for (const name of names) {
    const value = entry[name];
    if (typeof value === "string" && value !== "") return value;
  }
  return "without a name";
}

/** Its clients give dates, its command line texts. */
function timeOf(value: unknown): number | undefined {
  const ms = value instanceof Date ? value.getTime() : Date.parse(String(value));
  return Number.isNaN(ms) ? undefined : ms;
}

function unknown(): TypeError {
  return new TypeError(
    "This is no description that is known here; pass the answer as AWS gave it, and the name where it needs one.",
  );
}
