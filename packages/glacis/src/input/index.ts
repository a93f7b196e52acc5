export { ARCHIVE_TOO_GENEROUS } from "./archive-safety.ts";
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
export {
  download,
  DOWNLOAD_NOT_INERT,
  downloadSafety,
  type DownloadFile,
  type DownloadResponse,
  type DownloadSource,
} from "./download-safety.ts";
export { htmlStream, type HtmlParts } from "./html-stream.ts";
export { dangerouslyTrustHtml, html, type SafeHtml } from "./html.ts";
export { htmlSanitizer, type HtmlSanitizerOptions, type RichTextTag } from "./html-sanitization.ts";
export {
  formInput,
  input,
  inputRefusal,
  type FormOutcome,
  type Input,
  type InputOptions,
  type InputParts,
  type InputValues,
} from "./input.ts";
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
export { IMAGE_METADATA_KEPT, IMAGE_TOO_GENEROUS } from "./image-processing.ts";
export { clamdScanner, type ClamdScannerOptions } from "./malware-clamd.ts";
export { MALWARE_NOT_SCANNED, type MalwareScanner, type ScanVerdict } from "./malware-scan.ts";
export { type ArchiveLimits } from "./upload-archive.ts";
export { type QuarantinedFile } from "./upload-fault.ts";
export { uploadFilename } from "./upload-filename.ts";
export { type ImageLimits, type ImageOptions } from "./upload-image.ts";
export { type UploadQuarantine } from "./upload-intake.ts";
export { type UploadKindName } from "./upload-kind.ts";
export { UPLOAD_NO_QUOTA, UPLOAD_QUOTA_IN_MEMORY, UPLOAD_TOO_GENEROUS, type UploadLimits } from "./upload-limits.ts";
export {
  memoryUploadQuotas,
  postgresUploadQuotas,
  UPLOAD_QUOTA_MIGRATION,
  type QuotaRequest,
  type UploadQuotaDatabase,
  type UploadQuotaStore,
} from "./upload-quota-store.ts";
export { uploadQuota, type QuotaReservation, type UploadQuota, type UploadQuotaOptions } from "./upload-quota.ts";
export { UPLOAD_TYPE_ACTIVE } from "./upload-type.ts";
export { type ReceivedUpload, type ReceiveOptions, type StoredUpload, type UploadStore } from "./upload-pipeline.ts";
export { uploads, type Uploads, type UploadsOptions } from "./uploads.ts";
export {
  domainName,
  emailAddress,
  ipAddress,
  webAddress,
  type IpAddressOptions,
  type WebAddressOptions,
} from "./text-format.ts";
export { csv, type CsvCell } from "../primitives/csv.ts";
export {
  IDEMPOTENCY_MIGRATION,
  memoryIdempotencyKeys,
  postgresIdempotencyKeys,
  type IdempotencyClaim,
  type IdempotencyDatabase,
  type IdempotencyStanding,
  type IdempotencyStore,
  type PostgresIdempotencyKeysOptions,
} from "./idempotency-store.ts";
export {
  IDEMPOTENCY_IN_MEMORY,
  IDEMPOTENCY_OPTIONAL,
  idempotencyKeys,
  sameVersion,
  type IdempotencyKeysOptions,
} from "./transaction-atomicity.ts";
export { CODE_FROM_STRINGS, dynamicCode } from "./dynamic-code.ts";
export {
  GRAPHQL_INTROSPECTION,
  GRAPHQL_TOO_GENEROUS,
  graphqlLimits,
  withoutSuggestions,
  type GraphqlLimitsOptions,
} from "./graphql-limits.ts";
export {
  fieldTemplate,
  TEMPLATE_NAMED_BY_CLIENT,
  templateInjection,
  templates,
  type FieldTemplate,
  type FieldTemplateOptions,
  type Template,
} from "./template-injection.ts";
export {
  WORKFLOW_IN_MEMORY,
  WORKFLOW_NO_PAUSE,
  workflow,
  type Workflow,
  type WorkflowOptions,
  type WorkflowStep,
} from "./workflow-integrity.ts";
export {
  memoryWorkflows,
  postgresWorkflows,
  WORKFLOW_MIGRATION,
  type WorkflowDatabase,
  type WorkflowState,
  type WorkflowStore,
} from "./workflow-store.ts";
export {
  FORMAT_ACCEPTED,
  jsonText,
  xmlAndDeserialization,
  xmlText,
  type JsonTextOptions,
  type XmlAndDeserializationOptions,
} from "./xml-and-deserialization.ts";
export {
  SANDBOX_GENEROUS,
  SANDBOX_UNAVAILABLE,
  sandboxed,
  type Sandboxed,
  type SandboxedProgram,
  type SandboxOptions,
} from "./converter-sandbox.ts";
export { latexText, type LatexTextOptions } from "./latex-text.ts";
