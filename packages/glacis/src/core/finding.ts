/** How bad a finding is: an error stops a production boot, a warning counts under `--deploy`, a note informs. */
export type Severity = "error" | "warning" | "note";

/** A judgement that a tool can make. Its id is for ever: `control/rule`. */
export interface Rule {
  readonly id: `${string}/${string}`;
  readonly severity: Severity;
  readonly what: string;
  readonly why: string;
  readonly fix: string;
  /** The Django deploy check with the same meaning, such as `security.W004`. */
  readonly django?: readonly string[];
}

export type Location =
  | { readonly kind: "setting"; readonly name: string }
  | { readonly kind: "environment"; readonly name: string }
  | { readonly kind: "route"; readonly method: string; readonly pattern: string }
  | { readonly kind: "source"; readonly file: string; readonly line: number; readonly column: number }
  | { readonly kind: "package"; readonly name: string; readonly version: string }
  | { readonly kind: "response"; readonly url: string; readonly header: string | undefined }
  | { readonly kind: "database"; readonly name: string };

/** What check, probe, scan and audit all return. */
export interface Finding {
  readonly rule: Rule;
  readonly at: Location;
  /** The offending value or a count, redacted where it could be secret. */
  readonly detail: string | undefined;
  /** The statements that mend it, where the place is a database. To be read before they are run. */
  readonly sql?: string;
}

export function finding(rule: Rule, at: Location, detail?: string, sql?: string): Finding {
  return { rule, at, detail, ...(sql !== undefined && { sql }) };
}

/** Where a finding stands, in one word or line: what a waiver's `at` is compared with. */
export function describeLocation(at: Location): string {
  switch (at.kind) {
    case "setting":
    case "environment":
    case "database":
      return at.name;
    case "route":
      return `${at.method} ${at.pattern}`;
    case "source":
      return `${at.file}:${at.line}:${at.column}`;
    case "package":
      return `${at.name}@${at.version}`;
    case "response":
      return at.header === undefined ? at.url : `${at.url} ${at.header}`;
  }
}

/** Findings of one rule together. */
export interface FindingGroup {
  readonly rule: Rule;
  /** Each place as it is shown to people. */
  readonly places: readonly string[];
  /** The SQL that mends them, where they have some. */
  readonly statements: readonly string[];
}

/** Findings of one rule together, in the order in which the rules first appear. */
export function groupByRule(findings: readonly Finding[]): readonly FindingGroup[] {
  const groups = new Map<string, { readonly rule: Rule; readonly places: string[]; readonly statements: string[] }>();
  for (const { rule, at, detail, sql } of findings) {
    const group = groups.get(rule.id) ?? { rule, places: [], statements: [] };
    group.places.push(describeLocation(at) + (detail === undefined ? "" : ` (${detail})`));
    if (sql !== undefined) group.statements.push(sql);
    groups.set(rule.id, group);
  }
  return [...groups.values()];
}
