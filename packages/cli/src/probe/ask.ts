/** One question to a live server, exactly as it is written: no redirect followed, nothing decoded, every bound ours. */
import { request as requestHttp, type IncomingMessage } from "node:http";
import { request as requestHttps } from "node:https";
import type { Observation } from "glacis";

const MOST_BYTES = 512 * 1024;
const QUESTION_TIMEOUT_MS = 10_000;

export interface Question {
  /** Where to connect; scheme, host and port. */
  readonly origin: URL;
  /** Path and query, as they go on the wire. */
  readonly target: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** The Host header, where it is not the origin's. */
  readonly host?: string;
}

export interface Asker {
  /** Authorities to trust besides the system's, as PEM. */
  readonly ca?: string;
  readonly signal: AbortSignal;
}

/**
 * Asks.
 *
 * @returns undefined when there was no answer: the connection failed, took longer than ten seconds, or was no HTTP
 */
export function ask(question: Question, { ca, signal }: Asker): Promise<Observation | undefined> {
  const { origin, target, method = "GET", host = origin.host, headers } = question;
  const send = origin.protocol === "https:" ? requestHttps : requestHttp;
  return new Promise((resolve) => {
    const unanswered = (): void => resolve(undefined);
    try {
      const outgoing = send({
        host: origin.hostname.replace(/^\[|\]$/gu, ""),
        port: origin.port,
        path: target,
        method,
        headers: { "user-agent": "glacis-probe", accept: "text/html,*/*;q=0.5", ...headers, host },
        timeout: QUESTION_TIMEOUT_MS,
        signal,
        agent: false,
        ...(ca !== undefined && { ca }),
        // A certificate that nobody trusts is a finding of tls-certificate, and no reason to see nothing else. Nothing secret is sent.
        // glacis-waive scan/unverified-peer: a probe looks at bad certificates too, and sends nothing secret (maintainers, until 2027-02-20)
        rejectUnauthorized: false,
      });
      outgoing.once("timeout", () => outgoing.destroy());
      outgoing.once("error", unanswered);
      outgoing.once("close", unanswered);
      outgoing.once("response", (response) => {
        const url = `${origin.protocol}//${host}${target}`;
        void observe(response, url, method).then(resolve, unanswered);
      });
      outgoing.end();
    } catch {
      unanswered();
    }
  });
}

async function observe(response: IncomingMessage, url: string, method: string): Promise<Observation> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    length += chunk.length;
    if (length >= MOST_BYTES) break;
  }
  response.destroy();
  const { rawHeaders } = response;
  const headers = Array.from(
    { length: rawHeaders.length / 2 },
    (_, index) => [rawHeaders[index * 2]?.toLowerCase() ?? "", rawHeaders[index * 2 + 1] ?? ""] as const,
  );
  return {
    url,
    scheme: url.startsWith("https:") ? "https" : "http",
    ...(method !== "GET" && { method }),
    status: response.statusCode ?? 0,
    headers,
    body: Buffer.concat(chunks).subarray(0, MOST_BYTES).toString("utf8"),
  };
}
