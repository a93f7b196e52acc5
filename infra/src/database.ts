/** Postgres: in subnets of its own, encrypted, reached over TLS and from the application alone. */
import { Duration, RemovalPolicy } from "aws-cdk-lib";
import type { Key } from "aws-cdk-lib/aws-kms";
import {
  AuroraPostgresEngineVersion,
  ClusterInstance,
  Credentials,
  DatabaseCluster,
  DatabaseClusterEngine,
  ParameterGroup,
} from "aws-cdk-lib/aws-rds";
import { LogGroup, RetentionDays } from "aws-cdk-lib/aws-logs";
import { CfnSecret, Secret, type ISecret } from "aws-cdk-lib/aws-secretsmanager";
import type { Construct } from "constructs";
import { acknowledge } from "./acknowledge.ts";
import type { Network } from "./network.ts";

const NAME = "folio";
/** Of AWS Backup and of the database's own snapshots. */
export const BACKUP_DAYS = 35;

export interface Database {
  readonly cluster: DatabaseCluster;
  /** What Folio connects with: the role that owns the tables. Folio makes itself two roles without privileges from there. */
  readonly url: ISecret;
}

export function database(scope: Construct, key: Key, stage: string, { vpc, database: group }: Network): Database {
  const engine = DatabaseClusterEngine.auroraPostgres({ version: AuroraPostgresEngineVersion.VER_17_7 });
  const clusterIdentifier = `${NAME}-${stage}`;
  // Made before the database makes it itself, without a key and for ever.
  const log = new LogGroup(scope, "DatabaseLog", {
    logGroupName: `/aws/rds/cluster/${clusterIdentifier}/postgresql`,
    encryptionKey: key,
    retention: RetentionDays.THREE_MONTHS,
  });
  const cluster = new DatabaseCluster(scope, "Database", {
    engine,
    clusterIdentifier,
    credentials: Credentials.fromGeneratedSecret(NAME, { encryptionKey: key, excludeCharacters: NOT_IN_A_URL }),
    defaultDatabaseName: NAME,
    writer: ClusterInstance.serverlessV2("Writer", { publiclyAccessible: false }),
    readers: [ClusterInstance.serverlessV2("Reader", { publiclyAccessible: false, scaleWithWriter: true })],
    serverlessV2MinCapacity: 0.5,
    serverlessV2MaxCapacity: 8,
    vpc,
    vpcSubnets: { subnetGroupName: "data" },
    securityGroups: [group],
    parameterGroup: new ParameterGroup(scope, "DatabaseParameters", {
      engine,
      parameters: {
        "rds.force_ssl": "1",
        ssl_min_protocol_version: "TLSv1.3",
        log_connections: "1",
        log_disconnections: "1",
      },
    }),
    storageEncrypted: true,
    storageEncryptionKey: key,
    iamAuthentication: true,
    backup: { retention: Duration.days(BACKUP_DAYS) },
    copyTagsToSnapshot: true,
    cloudwatchLogsExports: ["postgresql"],
    deletionProtection: true,
    removalPolicy: RemovalPolicy.SNAPSHOT,
  });
  cluster.node.addDependency(log);
  const { hostname, port } = cluster.clusterEndpoint;
  // A reference that CloudFormation resolves: the password is in no template.
  const password = cluster.secret?.secretValueFromJson("password").unsafeUnwrap() ?? "";
  const composed = new CfnSecret(scope, "DatabaseUrl", {
    description: "What Folio connects with. Made of the secret of the cluster.",
    kmsKeyId: key.keyArn,
    secretString: `postgresql://${NAME}:${password}@${hostname}:${port}/${NAME}?sslmode=verify-full`,
  });
  const url = Secret.fromSecretAttributes(scope, "DatabaseUrlByReference", {
    secretCompleteArn: composed.attrId,
    encryptionKey: key,
  });
  acknowledge(cluster, {
    "AwsSolutions-RDS11": "The port says nothing that the address does not, and only the application reaches it.",
  });
  acknowledge(cluster.node.findChild("Secret"), { "AwsSolutions-SMG4": ROTATION });
  acknowledge(composed, { "AwsSolutions-SMG4": ROTATION });
  return { cluster, url };
}

const NOT_IN_A_URL = " %+~`#$&*()|[]{}:;<>?!'/@\"\\=^,-_.";
const ROTATION = "Rotated by hand with a deployment: the passwords of Folio's own roles follow from this one.";
