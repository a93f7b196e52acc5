import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { readAlarmDefinitions, SECURITY_ALARMS, toCloudFormation } from "../../packages/glacis/dist/audit/index.js";
import { readEnvironments } from "./environments.ts";
import { appOf } from "./main.ts";

const EXAMPLE = fileURLToPath(new URL("../environments.example.json", import.meta.url));

interface Resource {
  readonly Type: string;
  // The shapes of CloudFormation are checked by the validator; here they are only looked into.
  readonly Properties: any;
}
type Template = Readonly<Record<string, Resource>>;

const folder = mkdtempSync(join(tmpdir(), "folio-infrastructure-"));
after(() => rmSync(folder, { recursive: true, force: true }));

/** Fails by itself where the validator of the CDK or cdk-nag has something to say. */
function synthesised(name: string, breakGlass: boolean): (stack: string) => Template {
  const outdir = join(folder, name);
  appOf({ stage: "production", environmentsFile: EXAMPLE, breakGlass, outdir }).synth();
  return (stack) =>
    (JSON.parse(readFileSync(join(outdir, `${stack}.template.json`), "utf8")) as { readonly Resources: Template })
      .Resources;
}

/** What the command says before a deployment; its exit code is in the last line as well. */
function judged(name: string): string {
  const main = fileURLToPath(new URL("../../packages/cli/dist/main.js", import.meta.url));
  return spawnSync(process.execPath, [main, "infra", join(folder, name), "--deploy"], { encoding: "utf8" }).stdout;
}

function all(template: Template, type: string): readonly any[] {
  return Object.values(template)
    .filter(({ Type }) => Type === type)
    .map(({ Properties }) => Properties);
}

function only(template: Template, type: string): any {
  const [first, ...others] = all(template, type);
  assert.equal(others.length, 0, `there is one ${type}`);
  return first;
}

describe("production", () => {
  let template: Template;
  let edge: Template;
  before(() => {
    const of = synthesised("production", false);
    template = of("folio-production");
    edge = of("folio-production-edge");
  });

  it("has passed the validator and the rules of cdk-nag", () => {
    const report = JSON.parse(readFileSync(join(folder, "production/validation-report.json"), "utf8")) as {
      readonly pluginReports: readonly { readonly pluginName: string; readonly conclusion: string }[];
    };
    assert.ok(report.pluginReports.some(({ pluginName }) => pluginName === "CloudFormation Validate"));
    assert.deepEqual(new Set(report.pluginReports.map(({ conclusion }) => conclusion)), new Set(["success"]));
  });

  it("is clean to glacis infra, together with its web ACL", () => {
    assert.match(judged("production"), /^0 errors, 0 warnings, 1 note, 0 waived\. Clean\.$/mu);
  });

  it("lets each group of the network be reached by another group or by CloudFront, and by no address", () => {
    const groups = all(template, "AWS::EC2::SecurityGroup");
    assert.equal(groups.length, 5);
    assert.ok(groups.every(({ SecurityGroupIngress }) => SecurityGroupIngress === undefined));
    const rules = all(template, "AWS::EC2::SecurityGroupIngress");
    assert.deepEqual(
      rules.map(({ FromPort }) => FromPort).toSorted((a: number, b: number) => a - b),
      [443, 443, 465, 2049, 3000, 3001, 5432],
    );
    for (const { CidrIp, CidrIpv6, FromPort, ToPort } of rules) {
      assert.equal(CidrIp ?? CidrIpv6, undefined);
      assert.equal(FromPort, ToPort);
    }
    for (const { CidrIp, FromPort, ToPort } of all(template, "AWS::EC2::SecurityGroupEgress")) {
      assert.equal(CidrIp, undefined);
      assert.equal(FromPort, ToPort);
    }
  });

  it("has no way out to the internet, and no subnet that gives public addresses", () => {
    for (const type of ["AWS::EC2::NatGateway", "AWS::EC2::Route", "AWS::EC2::EIP", "AWS::EC2::Instance"])
      assert.deepEqual(all(template, type), []);
    for (const { MapPublicIpOnLaunch } of all(template, "AWS::EC2::Subnet")) assert.equal(MapPublicIpOnLaunch, false);
  });

  it("keeps the database private, encrypted, backed up and behind TLS", () => {
    const { StorageEncrypted, KmsKeyId, DeletionProtection, BackupRetentionPeriod } = only(
      template,
      "AWS::RDS::DBCluster",
    );
    assert.deepEqual(
      { StorageEncrypted, DeletionProtection, BackupRetentionPeriod },
      { StorageEncrypted: true, DeletionProtection: true, BackupRetentionPeriod: 35 },
    );
    assert.ok(KmsKeyId);
    for (const { PubliclyAccessible } of all(template, "AWS::RDS::DBInstance")) assert.equal(PubliclyAccessible, false);
    assert.equal(only(template, "AWS::RDS::DBClusterParameterGroup").Parameters["rds.force_ssl"], "1");
  });

  it("runs Folio by digest, without root, without capabilities, on a disk that is not its own", () => {
    const [container] = only(template, "AWS::ECS::TaskDefinition").ContainerDefinitions;
    assert.equal(container.User, "10001:10001");
    assert.equal(container.ReadonlyRootFilesystem, true);
    assert.deepEqual(container.LinuxParameters.Capabilities, { Drop: ["ALL"] });
    assert.match(JSON.stringify(container.Image), /@sha256:[0-9a-f]{64}/u);
    const names = container.Secrets.map(({ Name }: { readonly Name: string }) => Name).toSorted();
    assert.deepEqual(names, ["AUDIT_SIGNING_KEY", "DATABASE_URL", "GLACIS_KEYS", "SMTP_URL"]);
    assert.ok(container.Environment.every(({ Name }: { readonly Name: string }) => !names.includes(Name)));
  });

  it("opens no shell", () => {
    assert.equal(only(template, "AWS::ECS::Service").EnableExecuteCommand, false);
    assert.doesNotMatch(JSON.stringify(template), /ssmmessages/u);
  });

  it("gives the task its folder and nothing else", () => {
    const policy = Object.entries(template).find(
      ([id, { Type }]) => Type === "AWS::IAM::Policy" && id.startsWith("TaskTaskRole"),
    );
    const statements = policy?.[1].Properties.PolicyDocument.Statement;
    assert.deepEqual(
      statements.flatMap(({ Action }: { readonly Action: unknown }) => Action),
      ["elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite"],
    );
  });

  it("answers through CloudFront alone, with a web ACL whose groups block", () => {
    assert.equal(only(template, "AWS::ElasticLoadBalancingV2::LoadBalancer").Scheme, "internal");
    assert.match(
      only(template, "AWS::CloudFront::Distribution").DistributionConfig.WebACLId,
      /webacl\/folio-production/u,
    );
    const { Rules } = only(edge, "AWS::WAFv2::WebACL");
    assert.equal(Rules.length, 5);
    for (const { OverrideAction, Action } of Rules)
      assert.deepEqual(OverrideAction ?? Action, Action ? { Block: {} } : { None: {} });
    assert.deepEqual(
      only(edge, "AWS::WAFv2::LoggingConfiguration").RedactedFields.map((field: any) => field.SingleHeader.Name),
      ["authorization", "cookie"],
    );
  });

  it("keeps buckets private, versioned and behind TLS, and the archive from everybody's hands", () => {
    const buckets = all(template, "AWS::S3::Bucket");
    assert.equal(buckets.length, 2);
    for (const { PublicAccessBlockConfiguration, VersioningConfiguration } of buckets) {
      assert.deepEqual(new Set(Object.values(PublicAccessBlockConfiguration)), new Set([true]));
      assert.equal(VersioningConfiguration.Status, "Enabled");
    }
    const policies = all(template, "AWS::S3::BucketPolicy").map((policy) => JSON.stringify(policy));
    assert.ok(policies.every((policy) => policy.includes('"aws:SecureTransport":"false"')));
    const locked = buckets.filter(
      ({ ObjectLockConfiguration }) => ObjectLockConfiguration?.Rule?.DefaultRetention?.Mode === "COMPLIANCE",
    );
    assert.equal(locked.length, 1);
  });

  it("encrypts every log with the stage's key, and keeps none for ever", () => {
    for (const one of [template, edge])
      for (const { KmsKeyId, RetentionInDays } of all(one, "AWS::Logs::LogGroup")) {
        assert.ok(KmsKeyId);
        assert.ok(RetentionInDays > 0);
      }
    assert.equal(only(template, "AWS::KMS::Key").EnableKeyRotation, true);
  });

  it("rings every alarm that Glacis ships", () => {
    const shipped = Object.values(
      (toCloudFormation(readAlarmDefinitions(SECURITY_ALARMS)) as { readonly Resources: Template }).Resources,
    );
    const names = (type: string): readonly string[] =>
      shipped
        .filter(({ Type }) => Type === type)
        .map(({ Properties }) => Properties.AlarmName ?? Properties.FilterName);
    const made = new Set(
      Object.values(template).map(({ Properties }) => Properties.AlarmName ?? Properties.FilterName),
    );
    for (const type of ["AWS::Logs::MetricFilter", "AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm"])
      assert.deepEqual(
        names(type).filter((name) => !made.has(name)),
        [],
      );
    assert.doesNotMatch(JSON.stringify(template), /"Ref":"(?:AlarmTopicArn|LogGroupName)"/u);
  });
});

