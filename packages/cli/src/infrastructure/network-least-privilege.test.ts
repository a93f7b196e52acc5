import { describe, expect, it } from "vitest";
import { judgedTemplate, type Resources } from "../../../../test/support/infrastructure-judge.ts";
import { networkLeastPrivilege } from "./network-least-privilege.ts";

const OUT = {
  SecurityGroupEgress: [{ IpProtocol: "tcp", FromPort: 5432, ToPort: 5432, DestinationSecurityGroupId: "sg-1" }],
};
const group = (rule: unknown): Resources => ({ G: ["EC2::SecurityGroup", { ...OUT, SecurityGroupIngress: rule }] });
const judge = (resources: Resources): readonly string[] => judgedTemplate(networkLeastPrivilege, resources);
const tcp = (from: unknown, to: unknown = from, peer: object = { CidrIp: "0.0.0.0/0" }): object => ({
  IpProtocol: "tcp",
  FromPort: from,
  ToPort: to,
  ...peer,
});
const BY_GROUP = { SourceSecurityGroupId: { "Fn::GetAtt": ["Other", "GroupId"] } };

describe("a security group", () => {
  it.each<[string, unknown, readonly string[]]>([
    ["the web for everybody", [tcp(443), tcp(80)], []],
    ["a port for one group", tcp(3000, 3000, BY_GROUP), []],
    ["a port for the edge's list", tcp(443, 443, { SourcePrefixListId: "pl-1" }), []],
    ["a port for the network's own addresses", tcp(3000, 3000, { CidrIp: { "Fn::GetAtt": ["Vpc", "CidrBlock"] } }), []],
    [
      "an error message of the network for everybody",
      { IpProtocol: "icmp", FromPort: 3, ToPort: 4, CidrIp: "0.0.0.0/0" },
      [],
    ],
    ["a port for everybody", [tcp(8080)], ["world-open G: port 8080"]],
    ["a port for everybody, as text", [tcp("8080", "8080")], ["world-open G: port 8080"]],
    ["a range that begins with the web", [tcp(80, 443)], ["world-open G: ports 80 to 443"]],
    ["a port for everybody by IPv6", [tcp(22, 22, { CidrIpv6: "::/0" })], ["world-open G: port 22"]],
    ["a port for half the world", [tcp(22, 22, { CidrIp: "128.0.0.0/1" })], ["world-open G: port 22"]],
    ["everything for everybody", { IpProtocol: "-1", CidrIp: "0.0.0.0/0" }, ["world-open G: every port"]],
    ["everything for everybody, as a number", { IpProtocol: -1, CidrIp: "0.0.0.0/0" }, ["world-open G: every port"]],
    ["everything for a group", { IpProtocol: "-1", ...BY_GROUP }, ["all-ports G"]],
    ["every port for a group", tcp(0, 65_535, BY_GROUP), ["all-ports G"]],
    ["addresses of a parameter", tcp(3000, 3000, { CidrIp: { Ref: "Cidr" } }), ["not-verified G: port 3000"]],
    ["a port of a parameter", tcp({ Ref: "Port" }), ["not-verified G: a port that only the deployment knows"]],
    [
      "rules of a condition",
      { "Fn::If": ["Open", [tcp(22)], []] },
      ["not-verified G: a port that only the deployment knows"],
    ],
    ["a peer that nobody names", tcp(3000, 3000, {}), ["not-verified G: port 3000"]],
  ])("lets in %s", (_, rule, expected) => {
    expect(judge(group(rule))).toEqual(expected);
  });

  it("is judged by rules that stand on their own", () => {
    const properties = { GroupId: { Ref: "G" }, ...tcp(6379) };
    expect(judge({ ...group([]), Rule: ["EC2::SecurityGroupIngress", properties] })).toEqual([
      "world-open Rule: port 6379",
    ]);
  });

  it("lets in everybody by a list of addresses as well", () => {
    const list = (...addresses: readonly unknown[]): Resources => ({
      ...group(tcp(22, 22, { SourcePrefixListId: { "Fn::GetAtt": ["L", "PrefixListId"] } })),
      L: ["EC2::PrefixList", { Entries: addresses.map((Cidr) => ({ Cidr })) }],
    });
    expect(judge(list("203.0.113.0/24", "0.0.0.0/0"))).toEqual(["world-open G: port 22"]);
    expect(judge(list("203.0.113.0/24"))).toEqual([]);
    expect(judge(list({ Ref: "Cidr" }))).toEqual(["not-verified G: port 22"]);
    expect(judge(group(tcp(22, 22, { SourcePrefixListId: { Ref: "List" } })))).toEqual(["not-verified G: port 22"]);
  });

  it("lets everything out when it says nothing, or says so", () => {
    expect(judge({ G: ["EC2::SecurityGroup"] })).toEqual(["open-egress G: no outbound rule"]);
    const all = { IpProtocol: "-1", CidrIp: "0.0.0.0/0" };
    expect(judge({ G: ["EC2::SecurityGroup", { SecurityGroupEgress: [all] }] })).toEqual(["open-egress G"]);
    const some = { IpProtocol: "-1", CidrIp: { Ref: "Cidr" } };
    expect(judge({ G: ["EC2::SecurityGroup", { SecurityGroupEgress: [some] }] })).toEqual([
      "not-verified G: outbound, every port",
    ]);
    const one = { GroupId: { "Fn::GetAtt": ["G", "GroupId"] }, ...tcp(443) };
    expect(judge({ G: ["EC2::SecurityGroup"], Out: ["EC2::SecurityGroupEgress", one] })).toEqual([]);
  });

  it("is not the one that everything falls into", () => {
    const groups = { SecurityGroups: [{ "Fn::GetAtt": ["Vpc", "DefaultSecurityGroup"] }] };
    expect(judge({ Task: ["EC2::Instance", groups] })).toEqual(["default-group Task"]);
  });
});
