import type { LogDestination } from "glacis/audit";
import { isAbsolute, join, resolve } from "node:path";

/** Who visits as Folio's support, in the demonstration. */
export const SUPPORT_TENANT = "c0000000-0000-4000-8000-000000000000";

/** How the application runs. `demo` is a laptop, `test-target` is driven by a black-box test, `production` is neither. */
export type Kind = "demo" | "test-target" | "production";

export interface Settings {
  readonly kind: Kind;
  readonly host: string;
  readonly port: number;
  /** Where a load balancer that cannot name a host asks whether the application is ready; undefined where none does. */
  readonly healthPort: number | undefined;
  readonly dataFolder: string;
  readonly databaseUrl: string | undefined;
  /** The one public origin. */
  readonly origin: string;
  /** Other names and origins under which the same browser may reach a laptop. */
  readonly hosts: readonly string[];
  readonly trustedOrigins: readonly string[];
  readonly proxies: readonly string[];
  /** Where mail is sent and from whom; undefined where it goes to the folder. */
  readonly mail: { readonly url: string; readonly from: string } | undefined;
  readonly mailFolder: string;
  /** The identity provider of one workspace, whose people sign in through it. */
  readonly singleSignOn: SingleSignOnSettings | undefined;
  /** Where clamd listens; undefined where files are not scanned. */
  readonly scanner: { readonly host: string; readonly port: number } | undefined;
  /** Where files lie; undefined for the data folder. */
  readonly bucket: { readonly name: string; readonly kmsKeyId: string | undefined } | undefined;
  /** The workspace of Folio's own staff, who visit others; undefined where nobody does. */
  readonly supportWorkspace: string | undefined;
  /** The key ring, unless it is to be kept in the data folder. */
  readonly keys: string | undefined;
  /** When keys of the ring came into use, by id. */
  readonly keyDates: Readonly<Record<string, string>>;
  /** The workspace whose owners and admins run this deployment: they alone see what belongs to no single workspace. */
  readonly operators: string | undefined;
  /** Who is called when an alarm rings. */
  readonly alarmMail: readonly string[];
  /** Signs the audit log, in PEM; and a file on another mount that keeps what was signed. */
  readonly auditKey: string | undefined;
  readonly auditAnchor: string | undefined;
  /** Credentials that open nothing, and were left where real ones are kept. */
  readonly baits: readonly string[];
  /** Accounts and documents that nobody has a reason to touch, by id. */
  readonly baitAccounts: readonly string[];
  readonly baitDocuments: readonly string[];
  /** Where the platform takes what is written to stdout; undefined where nobody has said. */
  readonly logStore: LogDestination | undefined;
}

export interface SingleSignOnSettings {
  /** What the button says: the provider's name. */
  readonly name: string;
  readonly tenantId: string;
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** Domains that the workspace owns. */
  readonly domains: readonly string[];
}

/** A start that cannot succeed, with the correction; shown without a stack. */
export class StartError extends Error {
  override readonly name = "StartError";
}

type Variables = Readonly<Record<string, string | undefined>>;

/**
 * Reads the command line and the environment.
 *
 * @throws StartError naming the argument or variable and what it should be.
 */
