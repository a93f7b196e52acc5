/** How the server is reached and set up, as far as a connection can see. */
import type { Finding, Rule } from "../../core/finding.ts";
import type { Facts, ObjectFacts, ServerFacts } from "./facts.ts";
import { found } from "./judging.ts";

const NOT_ENCRYPTED: Rule = {
  id: "database-exposure/connection-not-encrypted",
  severity: "error",
  what: "The connection crosses a network without TLS.",
  why: "Whoever is on the way reads every row, and can send queries of their own.",
  fix: "Connect with sslmode=verify-full and the authority's certificate; let pg_hba.conf accept hostssl alone.",
};
const OLD_TLS: Rule = {
  id: "database-exposure/connection-old-tls",
  severity: "error",
  what: "The connection speaks TLS 1.0 or 1.1.",
  why: "RFC 8996 forbids both.",
  fix: "Require TLS 1.2 at the server.",
};
const TLS_OFF: Rule = {
  id: "database-exposure/server-without-tls",
  severity: "warning",
  what: "The server listens on a network and has TLS switched off.",
  why: "No client can connect safely from another machine, and some will connect anyway.",
  fix: "Give the server a certificate and switch TLS on.",
};
const OLD_TLS_ALLOWED: Rule = {
  id: "database-exposure/server-allows-old-tls",
  severity: "warning",
  what: "The server accepts TLS 1.0 or 1.1.",
  why: "A client that is talked down to them is not protected (RFC 8996).",
  fix: "Raise ssl_min_protocol_version.",
};
const LISTENS_EVERYWHERE: Rule = {
  id: "database-exposure/server-listens-everywhere",
  severity: "note",
  what: "The server listens on every address of its machine.",
  why: "Only the network in front of it decides who can try a password.",
  fix: "Listen on the private address alone, and close the port to the internet.",
};
const MD5: Rule = {
  id: "database-exposure/password-hash-md5",
  severity: "error",
  what: "New passwords are hashed with MD5.",
  why: "An MD5 hash of a database password is as good as the password.",
  fix: "Use scram-sha-256 and set the passwords anew.",
};
const END_OF_LIFE: Rule = {
  id: "database-exposure/server-end-of-life",
  severity: "error",
  what: "This major version of Postgres gets no security fixes any more.",
  why: "Holes that are found now stay open in it.",
  fix: "Upgrade to a supported major version.",
};
const ROW_SECURITY_OFF: Rule = {
  id: "database-exposure/row-security-off",
  severity: "warning",
  what: "The setting row_security is off for this session.",
  why: "Every query on a protected table is an error then, and the usual remedy for that is a role that bypasses it.",
  fix: "Leave row_security on; only a dump needs it off.",
};
const REPLICA_ROLE: Rule = {
  id: "database-exposure/foreign-keys-suspended",
  severity: "error",
  what: "The session runs as a replica: triggers and foreign keys are not enforced.",
  why: "Rows can point into other tenants, and audit triggers stay silent.",
  fix: "Leave session_replication_role at origin.",
};
const LARGE_OBJECTS: Rule = {
  id: "database-exposure/large-objects-unchecked",
  severity: "error",
  what: "Privileges of large objects are not checked.",
  why: "Whoever knows or guesses a number reads the object.",
  fix: "Switch lo_compat_privileges off.",
};
const STATEMENTS: Rule = {
  id: "database-exposure/statements-unbounded",
  severity: "note",
  what: "A statement may run without end.",
  why: "One expensive query of one tenant holds connections and locks that all tenants wait for.",
  fix: "Set statement_timeout for the application's role.",
};
const IDLE: Rule = {
  id: "database-exposure/idle-transactions-unbounded",
  severity: "note",
  what: "A transaction may stay open without end.",
  why: "A handler that hangs between two queries keeps its locks, and the database its old rows.",
  fix: "Set idle_in_transaction_session_timeout for the application's role.",
};
const EMBEDDED: Rule = {
  id: "database-exposure/embedded-engine",
  severity: "warning",
  what: "The database runs inside the application's process.",
  why: "It has one connection, which can become its superuser again: against injected SQL it is no boundary.",
  fix: "Use a Postgres server in production; keep the embedded one for demonstrations and tests.",
};
const ROLE_SETTING: Rule = {
  id: "database-exposure/role-setting",
  severity: "error",
  what: "The role or the database carries a setting that undermines isolation.",
  why: "It holds for every new session: a tenant by default, a search path that begins with temporary tables, or checks switched off.",
  fix: "Reset it, and find out who set it: a role may change its own defaults, and so may injected SQL.",
};
const PARAMETER: Rule = {
  id: "database-exposure/parameter-granted",
  severity: "error",
  what: "The application's role may change a setting that is a superuser's.",
  why: "With session_replication_role it switches off foreign keys; with others it loads code or silences the log.",
  fix: "Revoke the privilege on the parameter.",
};

