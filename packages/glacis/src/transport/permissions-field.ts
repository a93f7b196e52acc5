/** The part of structured fields that Permissions-Policy uses: a dictionary of inner lists (RFC 9651 sections 3.1.1 and 3.2). */

/** For each feature, who may use it: `self`, `*` or origins. Nobody when empty. */
export type Permissions = ReadonlyMap<string, readonly string[]>;

const MEMBER =
  /^[ \t]*([a-z*][a-z0-9_\-.*]*)(?:=(\([^()]*\)|\*|self|"[^"\\]*"))?((?:;[ ]*[a-z*][a-z0-9_\-.*]*(?:=[^;,()\s]+)?)*)[ \t]*$/u;
const ITEM = /^(?:\*|self|src|"[\x20-\x21\x23-\x5b\x5d-\x7e]*")$/u;
const LONGEST_FIELD = 8192;

/** @returns the dictionary, or undefined when any of it breaks the grammar: a browser then ignores the whole field */
export function parsePermissions(values: readonly string[]): Permissions | undefined {
  const field = values.join(",");
  if (field.length > LONGEST_FIELD || field.trim() === "") return undefined;
  const permissions = new Map<string, readonly string[]>();
  for (const member of field.split(",")) {
    const match = MEMBER.exec(member);
    const [, feature, value] = match ?? [];
    // A key without a value is the boolean true, which is no allowlist.
    if (feature === undefined || value === undefined) return undefined;
    const items = value.startsWith("(")
      ? value
          .slice(1, -1)
          .split(/ +/u)
          .filter((item) => item !== "")
      : [value];
    if (!items.every((item) => ITEM.test(item))) return undefined;
    permissions.set(
      feature,
      items.map((item) => (item.startsWith('"') ? item.slice(1, -1) : item)),
    );
  }
  return permissions;
}

/** `camera=(), geolocation=(self "https://maps.example")`. */
export function serializePermissions(permissions: Permissions): string {
  return Array.from(permissions, ([feature, members]) => {
    const items = members.map((member) =>
      member === "self" || member === "*" || member === "src" ? member : `"${member}"`,
    );
    return `${feature}=(${items.join(" ")})`;
  }).join(", ");
}