export function readSettings(argv: readonly string[], environment: Variables): Settings {
  // compose.yaml and its like set to nothing what nobody has said, and no host is every host.
  const variables: Variables = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ""));
  const kind = kindOf(argv, variables);
  const port = portOf("PORT", variables["PORT"]) ?? 3000;
  const host = variables["HOST"] ?? "127.0.0.1";
  const folder = variables["DATA_DIR"] ?? (kind === "test-target" ? ".data/test-target" : ".data");
  // npm starts a script in its own package; the user meant the folder that he was in.
  const dataFolder = isAbsolute(folder) ? folder : resolve(variables["INIT_CWD"] ?? process.cwd(), folder);
  const common = {
    kind,
    host,
    port,
    healthPort: portOf("HEALTH_PORT", variables["HEALTH_PORT"]),
    dataFolder,
    databaseUrl: variables["DATABASE_URL"],
    keys: variables["GLACIS_KEYS"],
    scanner: scannerOf(variables["CLAMD"]),
    bucket: bucketNamed(variables),
    mail: undefined,
    supportWorkspace: kind === "production" ? workspaceOf(variables["SUPPORT_WORKSPACE"]) : SUPPORT_TENANT,
    mailFolder: join(dataFolder, "mails"),
    ...watchSettings(variables),
    singleSignOn: singleSignOnOf(variables),
  };
  if (kind === "production")
    return {
      ...common,
      ...productionOrigin(variables),
      databaseUrl: productionDatabase(variables),
      mail: productionMail(variables),
    };
  const scheme = kind === "test-target" ? "https" : "http";
  const other = (name: string): readonly string[] => [`http://${name}:${port}`, `https://${name}:${port}`];
  const names = ["localhost", "127.0.0.1"];
  return {
    ...common,
    operators: OPERATORS,
    alarmMail: ["operator@folio.test"],
    origin: `${scheme}://${kind === "test-target" ? "127.0.0.1" : "localhost"}:${port}`,
    hosts: names.map((name) => `${name}:${port}`),
    trustedOrigins: names.flatMap(other),
    proxies: [],
  };
}

/** The workspace of the demonstration whose people run it. */
export const OPERATORS = "f0000000-0000-4000-8000-000000000000";

function watchSettings(variables: Variables) {
  const operators = variables["OPERATOR_WORKSPACE"];
  if (operators !== undefined && !/^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/u.test(operators))
    throw new StartError("OPERATOR_WORKSPACE is the id of a workspace: a UUID in lower case.");
  return {
    operators,
    alarmMail: listIn(variables["ALARM_MAIL"]),
    auditKey: variables["AUDIT_SIGNING_KEY"],
    auditAnchor: variables["AUDIT_ANCHOR"],
    baits: listIn(variables["BAIT_CREDENTIALS"]),
    baitAccounts: listIn(variables["BAIT_ACCOUNTS"]),
    baitDocuments: listIn(variables["BAIT_DOCUMENTS"]),
    logStore: logStoreOf(variables["LOG_STORE"]),
    keyDates: keyDatesOf(variables["GLACIS_KEYS_SINCE"]),
  };
}

function logStoreOf(text: string | undefined): LogDestination | undefined {
  if (text === undefined) return undefined;
  const [name = "", owner = "", readers, days] = text.split(";").map((part) => part.trim());
  const store = { name, owner, readers: listIn(readers), retentionDays: Number(days) };
  if (name === "" || owner === "" || store.readers.length === 0 || !/^[1-9]\d{0,4}$/u.test(days ?? ""))
    throw new StartError(
      "LOG_STORE is a name, an owner, readers and days, such as: CloudWatch /folio; platform; audit; 400",
    );
  return store;
}

function keyDatesOf(text: string | undefined): Readonly<Record<string, string>> {
  const dates = listIn(text).map((entry) => /^([a-z0-9][a-z0-9_-]*)=(\d{4}-\d{2}-\d{2})$/u.exec(entry));
  if (!dates.every((date) => date !== null))
    throw new StartError("GLACIS_KEYS_SINCE says when keys came into use, such as k2=2026-09-14,k1=2025-03-01.");
  return Object.fromEntries(dates.map(([, id = "", date = ""]) => [id, date]));
}

function listIn(text: string | undefined): readonly string[] {
  return (text ?? "")
    .split(",")
    .map((entry) => entry.trim())
    .filter((entry) => entry !== "");
}

export function kindOf(argv: readonly string[], variables: Variables): Kind {
  const [first, ...others] = argv;
  if (others.length > 0 || (first !== undefined && first !== "--test-target")) {
    throw new StartError(
      `Unknown argument "${first === "--test-target" ? others[0] : first}". The only one is --test-target.`,
    );
  }
  if (first === "--test-target") return "test-target";
  return (variables["GLACIS_ENV"] ?? variables["NODE_ENV"]) === "production" ? "production" : "demo";
}

