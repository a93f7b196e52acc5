/** Answers on a bare socket: where Node's parser gave up, or the client asked for another protocol, there is no response object. */
import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import type { Exchange } from "../core/exchange.ts";
import type { Respond, Security } from "../core/security.ts";
import { HeadDraft, type HeaderLines } from "./head-draft.ts";
import { lingeringClose } from "./node-respond.ts";

/** Answers with the full header set and closes. */
export function answerOnSocket(security: Security, socket: Socket, exchange: Exchange, verdict: Respond): void {
  const { status, headers, body = "" } = verdict;
  const lines: HeaderLines = [
    ...headers.flat(),
    "content-length",
    String(Buffer.byteLength(body)),
    "connection",
    "close",
  ];
  const draft = new HeadDraft(status, lines);
  if (!socket.writable || !security.head(exchange, draft)) {
    socket.destroy();
    return;
  }
  draft.spellOut();
  let head = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\ndate: ${new Date().toUTCString()}\r\n`;
  for (let index = 0; index < lines.length; index += 2) head += `${lines[index]}: ${printable(lines[index + 1])}\r\n`;
  socket.write(`${head}\r\n${body}`);
  lingeringClose(socket);
}

/** Nothing checks a header that is written by hand, so nothing but visible ASCII, space and tab goes out. */
function printable(value: string | undefined): string {
  return (value ?? "").replace(/[^\t\x20-\x7e]/gu, "");
}
