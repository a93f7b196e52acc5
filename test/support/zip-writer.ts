import { crc32, deflateRawSync } from "node:zlib";

/** One entry to write. Whatever is given in `local` or `central` lies about the other. */
export interface ZipEntry {
  readonly name: string;
  readonly data?: string | Buffer;
  readonly stored?: boolean;
  /** Unix mode in the external attributes, such as 0o120777 for a link. */
  readonly mode?: number;
  readonly flags?: number;
  readonly localName?: string;
  readonly claimedSize?: number;
  /** Points at a local header that stands there already instead of having its own. */
  readonly pointsAt?: number;
  /** Bytes in front of the local header. */
  readonly gap?: Buffer;
}

/** Writes a ZIP archive, honest or not. */
export function writeZip(
  entries: readonly ZipEntry[],
  {
    comment = "",
    prefix = Buffer.alloc(0),
    beforeDirectory = Buffer.alloc(0),
  }: { readonly comment?: string; readonly prefix?: Buffer; readonly beforeDirectory?: Buffer } = {},
): Buffer {
  const parts: Buffer[] = [prefix];
  const central: Buffer[] = [];
  let offset = prefix.length;
  for (const entry of entries) {
    const data = Buffer.from(entry.data ?? "");
    const packed = entry.stored ? data : deflateRawSync(data, { level: 9 });
    const method = entry.stored ? 0 : 8;
    const name = Buffer.from(entry.name);
    const local = Buffer.from(entry.localName ?? entry.name);
    const flags = 0x0800 | (entry.flags ?? 0);
    const size = entry.claimedSize ?? data.length;
    const fields = Buffer.alloc(22);
    fields.writeUInt16LE(20, 0);
    fields.writeUInt16LE(flags, 2);
    fields.writeUInt16LE(method, 4);
    fields.writeUInt32LE(crc32(data), 10);
    fields.writeUInt32LE(packed.length, 14);
    fields.writeUInt32LE(size, 18);
    let at = offset + (entry.gap?.length ?? 0);
    if (entry.pointsAt === undefined) {
      const lengths = Buffer.alloc(4);
      lengths.writeUInt16LE(local.length, 0);
      const whole = Buffer.concat([
        entry.gap ?? Buffer.alloc(0),
        Buffer.from("PK\x03\x04", "latin1"),
        fields,
        lengths,
        local,
        packed,
      ]);
      parts.push(whole);
      offset += whole.length;
    } else at = entry.pointsAt;
    const rest = Buffer.alloc(18);
    rest.writeUInt16LE(name.length, 0);
    rest.writeUInt32LE(((entry.mode ?? 0o100644) << 16) >>> 0, 10);
    rest.writeUInt32LE(at, 14);
    central.push(Buffer.from("PK\x01\x02\x14\x03", "latin1"), fields, rest, name);
  }
  const directory = Buffer.concat(central);
  const end = Buffer.alloc(22);
  end.write("PK\x05\x06", "latin1");
  end.writeUInt16LE(entries.length, 8);
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(offset + beforeDirectory.length, 16);
  end.writeUInt16LE(comment.length, 20);
  return Buffer.concat([...parts, beforeDirectory, directory, end, Buffer.from(comment, "latin1")]);
}

const TYPES = "http://schemas.openxmlformats.org/package/2006/content-types";
const RELATIONSHIPS = "http://schemas.openxmlformats.org/package/2006/relationships";
const OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";

const DECLARATION = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\r\n';
const SPREADSHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
/** Where the main part of each kind lies, what it is, and what stands around its content. */
const OFFICE_KINDS = {
  docx: {
    part: "word/document.xml",
    type: "wordprocessingml.document.main",
    around: [
      '<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body><w:p>',
      "</w:p></w:body></w:document>",
    ],
  },
  xlsx: {
    part: "xl/workbook.xml",
    type: "spreadsheetml.sheet.main",
    around: [`<workbook xmlns="${SPREADSHEET}"><sheetData>`, "</sheetData></workbook>"],
  },
  pptx: {
    part: "ppt/presentation.xml",
    type: "presentationml.presentation.main",
    around: ['<p:sld xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main">', "</p:sld>"],
  },
} as const;

export interface OfficeParts {
  /** The content of the main part. */
  readonly body?: string;
  /** More entries. */
  readonly extra?: readonly ZipEntry[];
  /** Of the main part. */
  readonly relationships?: string;
  /** More content types. */
  readonly types?: string;
  /** The content type of the main part. */
  readonly main?: string;
}

/** A small document as Office writes them. */
export function writeOffice(kind: keyof typeof OFFICE_KINDS, parts: OfficeParts = {}): Buffer {
  const { part, type, around } = OFFICE_KINDS[kind];
  const { body = "", extra = [], relationships = "", types = "" } = parts;
  const { main = `application/vnd.openxmlformats-officedocument.${type}+xml` } = parts;
  const folder = part.slice(0, part.indexOf("/"));
  return writeZip([
    {
      name: "[Content_Types].xml",
      data: `${DECLARATION}<Types xmlns="${TYPES}"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/><Override PartName="/${part}" ContentType="${main}"/>${types}</Types>`,
    },
    {
      name: "_rels/.rels",
      data: `${DECLARATION}<Relationships xmlns="${RELATIONSHIPS}"><Relationship Id="rId1" Type="${OFFICE}/officeDocument" Target="${part}"/></Relationships>`,
    },
    { name: part, data: `${DECLARATION}${around[0]}${body}${around[1]}` },
    {
      name: `${folder}/_rels/${part.slice(folder.length + 1)}.rels`,
      data: `${DECLARATION}<Relationships xmlns="${RELATIONSHIPS}">${relationships}</Relationships>`,
    },
    ...extra,
  ]);
}

/** A small Word document that says hello. */
export function writeDocx(parts: OfficeParts = {}): Buffer {
  return writeOffice("docx", { body: "<w:r><w:t>Hello</w:t></w:r>", ...parts });
}
