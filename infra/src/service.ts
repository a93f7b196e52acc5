/** Folio's processes: without root, without a disk of their own, and with the few rights that they use. */
import { Duration, RemovalPolicy, Stack } from "aws-cdk-lib";
import { Repository } from "aws-cdk-lib/aws-ecr";
import {
  Cluster,
  ContainerImage,
  ContainerInsights,
  CpuArchitecture,
  ExecuteCommandLogging,
  FargateService,
  FargateTaskDefinition,
  LinuxParameters,
  LogDrivers,
  OperatingSystemFamily,
  Secret as TaskSecret,
  Capability,
  type ExecuteCommandConfiguration,
} from "aws-cdk-lib/aws-ecs";
import { PolicyStatement } from "aws-cdk-lib/aws-iam";
import type { Key } from "aws-cdk-lib/aws-kms";
import { LogGroup, RetentionDays, type CfnLogGroup } from "aws-cdk-lib/aws-logs";
import { StringParameter } from "aws-cdk-lib/aws-ssm";
import type { Construct } from "constructs";
import { acknowledge } from "./acknowledge.ts";
import type { Database } from "./database.ts";
import type { Environment } from "./environments.ts";
import { USER_ID, type Files } from "./files.ts";
import { LOG_DAYS, type Logs } from "./logs.ts";
import { APP_PORT, HEALTH_PORT, type Network } from "./network.ts";

/** Written once by hand as SecureString under the stage's key: CloudFormation cannot make those. */
const SECRET_PARAMETERS = { GLACIS_KEYS: "keys", AUDIT_SIGNING_KEY: "audit-key", SMTP_URL: "smtp-url" } as const;
const DATA = "/var/lib/folio";

export interface Parts {
  readonly key: Key;
  readonly environment: Environment;
  readonly network: Network;
  readonly database: Database;
  readonly files: Files;
  readonly logs: Logs;
  /** Opens a shell for as long as it is deployed, and records what is typed. */
  readonly breakGlass: boolean;
}

export function service(scope: Construct, parts: Parts): FargateService {
  const { network, breakGlass } = parts;
  const task = taskOf(scope, parts);
  const cluster = new Cluster(scope, "Cluster", {
    vpc: network.vpc,
    containerInsightsV2: ContainerInsights.ENABLED,
    ...(breakGlass && { executeCommandConfiguration: recordedSessions(scope, parts.key, task) }),
  });
  const made = new FargateService(scope, "Service", {
    cluster,
    taskDefinition: task,
    desiredCount: 2,
    minHealthyPercent: 100,
    circuitBreaker: { rollback: true },
    assignPublicIp: false,
    vpcSubnets: { subnetGroupName: "app" },
    securityGroups: [network.app],
    enableExecuteCommand: breakGlass,
    healthCheckGracePeriod: Duration.minutes(2),
  });
  // A task that cannot fetch its image or mount its folder yet would count against the circuit breaker.
  made.node.addDependency(network.vpc, parts.files.fileSystem.mountTargetsAvailable);
  made
    .autoScaleTaskCount({ minCapacity: 2, maxCapacity: 6 })
    .scaleOnCpuUtilization("Cpu", { targetUtilizationPercent: 60 });
  return made;
}

function recordedSessions(scope: Construct, kmsKey: Key, task: FargateTaskDefinition): ExecuteCommandConfiguration {
  const logGroup = new LogGroup(scope, "BreakGlassSessions", {
    encryptionKey: kmsKey,
    retention: RetentionDays.THIRTEEN_MONTHS,
    removalPolicy: RemovalPolicy.RETAIN,
  });
  const { region, account } = Stack.of(scope);
  const id = Stack.of(scope).getLogicalId(logGroup.node.defaultChild as CfnLogGroup);
  acknowledge(task, {
    [`AwsSolutions-IAM5[Resource::arn:aws:logs:${region}:${account}:log-group:<${id}>:*]`]:
      "The streams of this one log group.",
  });
  return {
    kmsKey,
    logging: ExecuteCommandLogging.OVERRIDE,
    logConfiguration: { cloudWatchLogGroup: logGroup, cloudWatchEncryptionEnabled: true },
  };
}

