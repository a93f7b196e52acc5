/** The application with one thing missing: copies of its sources, changed by text, and its rules and policies, changed in place. */
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { AccessRule, Security } from "glacis";
import type { Ground, Parts } from "./attack-matrix-support.ts";

const APPLICATION = fileURLToPath(new URL("../", import.meta.url));
const MODULES = fileURLToPath(new URL("../../../node_modules", import.meta.url));

/** One place in a source file, and what stands there instead. */
export interface Change {
  readonly file: string;
  readonly from: string;
  readonly to: string;
  /** Which of the places that read the same, from 0. */
  readonly nth: number;
}

const HEAD = 'import { sql as always } from "drizzle-orm";\n';
const TRUE = "always`true`";

/** Every comparison of every query of the application: each is a filter that could be forgotten. */
export function comparisons(file: string): readonly Change[] {
  const text = readFileSync(join(APPLICATION, "src", file), "utf8");
  const counts = new Map<string, number>();
  return [...text.matchAll(/\beq\(/gu)].map(({ index }) => {
    const from = text.slice(index, endOfCall(text, index));
    const nth = counts.get(from) ?? 0;
    counts.set(from, nth + 1);
    return { file, from, to: TRUE, nth };
  });
}

/** Every question of a query to the access policy. */
export function filters(file: string): readonly Change[] {
  const text = readFileSync(join(APPLICATION, "src", file), "utf8");
  const calls = [...text.matchAll(/\bpermitted(?:Documents|Shares|Attachments)\(user, [^)]*\)/gu)].map(
    ([call]) => call,
  );
  return calls.map((from, index) => ({
    file,
    from,
    to: TRUE,
    nth: calls.slice(0, index).filter((call) => call === from).length,
  }));
}

function endOfCall(text: string, start: number): number {
  let depth = 0;
  for (let at = start; at < text.length; at += 1) {
    if (text[at] === "(") depth += 1;
    else if (text[at] === ")" && (depth -= 1) === 0) return at + 1;
  }
  throw new Error("A call does not end.");
}

export const describeChange = ({ file, from, nth }: Change): string =>
  `${file}: ${from}${nth === 0 ? "" : ` (${nth + 1})`}`;

/** The application's own modules, loaded from a copy with the changes in it. */
export async function mutated(changes: readonly Change[]): Promise<Parts> {
  const folder = mkdtempSync(join(tmpdir(), "folio-mutant-"));
  try {
    cpSync(join(APPLICATION, "src"), join(folder, "src"), { recursive: true });
    cpSync(join(APPLICATION, "assets"), join(folder, "assets"), { recursive: true });
    symlinkSync(MODULES, join(folder, "node_modules"));
    for (const file of new Set(changes.map((change) => change.file))) {
      const path = join(folder, "src", file);
      writeFileSync(
        path,
        HEAD +
          applied(
            readFileSync(path, "utf8"),
            changes.filter((change) => change.file === file),
          ),
      );
    }
    // Most changes are in the queries, and loading the routes again takes its time.
    const routes = changes.some(({ file }) => /routes|api/u.test(file));
    const load = (file: string): Promise<never> => import(join(folder, "src", file)) as Promise<never>;
    const original = (file: string): Promise<never> => import(join(APPLICATION, "src", file)) as Promise<never>;
    return {
      ...((await load("accounts/accounts.ts")) as Pick<Parts, "accountsIn">),
      ...((await load("documents/documents.ts")) as Pick<Parts, "documentsIn">),
      ...((await load("attachments/attachments.ts")) as Pick<Parts, "attachmentsIn">),
      ...((await (routes ? load : original)("app.ts")) as Pick<Parts, "createApp">),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** From the end to the beginning, so that an earlier place stays where it was. */
function applied(text: string, changes: readonly Change[]): string {
  const places = changes.map(({ from, to, nth, file }) => {
    let at = -1;
    for (let count = 0; count <= nth; count += 1) at = text.indexOf(from, at + 1);
    if (at === -1) throw new Error(`${file} does not hold ${from} any more.`);
    return { at, from, to };
  });
  return places
    .toSorted((one, two) => two.at - one.at)
    .reduce((whole, { at, from, to }) => whole.slice(0, at) + to + whole.slice(at + from.length), text);
}

/** The same security with another access rule on one route. */
export function withRule(security: Security, route: string, access: AccessRule): Security {
  return Object.create(security, {
    enter: {
      value: (...[exchange, sealed]: Parameters<Security["enter"]>) => {
        const here = `${sealed.method} ${sealed.pattern}` === route;
        return security.enter(exchange, here ? { ...sealed, rule: { ...sealed.rule, access } } : sealed);
      },
    },
  }) as Security;
}

export interface Policy {
  readonly table: string;
  readonly name: string;
  readonly verb: "SELECT" | "INSERT" | "UPDATE" | "DELETE";
  readonly roles: string;
  readonly using: string | null;
  readonly check: string | null;
}

export async function policiesOf({ query }: Ground): Promise<readonly Policy[]> {
  const { rows } = await query(
    `select tablename as table, policyname as name, cmd as verb, array_to_string(roles, ', ') as roles, qual as using, with_check as check
     from pg_policies where schemaname = 'public' order by 1, 2`,
  );
  return rows as readonly Policy[];
}

/** Lets a policy pass everything. */
export async function openPolicy({ query }: Ground, policy: Policy): Promise<void> {
  await query(alter(policy, policy.using && "true", policy.check && "true"));
}

export async function restorePolicy({ query }: Ground, policy: Policy): Promise<void> {
  await query(alter(policy, policy.using, policy.check));
}

/** The function that knows addresses, as it is and without its tenant. */
export async function openAddresses({ query }: Ground): Promise<() => Promise<unknown>> {
  const { rows } = await query("select pg_get_functiondef('colleague_address(uuid)'::regprocedure) as sql");
  const { sql } = rows[0] as { readonly sql: string };
  const open = sql.replace(/m\.tenant_id = .* and /u, "");
  if (open === sql) throw new Error("The function of addresses does not ask for the tenant.");
  await query(open);
  return () => query(sql);
}

export async function dropPolicy({ query }: Ground, { table, name }: Policy): Promise<void> {
  await query(`drop policy ${name} on ${table}`);
}

export async function createPolicy(
  { query }: Ground,
  { table, name, verb, roles, using, check }: Policy,
): Promise<void> {
  await query(
    `create policy ${name} on ${table} for ${verb} to ${roles}${using === null ? "" : ` using (${using})`}${check === null ? "" : ` with check (${check})`}`,
  );
}

function alter({ table, name }: Policy, using: string | null, check: string | null): string {
  return `alter policy ${name} on ${table}${using === null ? "" : ` using (${using})`}${check === null ? "" : ` with check (${check})`}`;
}
