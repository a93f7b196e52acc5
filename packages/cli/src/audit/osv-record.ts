/** Records of the Open Source Vulnerability format (ossf.github.io/osv-schema), as far as they are needed. Written by others: nothing is taken for granted. */
import { listOf, own, tableOf, textOf, type Table } from "../parsed-document.ts";

export interface OsvEvent {
  readonly kind: "introduced" | "fixed" | "last_affected" | "limit";
  readonly version: string;
}

export interface OsvRange {
  readonly type: string;
  readonly events: readonly OsvEvent[];
}

/** What a record says of one package. */
export interface OsvAffected {
  readonly ecosystem: string;
  readonly name: string;
  readonly versions: readonly string[];
  readonly ranges: readonly OsvRange[];
  /** The bound of a range that has none in its events: `< 0.20.2`. */
  readonly lastKnownAffected: string | undefined;
  readonly severities: readonly OsvSeverity[];
  readonly severityWord: string | undefined;
}

export interface OsvSeverity {
  readonly type: string;
  readonly score: string;
}

export interface OsvRecord {
  readonly id: string;
  readonly aliases: readonly string[];
  readonly summary: string;
  readonly modified: string | undefined;
  readonly withdrawn: boolean;
  readonly affected: readonly OsvAffected[];
  readonly severities: readonly OsvSeverity[];
  /** The word of whoever wrote it, such as `HIGH`. */
  readonly severityWord: string | undefined;
  readonly weaknesses: readonly string[];
}

const MOST_TEXT = 300;
const ID = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/u;

/** @returns undefined for what is no record */
export function parseOsvRecord(value: unknown): OsvRecord | undefined {
  const table = tableOf(value);
  const id = textOf(table["id"]);
  if (id === undefined || !ID.test(id)) return undefined;
  const database = tableOf(table["database_specific"]);
  const affected = listOf(table["affected"]).map((entry) => parseAffected(tableOf(entry)));
  return {
    id,
    aliases: textsOf(table["aliases"]).filter((alias) => ID.test(alias)),
    summary: printable(textOf(table["summary"]) ?? textOf(table["details"])?.split("\n", 1)[0] ?? ""),
    modified: textOf(table["modified"]),
    withdrawn: textOf(table["withdrawn"]) !== undefined,
    affected,
    severities: parseSeverities(table["severity"]),
    severityWord: textOf(database["severity"]),
    weaknesses: [...textsOf(database["cwe_ids"]), ...textsOf(database["cwes"])],
  };
}

function parseAffected(entry: Table): OsvAffected {
  const { ecosystem, name } = tableOf(entry["package"]);
  const database = tableOf(entry["database_specific"]);
  return {
    // `npm:mirror` is npm as well: a suffix names a part of an ecosystem.
    ecosystem: (textOf(ecosystem) ?? "").split(":", 1)[0] ?? "",
    name: textOf(name) ?? "",
    versions: textsOf(entry["versions"]),
    ranges: listOf(entry["ranges"]).map((range) => parseRange(tableOf(range))),
    lastKnownAffected: textOf(database["last_known_affected_version_range"]),
    severities: parseSeverities(entry["severity"]),
    severityWord: textOf(database["severity"]) ?? textOf(tableOf(entry["ecosystem_specific"])["severity"]),
  };
}

function parseRange(range: Table): OsvRange {
  const events = listOf(range["events"]).flatMap((value) => {
    const event = tableOf(value);
    return (["introduced", "fixed", "last_affected", "limit"] as const).flatMap((kind) => {
      const version = textOf(own(event, kind));
      return version === undefined ? [] : [{ kind, version }];
    });
  });
  return { type: textOf(range["type"]) ?? "", events };
}

function parseSeverities(value: unknown): readonly OsvSeverity[] {
  return listOf(value).flatMap((entry) => {
    const { type, score } = tableOf(entry);
    return typeof type === "string" && typeof score === "string" ? [{ type, score }] : [];
  });
}

/** What somebody else wrote must not move the cursor of a terminal, or reorder its line. */
function printable(text: string): string {
  return text
    .replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, " ")
    .slice(0, MOST_TEXT)
    .trim();
}

const textsOf = (value: unknown): readonly string[] => listOf(value).flatMap((text) => textOf(text) ?? []);