describe("a broken glass", () => {
  it("opens a shell whose every word is kept", () => {
    const template = synthesised("glass", true)("folio-production");
    assert.equal(only(template, "AWS::ECS::Service").EnableExecuteCommand, true);
    const { ExecuteCommandConfiguration } = only(template, "AWS::ECS::Cluster").Configuration;
    assert.equal(ExecuteCommandConfiguration.Logging, "OVERRIDE");
    assert.equal(ExecuteCommandConfiguration.LogConfiguration.CloudWatchEncryptionEnabled, true);
    assert.ok(ExecuteCommandConfiguration.KmsKeyId);
    assert.match(judged("glass"), /no-ssh\/exec-open[^]*^0 errors, 0 warnings, 2 notes/mu);
  });
});

describe("the environments", () => {
  const example = JSON.parse(readFileSync(EXAMPLE, "utf8")) as Record<string, Record<string, unknown>>;
  const changed = (change: object, stage = "staging"): string => {
    const path = join(folder, "environments.json");
    writeFileSync(path, JSON.stringify({ ...example, [stage]: { ...example[stage], ...change } }));
    return path;
  };

  it("are all read", () => {
    assert.deepEqual([...readEnvironments(EXAMPLE).keys()], ["staging", "production"]);
  });

  it("share no account, no domain and no network", () => {
    assert.throws(() => readEnvironments(changed({ domain: "docs.example.com" })), /share one domain/u);
    assert.throws(() => readEnvironments(changed({ cidr: "10.30.0.0/16" })), /share one cidr/u);
    assert.throws(
      () => readEnvironments(changed({ account: "222222222222" })),
      /of another account|share one account/u,
    );
  });

  it("name an image by its digest", () => {
    assert.throws(() => readEnvironments(changed({ imageDigest: "latest" })), /imageDigest/u);
  });

  it("have to be asked for by name", () => {
    assert.throws(() => appOf({ stage: undefined, environmentsFile: EXAMPLE }), /FOLIO_STAGE/u);
  });
});
