/** The mails in the folder, read back: what a demonstration shows in place of a mailbox. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { outboxFiles } from "glacis/authentication";

export interface Mail {
  readonly to: string;
  readonly subject: string;
  readonly date: string;
  readonly text: string;
}

const MOST = 50;

/** The newest first. */
export async function mailsIn(folder: string): Promise<readonly Mail[]> {
  const newest = (await outboxFiles(folder)).slice(-MOST).toReversed();
  return Promise.all(newest.map(async (name) => readMail(await readFile(join(folder, name), "utf8"))));
}

/**
 * The headers and the plain text of a mail that our own transport wrote; other mails have shapes that this does not know.
 *
 * @example
 * readMail(eml).text; // what a mail program shows
 */
export function readMail(eml: string): Mail {
  const text = eml.replaceAll("\r\n", "\n");
  const [head = ""] = text.split("\n\n", 1);
  const header = (name: string): string =>
    new RegExp(`^${name}: (.*(?:\n[ \t].*)*)`, "imu").exec(head)?.[1]?.replace(/\n[ \t]+/gu, " ") ?? "";
  const part = /^Content-Type: text\/plain[^\n]*\n((?:[^\n]+\n)*)\n([\s\S]*)/imu.exec(text);
  const encoding = /^Content-Transfer-Encoding: (\S+)/imu.exec(part?.[1] ?? "")?.[1]?.toLowerCase();
  // The boundary itself, and not any line with two dashes: a token that is broken over two lines may go on with them.
  const boundary = /\bboundary="([^"]+)"/iu.exec(header("Content-Type"))?.[1];
  const [body = ""] = boundary === undefined ? [part?.[2]] : (part?.[2] ?? "").split(`\n--${boundary}`, 1);
  return {
    to: header("To"),
    subject: header("Subject"),
    date: header("Date"),
    text:
      encoding === "base64"
        ? Buffer.from(body, "base64").toString("utf8")
        : encoding === "quoted-printable"
          ? unquote(body)
          : body,
  };
}

/** RFC 2045 section 6.7. */
function unquote(body: string): string {
  const bytes = body
    .replaceAll("=\n", "")
    .replace(/=([0-9A-F]{2})/giu, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, "latin1").toString("utf8");
}
