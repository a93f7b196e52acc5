/** Files of every kind with bytes of them changed, and the forms that bring them. */
import { Readable } from "node:stream";
import fc from "fast-check";
import { Refusal } from "../../packages/glacis/src/core/error-reason.ts";
import { judgeUploadName } from "../../packages/glacis/src/input/upload-filename.ts";
import { readParts } from "../../packages/glacis/src/input/upload-parts.ts";
import { writeForm } from "../support/upload-client.ts";
import { judgeSample } from "../support/upload-judge.ts";
import {
  SVG,
  writeGif,
  writeJpeg,
  writeObjectStream,
  writePdf,
  writePng,
  writeWebp,
} from "../support/upload-samples.ts";
import { writeDocx, writeOffice, writeZip } from "../support/zip-writer.ts";
import { like } from "./grammar.ts";
import { holds, target, type Target } from "./target.ts";

const SAMPLES: readonly (readonly [name: string, content: Buffer])[] = [
  ["a.pdf", writePdf("", [writeObjectStream(4, "<< /S /URI >>")])],
  ["a.docx", writeDocx()],
  ["a.xlsx", writeOffice("xlsx", { body: '<row r="1"><c r="A1"><f>SUM(B1:B2)</f></c></row>' })],
  ["a.pptx", writeOffice("pptx", { body: '<a:hlinkClick r:id="" action="ppaction://noaction"/>' })],
  ["a.zip", writeZip([{ name: "b/c.txt", data: "text".repeat(50) }])],
  ["a.png", writePng(2, 2, [["tEXt", "Comment\0none"]])],
  ["a.jpg", writeJpeg(2, 2, "none")],
  ["a.gif", writeGif(2, 2, 2)],
  ["a.webp", writeWebp(2, 2)],
  ["a.svg", Buffer.from(SVG)],
  ["a.txt", Buffer.from("text, \u00fc\n")],
  ["a.csv", Buffer.from("a,b\r\n1,2\r\n")],
];

/** Some bytes exchanged, some taken out, and what is left perhaps cut off. */
const changed = (content: Buffer): fc.Arbitrary<Buffer> =>
  fc
    .tuple(
      fc.array(fc.tuple(fc.nat(content.length), fc.uint8Array({ maxLength: 4 }), fc.nat(4)), { maxLength: 4 }),
      fc.option(fc.nat(content.length)),
    )
    .map(([edits, length]) => {
      let bytes = content;
      for (const [at, put, drop] of edits)
        bytes = Buffer.concat([bytes.subarray(0, at), put, bytes.subarray(at + drop)]);
      return bytes.subarray(0, length ?? bytes.length);
    });

async function judge(name: string, content: Buffer): Promise<void> {
  const verdict = await judgeSample(name, content);
  holds(/^[a-z_]+$/u.test(verdict), "a verdict is a code");
  holds(content.length > 0 || verdict === "empty", "an empty file is refused");
}

const LIMITS = { maxBytes: 1000, maxFiles: 2, maxFields: 2, maxSeconds: 5, maxIdleSeconds: 5 };
const FORM = writeForm([
  { name: "csrf_token", content: "t" },
  { name: "file", filename: "a.txt", type: "text/plain", content: "hello" },
]);

async function receive(body: Buffer, contentType: string): Promise<void> {
  let [files, fields, bytes] = [0, 0, 0];
  await readParts(Readable.from([body.subarray(0, 50), body.subarray(50)]), contentType, LIMITS, {
    field: () => void (fields += 1),
    file({ content }) {
      files += 1;
      content.on("data", (chunk: Buffer) => (bytes += chunk.length));
    },
  });
  holds(files <= LIMITS.maxFiles && fields <= LIMITS.maxFields, "no more parts than allowed");
  holds(bytes <= LIMITS.maxFiles * LIMITS.maxBytes, "no more bytes than allowed");
}

export const UPLOADS: readonly Target[] = [
  target(
    "uploaded file",
    fc.constantFrom(...SAMPLES).chain(([name, content]) => fc.tuple(fc.constant(name), changed(content))),
    ([name, content]) => judge(name, content),
    { share: 0.05 },
  ),
  target(
    "multipart form",
    fc.tuple(
      changed(FORM.body),
      fc.oneof(
        fc.constant(FORM.contentType),
        like(["multipart/form-data", ";", "boundary", "=", '"', "-"], [FORM.contentType]),
      ),
    ),
    ([body, contentType]) => receive(body, contentType),
    { throws: [Refusal], share: 0.1 },
  ),
  target(
    "name of a file",
    like([".", "pdf", "\\", "/", "..", " ", "CON", "\u202e", "%2e", "a"], ["C:\\a\\b.pdf", "a.pdf"]),
    (name) => judgeUploadName(name),
  ),
];
