/** Who is let in where: the rules of security groups, inline and on their own. */
import { own, tableOf, textOf, wordOf, type Table } from "../parsed-document.ts";
import {
  entriesOf,
  isUnknown,
  ofType,
  referred,
  referredFrom,
  type Infrastructure,
  type Resource,
} from "./template.ts";

export interface NetworkRule {
  readonly resource: Resource;
  /** The logical id of the group, where it is in the template. */
  readonly group: string | undefined;
  /** `any` covers every protocol and port. */
  readonly ports: { readonly from: number; readonly to: number } | "any" | "unknown";
  readonly peer: "world" | "addresses" | "group" | "unknown";
}

/** Two halves are the world too: what nobody could own is everybody's. */
const WORLD = { four: 7, six: 15 } as const;
const DIRECTIONS = { in: "Ingress", out: "Egress" } as const;

export function networkRules(
  infrastructure: Infrastructure,
  direction: keyof typeof DIRECTIONS,
): readonly NetworkRule[] {
  const name = DIRECTIONS[direction];
  const inline = ofType(infrastructure, "AWS::EC2::SecurityGroup").flatMap((resource) => {
    const entries = entriesOf(resource.properties[`SecurityGroup${name}`]);
    if (entries === undefined)
      return [{ resource, group: resource.id, ports: "unknown", peer: "unknown" } satisfies NetworkRule];
    return entries.map((entry) => ruleOf(infrastructure, resource, resource.id, entry));
  });
  const standing = ofType(infrastructure, `AWS::EC2::SecurityGroup${name}`).map((resource) =>
    ruleOf(infrastructure, resource, referred(resource.properties["GroupId"]), resource.properties),
  );
  return [...inline, ...standing];
}

function ruleOf(
  infrastructure: Infrastructure,
  resource: Resource,
  group: string | undefined,
  entry: unknown,
): NetworkRule {
  if (isUnknown(entry)) return { resource, group, ports: "unknown", peer: "unknown" };
  const rule = tableOf(entry);
  return { resource, group, ports: portsOf(rule), peer: peerOf(infrastructure, resource, rule) };
}

function portsOf({ IpProtocol, FromPort, ToPort }: Table): NetworkRule["ports"] {
  if (wordOf(IpProtocol) === "-1") return "any";
  if ([IpProtocol, FromPort, ToPort].some(isUnknown) || IpProtocol === undefined) return "unknown";
  const protocol = wordOf(IpProtocol).toLowerCase();
  const [from, to] = [Number(FromPort ?? 0), Number(ToPort ?? 65_535)];
  // Types and codes of ICMP stand where ports would.
  if (/^(?:icmp|icmpv6|1|58)$/u.test(protocol)) return { from: -1, to: -1 };
  if (Number.isNaN(from) || Number.isNaN(to)) return "unknown";
  return from <= 0 && (to >= 65_535 || to < 0) ? "any" : { from, to };
}

const PEERS = ["SourceSecurityGroupId", "SourceSecurityGroupName", "DestinationSecurityGroupId"] as const;

function peerOf(infrastructure: Infrastructure, resource: Resource, rule: Table): NetworkRule["peer"] {
  const addresses = rule["CidrIp"] ?? rule["CidrIpv6"];
  if (addresses !== undefined) return addressesOf(addresses);
  if (PEERS.some((name) => rule[name] !== undefined)) return "group";
  const list = rule["SourcePrefixListId"] ?? rule["DestinationPrefixListId"];
  if (list === undefined) return "unknown";
  if (textOf(list) !== undefined) return "addresses";
  const entries = entriesOf(referredFrom(infrastructure, resource, list)?.properties["Entries"]) ?? [];
  const peers = entries.map((entry) => addressesOf(tableOf(entry)["Cidr"]));
  return peers.find((peer) => peer === "world") ?? peers.find((peer) => peer === "unknown") ?? peers[0] ?? "unknown";
}

function addressesOf(addresses: unknown): "world" | "addresses" | "unknown" {
  const text = textOf(addresses);
  if (text === undefined) return isOwnNetwork(addresses) ? "addresses" : "unknown";
  const bits = Number(/\/(\d{1,3})\s*$/u.exec(text)?.[1] ?? Number.NaN);
  if (Number.isNaN(bits)) return "unknown";
  return bits <= (text.includes(":") ? WORLD.six : WORLD.four) ? "world" : "addresses";
}

/** The addresses of a network of the template. */
function isOwnNetwork(value: unknown): boolean {
  const attribute = own(tableOf(value), "Fn::GetAtt");
  const [, name] = Array.isArray(attribute) ? (attribute as readonly unknown[]) : String(attribute).split(".");
  return name === "CidrBlock";
}

export function covers({ ports }: NetworkRule, port: number): boolean {
  return ports === "any" || (ports !== "unknown" && ports.from <= port && port <= ports.to);
}

export function describePorts({ ports }: NetworkRule): string {
  if (typeof ports === "string") return ports === "any" ? "every port" : "a port that only the deployment knows";
  return ports.from === ports.to ? `port ${ports.from}` : `ports ${ports.from} to ${ports.to}`;
}
