import { connect, type Socket } from "node:net";

/** One response as it came over the wire. */
export interface RawResponse {
  readonly status: number;
  /** Lower-case names, duplicates kept. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string;
  /** The message ended where its framing says; false when the connection broke inside it. */
  readonly complete: boolean;
}

export interface Exchanged {
  readonly responses: readonly RawResponse[];
  /** The server closed the connection. */
  readonly closed: boolean;
  /** The connection was reset rather than closed. */
  readonly reset: boolean;
  /** Whatever came after an upgrade, or could not be read as HTTP. */
  readonly rest: string;
}

/** What to send: text as Latin-1 bytes, or a pause in milliseconds, or `waitFor` a text that the server must have sent before going on. */
export type Step = string | Buffer | number | { readonly waitFor: string } | { readonly abort: true };

export interface Listening {
  /** Stop as soon as this many final responses have arrived. */
  readonly responses?: number;
  /** How long a silent server is listened to once everything is sent. */
  readonly silenceMs?: number;
  /** The responses answer HEAD: a Content-Length then announces a body that does not come. */
  readonly head?: boolean;
  /** How long a server that has said enough may take to close as well, in milliseconds. */
  readonly lingerMs?: number;
  /** The server is expected to close: wait for that too. */
  readonly closes?: boolean;
  readonly host?: string;
}

/** Sends bytes over a socket of its own and reads what comes back, until the server closes, has said enough, or falls silent. */
export async function speak(port: number, steps: readonly Step[], listening: Listening = {}): Promise<Exchanged> {
  const { responses: expected = 1, silenceMs = 1500, head = false, closes = false, host = "127.0.0.1" } = listening;
  const lingerMs = closes ? 2000 : (listening.lingerMs ?? 30);
  const socket = connect({ port, host });
  const chunks: Buffer[] = [];
  let closed = false;
  let reset = false;
  let wake = (): void => {};
  socket.on("data", (chunk: Buffer) => {
    chunks.push(chunk);
    wake();
  });
  socket.on("error", (error: NodeJS.ErrnoException) => {
    reset ||= error.code === "ECONNRESET" || error.code === "EPIPE";
  });
  socket.on("close", () => {
    closed = true;
    wake();
  });
  socket.on("end", () => {
    closed = true;
    wake();
  });
  const received = (): string => Buffer.concat(chunks).toString("latin1");
  const change = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  await new Promise<void>((resolve) => socket.once("connect", resolve));
  for (const step of steps) await take(step, socket, received, change, () => closed);
  let seen = 0;
  for (
    let quietUntil = Date.now() + silenceMs;
    !socket.readableEnded && !socket.destroyed && Date.now() < quietUntil;
  ) {
    await change(silenceMs);
    if (chunks.length !== seen) {
      seen = chunks.length;
      quietUntil = Date.now() + silenceMs;
    }
    if (readResponses(received(), false, head).responses.length < expected) continue;
    for (const until = Date.now() + lingerMs; !socket.readableEnded && !socket.destroyed && Date.now() < until;)
      await change(30);
    break;
  }
  const { responses, rest } = readResponses(received(), closed, head);
  socket.destroy();
  return { responses, closed, reset, rest };
}

async function take(
  step: Step,
  socket: Socket,
  received: () => string,
  change: (ms: number) => Promise<void>,
  isClosed: () => boolean,
): Promise<void> {
  if (typeof step === "number") await new Promise((resolve) => setTimeout(resolve, step));
  else if (typeof step === "string") socket.write(step, "latin1");
  else if (Buffer.isBuffer(step)) socket.write(step);
  else if ("abort" in step) socket.destroy();
  else
    for (const until = Date.now() + 2000; !received().includes(step.waitFor) && !isClosed() && Date.now() < until;)
      await change(100);
}

/** Splits what a connection said into responses. Interim ones (1xx) are left out, except 101, after which nothing is HTTP. */
function readResponses(text: string, closed: boolean, head: boolean): { responses: RawResponse[]; rest: string } {
  const responses: RawResponse[] = [];
  let rest = text;
  while (rest.startsWith("HTTP/1.")) {
    const end = rest.indexOf("\r\n\r\n");
    if (end === -1) break;
    const [statusLine = "", ...lines] = rest.slice(0, end).split("\r\n");
    const status = Number(statusLine.split(" ")[1]);
    const headers = lines.map((line) => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const;
    });
    const after = rest.slice(end + 4);
    if (status === 101)
      return { responses: [...responses, { status, headers, body: "", complete: true }], rest: after };
    if (status < 200) {
      rest = after;
      continue;
    }
    const body =
      head || status === 204 || status === 304
        ? { text: "", rest: after, complete: true }
        : readBody(after, new Map(headers), closed);
    if (body === undefined) break;
    responses.push({ status, headers, body: body.text, complete: body.complete });
    rest = body.rest;
  }
  return { responses, rest };
}

interface ReadBody {
  readonly text: string;
  readonly rest: string;
  readonly complete: boolean;
}

function readBody(after: string, headers: ReadonlyMap<string, string>, closed: boolean): ReadBody | undefined {
  const length = headers.get("content-length");
  if (length !== undefined) {
    const size = Number(length);
    if (after.length < size) return closed ? { text: after, rest: "", complete: false } : undefined;
    return { text: after.slice(0, size), rest: after.slice(size), complete: true };
  }
  if (headers.get("transfer-encoding") === "chunked") return readChunks(after, closed);
  return closed ? { text: after, rest: "", complete: true } : undefined;
}

function readChunks(after: string, closed: boolean): ReadBody | undefined {
  let text = "";
  let rest = after;
  for (;;) {
    const line = /^([0-9a-f]+)\r\n/iu.exec(rest);
    const size = line === null ? Number.NaN : Number.parseInt(line[1] as string, 16);
    const start = line?.[0].length ?? 0;
    if (line === null || rest.length < start + size + 2)
      return closed ? { text, rest: "", complete: false } : undefined;
    text += rest.slice(start, start + size);
    rest = rest.slice(start + size + 2);
    if (size === 0) return { text, rest, complete: true };
  }
}
