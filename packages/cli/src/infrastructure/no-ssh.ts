/** Nobody logs in to a machine; a shell is the exception, and recorded (catalog no-ssh; guide checklist; CWE-284). */
import type { ControlMeta, Finding, Rule } from "glacis";
import { own, tableOf } from "../parsed-document.ts";
import { covers, networkRules } from "./ingress.ts";
import {
  atResource,
  flagOf,
  isUnknown,
  ofType,
  referredFrom,
  type Infrastructure,
  type InfrastructureControl,
  type Resource,
} from "./template.ts";

const META: ControlMeta = {
  id: "no-ssh",
  title: "No interactive shell access to production hosts",
  layer: "network",
  guide: ["checklist: No SSH access to production (use ECS Exec)"],
  owasp2021: ["A05", "A07"],
  owasp2025: ["A02", "A07"],
  asvs: [],
  cwe: ["CWE-284", "CWE-306"],
};

const PORT_OPEN: Rule = {
  id: "no-ssh/port-open",
  severity: "error",
  what: "SSH or Remote Desktop is let in.",
  why: "A key on a laptop opens production, from wherever the laptop or its thief is, and nobody sees what is typed.",
  fix: "Close 22 and 3389. Use ECS Exec or Session Manager: they need no port, ask IAM, and record the session.",
};
const KEY_PAIR: Rule = {
  id: "no-ssh/key-pair",
  severity: "warning",
  what: "A machine is given an SSH key.",
  why: "The key outlives whoever was given it, and waits for the day on which somebody opens the port.",
  fix: "Leave KeyName out; use Session Manager.",
};
const EXEC_UNLOGGED: Rule = {
  id: "no-ssh/exec-unlogged",
  severity: "error",
  what: "ECS Exec is on, and what is typed is not recorded.",
  why: "A shell beside production's secrets leaves no trace of what was done with them.",
  fix: "Set Configuration.ExecuteCommandConfiguration of the cluster: Logging OVERRIDE, with an encrypted log group.",
};
const EXEC_OPEN: Rule = {
  id: "no-ssh/exec-open",
  severity: "note",
  what: "ECS Exec is on.",
  why: "Whoever may call ecs:ExecuteCommand has a shell in production at any hour.",
  fix: "Leave EnableExecuteCommand off, and deploy it for an incident alone.",
};
const NOT_VERIFIED: Rule = {
  id: "no-ssh/not-verified",
  severity: "warning",
  what: "Only the deployment knows whether a shell is open.",
  why: "An unanswered question about security counts as a no.",
  fix: "Write EnableExecuteCommand, addresses and ports into the template.",
};

const SHELLS = [22, 3389];

export const noSsh: InfrastructureControl = {
  meta: META,
  rules: [PORT_OPEN, KEY_PAIR, EXEC_UNLOGGED, EXEC_OPEN, NOT_VERIFIED],
  judge: (infrastructure) => [
    ...judgePorts(infrastructure),
    ...judgeKeys(infrastructure),
    ...judgeExec(infrastructure),
  ],
};

function judgePorts(infrastructure: Infrastructure): readonly Finding[] {
  return networkRules(infrastructure, "in").flatMap((rule) => {
    if (rule.ports === "unknown") return [atResource(NOT_VERIFIED, rule.resource)];
    // Every port between two groups is the finding of network-least-privilege.
    if (rule.ports === "any" && rule.peer === "group") return [];
    return SHELLS.filter((port) => covers(rule, port))
      .slice(0, 1)
      .map((port) => atResource(PORT_OPEN, rule.resource, `port ${port}`));
  });
}

function judgeKeys(infrastructure: Infrastructure): readonly Finding[] {
  return ofType(
    infrastructure,
    "AWS::EC2::Instance",
    "AWS::EC2::LaunchTemplate",
    "AWS::AutoScaling::LaunchConfiguration",
  )
    .filter(
      ({ properties }) =>
        (own(tableOf(properties["LaunchTemplateData"]), "KeyName") ?? properties["KeyName"]) !== undefined,
    )
    .map((resource) => atResource(KEY_PAIR, resource));
}

function judgeExec(infrastructure: Infrastructure): readonly Finding[] {
  return ofType(infrastructure, "AWS::ECS::Service").flatMap((service) => {
    const { EnableExecuteCommand, Cluster } = service.properties;
    if (isUnknown(EnableExecuteCommand)) return [atResource(NOT_VERIFIED, service)];
    if (flagOf(EnableExecuteCommand) !== true) return [];
    const cluster = referredFrom(infrastructure, service, Cluster);
    if (cluster === undefined) return [atResource(NOT_VERIFIED, service, "its cluster is in no template")];
    return [atResource(isRecorded(cluster) ? EXEC_OPEN : EXEC_UNLOGGED, service)];
  });
}

function isRecorded({ properties }: Resource): boolean {
  const exec = tableOf(tableOf(properties["Configuration"])["ExecuteCommandConfiguration"]);
  const { CloudWatchLogGroupName, S3BucketName } = tableOf(exec["LogConfiguration"]);
  return exec["Logging"] === "OVERRIDE" && (CloudWatchLogGroupName ?? S3BucketName) !== undefined;
}
