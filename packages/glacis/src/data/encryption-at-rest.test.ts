import { describe, expect, it } from "vitest";
import { currentDeployment } from "../primitives/deployment.ts";
import { awsStores } from "./aws-description.ts";
import { encryptionAtRest, type StoreFacts } from "./encryption-at-rest.ts";

const found = (stores: readonly StoreFacts[]): readonly string[] =>
  encryptionAtRest({ stores })
    .check(currentDeployment("production"))
    .map(({ rule, at }) => `${rule.id.split("/")[1] ?? ""} ${at.kind === "setting" ? at.name : ""}`);

describe("encryptionAtRest", () => {
  it("finds what lies in the clear, and what nobody knows", () => {
    expect(found([{ name: "main", kind: "database", encrypted: true }])).toEqual([]);
    expect(
      found([
        { name: "main", kind: "database", encrypted: false },
        { name: "jobs", kind: "queue", encrypted: undefined },
      ]),
    ).toEqual(["plaintext main", "not-verified jobs"]);
    expect(found([])).toEqual(["not-verified encryptionAtRest.stores"]);
    expect(() => encryptionAtRest({ stores: [{ name: "" }] } as never)).toThrow(/name, kind/u);
    expect(() => encryptionAtRest({ store: [] } as never)).toThrow(/Did you mean "stores"/u);
  });
});

describe("awsStores", () => {
  it.each<readonly [string, unknown, readonly string[]]>([
    [
      "databases",
      {
        DBInstances: [
          { DBInstanceIdentifier: "main", StorageEncrypted: true },
          { DBInstanceIdentifier: "old", StorageEncrypted: false },
        ],
      },
      ["database main true", "database old false"],
    ],
    ["clusters", { DBClusters: [{ DBClusterIdentifier: "c" }] }, ["database c undefined"]],
    ["volumes", { Volumes: [{ VolumeId: "vol-1", Encrypted: false }] }, ["volume vol-1 false"]],
    ["caches", { ReplicationGroups: [{ ReplicationGroupId: "r", AtRestEncryptionEnabled: true }] }, ["cache r true"]],
    [
      "search",
      { DomainStatusList: [{ DomainName: "d", EncryptionAtRestOptions: { Enabled: false } }, { DomainName: "e" }] },
      ["search d false", "search e undefined"],
    ],
    ["texts in place of flags", { Volumes: [{ VolumeId: "v", Encrypted: "true" }] }, ["volume v undefined"]],
  ])("reads %s", (_, description, expected) => {
    expect(awsStores(description).map(({ kind, name, encrypted }) => `${kind} ${name} ${String(encrypted)}`)).toEqual(
      expected,
    );
  });

  it("reads buckets and queues under the name that is given", () => {
    const rules = { Rules: [{ ApplyServerSideEncryptionByDefault: { SSEAlgorithm: "AES256" } }] };
    const [bucket] = awsStores({ ServerSideEncryptionConfiguration: rules }, "files");
    expect(bucket).toEqual({ name: "files", kind: "bucket", encrypted: true });
    const queue = (attributes: object) => awsStores({ Attributes: attributes }, "jobs")[0]?.encrypted;
    expect(queue({ SqsManagedSseEnabled: "true" })).toBe(true);
    expect(queue({ KmsMasterKeyId: "alias/jobs", SqsManagedSseEnabled: "false" })).toBe(true);
    expect(queue({ SqsManagedSseEnabled: "false" })).toBe(false);
    expect(queue({})).toBeUndefined();
  });

  it("throws for what it does not understand", () => {
    for (const description of [undefined, null, [], {}, "x", { Attributes: {} }, { Buckets: [] }])
      expect(() => awsStores(description)).toThrow(TypeError);
  });
});
