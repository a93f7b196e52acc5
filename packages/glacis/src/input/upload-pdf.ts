/** PDF (ISO 32000-2): what it does when it is opened, however its names are spelled and wherever its objects are packed. */
import { inflateSync, constants } from "node:zlib";
import { fault, type QuarantinedFile, type UploadFault, type UploadFaultCode } from "./upload-fault.ts";

const WINDOW = 1024 * 1024;
/** A name, a dictionary or an object that begins in one window is seen whole in the next. */
const OVERLAP = 64 * 1024;
const DICTIONARY_BYTES = 8192;
/** Each is looked at; a file of ten megabytes that has more is made to be slow to read. */
const MOST_STREAMS = 20_000;
/** Enough to see what a stream begins with. */
const PROBE_BYTES = 512;
const FIRST_PACKED_BYTES = 64 * 1024;
const MOST_PACKED_BYTES = 32 * 1024 * 1024;
const MOST_UNPACKED_BYTES = 32 * 1024 * 1024;
/** All object streams of a document together, unpacked. */
const MOST_OBJECT_BYTES = 256 * 1024 * 1024;
const NAME_END = "(?![^\\s()<>[\\]{}/%\\u0000])";

const BLANK = "[\\s\\u0000]";
/** Nobody writes so many blanks but who hides something, so they count like what they hide: two windows may not have it in common. */
const MANY = `${BLANK}{200}`;
const FEW = `${BLANK}{0,199}`;
/**
 * What a key's value begins with, perhaps behind a comment (section 7.2.4). Nobody writes comments there either, so a long one counts as well: to
 * read on to its end for each of many would take forever.
 */
const valued = (key: string, starts: string): RegExp => {
  const commented = `%(?:[^\\r\\n]{200}|[^\\r\\n]{0,199}[\\r\\n](?:${MANY}|${FEW}(?:%|${starts})))`;
  return new RegExp(`/${key}${NAME_END}(?:${MANY}|${FEW}(?:${starts}|${commented}))`, "u");
};
const named = (names: string): RegExp => new RegExp(`/(?:${names})${NAME_END}`, "u");
/** Long names are looked for everywhere, streams included, since a reader finds objects by offset: they do not stand in random bytes by chance. */
const RULES: readonly (readonly [RegExp, UploadFaultCode])[] = [
  [valued("Encrypt", "\\d|<<"), "pdf_encrypted"],
  [named("JavaScript"), "pdf_javascript"],
  [valued("JS", "\\d+\\s+\\d+\\s+R|\\(|<[\\da-fA-F\\s]"), "pdf_javascript"],
  [
    named(
      "Launch|SubmitForm|ImportData|GoToR|GoToE|Rendition|RichMedia|RichMediaExecute|RichMediaSettings|OnInstantiate",
    ),
    "pdf_action",
  ],
  [valued("(?:AA|XFA)", "\\d+\\s+\\d+\\s+R|<<|\\["), "pdf_action"],
  [named("EmbeddedFiles?|FileAttachment"), "pdf_embedded"],
  // A file needs no type to be carried: its specification points at it.
  [valued("EF", "\\d+\\s+\\d+\\s+R|<<"), "pdf_embedded"],
];
const OPENED = new RegExp(
  `/OpenAction${NAME_END}${BLANK}*(?:(\\[)|<<(?=([^]{0,300}))|(\\d{1,10})\\s+\\d{1,5}\\s+R)?`,
  "gu",
);
const ADDRESS = new RegExp(
  `/URI${NAME_END}(?:(${MANY}|${FEW}%)|${FEW}(?:\\(([^]{0,200})|<([\\da-fA-F\\s]{1,400})))`,
  "gu",
);
const OBJECT_BEGINNING = 300;
const ADDRESS_CHARACTERS = 200;
/** The longest scheme of those below, with its colon. */
const SCHEME_CHARACTERS = 11;
/** What a click would run here or read from here; https, mailto and addresses relative to the document are links like any other. */
const RUNS_HERE = /^(?:javascript|vbscript|data|file):|^[\\/]{2}/iu;
const FLATE_ALONE = new RegExp(`/Filter\\s*\\[?\\s*/(?:FlateDecode|Fl)${NAME_END}\\s*(?:\\]|/|>|$)`, "u");
const GOES_TO_PAGE = new RegExp(`/S\\s*/GoTo${NAME_END}`, "u");

/** What a scan has learnt. */
interface Scan {
  readonly file: QuarantinedFile;
  /** Objects that are carried out when the document opens. */
  readonly opened: Set<string>;
  /** The beginnings of objects in object streams, by number. */
  readonly packed: Map<string, string>;
  objectBytes: number;
  streams: number;
}

