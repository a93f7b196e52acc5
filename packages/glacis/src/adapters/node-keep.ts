/** Hands a handler's answer to whoever keeps it, before the client sees it: what was promised to be given again is stored by then. */
import { isUtf8 } from "node:buffer";
import type { ServerResponse } from "node:http";
import type { HeaderPair } from "../core/decision.ts";
import { controlFailed } from "../core/pipeline.ts";
import type { ResponseKeeper, SentResponse } from "../core/kept-response.ts";
import type { RequestState } from "./node-state.ts";

type Arguments = readonly unknown[];
type Write = (...values: Arguments) => boolean;
type End = (...values: Arguments) => ServerResponse;

const watched = new WeakSet<ServerResponse>();

/** Takes the place of `write` and `end`: collects the answer up to the keeper's bound, and gives it to the keeper when it is complete. */
export function keepAnswer(state: RequestState, keeper: ResponseKeeper): void {
  const { response } = state;
  if (watched.has(response)) return;
  watched.add(response);
  // A middleware may have put its own there, which compress; what is kept is what they are given.
  const passWrite = response.write.bind(response) as Write;
  const passEnd = response.end.bind(response) as End;
  const chunks: Buffer[] = [];
  let bytes = 0;
  let stage: "collecting" | "passing" | "ended" = "collecting";

  /** @returns whether what has come so far can be kept */
  function collect([chunk, encoding]: Arguments): boolean {
    if (typeof chunk !== "string" && !(chunk instanceof Uint8Array)) return true;
    const part =
      typeof chunk === "string"
        ? Buffer.from(chunk, typeof encoding === "string" ? (encoding as BufferEncoding) : "utf8")
        : Buffer.from(chunk);
    chunks.push(part);
    bytes += part.length;
    return bytes <= keeper.maxBytes;
  }

  function write(...values: Arguments): boolean {
    if (stage === "passing") return passWrite(...values);
    if (stage === "ended" || collect(values)) return called(values);
    stage = "passing";
    void offer(state, keeper, undefined);
    return passOn(values);
  }

  /** What was held back, and everything from here on, goes out as it comes. */
  function passOn(values: Arguments): boolean {
    const held = Buffer.concat(chunks.splice(0));
    return passWrite(
      held,
      values.findLast((value) => typeof value === "function"),
    );
  }

  function end(...values: Arguments): ServerResponse {
    if (stage === "passing") return passEnd(...values);
    if (stage === "ended") {
      called(values);
      return response;
    }
    const fits = collect(values);
    stage = "ended";
    const body = Buffer.concat(chunks.splice(0));
    const callback = values.findLast((value) => typeof value === "function");
    // Answered: whatever is thrown from here on is no second answer.
    state.answered = true;
    void offer(state, keeper, fits ? sentOf(state, keeper, body) : undefined)
      .then(() => void passEnd(body, callback))
      .catch((error: unknown) => {
        state.security.fail(state.exchange, error);
        response.destroy();
      });
    return response;
  }

  Object.assign(response, { write, end });
}

function called(values: Arguments): true {
  const callback = values.findLast((value) => typeof value === "function");
  if (callback !== undefined) queueMicrotask(callback as () => void);
  return true;
}

function sentOf(
  { response, headLines }: RequestState,
  { names }: ResponseKeeper,
  body: Buffer,
): SentResponse | undefined {
  if (!isUtf8(body)) return undefined;
  const headers = names.flatMap((name): HeaderPair[] => {
    const value = headLines === undefined ? response.getHeader(name) : lineOf(headLines, name);
    return value === undefined ? [] : [[name, String(value)]];
  });
  return { status: response.statusCode, headers, body: body.toString("utf8") };
}

function lineOf(lines: readonly string[], name: string): string | undefined {
  for (let index = 0; index < lines.length; index += 2) if (lines[index] === name) return lines[index + 1];
  return undefined;
}

/** The work is done by now: a keeper that fails or is slow is told to the log, and the client gets its answer. */
async function offer(
  { security, exchange }: RequestState,
  keeper: ResponseKeeper,
  sent: SentResponse | undefined,
): Promise<void> {
  const { controlTimeoutMs } = security.layers;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`Not kept within ${controlTimeoutMs} ms.`)), controlTimeoutMs);
  });
  try {
    await Promise.race([keeper.keep(sent), late]);
  } catch (error) {
    for (const event of controlFailed(keeper.control, error).events) security.report(event, exchange);
  } finally {
    clearTimeout(timer);
  }
}
