/**
 * Headers that are the same on every response, as text. Node checks and joins every line for every response; these are checked and joined once, and
 * put behind the status line on its way to the method of Node's that makes the head of it. That method is no public interface, so the first response
 * finds out whether it is there; in a Node that makes its heads elsewhere these headers are lines like all others.
 */
import { IncomingMessage, ServerResponse, validateHeaderName, validateHeaderValue } from "node:http";
import { Socket } from "node:net";
import type { ConstantHeaders } from "../core/response.ts";

type StoreHeader = (this: ServerResponse, statusLine: string, headers: unknown) => void;

interface Storing {
  _storeHeader: StoreHeader;
}

type WriteHead = (
  this: ServerResponse,
  status: number,
  reason: string | undefined,
  headers?: readonly string[],
) => ServerResponse;

/** Taken from the prototype once: Express changes that of every response, and each look-up of a method is slow from then on. */
export const nodeWriteHead: WriteHead = (ServerResponse.prototype as unknown as { readonly writeHead: WriteHead })
  .writeHead;
const { _storeHeader: nodeStoreHeader } = ServerResponse.prototype as unknown as Storing;

const LINE_END = "\r\n";
const texts = new WeakMap<ConstantHeaders, string>();
let insertable: boolean | undefined;
/** What the head that is being written gets; a head is written in one go, so there is one at a time. */
let inserted = "";

/** Whether `writeHeadWith` can be used in this process. */
export function canInsert(): boolean {
  return (insertable ??= makesItsHeadThere());
}

function makesItsHeadThere(): boolean {
  if (typeof nodeStoreHeader !== "function") return false;
  const response = new ServerResponse(new IncomingMessage(new Socket()));
  const constants: ConstantHeaders = { names: ["x-first"], values: new Map([["x-first", "1"]]) };
  writeHeadWith(response, 200, undefined, ["x-second", "2"], constants);
  const { _header: head } = response as unknown as { readonly _header: unknown };
  return (
    typeof head === "string" && /^HTTP\/1\.1 200 OK\r\nx-first: 1\r\nx-second: 2\r\n(?:[^\r\n]+\r\n)*\r\n$/u.test(head)
  );
}

/**
 * Writes a head with the constants first.
 *
 * @param response has no header that was set one by one
 * @param lines name, value, name, value ...; none of them is one of the constants
 * @throws TypeError where a name or a value is none that HTTP can carry; no head is written then
 */
export function writeHeadWith(
  response: ServerResponse,
  status: number,
  message: string | undefined,
  lines: readonly string[],
  constants: ConstantHeaders,
): void {
  let text = texts.get(constants);
  if (text === undefined) texts.set(constants, (text = textOf(constants)));
  (response as unknown as Storing)._storeHeader = storeHeader;
  inserted = text;
  try {
    nodeWriteHead.call(response, status, message, lines);
  } finally {
    inserted = "";
  }
}

function storeHeader(this: ServerResponse, statusLine: string, headers: unknown): void {
  nodeStoreHeader.call(this, statusLine + inserted, headers);
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
