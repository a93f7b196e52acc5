import { describe, expect, it } from "vitest";
import { judgeSample as judge } from "../../../../test/support/upload-judge.ts";
import { writeDocx, writeZip, type ZipEntry } from "../../../../test/support/zip-writer.ts";
import { archiveSafety } from "./archive-safety.ts";
import { readArchive } from "./upload-archive.ts";

const relationship = (kind: string, target: string, mode = 'TargetMode="External"'): string =>
  `<Relationship Id="rId9" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/${kind}" Target="${target}" ${mode}/>`;

describe("an archive", () => {
  const text = (name: string): ZipEntry => ({ name, data: "x" });
  it.each<[string, Buffer, string]>([
    ["climbs out", writeZip([text("../../etc/cron.d/a")]), "archive_name"],
    ["is absolute", writeZip([text("/etc/passwd")]), "archive_name"],
    ["names a drive", writeZip([text("C:\\a.txt")]), "archive_name"],
    ["uses backslashes", writeZip([text("a\\..\\..\\b")]), "archive_name"],
    ["names a device", writeZip([text("con.txt")]), "archive_name"],
    ["holds a link", writeZip([{ name: "a", data: "/etc/passwd", mode: 0o120777 }]), "archive_link"],
    ["holds a folder that has bytes", writeZip([{ name: "a/", data: "x" }]), "archive_disagrees"],
    ["holds a device file", writeZip([{ name: "a", mode: 0o020666 }]), "archive_link"],
    ["holds names that differ in case alone", writeZip([text("A.txt"), text("a.txt")]), "archive_duplicate"],
    ["holds a file that is a folder too", writeZip([text("a"), text("A/b.txt")]), "archive_duplicate"],
    ["holds a file and a folder of one name", writeZip([text("a"), { name: "a/" }]), "archive_duplicate"],
    ["holds a name twice", writeZip([text("a.txt"), text("a.txt")]), "archive_duplicate"],
    ["is a bomb", writeZip([{ name: "a", data: Buffer.alloc(10 * 1024 * 1024) }]), "archive_ratio"],
    [
      "is a bomb of many",
      writeZip(Array.from({ length: 200 }, (_, index) => ({ name: `a${index}`, data: Buffer.alloc(200_000) }))),
      "archive_ratio",
    ],
    [
      "lies about sizes",
      writeZip([{ name: "a", data: Buffer.alloc(1_000_000), claimedSize: 100 }]),
      "archive_malformed",
    ],
    [
      "has too many entries",
      writeZip(Array.from({ length: 1001 }, (_, index) => text(`a${index}`))),
      "archive_entries",
    ],
    ["has another name inside", writeZip([{ name: "a.txt", localName: "a.exe", data: "x" }]), "archive_disagrees"],
    [
      "hides something between entries",
      writeZip([text("a"), { ...text("b"), gap: Buffer.from("hidden") }]),
      "archive_disagrees",
    ],
    [
      "hides something before its directory",
      writeZip([text("a")], { beforeDirectory: Buffer.from("hidden") }),
      "archive_disagrees",
    ],
    ["is encrypted", writeZip([{ ...text("a"), flags: 1 }]), "archive_encrypted"],
    ["holds an archive", writeZip([{ name: "a.bin", data: writeZip([text("a")]) }]), "archive_nested"],
    ["holds an archive by name", writeZip([{ name: "a.7z", data: "x" }]), "archive_nested"],
    ...[
      "MSCF\0\0\0\0",
      "Rar!\x1a\x07",
      "7z\xbc\xaf\x27\x1c",
      "\x1f\x8b\x08",
      "BZh9",
      "\xfd7zXZ\0",
      "\x28\xb5\x2f\xfd",
    ].map((head): [string, Buffer, string] => [
      `holds what begins as ${JSON.stringify(head)}`,
      writeZip([{ name: "a.bin", data: Buffer.from(head, "latin1") }]),
      "archive_nested",
    ]),
    ["holds an archive of tapes", writeZip([{ name: "a.bin", data: `${"a".repeat(257)}ustar` }]), "archive_nested"],
    ["is cut off", writeZip([text("a")]).subarray(0, -3), "archive_malformed"],
  ])("is refused when it %s", async (_what, content, code) => {
    expect(await judge("a.zip", content)).toBe(code);
  });

  it("is refused when what it unpacks to is not what was packed", async () => {
    const archive = writeZip([{ name: "a", data: "hello", stored: true }]);
    archive.write("j", archive.indexOf("hello"), "latin1");
    expect(await judge("a.zip", archive)).toBe("archive_disagrees");
  });

  it("is refused when one entry lies inside another, which is how a small one becomes a large bomb", async () => {
    const inner = { name: "b", data: "x".repeat(100), stored: true };
    const header = writeZip([inner]).subarray(0, 30 + 1 + 100);
    const archive = writeZip([
      { name: "a", data: header, stored: true },
      { ...inner, pointsAt: 30 + 1 },
    ]);
    expect(await judge("a.zip", archive)).toBe("archive_overlap");
  });

  it("is refused when its last entry reaches into the directory", async () => {
    const archive = writeZip([{ name: "a", data: "hello", stored: true }]);
    const directory = archive.indexOf("PK\u0001\u0002", 0, "latin1");
    // The two sizes, packed and unpacked, of the local header and of the directory's.
    for (const at of [18, 22, directory + 20, directory + 24]) archive.writeUInt32LE("hello".length + 10, at);
    expect(await judge("a.zip", archive)).toBe("archive_overlap");
  });

  it("is refused when two names lead to the same bytes", async () => {
    const archive = writeZip([
      { name: "a", data: "x" },
      { name: "b", data: "x", pointsAt: 0 },
    ]);
    expect(await judge("a.zip", archive)).toBe("archive_disagrees");
  });
});

