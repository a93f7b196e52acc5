import { KIND } from "../engine/kinds.ts";
import type { Call } from "../engine/run.ts";
import type { Value } from "../engine/value.ts";
import { option, untrusted, type ScanRule } from "../rule.ts";

/** Methods that take SQL and nothing else. */
const RAW = new Set([
  "$queryRawUnsafe",
  "$executeRawUnsafe",
  "whereRaw",
  "orWhereRaw",
  "andWhereRaw",
  "orderByRaw",
  "havingRaw",
  "joinRaw",
  "fromRaw",
  "groupByRaw",
  "selectRaw",
  "createNativeQuery",
  "executeRaw",
  "queryRaw",
  "__dangerous__rawValue",
  "sendNativeQuery",
]);
/** Methods that take SQL where the object is a database. */
const ASKING = new Set([
  "query",
  "execute",
  "exec",
  "run",
  "all",
  "get",
  "each",
  "prepare",
  "raw",
  "unsafe",
  "literal",
  "one",
  "none",
  "many",
  "any",
  "oneOrNone",
  "manyOrNone",
  "result",
  "multi",
  "batch",
  "createQueryJob",
  "where",
  "andWhere",
  "orWhere",
  "having",
  "orderBy",
  "addOrderBy",
  "sql",
  "queryObject",
  "queryArray",
  "simple",
  "executeSql",
  "runQuery",
  "executeQuery",
  "rawQuery",
  "select",
  "add",
]);
const DATABASES =
  /^(?:pg|mysql|mysql2|mariadb|sqlite3|better-sqlite3|sqlite|postgres|mssql|knex|sequelize|typeorm|pg-promise|@prisma\/client|drizzle-orm|oracledb|tedious|kysely|slonik|@databases|@neondatabase|@vercel\/postgres|@libsql|@planetscale|mikro-orm|@mikro-orm|objection|bun:sqlite|sqlite|snowflake-sdk|@google-cloud\/bigquery)\b/u;
const OWNERS =
  /(?:^|[._#])(?:db|database|pool|client|conn|connection|sql|knex|sequelize|prisma|mysql|pg|postgres|pgPool|sqlite|manager|queryRunner|entityManager|dataSource|trx|tx|transaction|repository|repo|session|orm)\w*(?:\(\))?(?:\.\w+(?:\(\))?)?$/iu;
const SQL =
  /^\s*(?:\(\s*)?(?:select\s|insert\s+(?:or\s|ignore\s|into\s)|update\s+\S+\s|delete\s+from|create\s|drop\s|alter\s|with\s+\w+\s+as|exec(?:ute)?\s|call\s|truncate\s|merge\s|replace\s+into|grant\s|pragma\s|copy\s|set\s|show\s|explain\s|use\s|(?:optional\s+)?match\s*\(|merge\s*\(|unwind\s)|\bwhere\s+[\w."`[\]]+\s*(?:=|<|>|in\b|like\b|is\b)|\border\s+by\b|\bfrom\s+[\w"`[]+\s+(?:where|order|limit)\b/iu;

/** SQL that is put together from what a client wrote. */
export const SQL_INJECTION: ScanRule = {
  id: "scan/sql-injection",
  severity: "error",
  cwe: ["CWE-89"],
  owasp: "A03",
  what: "Text from outside becomes a part of an SQL statement.",
  why: "Whoever writes the text writes the statement: it reads, changes or drops what it likes.",
  fix: 'Pass the value as a parameter ("where id = $1", [id]); take names of columns from a list of your own.',
  bad: "app.get(\"/users\", (req, res) => pool.query(`select * from users where name = '${req.query.name}'`));",
  good: 'app.get("/users", (req, res) => pool.query("select * from users where name = $1", [req.query.name]));',
  calls: (call, report) => {
    const statement = statementOf(call);
    if (statement === undefined) return;
    const text = statement.parts?.filter((part) => typeof part === "string").join(" ? ") ?? "";
    const sources = SQL.test(text) ? (["remote", "parameter"] as const) : (["remote"] as const);
    const taint = untrusted(call.run, statement, KIND.sql, sources);
    // What a property of a caller's object holds is as a rule the caller's own.
    if (taint !== undefined && !(taint.source === "parameter" && taint.label.includes(".")))
      report(call.node, `${taint.label} in ${call.name}()`, taint);
  },
};

function statementOf({ name, api, receiver, args, callee, isNew }: Call): Value | undefined {
  const [first] = args;
  if (/^@aws-sdk\/client-[\w-]+\.(?:Batch)?(?:ExecuteStatement|StartQueryExecution)Command$/u.test(api))
    return option(first, "Statement") ?? option(first, "sql") ?? option(first, "QueryString");
  if (isNew && api === "tedious.Request") return first;
  if (first === undefined || callee.closure !== undefined || first.closure !== undefined) return undefined;
  const isFlux =
    api.startsWith("@influxdata/") &&
    /^(?:collectRows|collectLines|queryRows|queryLines|queryRaw|iterateRows)$/u.test(name);
  if (isFlux || RAW.has(name) || (name === "or" && api.startsWith("@supabase/"))) return first;
  if (!ASKING.has(name)) return undefined;
  const statement =
    option(first, "text") ?? option(first, "sql") ?? option(first, "sqlText") ?? option(first, "query") ?? first;
  if (statement.type === "object" || statement.type === "array") return undefined;
  const known = DATABASES.test(api);
  if (name === "literal" || name === "unsafe" || name === "raw")
    return known || OWNERS.test(ownerOf(receiver)) || api === "sql.raw" ? statement : undefined;
  const text = statement.parts?.filter((part) => typeof part === "string").join(" ? ") ?? "";
  if (SQL.test(text)) return statement;
  const isQueryBuilder = /createQueryBuilder\(\)/u.test(api) || /^(?:qb|queryBuilder)$/u.test(receiver?.name ?? "");
  if (/^(?:where|andWhere|orWhere|having|orderBy|addOrderBy)$/u.test(name))
    return isQueryBuilder && (statement.parts !== undefined || name.endsWith("rderBy")) ? statement : undefined;
  if (
    !/^(?:query|execute|exec|prepare|rawQuery|executeQuery|runQuery|createQueryJob|queryObject|queryArray|all|run|get|each)$/u.test(
      name,
    )
  )
    return undefined;
  if (known && /^(?:all|run|get|each)$/u.test(name))
    return /\.(?:prepare|query)\(\)$/u.test(receiver?.api ?? "") ? undefined : statement;
  return known ||
    (/^(?:query|execute|exec|prepare|rawQuery|executeQuery|runQuery)$/u.test(name) && OWNERS.test(ownerOf(receiver)))
    ? statement
    : undefined;
}

function ownerOf(receiver: Value | undefined): string {
  return receiver?.name ?? receiver?.api ?? "";
}
