import { describe, expect, it } from "vitest";
import { judgedTemplate, type Resources } from "../../../../test/support/infrastructure-judge.ts";
import { noSsh } from "./no-ssh.ts";

const judge = (resources: Resources): readonly string[] => judgedTemplate(noSsh, resources);
const ingress = (rule: object): Resources => ({ In: ["EC2::SecurityGroupIngress", rule] });
const service = (properties: object, configuration?: object): Resources => ({
  Cluster: [
    "ECS::Cluster",
    configuration === undefined ? {} : { Configuration: { ExecuteCommandConfiguration: configuration } },
  ],
  Service: ["ECS::Service", { Cluster: { Ref: "Cluster" }, ...properties }],
});

describe("a shell", () => {
  it.each<[object, readonly string[]]>([
    [{ IpProtocol: "tcp", FromPort: 22, ToPort: 22, CidrIp: "203.0.113.7/32" }, ["port-open In: port 22"]],
    [{ IpProtocol: "6", FromPort: 3000, ToPort: 4000, CidrIp: "10.0.0.0/8" }, ["port-open In: port 3389"]],
    [{ IpProtocol: "tcp", FromPort: 22, ToPort: 22, SourceSecurityGroupId: "sg-1" }, ["port-open In: port 22"]],
    [{ IpProtocol: "-1", CidrIp: "10.0.0.0/8" }, ["port-open In: port 22"]],
    [{ IpProtocol: "-1", SourceSecurityGroupId: "sg-1" }, []],
    [{ IpProtocol: "tcp", FromPort: 443, ToPort: 443, CidrIp: "0.0.0.0/0" }, []],
    [{ IpProtocol: "tcp", FromPort: { Ref: "Port" }, ToPort: 443, CidrIp: "10.0.0.0/8" }, ["not-verified In"]],
  ])("is let in by %j", (rule, expected) => {
    expect(judge(ingress(rule))).toEqual(expected);
  });

  it("has a key on a machine", () => {
    expect(judge({ I: ["EC2::Instance", { KeyName: "ops" }] })).toEqual(["key-pair I"]);
    expect(judge({ L: ["EC2::LaunchTemplate", { LaunchTemplateData: { KeyName: { Ref: "Key" } } }] })).toEqual([
      "key-pair L",
    ]);
    expect(judge({ I: ["EC2::Instance"] })).toEqual([]);
  });

  it("of ECS Exec is off, recorded, or found", () => {
    const logged = { Logging: "OVERRIDE", LogConfiguration: { CloudWatchLogGroupName: { Ref: "Log" } } };
    expect(judge(service({}))).toEqual([]);
    expect(judge(service({ EnableExecuteCommand: false }))).toEqual([]);
    expect(judge(service({ EnableExecuteCommand: true }))).toEqual(["exec-unlogged Service"]);
    expect(judge(service({ EnableExecuteCommand: "true" }, { Logging: "NONE" }))).toEqual(["exec-unlogged Service"]);
    expect(judge(service({ EnableExecuteCommand: true }, { Logging: "OVERRIDE" }))).toEqual(["exec-unlogged Service"]);
    expect(judge(service({ EnableExecuteCommand: true }, logged))).toEqual(["exec-open Service"]);
    expect(judge(service({ EnableExecuteCommand: { Ref: "Exec" } }))).toEqual(["not-verified Service"]);
    expect(judge(service({ EnableExecuteCommand: true, Cluster: "shared" }))).toEqual([
      "not-verified Service: its cluster is in no template",
    ]);
  });
});
