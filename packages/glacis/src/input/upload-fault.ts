/** Why a file was refused: a closed set, for the log and for tests; the client reads the reason's one sentence. */
export type UploadFaultCode =
  | "name_missing"
  | "name_control_character"
  | "name_hidden"
  | "name_reserved"
  | "name_trailing"
  | "name_too_long"
  | "name_confusable"
  | "name_encoded"
  | "extension_missing"
  | "extension_double"
  | "extension_refused"
  | "declared_type_differs"
  | "real_type_differs"
  | "real_type_unreadable"
  | "empty"
  | "file_missing"
  | "text_encoding"
  | "text_control_character"
  | "text_markup"
  | "text_formula"
  | "svg_too_large"
  | "svg_malformed"
  | "svg_element"
  | "svg_attribute"
  | "svg_reference"
  | "polyglot"
  | "trailing_data"
  | "image_malformed"
  | "image_pixels"
  | "image_frames"
  | "archive_malformed"
  | "archive_disagrees"
  | "archive_overlap"
  | "archive_entries"
  | "archive_total"
  | "archive_ratio"
  | "archive_nested"
  | "archive_name"
  | "archive_duplicate"
  | "archive_link"
  | "archive_encrypted"
  | "archive_method"
  | "ooxml_malformed"
  | "ooxml_macro"
  | "ooxml_embedded"
  | "ooxml_external"
  | "ooxml_field"
  | "ooxml_formula"
  | "ooxml_action"
  | "pdf_malformed"
  | "pdf_encrypted"
  | "pdf_unreadable"
  | "pdf_javascript"
  | "pdf_action"
  | "pdf_embedded";

/** The bound that was exceeded, by the name of the option that sets it. */
export interface UploadLimit {
  readonly name: string;
  readonly value: number;
}

export interface UploadFault {
  readonly code: UploadFaultCode;
  readonly limit?: UploadLimit;
}

export function fault(code: UploadFaultCode, name?: string, value?: number): UploadFault {
  return name === undefined || value === undefined ? { code } : { code, limit: { name, value } };
}

/** A file in quarantine: complete, unchanging, and readable at any place. */
export interface QuarantinedFile {
  /** Where it lies, for libraries that open files themselves. */
  readonly path: string;
  readonly size: number;
  /** Reads up to `length` bytes; fewer only at the end of the file. */
  read(position: number, length: number): Promise<Buffer>;
}
