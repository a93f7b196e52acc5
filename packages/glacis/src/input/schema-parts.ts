/** What a schema of Valibot is made of. It describes itself by plain properties, so that nobody has to import it to look. */
import { isSchema, type FieldSchema } from "./closed-object.ts";

export interface SchemaPart {
  readonly schema: FieldSchema;
  /** From the whole to the part, as a pointer goes on; empty where both are read from one value. */
  readonly step: string;
}

type Description = Readonly<Record<string, unknown>>;

/** The schemas that take the objects which this one lets in: those of a choice or a list; undefined for what takes objects itself. */
export function takersOf(schema: FieldSchema): readonly FieldSchema[] | undefined {
  const { type, options, item, wrapped } = descriptionOf(schema);
  if ((type === "variant" || type === "union") && Array.isArray(options)) return options.filter(isSchema);
  return type === "array" ? [item].filter(isSchema) : isSchema(wrapped) ? [wrapped] : undefined;
}

/**
 * One level down; none for a schema of another library.
 *
 * @param opened the functions that have made schemas: one that takes part in itself is made by the same one at each level
 */
export function partsOf(schema: FieldSchema, opened: Set<unknown>): readonly SchemaPart[] {
  const described = descriptionOf(schema);
  if (described["type"] === "lazy") return named("", [made(described["getter"], opened)]);
  // The first of a pipe is the schema that it was made of, whose properties it has as well.
  if (Array.isArray(described["pipe"])) return named("", described["pipe"]);
  const { entries } = described;
  const fields = typeof entries === "object" && entries !== null ? Object.entries(entries) : [];
  return [
    ...fields.flatMap(([name, field]) => named(`/${name}`, [field])),
    ...named("/*", [described["item"], described["items"], described["rest"], described["value"]].flat()),
    ...named("", [described["options"], described["wrapped"]].flat()),
  ];
}

/** What a lazy schema stands for, once; where that depends on the value, what it is for none. */
function made(getter: unknown, opened: Set<unknown>): unknown {
  if (typeof getter !== "function" || opened.has(getter)) return undefined;
  opened.add(getter);
  try {
    return (getter as (value: undefined) => unknown)(undefined);
  } catch {
    return undefined;
  }
}

function named(step: string, found: readonly unknown[]): readonly SchemaPart[] {
  return found.filter(isSchema).map((schema) => ({ schema, step }));
}

function descriptionOf(schema: FieldSchema): Description {
  return schema["~standard"].vendor === "valibot" ? (schema as unknown as Description) : {};
}