describe("an office document", () => {
  const main = "application/vnd.ms-word.document.macroEnabled.main+xml";
  it.each<[string, Buffer, string]>([
    ["macros", writeDocx({ extra: [{ name: "word/vbaProject.bin", data: "x" }] }), "ooxml_macro"],
    ["macros by type", writeDocx({ main }), "ooxml_macro"],
    ["ActiveX", writeDocx({ extra: [{ name: "word/activeX/activeX1.xml", data: "x" }] }), "ooxml_macro"],
    ["an OLE object", writeDocx({ extra: [{ name: "word/embeddings/oleObject1.bin", data: "x" }] }), "ooxml_embedded"],
    [
      "a remote template",
      writeDocx({ relationships: relationship("attachedTemplate", "https://example.com/a.dotm") }),
      "ooxml_external",
    ],
    [
      "a remote template that is spelled with entities",
      writeDocx({
        relationships: relationship("attachedTemplate", "https://example.com/a", 'TargetMode="&#69;xternal"'),
      }),
      "ooxml_external",
    ],
    [
      "a remote template without a mode",
      writeDocx({ relationships: relationship("attachedTemplate", "https://example.com/a", "") }),
      "ooxml_external",
    ],
    [
      "a remote picture",
      writeDocx({ relationships: relationship("image", "https://example.com/a.png") }),
      "ooxml_external",
    ],
    ["a link to a share", writeDocx({ relationships: relationship("hyperlink", "\\\\host\\share") }), "ooxml_external"],
    ["a link that runs", writeDocx({ relationships: relationship("hyperlink", "ms-msdt:/id") }), "ooxml_external"],
    ["another format inside", writeDocx({ relationships: relationship("aFChunk", "a.html", "") }), "ooxml_embedded"],
    ["a document type", writeDocx({ relationships: '<!DOCTYPE a [<!ENTITY b "c">]>' }), "ooxml_malformed"],
    [
      "a document with macros inside",
      writeDocx({ extra: [{ name: "word/embeddings/a.docx", data: writeDocx({ main }), stored: true }] }),
      "ooxml_macro",
    ],
    [
      "documents in documents in documents",
      writeDocx({
        extra: [
          {
            name: "word/embeddings/a.docx",
            data: writeDocx({ extra: [{ name: "word/embeddings/a.docx", data: writeDocx() }] }),
            stored: true,
          },
        ],
      }),
      "archive_nested",
    ],
    [
      "two main parts",
      writeDocx({
        types:
          '<Override PartName="/word/b.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/>',
      }),
      "real_type_differs",
    ],
    ["a path that climbs out", writeDocx({ extra: [{ name: "../a.xml", data: "x" }] }), "archive_name"],
  ])("is refused with %s", async (_what, content, code) => {
    expect(await judge("a.docx", content)).toBe(code);
  });

  it("is accepted with the workbook of a chart", async () => {
    const document = writeDocx({ extra: [{ name: "word/embeddings/a.docx", data: writeDocx(), stored: true }] });
    expect(await judge("a.docx", document)).toBe("accepted");
  });
});

describe("the bounds", () => {
  it("hold to the byte and to the entry", async () => {
    const items = [
      { name: "a", data: "x".repeat(600) },
      { name: "b", data: "y".repeat(400) },
    ];
    const archive = writeZip(items);
    const codeWithin = async (bounds: object): Promise<string | undefined> => {
      const read = await readArchive(archive, {
        limits: { ...archiveSafety().limits, ...bounds },
        keep: () => false,
        judgeEntry: () => undefined,
      });
      return "code" in read ? read.code : undefined;
    };
    expect(await codeWithin({ maxTotalBytes: 1000, maxEntries: 2 })).toBeUndefined();
    expect(await codeWithin({ maxTotalBytes: 999 })).toBe("archive_total");
    expect(await codeWithin({ maxEntries: 1 })).toBe("archive_entries");
  });

  it("refuse what is none", () => {
    expect(() => archiveSafety({ maxEntries: 0 })).toThrow(TypeError);
    expect(() => archiveSafety({ maxSize: 1 } as never)).toThrow(/maxSize/u);
  });
  it("are asked about when they hardly bound", () => {
    const [found] = archiveSafety({ maxRatio: 100_000 }).control.check({} as never);
    expect(found?.rule.id).toBe("archive-safety/too-generous");
    expect(archiveSafety().control.check({} as never)).toEqual([]);
  });
});
