/**
 * Headers that are the same on every response, as text. Node checks and joins every line for every response; these are checked and joined once, and
 * put behind the status line of a head that Node has written and not sent. Where it keeps that head is no public interface, so the first response
 * finds out whether it is there; in a Node that keeps it elsewhere these headers are lines like all others.
 */
import { IncomingMessage, ServerResponse, validateHeaderName, validateHeaderValue } from "node:http";
import { Socket } from "node:net";
import type { ConstantHeaders } from "../core/response.ts";

interface WrittenHead {
  _header: string | null;
}

const LINE_END = "\r\n";
const texts = new WeakMap<ConstantHeaders, string>();
let insertable: boolean | undefined;

/** Whether `insertConstants` can be used in this process. */
export function canInsert(): boolean {
  return (insertable ??= keepsItsHead());
}

function keepsItsHead(): boolean {
  const response = new ServerResponse(new IncomingMessage(new Socket()));
  response.writeHead(200, ["x-first", "1", "x-second", "2"]);
  const { _header: head } = response as unknown as WrittenHead;
  return (
    typeof head === "string" && /^HTTP\/1\.1 200 OK\r\nx-first: 1\r\nx-second: 2\r\n(?:[^\r\n]+\r\n)*\r\n$/u.test(head)
  );
}

/**
 * @param response its head is written and not sent, and has none of these headers
 * @throws TypeError where a name or a value is none that HTTP can carry; nothing of the head is changed then
 */
export function insertConstants(response: ServerResponse, constants: ConstantHeaders): void {
  let text = texts.get(constants);
  if (text === undefined) texts.set(constants, (text = textOf(constants)));
  const written = response as unknown as WrittenHead;
  const head = written._header as string;
  const at = head.indexOf(LINE_END) + LINE_END.length;
  written._header = head.slice(0, at) + text + head.slice(at);
}

function textOf({ values }: ConstantHeaders): string {
  let text = "";
  for (const [name, value] of values) {
    validateHeaderName(name);
    validateHeaderValue(name, value);
    text += `${name}: ${value}${LINE_END}`;
  }
  return text;
}
