/** Mail out of the house by nodemailer, or into a folder while developing. */
import { randomUUID } from "node:crypto";
import { mkdir, readdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createTransport } from "nodemailer";
import { rejectUnknownOptions } from "../core/options.ts";
import { canParseUrl } from "../primitives/can-parse-url.ts";

export interface MailMessage {
  /** One address, never a list. */
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  readonly html: string;
}

/** What sends mail. It resolves once somebody else has the message, and throws otherwise: it will be tried again. */
export interface MailTransport {
  readonly kind: "smtp" | "outbox" | "other";
  send(message: MailMessage): Promise<void>;
}

export interface SmtpMailOptions {
  /** `smtps://user:password@smtp.example.com`. With `smtp://` STARTTLS is required, unless the server is this very machine. */
  readonly url: string;
  /** The sender, such as `Folio <no-reply@example.com>`. */
  readonly from: string;
}

const TIMEOUT_MS = 15_000;
const MOST_RECENT = 50;
const LOOPBACK: ReadonlySet<string> = new Set(["localhost", "127.0.0.1", "[::1]"]);
const NO_FILES = { disableFileAccess: true, disableUrlAccess: true } as const;

/**
 * Mail by SMTP, over TLS alone.
 *
 * @throws TypeError on an unknown option or an address that is not SMTP's; the message does not repeat it, for it holds a password.
 * @example
 * smtpMail({ url: process.env.SMTP_URL ?? "", from: "Folio <no-reply@example.com>" });
 */
export function smtpMail(options: SmtpMailOptions): MailTransport {
  rejectUnknownOptions("smtpMail", options, ["url", "from"]);
  const url = canParseUrl(options.url) ? new URL(options.url) : undefined;
  if (url === undefined || !/^smtps?:$/u.test(url.protocol))
    throw new TypeError("smtpMail() needs url as smtps://user:password@host.");
  const secure = url.protocol === "smtps:";
  const { user, pass } = { user: decodeURIComponent(url.username), pass: decodeURIComponent(url.password) };
  const transport = createTransport({
    host: url.hostname.replace(/^\[|\]$/gu, ""),
    port: url.port === "" ? (secure ? 465 : 587) : Number(url.port),
    secure,
    requireTLS: !secure && !LOOPBACK.has(url.hostname),
    ...(user !== "" && { auth: { user, pass } }),
    connectionTimeout: TIMEOUT_MS,
    greetingTimeout: TIMEOUT_MS,
    socketTimeout: TIMEOUT_MS,
    ...NO_FILES,
  });
  const from = sender(options.from);
  return {
    kind: "smtp",
    async send(message) {
      await transport.sendMail({ ...addressed(message), from, ...NO_FILES });
    },
  };
}

export interface OutboxMailOptions {
  /** Where the `.eml` files go; made when it is missing. */
  readonly folder: string;
  readonly from?: string;
}

/** A transport that keeps what it was given. */
export interface OutboxMail extends MailTransport {
  readonly kind: "outbox";
  /** The mails of this process, newest first, fifty at most. */
  recent(): readonly MailMessage[];
}

/**
 * Mail as `.eml` files in a folder, in the order of their names, for development: nothing leaves the machine. `check` calls it an error in production,
 * for the links in it sign people in.
 *
 * @throws TypeError on an unknown option.
 * @example
 * outboxMail({ folder: ".outbox" });
 */
export function outboxMail(options: OutboxMailOptions): OutboxMail {
  rejectUnknownOptions("outboxMail", options, ["folder", "from"]);
  const { folder } = options;
  const from = sender(options.from ?? "no-reply@localhost.localdomain");
  const composer = createTransport({ streamTransport: true, buffer: true, newline: "unix", ...NO_FILES });
  const recent: MailMessage[] = [];
  let sent = 0;
  return {
    kind: "outbox",
    recent: () => [...recent],
    async send(message) {
      const { message: text } = await composer.sendMail({ ...addressed(message), from, ...NO_FILES });
      await mkdir(folder, { recursive: true, mode: 0o700 });
      sent += 1;
      const name = `${new Date().toISOString().replaceAll(":", "-")}-${`${sent}`.padStart(6, "0")}-${randomUUID().slice(0, 8)}.eml`;
      // Renamed into place, so that whoever watches the folder never reads half a mail.
      const draft = join(folder, `.${name}`);
      await writeFile(draft, text as Buffer, { mode: 0o600 });
      await rename(draft, join(folder, name));
      recent.unshift(message);
      recent.length = Math.min(recent.length, MOST_RECENT);
    },
  };
}

/** The mails in an outbox folder, oldest first. */
export async function outboxFiles(folder: string): Promise<readonly string[]> {
  try {
    return (await readdir(folder)).filter((name) => /^[\w-].*\.eml$/u.test(name)).toSorted();
  } catch (error) {
    if ((error as { readonly code?: unknown }).code === "ENOENT") return [];
    throw error;
  }
}

const BREAKS = /[\p{Cc}\u2028\u2029]/u;

/** The address as an object, so that no comma or line break in it ever makes a second recipient or another header. */
function addressed({ to, subject, text, html }: MailMessage) {
  if (BREAKS.test(to) || BREAKS.test(subject)) throw new TypeError("A mail's address and subject are one line each.");
  return { to: { name: "", address: to }, subject, text, html };
}

function sender(from: string): string {
  if (typeof from !== "string" || !from.includes("@") || BREAKS.test(from))
    throw new TypeError('A mail needs its sender as one address, such as "Folio <no-reply@example.com>".');
  return from;
}