export const SERVER_RULES: readonly Rule[] = [
  NOT_ENCRYPTED,
  OLD_TLS,
  TLS_OFF,
  OLD_TLS_ALLOWED,
  LISTENS_EVERYWHERE,
  MD5,
  END_OF_LIFE,
  ROW_SECURITY_OFF,
  REPLICA_ROLE,
  LARGE_OBJECTS,
  STATEMENTS,
  IDLE,
  EMBEDDED,
  ROLE_SETTING,
  PARAMETER,
];

/** The last day of each major version (postgresql.org, versioning policy). */
const LAST_DAYS: readonly (readonly [number, string])[] = [
  [12, "2024-11-21"],
  [13, "2025-11-13"],
  [14, "2026-11-12"],
  [15, "2027-11-11"],
  [16, "2028-11-09"],
  [17, "2029-11-08"],
  [18, "2030-11-14"],
];
const OLD: ReadonlySet<string> = new Set(["TLSv1", "TLSv1.1", "SSLv3"]);
const LOCAL: ReadonlySet<string> = new Set(["", "localhost", "127.0.0.1", "::1"]);

export function judgeServer({ server, objects }: Facts, nowMs: number): readonly Finding[] {
  const { settings } = server;
  const embedded = /emscripten|wasm/iu.test(server.versionText);
  const addresses = (settings["listen_addresses"] ?? "").split(",").map((address) => address.trim());
  const networked = !embedded && addresses.some((address) => !LOCAL.has(address));
  const set = (name: string, value: string): string => `alter system set ${name} = ${value}; select pg_reload_conf();`;
  const checks: readonly (false | Finding)[] = [
    embedded && found(EMBEDDED, "engine"),
    !embedded &&
      !server.loopback &&
      server.tls !== true &&
      found(NOT_ENCRYPTED, "connection", server.clientAddress ?? undefined),
    server.tlsVersion !== null &&
      OLD.has(server.tlsVersion) &&
      found(OLD_TLS, "connection", server.tlsVersion, set("ssl_min_protocol_version", "'TLSv1.2'")),
    networked && settings["ssl"] === "off" && found(TLS_OFF, "ssl", addresses.join(", "), set("ssl", "on")),
    OLD.has(settings["ssl_min_protocol_version"] ?? "") &&
      found(OLD_TLS_ALLOWED, "ssl_min_protocol_version", undefined, set("ssl_min_protocol_version", "'TLSv1.2'")),
    networked &&
      addresses.some((address) => ["*", "0.0.0.0", "::"].includes(address)) &&
      found(LISTENS_EVERYWHERE, "listen_addresses", undefined, "alter system set listen_addresses = '<the address>';"),
    settings["password_encryption"] === "md5" &&
      found(MD5, "password_encryption", undefined, set("password_encryption", "'scram-sha-256'")),
    pastLastDay(server, nowMs) && found(END_OF_LIFE, "server", String(Math.floor(server.version / 10_000))),
    settings["row_security"] === "off" && found(ROW_SECURITY_OFF, "row_security", undefined, "reset row_security;"),
    settings["session_replication_role"] !== "origin" &&
      found(REPLICA_ROLE, "session_replication_role", undefined, "reset session_replication_role;"),
    settings["lo_compat_privileges"] === "on" &&
      found(LARGE_OBJECTS, "lo_compat_privileges", undefined, set("lo_compat_privileges", "off")),
    settings["statement_timeout"] === "0" &&
      found(STATEMENTS, "statement_timeout", undefined, "alter role <role> set statement_timeout = '30s';"),
    settings["idle_in_transaction_session_timeout"] === "0" &&
      found(
        IDLE,
        "idle_in_transaction_session_timeout",
        undefined,
        "alter role <role> set idle_in_transaction_session_timeout = '30s';",
      ),
  ];
  return [
    ...checks.filter((item) => item !== false),
    ...objects
      .filter(({ area, detail }) => area === "role-setting" && undermines(detail ?? ""))
      .map((setting) => judgeSetting(setting)),
    ...objects
      .filter(({ area }) => area === "parameter")
      .map(({ name }) =>
        found(PARAMETER, name, undefined, `revoke set, alter system on parameter ${name} from public, <role>;`),
      ),
  ];
}

function pastLastDay({ version }: ServerFacts, nowMs: number): boolean {
  const major = Math.floor(version / 10_000);
  const last = LAST_DAYS.find(([known]) => known === major)?.[1];
  return last === undefined ? major < (LAST_DAYS[0]?.[0] ?? 0) : nowMs > Date.parse(`${last}T23:59:59Z`);
}

function undermines(setting: string): boolean {
  const [name = "", value = ""] = setting.split(/=(.*)/su);
  if (["row_security", "session_replication_role"].includes(name)) return !["on", "origin"].includes(value);
  if (name === "search_path") return /^\s*"?(?:pg_temp|\$user)\b/u.test(value);
  return name.startsWith("app.tenant") && value !== "" && value !== '""';
}

function judgeSetting({ name, detail }: ObjectFacts): Finding {
  const parameter = (detail ?? "").split("=")[0] ?? "";
  // The value may be a tenant's id, which is nobody's business here.
  return found(ROLE_SETTING, `${name}.${parameter}`, undefined, `alter role <${name}> reset ${parameter};`);
}