export async function judgePdf(file: QuarantinedFile): Promise<UploadFault | undefined> {
  const head = await file.read(0, 8);
  if (!/^%PDF-[12]\.\d/u.test(head.toString("latin1"))) return fault("pdf_malformed");
  const tail = (await file.read(Math.max(0, file.size - 1024), 1024)).toString("latin1");
  const end = tail.lastIndexOf("%%EOF");
  if (end === -1) return fault("pdf_malformed");
  if (!/^[\s\0]*$/u.test(tail.slice(end + 5))) return fault("trailing_data");
  const scan: Scan = { file, opened: new Set(), packed: new Map(), objectBytes: 0, streams: 0 };
  for (let position = 0; position < file.size; position += WINDOW) {
    const bytes = await file.read(position, WINDOW + OVERLAP);
    const found = (await judgeWindow(scan, bytes, position)) ?? undefined;
    if (found !== undefined) return found;
  }
  return scan.opened.size === 0 ? undefined : judgeOpened(scan);
}

async function judgeWindow(scan: Scan, bytes: Buffer, position: number): Promise<UploadFault | undefined> {
  const text = bytes.toString("latin1");
  const found = judgeObjects(scan, text);
  if (found !== undefined) return found;
  for (const match of text.matchAll(/(?<![A-Za-z])stream[ \t]*(?:\r\n|\r|\n)/gu)) {
    // Windows overlap, so that each stream has one window in which its dictionary is complete.
    const { index } = match;
    if ((position > 0 && index < DICTIONARY_BYTES) || index >= WINDOW + DICTIONARY_BYTES) continue;
    if ((scan.streams += 1) > MOST_STREAMS) return fault("pdf_unreadable", "pdfStreams", MOST_STREAMS);
    const before = plain(text.slice(Math.max(0, index - DICTIONARY_BYTES), index));
    const opening = lastObject(before);
    if (opening === undefined && endsDictionary(before)) return fault("pdf_unreadable");
    const dictionary = opening === undefined ? "" : before.slice(opening);
    const start = index + match[0].length;
    const refused = await judgeStream(scan, dictionary, position + start, bytes.subarray(start, start + PROBE_BYTES));
    if (refused !== undefined) return refused;
  }
  return undefined;
}

/** Judges text that may hold objects. */
function judgeObjects(scan: Scan, text: string): UploadFault | undefined {
  const objects = plain(text);
  for (const [pattern, code] of RULES) if (pattern.test(objects)) return fault(code);
  for (const [, place, action, object] of objects.matchAll(OPENED)) {
    if (place !== undefined) continue;
    if (object !== undefined) scan.opened.add(object);
    else if (action === undefined || !isHarmless(action)) return fault("pdf_action");
  }
  for (const [, hidden, literal, hex] of objects.matchAll(ADDRESS))
    if (hidden !== undefined || runsHere(literal, hex)) return fault("pdf_action");
  return undefined;
}

/** What was read of an address may be nothing but what is left out of one: then it hides what follows. */
function runsHere(literal: string | undefined, hex: string | undefined): boolean {
  const address = stringOf(literal, hex);
  const read = literal?.length ?? (hex?.length ?? 0) / 2;
  return RUNS_HERE.test(address) || (read >= ADDRESS_CHARACTERS && address.length < SCHEME_CHARACTERS);
}

/** The beginning of a string (section 7.3.4), without what browsers leave out of an address. */
function stringOf(literal: string | undefined, hex: string = ""): string {
  const text =
    literal === undefined
      ? Buffer.from(hex.replaceAll(/\s/gu, ""), "hex").toString("latin1")
      : literal.replaceAll(/\\(?:([0-7]{1,3})|\r\n|([^]))/gu, (_whole, octal?: string, other?: string) =>
          octal === undefined ? (ESCAPED[other ?? ""] ?? other ?? "") : String.fromCharCode(Number.parseInt(octal, 8)),
        );
  const unmarked = text.replace(/^(?:\u00fe\u00ff|\u00ff\u00fe|\u00ef\u00bb\u00bf)/u, "");
  // oxlint-disable-next-line no-control-regex
  return unmarked.replaceAll(/[\u0000-\u001f\u007f]/gu, "").trimStart();
}

/** A break after a backslash goes on with the line; the others are letters for control characters. */
const ESCAPED: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t", b: "\b", f: "\f", "\n": "", "\r": "" };

/** To a page, and no further: what comes next may be anything. */
function isHarmless(action: string): boolean {
  const [own = ""] = action.split("endobj", 1);
  return GOES_TO_PAGE.test(own) && !/\/(?:URI|Next)/u.test(own);
}

