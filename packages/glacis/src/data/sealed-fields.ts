/** What stands in encrypted columns, looked at in the database itself (catalog field-encryption; guide A02). */
import type { Control, ControlMeta } from "../core/control.ts";
import type { Finding, Rule } from "../core/finding.ts";
import { rejectUnknownOptions } from "../core/options.ts";
import type { EncryptedColumn } from "./field-encryption.ts";
import type { PostureClient } from "./posture/collect.ts";
import { found } from "./posture/judging.ts";
import { quoteIdentifier, quoteTable } from "./sql-quoting.ts";

const META: ControlMeta = {
  id: "field-encryption",
  title: "Encrypted columns hold sealed values and nothing else",
  layer: "data",
  guide: ["A02", "checklist: Sensitive data encrypted at rest"],
  owasp2021: ["A02"],
  owasp2025: ["A04"],
  asvs: ["v5.0.0-11.3.3", "v5.0.0-14.2.4"],
  cwe: ["CWE-311", "CWE-312"],
};

export const FIELDS_CLEAR: Rule = {
  id: "field-encryption/in-the-clear",
  severity: "error",
  what: "An encrypted column holds values that are not sealed.",
  why: "They stand in every backup and replica as they are, and reading them fails.",
  fix: "Seal them with the column's seal() before the application reads them; look for code that writes past it.",
};
export const FIELDS_OLD_KEY: Rule = {
  id: "field-encryption/older-key",
  severity: "note",
  what: "An encrypted column holds values under an older key.",
  why: "That key cannot be removed from the ring before they are moved.",
  fix: "Run rotateColumn() to its end.",
};
export const FIELDS_UNSEEN: Rule = {
  id: "field-encryption/not-seen",
  severity: "note",
  what: "No value of an encrypted column could be seen.",
  why: "The column is empty, or this connection sees no tenant's rows; nothing is proved about it.",
  fix: "Look with a connection that sees rows, such as systemDatabase(), or inside a tenant.",
};

const SAMPLED_ROWS = 10_000;
const MOST_SAMPLED = 1_000_000;
/** Commitment, nonce and tag of an empty value are 56 bytes. */
const SEALED = "^x1\\.[a-z0-9][a-z0-9_-]{0,31}\\.[A-Za-z0-9_-]{75,}$";

export interface SealedFieldsOptions {
  /** How many values of each column are looked at. 10 000. */
  readonly sampledRows?: number;
}

/**
 * Looks at values of each column, counts what is not sealed, and reads none of it out. It changes nothing.
 *
 * @param client a connection that sees rows
 * @throws TypeError on an unknown option; what the database throws, such as for a column that is not there.
 * @example
 * const posture = await fieldEncryptionPosture(pool, [ssn, iban]);
 */
export async function fieldEncryptionPosture(
  client: PostureClient,
  columns: readonly Pick<EncryptedColumn, "table" | "column" | "currentPrefix">[],
  options: SealedFieldsOptions = {},
): Promise<readonly Finding[]> {
  rejectUnknownOptions("fieldEncryptionPosture", options, ["sampledRows"]);
  const { sampledRows = SAMPLED_ROWS } = options;
  if (!Number.isSafeInteger(sampledRows) || sampledRows < 1 || sampledRows > MOST_SAMPLED)
    throw new TypeError(`fieldEncryptionPosture() needs sampledRows as a whole number from 1 to ${MOST_SAMPLED}.`);
  const findings: Finding[] = [];
  for (const { table, column, currentPrefix } of columns) {
    const [value, from] = [quoteIdentifier(column), quoteTable(table, "public")];
    const text = `select count(*)::int as seen, count(*) filter (where v !~ $1)::int as clear,
      count(*) filter (where v ~ $1 and not starts_with(v, $2))::int as older
      from (select ${value}::text as v from ${from} where ${value} is not null limit ${sampledRows}) as sampled`;
    const { rows } = await client.query(text, [SEALED, currentPrefix]);
    findings.push(...judge(`${table}.${column}`, rows[0] as Counted));
  }
  return findings;
}

interface Counted {
  readonly seen: number;
  readonly clear: number;
  readonly older: number;
}

function judge(name: string, { seen, clear, older }: Counted): readonly Finding[] {
  if (seen === 0) return [found(FIELDS_UNSEEN, name)];
  return [
    ...(clear > 0 ? [found(FIELDS_CLEAR, name, `${clear} of ${seen} values`)] : []),
    ...(older > 0 ? [found(FIELDS_OLD_KEY, name, `${older} of ${seen} values`)] : []),
  ];
}

/**
 * The posture as a control, so that a production start and `glacis check` count it.
 *
 * @example
 * sealedFields(await fieldEncryptionPosture(pool, [ssn]));
 */
export function sealedFields(posture: readonly Finding[]): Control {
  const findings = posture.filter(({ rule }) => rule.id.startsWith(`${META.id}/`));
  return { meta: META, rules: [FIELDS_CLEAR, FIELDS_OLD_KEY, FIELDS_UNSEEN], check: () => findings };
}
