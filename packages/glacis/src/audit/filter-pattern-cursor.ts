import { FilterPatternError } from "./filter-pattern-error.ts";

/** A place in a pattern. All readers of the grammar move one of these; none looks back. */
export interface Cursor {
  readonly text: string;
  at: number;
}

export function fail(cursor: Cursor, message: string): never {
  throw new FilterPatternError(message, cursor.at);
}

/** Moves over blanks; true when there were any. */
export function skipBlanks(cursor: Cursor): boolean {
  const start = cursor.at;
  while (/\s/u.test(cursor.text[cursor.at] ?? "")) cursor.at += 1;
  return cursor.at > start;
}

/** Moves over the text when it stands here. */
export function take(cursor: Cursor, text: string): boolean {
  if (!cursor.text.startsWith(text, cursor.at)) return false;
  cursor.at += text.length;
  return true;
}

/** Moves over what a sticky expression finds here, and returns it. */
export function takeMatch(cursor: Cursor, sticky: RegExp): string | undefined {
  sticky.lastIndex = cursor.at;
  const found = sticky.exec(cursor.text)?.[0];
  if (found !== undefined) cursor.at += found.length;
  return found;
}

/** A text in double quotes, in which a backslash takes the next character as it is. The cursor stands on the opening quote. */
export function takeQuoted(cursor: Cursor): string {
  const start = cursor.at;
  let text = "";
  for (cursor.at += 1; cursor.at < cursor.text.length; cursor.at += 1) {
    const character = cursor.text[cursor.at] as string;
    if (character === '"') {
      cursor.at += 1;
      return text;
    }
    const next = cursor.text[cursor.at + 1];
    const escapes = character === "\\" && (next === '"' || next === "\\");
    if (escapes) cursor.at += 1;
    text += escapes ? next : character;
  }
  cursor.at = start;
  return fail(cursor, "A quoted text has no end.");
}

/** An expression between percent signs. The cursor stands on the first. */
export function takeRegexSource(cursor: Cursor): string {
  const end = cursor.text.indexOf("%", cursor.at + 1);
  if (end === -1) return fail(cursor, "A regular expression has no second percent sign.");
  const source = cursor.text.slice(cursor.at + 1, end);
  cursor.at = end + 1;
  return source;
}
