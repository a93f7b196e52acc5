/** Imports and exports, of packages and of the files around. */
import type { Node, Statement } from "../parse.ts";
import { newObject, readMember } from "./members.ts";
import { bind } from "./patterns.ts";
import type { Run } from "./run.ts";
import { Environment, UNKNOWN, textValue, type Value } from "./value.ts";

/** A package or a part of the platform. `node:fs/promises` and `fs/promises` are one. */
export function packageValue(specifier: string): Value {
  const name = specifier.replace(/^node:/u, "");
  // lodash-es/merge.js is lodash/merge.
  return {
    taints: [],
    api: /^lodash\b/u.test(name) ? name.replace(/^lodash-es\b/u, "lodash").replace(/\.js$/u, "") : name,
  };
}

export function importDeclaration(run: Run, statement: Statement & { readonly type: "ImportDeclaration" }): void {
  const from = run.import(statement.source.value);
  for (const specifier of statement.specifiers) {
    const { local } = specifier;
    if (specifier.type === "ImportNamespaceSpecifier") bind(run, local, from, true);
    else if (specifier.type === "ImportDefaultSpecifier") bind(run, local, defaultOf(run, local, from), true);
    else {
      const { imported } = specifier;
      const name = imported.type === "Identifier" ? imported.name : imported.value;
      bind(run, local, name === "default" ? defaultOf(run, local, from) : readMember(run, specifier, from, name), true);
    }
  }
}

/** `import(name)` */
export function importValue(run: Run, node: Node, specifier: Value): Value {
  if (specifier.taints.length > 0) run.observer.value(node, specifier, run);
  return typeof specifier.literal === "string" ? run.import(specifier.literal) : UNKNOWN;
}

/** Packages that were written for require() are their own default. */
function defaultOf(run: Run, node: Node, from: Value): Value {
  return from.fields?.get("default") ?? (from.api === undefined ? readMember(run, node, from, "default") : from);
}

type ExportStatement = Statement & {
  readonly type: "ExportNamedDeclaration" | "ExportDefaultDeclaration" | "ExportAllDeclaration";
};

export function exportDeclaration(run: Run, statement: ExportStatement, execute: (declaration: Node) => void): void {
  const { exports } = run.module;
  if (statement.type === "ExportAllDeclaration") {
    const from = run.import(statement.source.value);
    if (statement.exported !== null) exports.set(nameOf(statement.exported), from);
    else for (const [name, value] of from.fields ?? []) if (name !== "default") exports.set(name, value);
    return;
  }
  if (statement.type === "ExportDefaultDeclaration") {
    const { declaration } = statement;
    if (declaration.type === "TSInterfaceDeclaration") return;
    const named =
      declaration.type === "FunctionDeclaration" && declaration.id !== null
        ? read(run, declaration.id.name)
        : undefined;
    exports.set("default", named ?? run.evaluate(declaration));
    return;
  }
  const { declaration, source, specifiers } = statement;
  if (declaration !== null) {
    execute(declaration);
    for (const name of declaredNames(declaration)) exports.set(name, read(run, name) ?? UNKNOWN);
    return;
  }
  const from = source === null ? undefined : run.import(source.value);
  for (const { local, exported } of specifiers) {
    const name = nameOf(local);
    const value = from === undefined ? read(run, name) : readMember(run, statement, from, name);
    if (value !== undefined) exports.set(nameOf(exported), value);
  }
}

function nameOf(node: Node): string {
  return node.type === "Identifier" ? node.name : node.type === "Literal" ? String(node.value) : "";
}

function read(run: Run, name: string): Value | undefined {
  const cell = run.environment.lookup(name);
  return cell && run.state.read(cell);
}

function declaredNames(declaration: Node): readonly string[] {
  if (declaration.type === "VariableDeclaration") return declaration.declarations.flatMap(({ id }) => patternNames(id));
  if (declaration.type === "FunctionDeclaration" || declaration.type === "ClassDeclaration")
    return declaration.id === null ? [] : [declaration.id.name];
  return [];
}

function patternNames(pattern: Node): readonly string[] {
  if (pattern.type === "Identifier") return [pattern.name];
  if (pattern.type === "ObjectPattern")
    return pattern.properties.flatMap((property) =>
      property.type === "Property" ? patternNames(property.value) : patternNames(property.argument),
    );
  if (pattern.type === "ArrayPattern")
    return pattern.elements.flatMap((element) => (element === null ? [] : patternNames(element)));
  return pattern.type === "AssignmentPattern" ? patternNames(pattern.left) : [];
}

/** The names that a CommonJS module finds in its scope. */
export function moduleScope(run: Run): { readonly environment: Environment; readonly module: Value } {
  const environment = new Environment(undefined);
  const module = newObject(run, "object");
  const exports = newObject(run, "object");
  module.fields.set("exports", exports);
  const declare = (name: string, value: Value): void => void run.state.values.set(environment.declare(name), value);
  declare("module", module);
  declare("exports", exports);
  declare("__dirname", { taints: [], api: "__dirname" });
  declare("__filename", { ...textValue(run.module.file.path), api: "__filename" });
  return { environment, module };
}

/** What others get from a module that has been walked through. */
export function namespaceOf(exports: Map<string, Value>, commonJs: Value): Value {
  const assigned = commonJs.fields?.get("exports");
  if (exports.size > 0 || assigned === undefined) return { taints: [], fields: exports, type: "object" };
  return assigned;
}
