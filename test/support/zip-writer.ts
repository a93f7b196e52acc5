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

/** A small Word document as Word writes them; `extra` adds entries, `relationships` goes into the document's own. */
export function writeDocx({
  extra = [],
  relationships = "",
  types = "",
  main = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml",
}: {
  readonly extra?: readonly ZipEntry[];
  readonly relationships?: string;
  readonly types?: string;
  readonly main?: string;
} = {}): Buffer {
  const declaration = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\r\n';
  return writeZip([
    {
      name: "[Content_Types].xml",
      data: `${declaration}<Types xmlns="${TYPES}"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/><Override PartName="/word/document.xml" ContentType="${main}"/>${types}</Types>`,
    },
    {
      name: "_rels/.rels",
      data: `${declaration}<Relationships xmlns="${RELATIONSHIPS}"><Relationship Id="rId1" Type="${OFFICE}/officeDocument" Target="word/document.xml"/></Relationships>`,
    },
    {
      name: "word/document.xml",
      data: `${declaration}<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body><w:p><w:r><w:t>Hello</w:t></w:r></w:p></w:body></w:document>`,
    },
    {
      name: "word/_rels/document.xml.rels",
      data: `${declaration}<Relationships xmlns="${RELATIONSHIPS}">${relationships}</Relationships>`,
    },
    ...extra,
  ]);
}
