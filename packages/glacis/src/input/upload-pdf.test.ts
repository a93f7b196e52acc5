import { deflateSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { judgeSample as judge } from "../../../../test/support/upload-judge.ts";
import { writeObjectStream, writePdf } from "../../../../test/support/upload-samples.ts";

const TO_PAGE = "/S /GoTo /D [3 0 R /Fit]";

/** An object stream of two objects, 5 and 6. */
function packedPair(one: string, other: string): Buffer {
  const pairs = `5 0 6 ${one.length + 1} `;
  const packed = deflateSync(Buffer.from(`${pairs}${one} ${other}`, "latin1"));
  const head = `8 0 obj\n<< /Type /ObjStm /N 2 /First ${pairs.length} /Filter /FlateDecode /Length ${packed.length} >>\nstream\r\n`;
  return Buffer.concat([Buffer.from(head), packed, Buffer.from("\nendstream\nendobj\n")]);
}

describe("a PDF", () => {
  /** More than two windows have in common. */
  const BLANKS = " ".repeat(1024 * 1024 + 70_000);
  const link = (address: string): Buffer => writePdf("", [`5 0 obj\n<< /S /URI ${address} >>\nendobj\n`]);
  const scripted = "<< /S /JavaScript /JS (app.alert(1)) >>";
  it.each<[string, Buffer, string]>([
    ["opens with a script", writePdf(`/OpenAction ${scripted}`), "pdf_javascript"],
    ["spells its names in hex", writePdf("/Open#41ction << /S /#4aava#53cript /#4a#53 (a) >>"), "pdf_javascript"],
    ["keeps a script in an object", writePdf("", [`5 0 obj\n${scripted}\nendobj\n`]), "pdf_javascript"],
    [
      "keeps a script in an object stream",
      writePdf("/OpenAction 5 0 R", [writeObjectStream(5, scripted)]),
      "pdf_javascript",
    ],
    [
      "keeps a script in a stream that says it is something else",
      writePdf("", [
        Buffer.from(
          writeObjectStream(5, scripted).toString("latin1").replace("/Type /ObjStm /N 1 /First 4", "/Type /XObject"),
          "latin1",
        ),
      ]),
      "pdf_javascript",
    ],
    [
      "packs objects so that nobody can look",
      writePdf("", [writeObjectStream(5, scripted, "/Filter [/ASCIIHexDecode /FlateDecode]")]),
      "pdf_unreadable",
    ],
    [
      "packs objects with a predictor",
      writePdf("", [writeObjectStream(5, scripted, "/Filter /FlateDecode /DecodeParms << /Predictor 12 >>")]),
      "pdf_unreadable",
    ],
    ["launches", writePdf("/OpenAction << /S /Launch /F (cmd.exe) >>"), "pdf_action"],
    ["opens an address", writePdf("/OpenAction << /S /URI /URI (https://example.com) >>"), "pdf_action"],
    [
      "opens an object that is an address",
      writePdf("/OpenAction 5 0 R", ["5 0 obj\n<< /S /URI /URI (https://example.com) >>\nendobj\n"]),
      "pdf_action",
    ],
    [
      "opens a packed object that is an address",
      writePdf("/OpenAction 5 0 R", [writeObjectStream(5, "<< /S /URI /URI (a) >>")]),
      "pdf_action",
    ],
    [
      "opens a page and an object after it",
      writePdf(`/OpenAction << ${TO_PAGE} /Next 5 0 R >>`, [
        "5 0 obj\n<< /S /URI /URI (https://a.example) >>\nendobj\n",
      ]),
      "pdf_action",
    ],
    [
      "opens an object that has another one after it",
      writePdf("/OpenAction 5 0 R", [`5 0 obj\n<< ${TO_PAGE} /Next 6 0 R >>\nendobj\n`]),
      "pdf_action",
    ],
    [
      "opens a packed object that has another one after it",
      writePdf("/OpenAction 5 0 R", [writeObjectStream(5, `<< ${TO_PAGE} /Next 6 0 R >>`)]),
      "pdf_action",
    ],
    ["opens an object that is not there", writePdf("/OpenAction 7 0 R"), "pdf_action"],
    ["has additional actions", writePdf("/AA << /WC 5 0 R >>"), "pdf_action"],
    [
      "reaches for another file",
      writePdf("", ["5 0 obj\n<< /S /GoToR /F (\\\\\\\\host\\\\a.pdf) >>\nendobj\n"]),
      "pdf_action",
    ],
    ["carries a file", writePdf("/Names << /EmbeddedFiles 5 0 R >>"), "pdf_embedded"],
    ["has a dynamic form", writePdf("/AcroForm << /XFA 5 0 R >>"), "pdf_action"],
    ["has a dynamic form behind a comment", writePdf("/AcroForm << /XFA%x\n5 0 R >>"), "pdf_action"],
    ["has a dynamic form behind a NUL", writePdf("/AcroForm << /XFA\0 5 0 R >>"), "pdf_action"],
    ["has a dynamic form behind very many blanks", writePdf(`/AcroForm << /XFA${BLANKS}5 0 R >>`), "pdf_action"],
    ["has additional actions behind a comment and blanks", writePdf(`/AA%x\n${BLANKS}<< /O 5 0 R >>`), "pdf_action"],
    ["carries a file behind very many blanks", writePdf(`/F << /EF${BLANKS}<< /F 5 0 R >> >>`), "pdf_embedded"],
    ["links to a script behind very many blanks", link(`/URI${BLANKS}(javascript:alert\\(1\\))`), "pdf_action"],
    [
      "links to a script that begins with blanks",
      link(`/URI (${" ".repeat(300)}javascript:alert\\(1\\))`),
      "pdf_action",
    ],
    ["links to a script behind a break and a blank", link("/URI (\\n \\n javascript:a)"), "pdf_action"],
    ["links to a script with breaks in its name", link(`/URI (java${"\\n".repeat(150)}script:a)`), "pdf_action"],
    ["links to a script in hex with blanks", link(`/URI <${" ".repeat(500)}6a6176617363726970743a>`), "pdf_action"],
    ["links to a script behind a mark of its encoding", link("/URI (\xef\xbb\xbfjavascript:a)"), "pdf_action"],
    ["has additional actions behind comments", writePdf("/AA%x\r%y\n << /O 5 0 R >>"), "pdf_action"],
    ["has a script of a name behind a comment", writePdf("/Names << /JS%x\n(app.alert(1)) >>"), "pdf_javascript"],
    ["is encrypted behind a comment", writePdf("", ["trailer\n<< /Encrypt%x\n5 0 R >>\n"]), "pdf_encrypted"],
    [
      "carries a file without a type",
      writePdf("", ["5 0 obj\n<< /F (a.exe) /EF << /F 6 0 R >> >>\nendobj\n"]),
      "pdf_embedded",
    ],
    [
      "has a file pinned to a page",
      writePdf("", ["5 0 obj\n<< /Subtype /FileAttachment >>\nendobj\n"]),
      "pdf_embedded",
    ],
    [
      "runs a script with a model",
      writePdf("", ["5 0 obj\n<< /Subtype /U3D /OnInstantiate 6 0 R >>\nendobj\n"]),
      "pdf_action",
    ],
    [
      "links to a script",
      writePdf("", ["5 0 obj\n<< /S /URI /URI (javascript:alert\\(1\\)) >>\nendobj\n"]),
      "pdf_action",
    ],
    ["spells the link in octal", writePdf("", ["5 0 obj\n<< /URI ( \\152avas\\\ncript:a) >>\nendobj\n"]), "pdf_action"],
    [
      "spells the link in hex",
      writePdf("", [`5 0 obj\n<< /URI%x\n<${Buffer.from("JavaScript:a").toString("hex")}> >>\nendobj\n`]),
      "pdf_action",
    ],
    [
      "links to a file here",
      writePdf("", ["5 0 obj\n<< /URI (file:///c:/windows/calc.exe) >>\nendobj\n"]),
      "pdf_action",
    ],
    ["links to a share", writePdf("", ["5 0 obj\n<< /URI (\\\\\\\\host\\\\share) >>\nendobj\n"]), "pdf_action"],
    ["is encrypted", writePdf("", ["trailer\n<< /Encrypt 5 0 R >>\n"]), "pdf_encrypted"],
    ["has something behind its end", Buffer.concat([writePdf(), Buffer.from("more".repeat(200))]), "trailing_data"],
    ["has no end", writePdf().subarray(0, -8), "pdf_malformed"],
  ])("is refused when it %s", async (_what, content, code) => {
    expect(await judge("a.pdf", content)).toBe(code);
  });

  it.each<[string, Buffer]>([
    [
      "an object that goes to a page",
      writePdf("/OpenAction 5 0 R", ["5 0 obj\n<< /S /GoTo /D [3 0 R /Fit] >>\nendobj\n"]),
    ],
    [
      "links of other kinds",
      writePdf("/URI << /Base (https://e.example/) >>", [
        "5 0 obj\n<< /URI (mailto:a@b.example) >>\nendobj\n6 0 obj\n<< /URI (part.html#data:) >>\nendobj\n",
      ]),
    ],
    ["a packed object that goes to a page", writePdf("/OpenAction 5 0 R", [writeObjectStream(5, "[3 0 R /Fit]")])],
    [
      "links that a person clicks",
      writePdf("", ["5 0 obj\n<< /Subtype /Link /A << /S /URI /URI (https://example.com) >> >>\nendobj\n"]),
    ],
    [
      "page content that begins with numbers",
      writePdf("", [
        Buffer.concat([
          Buffer.from("5 0 obj\n<< /Filter /FlateDecode >>\nstream\n"),
          deflateSync(Buffer.from("1 0 0 1 72 720 cm")),
          Buffer.from("\nendstream\nendobj\n"),
        ]),
      ]),
    ],
    [
      "a page that is opened, and a list of chapters behind it",
      writePdf("/OpenAction 5 0 R", [
        `5 0 obj\n<< ${TO_PAGE} >>\nendobj\n6 0 obj\n<< /Title (a) /Next 7 0 R >>\nendobj\n`,
      ]),
    ],
    [
      "the same, packed",
      writePdf("/OpenAction 5 0 R", [packedPair(`<< ${TO_PAGE} >>`, "<< /Title (a) /Next 7 0 R >>")]),
    ],
  ])("is accepted with %s", async (_what, content) => {
    expect(await judge("a.pdf", content)).toBe("accepted");
  });

  it("is read across the borders of the windows that it is read in", async () => {
    const found: string[] = [];
    for (const shift of [0, 1, 5, 11, 12, 13, 40, 8192, 65_535, 65_536]) {
      const filler = `4 0 obj\n(${"x".repeat(1024 * 1024 - 200 - shift)})\nendobj\n`;
      found.push(await judge("a.pdf", writePdf("", [filler, writeObjectStream(5, scripted)])));
    }
    expect(new Set(found)).toEqual(new Set(["pdf_javascript"]));
  });

  it("is read to the end of a packed stream, however far that is", async () => {
    const noise = Array.from({ length: 40_000 }, (_, index) => Math.imul(index, 2_654_435_761) >>> 0).join(" ");
    expect(deflateSync(noise).length).toBeGreaterThan(64 * 1024);
    expect(await judge("a.pdf", writePdf("", [writeObjectStream(5, `(${noise}) ${scripted}`)]))).toBe("pdf_javascript");
  });

  it.each(["/AA%", "/JS%", "/EF %", "/XFA\0", "/OpenAction%", "/URI(\\1", "/Encrypt%\n%", "/AA%x\n"])(
    "is judged in time that grows with its size alone when it repeats %j",
    async (piece) => {
      const started = performance.now();
      await judge("a.pdf", writePdf("", [`5 0 obj\n(${piece.repeat(3_000_000 / piece.length)})\nendobj\n`]));
      expect(performance.now() - started).toBeLessThan(10_000);
    },
  );

  it("is refused when it hides a value behind a long comment, or many", async () => {
    for (const comments of [`%${"x".repeat(500)}\n`, "%x\n".repeat(50)])
      expect(await judge("a.pdf", writePdf(`/AA${comments}<< /O 5 0 R >>`))).toBe("pdf_action");
  });

  it("is refused when it is made to be slow to read", async () => {
    const streams = "1 0 obj <<>> stream\nendstream endobj\n".repeat(20_001);
    expect(await judge("a.pdf", writePdf("", [streams]))).toBe("pdf_unreadable");
    const comments = `${">>%".repeat(3000)}\nstream\n`.repeat(100);
    expect(await judge("a.pdf", writePdf("", [comments]))).toBe("pdf_unreadable");
  });

  it("may have comments between a dictionary and its stream, and these hide nothing", async () => {
    const hidden = writeObjectStream(5, scripted)
      .toString("latin1")
      .replace("8 0 obj", "")
      .replace(">>\nstream", ">> % a\n% b\nstream");
    expect(await judge("a.pdf", writePdf("", [Buffer.from("x".repeat(9000) + hidden, "latin1")]))).toBe(
      "pdf_unreadable",
    );
    expect(await judge("a.pdf", writePdf("", ["(downstream\n)\n"]))).toBe("accepted");
  });
});
