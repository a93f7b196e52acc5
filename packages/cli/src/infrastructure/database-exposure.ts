/** Whether the internet reaches a datastore: the half of database-exposure that its connection does not show. */
import type { ControlMeta, Finding, Rule } from "glacis";
import { covers, networkRules } from "./ingress.ts";
import { atResource, flagOf, ofType, type Infrastructure, type InfrastructureControl } from "./template.ts";

const PUBLICLY_ACCESSIBLE: Rule = {
  id: "database-exposure/publicly-accessible",
  severity: "error",
  what: "A database is given a public address.",
  why: "Its password, and every hole of its server, is then tried by everybody.",
  fix: "Set PubliclyAccessible: false, and put it into subnets without a route to the internet.",
};
const WORLD_OPEN_PORT: Rule = {
  id: "database-exposure/world-open-port",
  severity: "error",
  what: "A security group lets everybody reach the port of a datastore.",
  why: "Open databases are found within minutes, copied and held to ransom.",
  fix: "Name the security group of the application as the source.",
};
const NOT_VERIFIED: Rule = {
  id: "database-exposure/not-verified",
  severity: "warning",
  what: "The template does not say whether a database has a public address.",
  why: "What is left out depends on the subnets and on the age of the account. An unanswered question about security counts as a no.",
  fix: "Write PubliclyAccessible: false.",
};

/** The same control as the one over the connection, so its place in the standards is the same. */
const PLACE = {
  id: "database-exposure",
  title: "Datastores unreachable from the internet",
  layer: "network",
  guide: ["checklist: Database not publicly accessible"],
  owasp2021: ["A05", "A01"],
  owasp2025: ["A02", "A01"],
  asvs: [],
  cwe: ["CWE-668", "CWE-923", "CWE-1327"],
} as const satisfies ControlMeta;

/** Postgres, MySQL, SQL Server, Oracle, Redis, Memcached, MongoDB, Elasticsearch, Cassandra, ClickHouse, Redshift. */
const PORTS = [5432, 3306, 1433, 1521, 6379, 11_211, 27_017, 9200, 9042, 8123, 5439];

export const databaseExposure: InfrastructureControl = {
  meta: PLACE,
  rules: [PUBLICLY_ACCESSIBLE, WORLD_OPEN_PORT, NOT_VERIFIED],
  judge: (infrastructure) => [...judgeAddresses(infrastructure), ...judgePorts(infrastructure)],
};

const WITH_ADDRESS = ["AWS::RDS::DBInstance", "AWS::Redshift::Cluster", "AWS::DMS::ReplicationInstance"] as const;

function judgeAddresses(infrastructure: Infrastructure): readonly Finding[] {
  const clusters = ofType(infrastructure, "AWS::RDS::DBCluster").filter(
    ({ properties }) => properties["PubliclyAccessible"] !== undefined,
  );
  return [...ofType(infrastructure, ...WITH_ADDRESS), ...clusters].flatMap((resource) => {
    const open = flagOf(resource.properties["PubliclyAccessible"]);
    if (open === true) return [atResource(PUBLICLY_ACCESSIBLE, resource)];
    return open === false ? [] : [atResource(NOT_VERIFIED, resource)];
  });
}

function judgePorts(infrastructure: Infrastructure): readonly Finding[] {
  return networkRules(infrastructure, "in").flatMap((rule) => {
    const port = rule.peer === "world" ? PORTS.find((known) => covers(rule, known)) : undefined;
    return port === undefined ? [] : [atResource(WORLD_OPEN_PORT, rule.resource, `port ${port}`)];
  });
}
