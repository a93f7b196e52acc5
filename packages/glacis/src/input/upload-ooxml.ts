/** Office documents (ECMA-376): what the package says it is, and what it would fetch or run when somebody opens it. */
import { readArchive, type ArchiveContents, type ArchiveLimits } from "./upload-archive.ts";
import { fault, type UploadFault } from "./upload-fault.ts";
import { AUTHORS_OWN, watchOfficePart } from "./upload-office-part.ts";
import { localName, xmlTags, XmlError } from "./xml-tokens.ts";

export type OfficeKind = "docx" | "xlsx" | "pptx";

const PREFIX = "application/vnd.openxmlformats-officedocument.";
const MAIN: Readonly<Record<OfficeKind, string>> = {
  docx: `${PREFIX}wordprocessingml.document.main+xml`,
  xlsx: `${PREFIX}spreadsheetml.sheet.main+xml`,
  pptx: `${PREFIX}presentationml.presentation.main+xml`,
};
const CONTENT_TYPES = "[Content_Types].xml";
const PACKAGE = /(?:^|\/)embeddings\/[^/]+\.(docx|xlsx|pptx)$/iu;
const MACRO_NAME = /(?:^|\/)(?:vba[^/]*|[^/]*macro[^/]*)(?:\/|$)|(?:^|\/)activex(?:\/|$)/iu;
const MACRO_TYPE = /macro|vba|activex/iu;
const EMBEDDED_NAME = /(?:^|\/)(?:embeddings|oleobjects?)\/|\.(?:exe|dll|js|vbs|hta|htm|html|mht|rtf|svg)$/iu;
const EMBEDDED_TYPE = /oleobject|text\/html|xhtml|message\/rfc822|application\/rtf|svg/iu;
const LINKED_TYPE = /\/(?:externallink|xlexternallinkpath|connections|querytable|webquery)/iu;
const CARRIED_TYPE = /\/(?:afchunk|oleobject|control|webextension|webextensiontaskpanes)$/iu;
/** Sheets of the binary form of Excel, which no reader here understands. */
const BINARY_TYPE = /^application\/vnd\.ms-excel\.(?!.*\+xml$)/iu;
const PLAIN_XML = /^(?:application|text)\/xml$/iu;
/** A link that a person clicks; everything else is fetched by opening the document. */
const CLICKED = /\/hyperlink$/iu;
const HARMLESS_ADDRESS = /^(?:https?:\/\/|mailto:|tel:|#)/iu;
const ELSEWHERE = /^(?:[a-z][a-z\d+.-]*:|[/\\]{2})/iu;
const DEEPEST = 2;
/** Of all parts that say how others hang together: ten thousand links are half of it. Reading them holds the process. */
const MOST_XML_BYTES = 4 * 1024 * 1024;

/** Judges a package and the packages that its charts carry. @param source its path, or the package itself */
export async function judgeOffice(
  source: string | Buffer,
  kind: OfficeKind,
  limits: ArchiveLimits,
  depth = 1,
): Promise<UploadFault | undefined> {
  if (depth > DEEPEST) return fault("archive_nested", "maxDepth", DEEPEST);
  try {
    const contents = await readArchive(source, {
      limits,
      keep: (name) => name === CONTENT_TYPES || name.endsWith(".rels") || PACKAGE.test(name),
      judgeEntry: judgeName,
      watch: watchOfficePart,
    });
    return "code" in contents ? contents : await judgeContents(contents, kind, limits, depth);
  } catch (error) {
    if (error instanceof XmlError) return fault("ooxml_malformed");
    throw error;
  }
}

async function judgeContents(
  contents: ArchiveContents,
  kind: OfficeKind,
  limits: ArchiveLimits,
  depth: number,
): Promise<UploadFault | undefined> {
  const xmlBytes = [...contents.kept].reduce((sum, [name, { length }]) => sum + (PACKAGE.test(name) ? 0 : length), 0);
  if (xmlBytes > MOST_XML_BYTES) return fault("archive_total", "xmlBytes", MOST_XML_BYTES);
  const found = judgeContentTypes(contents.kept.get(CONTENT_TYPES), kind, contents.names);
  if (found !== undefined) return found;
  for (const [name, bytes] of contents.kept) {
    const nested = PACKAGE.exec(name)?.[1]?.toLowerCase() as OfficeKind | undefined;
    const fault_ =
      nested === undefined
        ? name.endsWith(".rels") && judgeRelationships(textOf(bytes))
        : await judgeOffice(bytes, nested, limits, depth + 1);
    if (fault_) return fault_;
  }
  return undefined;
}

function judgeName(name: string): UploadFault | undefined {
  if (MACRO_NAME.test(name)) return fault("ooxml_macro");
  return EMBEDDED_NAME.test(name) && !PACKAGE.test(name) && !/\.(?:rels|emf|wmf)$/iu.test(name)
    ? fault("ooxml_embedded")
    : undefined;
}

/** The main part's type is what the document is; `.docx` alone says nothing (ECMA-376 part 2 section 10.1.2). */
function judgeContentTypes(
  bytes: Buffer | undefined,
  kind: OfficeKind,
  names: readonly string[],
): UploadFault | undefined {
  if (bytes === undefined) return fault("real_type_differs");
  const mains: string[] = [];
  for (const { name, closing, attributes } of xmlTags(textOf(bytes))) {
    if (closing) continue;
    const type = attributes.get("ContentType") ?? "";
    if (MACRO_TYPE.test(type)) return fault("ooxml_macro");
    // An extension may be registered that no part has.
    if (localName(name) === "Override" && EMBEDDED_TYPE.test(type)) return fault("ooxml_embedded");
    if (/externallink|ms-excel\.connections|\.connections\+xml|querytable/iu.test(type)) return fault("ooxml_external");
    if (BINARY_TYPE.test(type)) return fault("real_type_differs");
    // What is not looked through, because authors keep it in any XML, is nothing else.
    const part = attributes.get("PartName") ?? "";
    if (AUTHORS_OWN.test(part.slice(1)) && !/customxmlproperties\+xml$/iu.test(type)) return fault("ooxml_malformed");
    if (attributes.get("Extension")?.toLowerCase() === "xml" && !PLAIN_XML.test(type)) return fault("ooxml_malformed");
    if (/\.main\+xml$/iu.test(type)) mains.push(`${type.toLowerCase()} ${attributes.get("PartName") ?? ""}`);
  }
  const [type, part] = mains[0]?.split(" ") ?? [];
  if (mains.length !== 1 || type !== MAIN[kind]) return fault("real_type_differs");
  return names.includes((part ?? "").slice(1)) ? undefined : fault("ooxml_malformed");
}

function judgeRelationships(document: string): UploadFault | undefined {
  for (const { closing, attributes } of xmlTags(document)) {
    if (closing) continue;
    const by = (wanted: string): string =>
      [...attributes].find(([key]) => localName(key).toLowerCase() === wanted)?.[1].trim() ?? "";
    const [type, target, external] = [by("type"), by("target"), by("targetmode").toLowerCase() === "external"];
    if (MACRO_TYPE.test(type)) return fault("ooxml_macro");
    if (CARRIED_TYPE.test(type)) return fault("ooxml_embedded");
    if (LINKED_TYPE.test(type)) return fault("ooxml_external");
    if (external ? !(CLICKED.test(type) && HARMLESS_ADDRESS.test(target)) : ELSEWHERE.test(target))
      return fault("ooxml_external");
  }
  return undefined;
}

function textOf(bytes: Buffer): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new XmlError("Not UTF-8.");
  }
}
