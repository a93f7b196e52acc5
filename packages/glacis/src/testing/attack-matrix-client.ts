/** Sends one exact request at a time over a real socket: what goes out is what was asked, byte for byte in target and header values. */
import { Agent, request } from "node:http";
import { canParseUrl } from "../primitives/can-parse-url.ts";

export interface Ask {
  readonly method: string;
  /** The request target exactly as it goes out; nothing normalises it. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface Answer {
  readonly status: number;
  /** Lower-case names in order of arrival; a header that comes twice stands here twice. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string;
}

/** Performs one request. A rejection makes the case inconclusive. */
export type Send = (ask: Ask) => Promise<Answer>;

export interface Line {
  readonly send: Send;
  readonly close: () => void;
}

const TIMEOUT_MS = 10_000;
/** Above what a page or a list of a few seeded rows needs. */
const LARGEST_ANSWER_BYTES = 1_048_576;

/**
 * Opens a line to a listening server: one connection, kept alive, one request at a time.
 *
 * @param url such as `http://127.0.0.1:3000`; https would need a certificate that the matrix has no use for
 * @throws TypeError when it is no http URL without a path
 */
export function openLine(url: string): Line {
  const parsed = canParseUrl(url) ? new URL(url) : undefined;
  if (parsed?.protocol !== "http:" || parsed.pathname !== "/") {
    throw new TypeError(
      'attackMatrix() needs target as the address of a listening server, such as "http://127.0.0.1:3000".',
    );
  }
  const { hostname, port } = parsed;
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const send: Send = async (ask) => {
    try {
      return await exchange({ agent, hostname, port }, ask);
    } catch (error) {
      // A server may close an idle connection just as the next request leaves; a fresh one tells that from a real failure.
      if ((error as NodeJS.ErrnoException).code !== "ECONNRESET") throw error;
      return exchange({ agent: false, hostname, port }, ask);
    }
  };
  return { send, close: () => agent.destroy() };
}

interface Place {
  readonly agent: Agent | false;
  readonly hostname: string;
  readonly port: string;
}

function exchange({ agent, hostname, port }: Place, ask: Ask): Promise<Answer> {
  const { method, target, headers, body } = ask;
  const framing = body === undefined ? {} : { "content-length": String(Buffer.byteLength(body)) };
  const options = { agent, hostname, port, method, path: target, headers: { ...headers, ...framing } };
  return new Promise((resolve, reject) => {
    const outgoing = request(options, (incoming) => {
      const chunks: Buffer[] = [];
      let size = 0;
      incoming.on("data", (chunk: Buffer) => {
        size += chunk.length;
        if (size > LARGEST_ANSWER_BYTES) incoming.destroy(new Error("The answer is larger than 1 MiB."));
        else chunks.push(chunk);
      });
      incoming.on("error", reject);
      incoming.on("end", () => {
        const pairs = incoming.rawHeaders;
        const lines = pairs.flatMap((name, index) =>
          index % 2 === 0 ? [[name.toLowerCase(), pairs[index + 1] ?? ""] as const] : [],
        );
        resolve({ status: incoming.statusCode ?? 0, headers: lines, body: Buffer.concat(chunks).toString("utf8") });
      });
    });
    outgoing.setTimeout(TIMEOUT_MS, () => outgoing.destroy(new Error("No answer within 10 seconds.")));
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}

/** The first value of a header. @param name lower case */
export function answerHeader({ headers }: Answer, name: string): string | undefined {
  return headers.find(([candidate]) => candidate === name)?.[1];
}