function portOf(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const port = Number(text);
  if (!/^\d{1,5}$/u.test(text) || port < 1 || port > 65_535)
    throw new StartError(`${name} must be a number from 1 to 65535, and is "${text}".`);
  return port;
}

function workspaceOf(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  if (!/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/u.test(text))
    throw new StartError("SUPPORT_WORKSPACE must be the id of a workspace, a uuid in lower case.");
  return text;
}

/** A host and a port, such as `clamd:3310`. */
function scannerOf(text: string | undefined): Settings["scanner"] {
  if (text === undefined) return undefined;
  const [, host = "", port = "3310"] = /^([\w.-]+)(?::(\d{1,5}))?$/u.exec(text) ?? [];
  if (host === "" || Number(port) < 1 || Number(port) > 65_535)
    throw new StartError(`CLAMD must be a host and a port, such as clamd:3310, and is "${text}".`);
  return { host, port: Number(port) };
}

/** The names that S3 gives: what else stands there is an address or a typing error. */
function bucketNamed({ FILES_BUCKET: name, FILES_KMS_KEY: kmsKeyId }: Variables): Settings["bucket"] {
  if (name === undefined) return undefined;
  if (!/^[a-z\d][a-z\d.-]{1,61}[a-z\d]$/u.test(name))
    throw new StartError(`FILES_BUCKET must be the name of a bucket, such as acme-files, and is "${name}".`);
  return { name, kmsKeyId };
}

function productionOrigin(variables: Variables): Pick<Settings, "origin" | "hosts" | "trustedOrigins" | "proxies"> {
  const origin = variables["ORIGIN"];
  if (origin === undefined) throw new StartError("Production needs ORIGIN, such as https://docs.example.com.");
  return { origin, hosts: [], trustedOrigins: [], proxies: listIn(variables["PROXIES"]) };
}

/** The embedded database is one process, one connection and its own superuser: no boundary between tenants worth the name. */
function productionDatabase(variables: Variables): string {
  const url = variables["DATABASE_URL"];
  if (url === undefined)
    throw new StartError("Production needs DATABASE_URL: the embedded database is for laptops and tests.");
  return url;
}

/** Nobody can sign up, be invited or choose a new password without mail, and a folder of links is a folder of keys. */
function productionMail(variables: Variables): { readonly url: string; readonly from: string } {
  const { SMTP_URL: url, MAIL_FROM: from } = variables;
  if (url === undefined || from === undefined)
    throw new StartError(
      "Production needs SMTP_URL, such as smtps://user:password@smtp.example.com, and MAIL_FROM, such as Folio <no-reply@example.com>.",
    );
  return { url, from };
}

const SSO_VARIABLES = ["SSO_ISSUER", "SSO_CLIENT_ID", "SSO_CLIENT_SECRET", "SSO_WORKSPACE", "SSO_DOMAINS"] as const;

/** All of it or nothing: half a provider signs nobody in. */
function singleSignOnOf(variables: Variables): SingleSignOnSettings | undefined {
  const missing = SSO_VARIABLES.filter((name) => variables[name] === undefined);
  if (missing.length === SSO_VARIABLES.length) return undefined;
  if (missing.length > 0)
    throw new StartError(`Single sign-on needs ${SSO_VARIABLES.join(", ")}; there is no ${missing.join(", no ")}.`);
  const [issuer, clientId, clientSecret, tenantId, domains] = SSO_VARIABLES.map((name) => variables[name] ?? "") as [
    string,
    string,
    string,
    string,
    string,
  ];
  if (!URL.canParse(issuer) || new URL(issuer).protocol !== "https:")
    throw new StartError("SSO_ISSUER must be the provider's https address, exactly as the provider writes it.");
  if (!/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/u.test(tenantId))
    throw new StartError("SSO_WORKSPACE must be the id of a workspace; /api/me of its people tells it.");
  const owned = domains.split(",").map((domain) => domain.trim());
  return { name: variables["SSO_NAME"] ?? "single sign-on", tenantId, issuer, clientId, clientSecret, domains: owned };
}
