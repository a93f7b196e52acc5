/** What names say about what they hold. */
import type { Node, SourceFile } from "../parse.ts";

export const SECRET_NAMES: RegExp =
  /token|passw(?:or)?d|secret|session_?id|\bsid\b|otp|one_?time|nonce|salt|csrf|xsrf|api_?key|reset_?(?:code|key|link)|verif\w*code|invite_?code|credential|random_?(?:string|password|key|code|pin)|generate_?(?:key|code|pin)|private_?key|encryption_?key|access_?code|\biv\b|secure_?random/iu;

export function textAt(file: SourceFile, node: Node | undefined | null): string {
  return node === undefined || node === null ? "" : file.text.slice(node.start, node.end);
}

/** What a value is given the name of: a variable, a property, a function. */
export function nameOfTarget(node: Node): string | undefined {
  switch (node.type) {
    case "VariableDeclarator":
      return node.id.type === "Identifier" ? node.id.name : undefined;
    case "AssignmentExpression":
      return node.left.type === "Identifier"
        ? node.left.name
        : node.left.type === "MemberExpression"
          ? nameOf(node.left.property)
          : undefined;
    case "Property":
    case "PropertyDefinition":
    case "MethodDefinition":
      return nameOf(node.key);
    case "FunctionDeclaration":
    case "FunctionExpression":
      return node.id?.name;
    default:
      return undefined;
  }
}

export function nameOf(node: Node): string | undefined {
  if (node.type === "Identifier" || node.type === "PrivateIdentifier") return node.name;
  return node.type === "Literal" && typeof node.value === "string" ? node.value : undefined;
}
