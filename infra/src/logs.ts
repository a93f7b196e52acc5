/** What the application says: kept where it cannot be changed by whoever said it. */
import { Duration, RemovalPolicy, Stack } from "aws-cdk-lib";
import { PolicyStatement, Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import { DeliveryStream, DisableLogging, S3Bucket, StreamEncryption } from "aws-cdk-lib/aws-kinesisfirehose";
import { CfnSubscriptionFilter, LogGroup, RetentionDays } from "aws-cdk-lib/aws-logs";
import type { Key } from "aws-cdk-lib/aws-kms";
import {
  BlockPublicAccess,
  Bucket,
  BucketEncryption,
  ObjectLockRetention,
  ObjectOwnership,
  type BucketProps,
  type CfnBucket,
} from "aws-cdk-lib/aws-s3";
import type { Construct } from "constructs";
import { acknowledge } from "./acknowledge.ts";

export const LOG_DAYS = 400;
const PRIVATE = {
  blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
  enforceSSL: true,
  minimumTLSVersion: 1.2,
  versioned: true,
  removalPolicy: RemovalPolicy.RETAIN,
} satisfies BucketProps;

export interface Logs {
  /** Everything that Folio writes to stdout: events, one JSON object on each line. */
  readonly events: LogGroup;
  /** Who asked for what, as CloudFront and the load balancer saw it. */
  readonly access: Bucket;
}

export function logs(scope: Construct, key: Key, stage: string): Logs {
  const events = new LogGroup(scope, "Events", {
    logGroupName: `/folio/${stage}`,
    encryptionKey: key,
    retention: RetentionDays.THIRTEEN_MONTHS,
    removalPolicy: RemovalPolicy.RETAIN,
  });
  // Both writers know only S3's own keys, and CloudFront writes by an access list.
  const access = new Bucket(scope, "AccessLogs", {
    ...PRIVATE,
    encryption: BucketEncryption.S3_MANAGED,
    objectOwnership: ObjectOwnership.BUCKET_OWNER_PREFERRED,
    lifecycleRules: [{ expiration: Duration.days(LOG_DAYS) }],
  });
  acknowledge(access, { "AwsSolutions-S1": "It holds the access logs itself." });
  archive(scope, key, events, access);
  return { events, access };
}

/** A second copy of the events, that nobody can delete for 400 days: who takes over the application finds what it wrote out of reach. */
function archive(scope: Construct, key: Key, events: LogGroup, access: Bucket): void {
  const bucket = new Bucket(scope, "Archive", {
    ...PRIVATE,
    encryption: BucketEncryption.KMS,
    encryptionKey: key,
    bucketKeyEnabled: true,
    objectLockDefaultRetention: ObjectLockRetention.compliance(Duration.days(LOG_DAYS)),
    serverAccessLogsBucket: access,
    serverAccessLogsPrefix: "archive/",
  });
  const delivery = roleFor(scope, "ArchiveDelivery", "firehose", [
    { actions: ["s3:PutObject", "s3:AbortMultipartUpload"], resources: [bucket.arnForObjects("*")] },
    {
      actions: ["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"],
      resources: [bucket.bucketArn],
    },
    { actions: ["kms:GenerateDataKey", "kms:Decrypt"], resources: [key.keyArn] },
  ]);
  acknowledge(delivery, {
    [`AwsSolutions-IAM5[Resource::<${Stack.of(scope).getLogicalId(bucket.node.defaultChild as CfnBucket)}.Arn>/*]`]:
      "Firehose names its objects itself, and may only add.",
  });
  // What the constructs would grant is wider than this.
  const fixed = delivery.withoutPolicyUpdates();
  const stream = new DeliveryStream(scope, "ArchiveStream", {
    role: fixed,
    encryption: StreamEncryption.awsOwnedKey(),
    destination: new S3Bucket(bucket, {
      role: fixed,
      encryptionKey: key,
      bufferingInterval: Duration.minutes(1),
      loggingConfig: new DisableLogging(),
    }),
  });
  stream.node.addDependency(delivery);
  const subscription = roleFor(scope, "ArchiveSubscription", "logs", [
    { actions: ["firehose:PutRecord", "firehose:PutRecordBatch"], resources: [stream.deliveryStreamArn] },
  ]);
  const filter = new CfnSubscriptionFilter(scope, "ArchiveFilter", {
    logGroupName: events.logGroupName,
    destinationArn: stream.deliveryStreamArn,
    filterPattern: "",
    roleArn: subscription.roleArn,
  });
  filter.node.addDependency(subscription);
}

function roleFor(
  scope: Construct,
  id: string,
  service: string,
  statements: readonly { readonly actions: string[]; readonly resources: string[] }[],
): Role {
  const role = new Role(scope, id, {
    assumedBy: new ServicePrincipal(`${service}.amazonaws.com`, {
      conditions: { StringEquals: { "aws:SourceAccount": Stack.of(scope).account } },
    }),
  });
  for (const statement of statements) role.addToPolicy(new PolicyStatement(statement));
  return role;
}
