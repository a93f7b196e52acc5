/** What people attach: a file system that each process of Folio mounts, encrypted, and by the task's role alone. */
import { Duration, RemovalPolicy } from "aws-cdk-lib";
import { BackupPlan, BackupPlanRule, BackupResource, BackupVault } from "aws-cdk-lib/aws-backup";
import { AccessPoint, FileSystem, ThroughputMode } from "aws-cdk-lib/aws-efs";
import { Schedule } from "aws-cdk-lib/aws-events";
import type { Key } from "aws-cdk-lib/aws-kms";
import type { Construct } from "constructs";
import { acknowledge } from "./acknowledge.ts";
import { BACKUP_DAYS, type Database } from "./database.ts";
import type { Network } from "./network.ts";

/** The user of the image; not root, and nobody else's number. */
export const USER_ID = "10001";

export interface Files {
  readonly fileSystem: FileSystem;
  readonly accessPoint: AccessPoint;
}

export function files(scope: Construct, key: Key, { vpc, files: group }: Network): Files {
  const fileSystem = new FileSystem(scope, "Files", {
    vpc,
    vpcSubnets: { subnetGroupName: "data" },
    securityGroup: group,
    encrypted: true,
    kmsKey: key,
    throughputMode: ThroughputMode.ELASTIC,
    allowAnonymousAccess: false,
    removalPolicy: RemovalPolicy.RETAIN,
  });
  const accessPoint = fileSystem.addAccessPoint("Data", {
    path: "/folio",
    posixUser: { uid: USER_ID, gid: USER_ID },
    createAcl: { ownerUid: USER_ID, ownerGid: USER_ID, permissions: "0700" },
  });
  return { fileSystem, accessPoint };
}

/** Daily, for 35 days, in a vault from which nobody deletes earlier. */
export function backups(scope: Construct, key: Key, stage: string, { cluster }: Database, { fileSystem }: Files): void {
  const backupVault = new BackupVault(scope, "BackupVault", {
    backupVaultName: `folio-${stage}`,
    encryptionKey: key,
    lockConfiguration: { minRetention: Duration.days(BACKUP_DAYS) },
    removalPolicy: RemovalPolicy.RETAIN,
  });
  const plan = new BackupPlan(scope, "BackupPlan", {
    backupVault,
    backupPlanRules: [
      new BackupPlanRule({
        ruleName: "daily",
        scheduleExpression: Schedule.cron({ hour: "3", minute: "0" }),
        deleteAfter: Duration.days(BACKUP_DAYS),
      }),
    ],
  });
  plan.addSelection("Everything", {
    resources: [BackupResource.fromRdsServerlessCluster(cluster), BackupResource.fromEfsFileSystem(fileSystem)],
  });
  acknowledge(plan, {
    "AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AWSBackupServiceRolePolicyForBackup]":
      "What AWS Backup needs for its own work, in the wording that AWS keeps up to date.",
  });
}
