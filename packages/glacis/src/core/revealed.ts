/** The texts that left a `Secret`: whatever log or error carries one of them, in whatever encoding, does not show it. */

/** Shorter ones would be found in ordinary words, and hide a log instead of a secret. */
const LEAST_CHARACTERS = 8;
const MOST_CHARACTERS = 65_536;
/** Of a secret of many lines, such as a PEM key, each longer line counts by itself: loggers break and indent them. */
const LEAST_LINE_CHARACTERS = 16;
const MOST_LINES = 512;
/** What a process reveals first are its own credentials, once, at its start: those are never forgotten. */
const MOST_KEPT = 200;
const MOST_RECENT = 1000;
const SHOWN = "[secret]";

/** Each known text with its encodings; of the recent ones the oldest first. */
const kept = new Map<string, readonly string[]>();
const known = new Map<string, readonly string[]>();
/** Encodings by their first eight characters, so that a text is searched in one pass however many there are. */
const byHead = new Map<string, Set<string>>();
/**
 * How far a search may go on when it sees two characters at the end of its window (Wu and Manber, 1994): they stand in no head, or this far from the end
 * of one. What is forgotten leaves its entries, which cost a look and hide nothing.
 */
const LONGEST_STEP = LEAST_CHARACTERS - 1;
const STEPS = 4096;
const steps = new Uint8Array(STEPS).fill(LONGEST_STEP);
/** How many known texts have an encoding: two secrets may share a line. */
const owners = new Map<string, number>();

/**
 * Remembers a text for `hideRevealed`; `Secret.reveal` calls it. The first two hundred stay; of a thousand more the one that was revealed longest ago is
 * forgotten.
 *
 * @param value text, or bytes that are text in UTF-8; anything else, and anything shorter than eight characters, is not remembered
 */
export function rememberRevealed(value: unknown): void {
  const text = value instanceof Uint8Array ? Buffer.from(value).toString("latin1") : value;
  if (typeof text !== "string" || text.length < LEAST_CHARACTERS || text.length > MOST_CHARACTERS) return;
  if (kept.has(text)) return;
  const before = known.get(text);
  if (before !== undefined) {
    known.delete(text);
    known.set(text, before);
    return;
  }
  const forms = value instanceof Uint8Array ? formsOfBytes(Buffer.from(value)) : formsOfText(text);
  (kept.size < MOST_KEPT ? kept : known).set(text, forms);
  for (const form of forms) add(form);
  const [oldest] = known.keys();
  if (known.size > MOST_RECENT && oldest !== undefined) forget(oldest);
}

/** The text without any remembered value in plain, base64, base64url, hexadecimal, URL-encoded or JSON-escaped form. */
export function hideRevealed(text: string): string {
  if (byHead.size === 0 || text.length < LEAST_CHARACTERS) return text;
  let clean = "";
  let copied = 0;
  for (let at = 0; at + LEAST_CHARACTERS <= text.length; at += 1) {
    const end = at + LEAST_CHARACTERS - 1;
    const step = steps[pairAt(text.charCodeAt(end - 1), text.charCodeAt(end))] as number;
    if (step > 0) {
      at += step - 1;
      continue;
    }
    const candidates = byHead.get(text.slice(at, at + LEAST_CHARACTERS));
    if (candidates === undefined) continue;
    let longest = 0;
    for (const form of candidates) if (form.length > longest && text.startsWith(form, at)) longest = form.length;
    if (longest === 0 || at + longest <= copied) continue;
    // One that begins inside another, and ends behind it, is hidden with it.
    if (at >= copied) clean += text.slice(copied, at) + SHOWN;
    copied = at + longest;
  }
  return copied === 0 ? text : clean + text.slice(copied);
}

function pairAt(first: number, second: number): number {
  return (first * 61 + second) & (STEPS - 1);
}

/** Every pair of a head, by how far it stands from the head's end. */
function shortenSteps(head: string): void {
  for (let index = 1; index < LEAST_CHARACTERS; index += 1) {
    const pair = pairAt(head.charCodeAt(index - 1), head.charCodeAt(index));
    steps[pair] = Math.min(steps[pair] as number, LEAST_CHARACTERS - 1 - index);
  }
}

function formsOfText(text: string): readonly string[] {
  const lines = text.split(/\r?\n/u).slice(0, MOST_LINES);
  const parts = lines.length === 1 ? [] : lines.filter((line) => line.length >= LEAST_LINE_CHARACTERS);
  // The frame of a PEM file is no secret, and says in a log what stood there.
  const own = [text, ...parts.filter((line) => !line.startsWith("-----"))];
  return distinct(own.flatMap((part) => [part, ...escaped(part), ...formsOfBytes(Buffer.from(part))]));
}

function escaped(text: string): readonly string[] {
  const json = JSON.stringify(text).slice(1, -1);
  const form = new URLSearchParams([["", text]]).toString().slice(1);
  const url = encodeURIComponent(text.toWellFormed());
  const lower = (encoded: string): string => encoded.replaceAll(/%[0-9A-F]{2}/gu, (byte) => byte.toLowerCase());
  return [json, JSON.stringify(json).slice(1, -1), url, lower(url), form, lower(form)];
}

function formsOfBytes(bytes: Buffer): readonly string[] {
  const hex = bytes.toString("hex");
  const encoded = (["base64", "base64url"] as const).flatMap((encoding) => [
    bytes.toString(encoding),
    ...[0, 1, 2].map((before) => inner(bytes, before, encoding)),
  ]);
  return distinct([hex, hex.toUpperCase(), ...encoded]);
}

/** What base64 shows of the bytes after other bytes, as in `user:password`, without the characters that those have a part in. */
function inner(bytes: Buffer, before: number, encoding: "base64" | "base64url"): string {
  const text = Buffer.concat([Buffer.alloc(before), bytes])
    .toString(encoding)
    .replaceAll("=", "");
  const whole = (before + bytes.length) % 3 === 0;
  return text.slice(before === 0 ? 0 : before + 1, whole ? undefined : -1);
}

function distinct(forms: readonly string[]): readonly string[] {
  return [...new Set(forms)].filter((form) => form.length >= LEAST_CHARACTERS);
}

function add(form: string): void {
  owners.set(form, (owners.get(form) ?? 0) + 1);
  const head = form.slice(0, LEAST_CHARACTERS);
  shortenSteps(head);
  const group = byHead.get(head);
  if (group === undefined) byHead.set(head, new Set([form]));
  else group.add(form);
}

function forget(text: string): void {
  for (const form of known.get(text) ?? []) {
    const left = (owners.get(form) ?? 1) - 1;
    if (left > 0) {
      owners.set(form, left);
      continue;
    }
    owners.delete(form);
    const head = form.slice(0, LEAST_CHARACTERS);
    const group = byHead.get(head);
    group?.delete(form);
    if (group?.size === 0) byHead.delete(head);
  }
  known.delete(text);
}
