/** The same request in other words: other spellings of a path, other methods, and claims about who asks. */
import type { Ask } from "./attack-matrix-client.ts";
import type { LookAlikePerson } from "./attack-matrix-world.ts";

export interface Variant {
  readonly attack: string;
  readonly ask: Ask;
}

const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/** Spellings that some router, proxy or file system somewhere reads as the same path. */
export function pathVariants(ask: Ask): readonly Variant[] {
  const [path = "", ...query] = ask.target.split(/(?=\?)/u);
  const last = path.slice(path.lastIndexOf("/") + 1);
  if (last === "") return [];
  const before = path.slice(0, -last.length);
  const letter = path.search(/[a-z]/u);
  const spellings: Readonly<Record<string, string>> = {
    "trailing slash": `${path}/`,
    "doubled slash": `/${path}`,
    "doubled slash inside": `${before}/${last}`,
    "capital letters": path.toUpperCase(),
    "capital letters in the last segment": before + last.toUpperCase(),
    "encoded letter":
      letter === -1 ? path : path.slice(0, letter) + percent(path.charAt(letter)) + path.slice(letter + 1),
    "encoded slash": before === "/" ? path : `${before.slice(0, -1)}%2f${last}`,
    "dot segment": `${before}./${last}`,
    "encoded dot segments": `${before}x/%2e%2e/${last}`,
    "path parameter": `${path};x=1`,
    suffix: `${path}.json`,
    "encoded NUL": `${path}%00`,
  };
  const seen = new Set([path]);
  return Object.entries(spellings).flatMap(([name, spelling]) => {
    if (seen.has(spelling)) return [];
    seen.add(spelling);
    return [{ attack: `path: ${name}`, ask: { ...ask, target: [spelling, ...query].join("") } }];
  });
}

function percent(letter: string): string {
  return `%${letter.charCodeAt(0).toString(16)}`;
}

/** Every method that the route table does not declare for this pattern. HEAD is a GET and never undeclared. */
export function methodVariants(ask: Ask, declared: ReadonlySet<string>): readonly Variant[] {
  return METHODS.filter((method) => method !== ask.method && !declared.has(method)).map((method) => ({
    attack: `method: ${method}`,
    ask: { ...withoutBody(ask), method, ...(["POST", "PUT", "PATCH"].includes(method) && bodyOf(ask)) },
  }));
}

function withoutBody({ method, target, headers }: Ask): Ask {
  const { "content-type": _, ...kept } = headers;
  return { method, target, headers: kept };
}

function bodyOf({ headers, body = "{}" }: Ask): Pick<Ask, "headers" | "body"> {
  return { headers: { "content-type": "application/json", ...headers }, body };
}

/** Headers by which gateways tell the services behind them who asks. From outside they are claims and nothing else. */
export function spoofedHeaders(ask: Ask, claimed: LookAlikePerson): readonly Variant[] {
  const { id, email, tenantId } = claimed;
  const names: Readonly<Record<string, readonly string[]>> = {
    [tenantId]: [
      "x-tenant-id",
      "x-tenant",
      "tenant-id",
      "x-org-id",
      "x-organization-id",
      "x-account-id",
      "x-workspace-id",
    ],
    [id]: ["x-user-id", "x-user", "x-auth-user", "x-authenticated-user-id", "x-forwarded-user", "x-remote-user"],
    [email]: ["x-user-email", "x-forwarded-email", "x-auth-request-email"],
    admin: ["x-role", "x-user-role", "x-roles", "x-forwarded-groups"],
  };
  const claims = Object.entries(names).flatMap(([value, headers]) => headers.map((name) => [name, value] as const));
  const cookie = `tenant=${tenantId}; tenant_id=${tenantId}; user_id=${id}; role=admin`;
  const known = ask.headers["cookie"];
  return [
    { attack: "claims in headers", ask: { ...ask, headers: { ...ask.headers, ...Object.fromEntries(claims) } } },
    {
      attack: "claims in cookies",
      ask: { ...ask, headers: { ...ask.headers, cookie: known === undefined ? cookie : `${known}; ${cookie}` } },
    },
  ];
}

/** One claim at a time: a query that refuses the name of one must not hide that it believes another. */
export function spoofedQueries(ask: Ask, claimed: LookAlikePerson): readonly Variant[] {
  const { id, tenantId } = claimed;
  const claims: readonly (readonly [name: string, value: string])[] = [
    ...["tenant_id", "tenantId", "tenant", "org_id"].map((name) => [name, tenantId] as const),
    ...["user_id", "userId", "owner_id", "ownerId", "as"].map((name) => [name, id] as const),
    ["role", "admin"],
  ];
  return claims.map(([name, value]) => ({
    attack: `claim in query: ${name}`,
    ask: { ...ask, target: `${ask.target}${ask.target.includes("?") ? "&" : "?"}${name}=${value}` },
  }));
}
