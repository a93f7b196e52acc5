/** Database, cache, queue and mail by verified TLS (catalog internal-tls; CWE-319; guide checklist: TLS 1.3 for data in transit). */
import type { Control, ControlMeta, Deployment } from "../core/control.ts";
import { finding, type Finding, type Location, type Rule } from "../core/finding.ts";
import { rejectNonRecord, rejectUnknownOptions } from "../core/options.ts";
import { addressScope } from "../primitives/ip.ts";

const META: ControlMeta = {
  id: "internal-tls",
  title: "Database, cache, queue, mail and internal HTTP use verified TLS",
  layer: "transport",
  guide: ["checklist: TLS 1.3 for data in transit"],
  owasp2021: ["A02"],
  owasp2025: ["A04"],
  asvs: ["v5.0.0-12.3.1", "v5.0.0-12.3.3"],
  cwe: ["CWE-319", "CWE-311"],
};

export const INTERNAL_PLAINTEXT: Rule = {
  id: "internal-tls/plaintext",
  severity: "warning",
  what: "A connection to another machine is not encrypted.",
  why: "Whoever is on the network between the two reads passwords, sessions and rows, and changes them.",
  fix: "Use sslmode=verify-full for Postgres, rediss:, amqps:, mongodb with tls=true, smtps: or requireTLS, and https:.",
};
export const INTERNAL_UNVERIFIED: Rule = {
  id: "internal-tls/unverified",
  severity: "warning",
  what: "A connection to another machine is encrypted, and the machine is not verified.",
  why: "Whoever is on the way shows a certificate of its own and reads along.",
  fix: "Use sslmode=verify-full with the authority's certificate; remove rejectUnauthorized: false and its kin.",
};
export const INTERNAL_EXCEPTION: Rule = {
  id: "internal-tls/exception",
  severity: "note",
  what: "A connection is declared to be protected by something else than its own TLS.",
  why: "Nobody here can see whether that holds.",
  fix: "Read the reason in the detail from time to time; TLS needs none.",
};

export interface InternalTlsOptions {
  /** Further connections by name, as URLs: `{ cache: settings.redisUrl }`. The environment's are looked at without being named. */
  readonly connections?: Readonly<Record<string, string | undefined>>;
  /** Names that are protected by something else, with what that is: `{ DATABASE_URL: "sidecar with mutual TLS" }`. */
  readonly exceptions?: Readonly<Record<string, string>>;
  /** What the pools themselves say: `await postgresTls(pool)`. */
  readonly pools?: readonly PoolTls[];
}

/** How a pool's own connection is protected. */
export interface PoolTls {
  readonly name: string;
  /** Local connections need no TLS. */
  readonly local: boolean;
  readonly encrypted: boolean;
}

/**
 * Judges the connections that the environment names (`DATABASE_URL` and every other variable that holds such a URL) and those that are passed in.
 * This machine and Unix sockets need no TLS. No value is ever quoted.
 *
 * @throws TypeError on an unknown option, or for an exception without a reason.
 * @example
 * internalTls({ pools: [await postgresTls(pool)] });
 */
export function internalTls(options: InternalTlsOptions = {}): Control {
  rejectUnknownOptions("internalTls", options, ["connections", "exceptions", "pools"]);
  rejectNonRecord("internalTls", "connections", options.connections);
  rejectNonRecord("internalTls", "exceptions", options.exceptions);
  const { connections = {}, exceptions = {}, pools = [] } = options;
  for (const [name, reason] of Object.entries(exceptions)) {
    if (typeof reason !== "string" || reason.trim() === "")
      throw new TypeError(`internalTls() needs the reason in words why "${name}" is an exception.`);
  }
  const excused = new Map(Object.entries(exceptions));
  const judge = (url: string, at: Location & { readonly name: string }): readonly Finding[] =>
    excused.has(at.name) ? [] : judgeUrl(url, at);
  return {
    meta: META,
    rules: [INTERNAL_PLAINTEXT, INTERNAL_UNVERIFIED, INTERNAL_EXCEPTION],
    check: ({ mode, variables }: Deployment) =>
      mode !== "production"
        ? []
        : [
            ...[...variables].flatMap(([name, value]) =>
              PROXY.test(name) ? [] : judge(value, { kind: "environment", name }),
            ),
            ...Object.entries(connections).flatMap(([name, url]) =>
              url === undefined ? [] : judge(url, { kind: "setting", name }),
            ),
            ...pools.flatMap(({ name, local, encrypted }) =>
              local || encrypted || excused.has(name) ? [] : [finding(INTERNAL_PLAINTEXT, { kind: "database", name })],
            ),
            ...[...excused].map(([name, reason]) => finding(INTERNAL_EXCEPTION, { kind: "setting", name }, reason)),
          ],
  };
}

/** What goes through a proxy is protected from end to end, or found where it is named. */
const PROXY = /(?:^|_)proxy$/iu;

type Protection = "verified" | "unverified" | "plaintext";

/** How each scheme protects itself. What is not here is no connection to a machine of ours. */
const SCHEMES: Readonly<Record<string, (parameters: URLSearchParams) => Protection>> = {
  "postgres:": postgres,
  "postgresql:": postgres,
  "mysql:": mysql,
  "mariadb:": mysql,
  "redis:": () => "plaintext",
  "rediss:": unlessSwitchedOff,
  "valkey:": () => "plaintext",
  "valkeys:": unlessSwitchedOff,
  "amqp:": () => "plaintext",
  "amqps:": unlessSwitchedOff,
  "mqtt:": () => "plaintext",
  "mqtts:": unlessSwitchedOff,
  "nats:": () => "plaintext",
  "memcached:": () => "plaintext",
  "mongodb:": mongodb,
  "mongodb+srv:": (parameters) => (isOff(parameters, "tls", "ssl") ? "plaintext" : unlessSwitchedOff(parameters)),
  "smtp:": (parameters) => (isOn(parameters, "requireTLS") ? unlessSwitchedOff(parameters) : "plaintext"),
  "smtps:": unlessSwitchedOff,
  "ldap:": () => "plaintext",
  "ldaps:": unlessSwitchedOff,
};