function taskOf(scope: Construct, parts: Parts): FargateTaskDefinition {
  const { environment, files, logs, key, database } = parts;
  const { stage } = environment;
  const task = new FargateTaskDefinition(scope, "Task", {
    cpu: 1024,
    memoryLimitMiB: 2048,
    runtimePlatform: { cpuArchitecture: CpuArchitecture.X86_64, operatingSystemFamily: OperatingSystemFamily.LINUX },
    volumes: [
      {
        name: "data",
        efsVolumeConfiguration: {
          fileSystemId: files.fileSystem.fileSystemId,
          transitEncryption: "ENABLED",
          authorizationConfig: { accessPointId: files.accessPoint.accessPointId, iam: "ENABLED" },
        },
      },
      { name: "tmp" },
    ],
  });
  const linux = new LinuxParameters(scope, "Rights", { initProcessEnabled: true });
  linux.dropCapabilities(Capability.ALL);
  const container = task.addContainer("folio", {
    image: ContainerImage.fromEcrRepository(
      Repository.fromRepositoryName(scope, "Repository", environment.repository),
      environment.imageDigest,
    ),
    user: `${USER_ID}:${USER_ID}`,
    readonlyRootFilesystem: true,
    linuxParameters: linux,
    portMappings: [{ containerPort: APP_PORT }, { containerPort: HEALTH_PORT }],
    logging: LogDrivers.awsLogs({ streamPrefix: "folio", logGroup: logs.events }),
    environment: variablesOf(environment),
    secrets: secretsOf(scope, stage, database),
    stopTimeout: Duration.seconds(30),
  });
  container.addMountPoints(
    { sourceVolume: "data", containerPath: DATA, readOnly: false },
    { sourceVolume: "tmp", containerPath: "/tmp", readOnly: false },
  );
  task.addToTaskRolePolicy(
    new PolicyStatement({
      actions: ["elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite"],
      resources: [files.fileSystem.fileSystemArn],
      conditions: { StringEquals: { "elasticfilesystem:AccessPointArn": files.accessPoint.accessPointArn } },
    }),
  );
  key.grantDecrypt(task.obtainExecutionRole());
  acknowledgeTask(task, parts.breakGlass);
  return task;
}

function variablesOf({ stage, domain, cidr, mailFrom }: Environment): Readonly<Record<string, string>> {
  return {
    NODE_ENV: "production",
    ORIGIN: `https://${domain}`,
    HOST: "0.0.0.0",
    PORT: `${APP_PORT}`,
    HEALTH_PORT: `${HEALTH_PORT}`,
    DATA_DIR: DATA,
    // CloudFront's interface and the load balancer are the two that stand before Folio, both with an address of this network.
    PROXIES: cidr,
    MAIL_FROM: mailFrom,
    LOG_STORE: `CloudWatch /folio/${stage}; platform; security, audit; ${LOG_DAYS}`,
  };
}

/** The execution role alone may read them, and only these; the task's own role cannot. */
function secretsOf(scope: Construct, stage: string, { url }: Database): Record<string, TaskSecret> {
  const parameters = Object.entries(SECRET_PARAMETERS).map(([variable, name]) => {
    const parameter = StringParameter.fromSecureStringParameterAttributes(scope, `Parameter-${name}`, {
      parameterName: `/folio/${stage}/${name}`,
    });
    return [variable, TaskSecret.fromSsmParameter(parameter)] as const;
  });
  return { ...Object.fromEntries(parameters), DATABASE_URL: TaskSecret.fromSecretsManager(url) };
}

function acknowledgeTask(task: FargateTaskDefinition, breakGlass: boolean): void {
  acknowledge(task, {
    "AwsSolutions-ECS2": "No secret is among them: those come by reference.",
    "AwsSolutions-IAM5[Resource::*]": breakGlass
      ? "ecr:GetAuthorizationToken and the channels of ECS Exec know no resource."
      : "ecr:GetAuthorizationToken knows no resource.",
  });
}
