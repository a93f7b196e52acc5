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

/** One level down; none for a schema of another library. */
export function partsOf(schema: FieldSchema): readonly SchemaPart[] {
  const described = descriptionOf(schema);
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

function named(step: string, found: readonly unknown[]): readonly SchemaPart[] {
  return found.filter(isSchema).map((schema) => ({ schema, step }));
}

function descriptionOf(schema: FieldSchema): Description {
  return schema["~standard"].vendor === "valibot" ? (schema as unknown as Description) : {};
}
