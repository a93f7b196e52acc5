export { canonicalization } from "./canonicalization.ts";
export { choiceArgument, fileArgument, integerArgument, textArgument, type Argument } from "./command-argument.ts";
export { CommandError, type ArgumentFault, type CommandFailure } from "./command-error.ts";
export { type CommandResult } from "./command-process.ts";
export {
  PROGRAM_MISSING,
  PROGRAM_WRITABLE,
  programs,
  type CommandValues,
  type ProgramDeclaration,
  type Programs,
  type ProgramsOptions,
  type RunOptions,
} from "./command.ts";
export { dangerouslyTrustHtml, html, type SafeHtml } from "./html.ts";
export { htmlSanitizer, type HtmlSanitizerOptions, type RichTextTag } from "./html-sanitization.ts";
export { formInput, input, type FormOutcome, type Input, type InputParts, type InputValues } from "./input.ts";
export { INPUT_UNBOUNDED, INPUT_UNDECLARED, INPUT_UNSEEN, inputValidation } from "./input-validation.ts";
export { type InputError, type InputPlace } from "./issue-report.ts";
export { repeated, type RepeatedOptions } from "./repeated.ts";
export { dangerouslyClientDecides, parseWrite, writeSchema, type WriteSchema } from "./mass-assignment.ts";
export { type PathFault } from "./path-name.ts";
export { PathError, ROOT_HOLDS_CODE, ROOT_WRITABLE, within, type Folder, type WithinOptions } from "./path.ts";
export { PROTO_ACCESSOR, prototypePollution } from "./prototype-pollution.ts";
export { url, type SafeUrl } from "./url.ts";
export { SqlError, sqlClient, type SqlClient, type SqlDriver } from "./sql-client.ts";
export { type OrderByOptions } from "./sql-order.ts";
export { type SqlScalar, type SqlValue } from "./sql-value.ts";
export { drizzleSql, pgQuery, sql, type DrizzleSqlTag, type Sql, type SqlTemplate } from "./sql.ts";
export { escapePattern, safePattern, type SafePattern, type SafePatternOptions } from "./safe-pattern.ts";
export { integerText, pageSize, type IntegerTextOptions, type PageSizeOptions } from "./integer-text.ts";