/** Section 7.3.5: any character of a name may be written as `#` and two digits. */
function plain(text: string): string {
  return text.includes("#")
    ? text.replaceAll(/#([\da-fA-F]{2})/gu, (_whole, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
    : text;
}

/**
 * Section 7.5.7. Readers go by the keys `N` and `First` and need no type, so neither do we; and since a dictionary can be made to look like
 * another, whatever unpacks to a list of numbers is taken for what it looks like.
 */
async function judgeStream(
  scan: Scan,
  dictionary: string,
  start: number,
  probe: Buffer,
): Promise<UploadFault | undefined> {
  const has = (names: string): boolean => named(names).test(dictionary);
  const declared = has("ObjStm") || (has("First") && has("N"));
  if (declared && !has("Filter|F")) return undefined;
  if (declared && (!FLATE_ALONE.test(dictionary) || has("DecodeParms|DP|F"))) return fault("pdf_unreadable");
  const beginning = beginsFlate(probe) ? inflate(probe)?.text : undefined;
  if (!declared && !/^\s*\d+\s+\d/u.test(beginning ?? "")) return undefined;
  const text = await unpack(scan.file, start);
  if (text === undefined) return fault("pdf_unreadable");
  scan.objectBytes += text.length;
  if (scan.objectBytes > MOST_OBJECT_BYTES) return fault("pdf_unreadable", "pdfObjectBytes", MOST_OBJECT_BYTES);
  indexObjects(scan, text, Number(/\/First\s+(\d{1,9})/u.exec(dictionary)?.[1] ?? Number.NaN));
  return judgeObjects(scan, text);
}

/** Reads as much as the stream takes: its stated length may lie, its own end does not. */
async function unpack(file: QuarantinedFile, start: number): Promise<string | undefined> {
  for (let length = FIRST_PACKED_BYTES; length <= MOST_PACKED_BYTES; length *= 8) {
    const bytes = await file.read(start, length);
    const inflated = inflate(bytes);
    if (inflated === undefined) return undefined;
    if (inflated.taken < bytes.length || bytes.length < length) return inflated.text;
  }
  return undefined;
}

function inflate(bytes: Buffer): { readonly text: string; readonly taken: number } | undefined {
  try {
    const options = { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: MOST_UNPACKED_BYTES, info: true };
    // With `info` the answer has the engine beside the bytes; the types of Node do not know it.
    const { buffer, engine } = inflateSync(bytes, options) as unknown as Inflated;
    return { text: buffer.toString("latin1"), taken: engine.bytesWritten };
  } catch {
    return undefined;
  }
}

interface Inflated {
  readonly buffer: Buffer;
  readonly engine: { readonly bytesWritten: number };
}

/** Whether a dictionary ends here, perhaps with comments behind it. Where only comments are in sight, it may. */
function endsDictionary(text: string): boolean {
  let rest = text.replace(/[\s\0]+$/u, "");
  while (rest !== "" && !rest.endsWith(">>")) {
    const line = Math.max(rest.lastIndexOf("\n"), rest.lastIndexOf("\r")) + 1;
    const comment = rest.indexOf("%", line);
    if (comment === -1) return line === 0 && rest.length < 3 && text.length >= DICTIONARY_BYTES;
    rest = rest.slice(0, comment).replace(/[\s\0]+$/u, "");
  }
  return true;
}

/** Where the object begins whose stream this is. */
function lastObject(text: string): number | undefined {
  for (let at = text.lastIndexOf("obj"); at > 0; at = text.lastIndexOf("obj", at - 1))
    if (/\d\s+$/u.test(text.slice(Math.max(0, at - 12), at)) && !/[a-z]/u.test(text[at + 3] ?? "")) return at;
  return undefined;
}

/** RFC 1950 section 2.2: what does not begin like this was not packed by Flate. */
function beginsFlate(bytes: Buffer): boolean {
  return bytes.length > 1 && ((bytes[0] as number) & 0x0f) === 8 && bytes.readUInt16BE(0) % 31 === 0;
}

/** The stream begins with pairs of object number and offset. */
function indexObjects({ packed }: Scan, text: string, first: number): void {
  if (Number.isNaN(first)) return;
  const places = [...text.slice(0, first).matchAll(/(\d{1,10})\s+(\d{1,10})/gu)].map(
    ([, number = "", offset]) => [number, first + Number(offset)] as const,
  );
  const starts = [...new Set(places.map(([, start]) => start))].toSorted((one, other) => one - other);
  const ends = new Map(starts.map((start, index) => [start, starts[index + 1]]));
  for (const [number, start] of places) {
    const end = Math.min(start + OBJECT_BEGINNING, ends.get(start) ?? Infinity);
    if (packed.size < 100_000) packed.set(number, text.slice(start, end));
  }
}

/** Follows what is opened: to a page is fine; anything else, and what cannot be found, is not. */
async function judgeOpened({ file, opened, packed }: Scan): Promise<UploadFault | undefined> {
  const found = new Map<string, string[]>([...opened].map((object) => [object, [packed.get(object) ?? []].flat()]));
  for (let position = 0; position < file.size; position += WINDOW) {
    const text = plain((await file.read(position, WINDOW + OVERLAP)).toString("latin1"));
    for (const match of text.matchAll(/(?<![\d])(\d{1,10})\s+\d{1,5}\s+obj(?=([^]{0,300}))/gu))
      found.get(match[1] ?? "")?.push(match[2] ?? "");
  }
  const fine = (body: string): boolean => /^\s*\[/u.test(body) || isHarmless(body);
  return [...found.values()].every((bodies) => bodies.length > 0 && bodies.every(fine))
    ? undefined
    : fault("pdf_action");
}
