import { describe, expect, it } from "vitest";
import { judgedTemplate, type Resources } from "../../../../test/support/infrastructure-judge.ts";
import { databaseExposure } from "./database-exposure.ts";

const judge = (resources: Resources): readonly string[] => judgedTemplate(databaseExposure, resources);

describe("a database", () => {
  it.each<[unknown, readonly string[]]>([
    [false, []],
    ["false", []],
    [true, ["publicly-accessible D"]],
    ["true", ["publicly-accessible D"]],
    [undefined, ["not-verified D"]],
    [{ Ref: "Public" }, ["not-verified D"]],
  ])("says %j about a public address", (PubliclyAccessible, expected) => {
    expect(judge({ D: ["RDS::DBInstance", { PubliclyAccessible }] })).toEqual(expected);
    expect(judge({ D: ["Redshift::Cluster", { PubliclyAccessible }] })).toEqual(expected);
  });

  it("takes no connection from everybody", () => {
    const from = (CidrIp: string, FromPort: number, ToPort = FromPort): readonly string[] =>
      judge({ In: ["EC2::SecurityGroupIngress", { IpProtocol: "tcp", FromPort, ToPort, CidrIp }] });
    expect(from("0.0.0.0/0", 5432)).toEqual(["world-open-port In: port 5432"]);
    expect(from("0.0.0.0/0", 6000, 7000)).toEqual(["world-open-port In: port 6379"]);
    expect(from("10.0.0.0/8", 5432)).toEqual([]);
    expect(from("0.0.0.0/0", 443)).toEqual([]);
  });
});