function judgeUrl(text: string, at: Location): readonly Finding[] {
  const scheme = /^([a-z][a-z0-9+]{1,20}:)\/\//iu.exec(text)?.[1]?.toLowerCase() ?? "";
  const protection = Object.hasOwn(SCHEMES, scheme) ? SCHEMES[scheme] : undefined;
  const internal = protection === undefined && scheme === "http:" && isInternalName(hostsOf(text));
  if (protection === undefined && !internal) return [];
  if (hostsOf(text).every(isThisMachine)) return [];
  const found = protection?.(parametersOf(text)) ?? "plaintext";
  if (found === "verified") return [];
  return [finding(found === "plaintext" ? INTERNAL_PLAINTEXT : INTERNAL_UNVERIFIED, at, scheme.slice(0, -1))];
}

/** A URL of several hosts is none to the platform's parser, so the authority is read here. Nothing is decoded: nothing of it is shown. */
function hostsOf(text: string): readonly string[] {
  const authority = /^[a-z0-9+]+:\/\/([^/?#]*)/iu.exec(text)?.[1] ?? "";
  const hosts = authority.slice(authority.lastIndexOf("@") + 1);
  const named = parametersOf(text).get("host");
  if (hosts === "") return [named ?? ""];
  return hosts.split(",").map((host) => (/^\[([^\]]*)\]/u.exec(host)?.[1] ?? host.replace(/:\d*$/u, "")).toLowerCase());
}

function parametersOf(text: string): URLSearchParams {
  const start = text.indexOf("?");
  return new URLSearchParams(start === -1 ? "" : text.slice(start + 1));
}

/** No host means a Unix socket, and so does a path. */
function isThisMachine(host: string): boolean {
  if (host === "" || host === "localhost" || host.startsWith("/") || host.startsWith("%2f")) return true;
  return addressScope(host) === "loopback";
}

/** Plain HTTP is judged where the name or the address says that it is our own network, as a name of one word does; what is public is not ours to know. */
function isInternalName(hosts: readonly string[]): boolean {
  return hosts.some((host) => {
    if (/^[^.:]+$|\.(?:internal|local|svc|lan|intranet|corp)$/u.test(host)) return true;
    return addressScope(host) === "private";
  });
}

/** libpq and `pg`: `require` and what is weaker believe any certificate; without a word there is no TLS, or none that is asked for. */
function postgres(parameters: URLSearchParams): Protection {
  const mode = parameters.get("sslmode");
  if (mode === "verify-full") return unlessSwitchedOff(parameters);
  if (mode === "verify-ca" || mode === "require" || mode === "no-verify") return "unverified";
  if (mode === null && isOn(parameters, "ssl")) return unlessSwitchedOff(parameters);
  return "plaintext";
}

function mysql(parameters: URLSearchParams): Protection {
  const mode = (parameters.get("ssl-mode") ?? parameters.get("sslMode") ?? "").toUpperCase();
  if (mode === "VERIFY_IDENTITY") return "verified";
  if (mode === "VERIFY_CA" || mode === "REQUIRED") return "unverified";
  return isOn(parameters, "ssl", "tls") ? unlessSwitchedOff(parameters) : "plaintext";
}

function mongodb(parameters: URLSearchParams): Protection {
  return isOn(parameters, "tls", "ssl") ? unlessSwitchedOff(parameters) : "plaintext";
}

const SWITCHES = ["tlsInsecure", "tlsAllowInvalidCertificates", "tlsAllowInvalidHostnames", "ignoreTLS"];

function unlessSwitchedOff(parameters: URLSearchParams): Protection {
  const off = isOn(parameters, ...SWITCHES) || isOff(parameters, "rejectUnauthorized", "tls.rejectUnauthorized");
  return off || parameters.get("verify") === "verify_none" ? "unverified" : "verified";
}

function isOn(parameters: URLSearchParams, ...names: readonly string[]): boolean {
  return names.some((name) => /^(?:true|1|yes|on)$/iu.test(parameters.get(name) ?? ""));
}

function isOff(parameters: URLSearchParams, ...names: readonly string[]): boolean {
  return names.some((name) => /^(?:false|0|no|off)$/iu.test(parameters.get(name) ?? ""));
}

/** The part of a `pg` pool that is used. */
export interface TlsDatabase {
  query(text: string, values?: unknown[]): Promise<{ readonly rows: readonly unknown[] }>;
}

/**
 * Asks Postgres itself how the pool's connection is protected.
 *
 * @param name what findings call it
 * @throws what the pool throws: an application that cannot ask should not start
 */
export async function postgresTls(pool: TlsDatabase, name: string = "postgres"): Promise<PoolTls> {
  const { rows } = await pool.query(
    `select coalesce((select s.ssl from pg_catalog.pg_stat_ssl s where s.pid = pg_catalog.pg_backend_pid()), false) as encrypted,
      coalesce(pg_catalog.inet_client_addr() = pg_catalog.inet_server_addr() or pg_catalog.host(pg_catalog.inet_server_addr()) like '127.%', true) as local`,
  );
  const [row] = rows as readonly { readonly encrypted: boolean; readonly local: boolean }[];
  return { name, local: row?.local === true, encrypted: row?.encrypted === true };
}
