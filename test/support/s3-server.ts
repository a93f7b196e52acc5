import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface S3Object {
  readonly bytes: Buffer;
  readonly headers: Readonly<Record<string, string | undefined>>;
}

export interface S3Server {
  readonly endpoint: string;
  readonly objects: Map<string, S3Object>;
  /** The next requests are answered with these statuses instead. */
  readonly faults: number[];
  publicAccessBlock: string | undefined;
  close(): Promise<void>;
}

const SIGNED =
  /^AWS4-HMAC-SHA256 Credential=[^/]+\/\d{8}\/[a-z0-9-]+\/s3\/aws4_request, SignedHeaders=[a-z0-9;-]*x-amz-date[a-z0-9;-]*, Signature=[0-9a-f]{64}$/u;

/** Objects of S3 as far as they are used: the REST protocol with path-style addresses, conditional writes, checksums and ranges. */
export async function s3Server(): Promise<S3Server> {
  const state: Omit<S3Server, "endpoint" | "close"> = { objects: new Map(), faults: [], publicAccessBlock: undefined };
  const server = createServer((request, response) => void answer(state, request, response));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return Object.assign(state, {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  });
}

async function answer(
  state: Omit<S3Server, "endpoint" | "close">,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of request) chunks.push(chunk as Buffer);
  } catch {
    return undefined;
  }
  const { pathname, searchParams } = new URL(request.url ?? "", "http://localhost");
  const fail = (status: number, code: string): void => {
    response.writeHead(status, { "content-type": "application/xml" });
    response.end(
      request.method === "HEAD"
        ? ""
        : `<?xml version="1.0"?><Error><Code>${code}</Code><Message>refused</Message></Error>`,
    );
  };
  const fault = state.faults.shift();
  if (fault !== undefined) return fail(fault, "InternalError");
  if (!SIGNED.test(request.headers.authorization ?? "")) return fail(403, "AccessDenied");
  if (searchParams.has("publicAccessBlock")) {
    if (state.publicAccessBlock === undefined) return fail(404, "NoSuchPublicAccessBlockConfiguration");
    return void response.writeHead(200, { "content-type": "application/xml" }).end(state.publicAccessBlock);
  }
  const known = state.objects.get(pathname);
  if (request.method === "PUT") return put(state, request, response, { pathname, bytes: Buffer.concat(chunks), fail });
  if (request.method === "DELETE") {
    state.objects.delete(pathname);
    return void response.writeHead(204).end();
  }
  if (known === undefined) return fail(404, request.method === "HEAD" ? "NotFound" : "NoSuchKey");
  const [, first, last] = /^bytes=(\d+)-(\d+)$/u.exec(request.headers.range ?? "") ?? [];
  const part = first === undefined ? known.bytes : known.bytes.subarray(Number(first), Number(last) + 1);
  response.writeHead(first === undefined ? 200 : 206, {
    "content-length": part.length,
    "content-type": "application/octet-stream",
  });
  return void response.end(request.method === "HEAD" ? undefined : part);
}

interface Put {
  readonly pathname: string;
  readonly bytes: Buffer;
  readonly fail: (status: number, code: string) => void;
}

function put(
  { objects }: Pick<S3Server, "objects">,
  { headers }: IncomingMessage,
  response: ServerResponse,
  { pathname, bytes, fail }: Put,
): void {
  if (headers["if-none-match"] === "*" && objects.has(pathname)) return fail(412, "PreconditionFailed");
  const sha256 = createHash("sha256").update(bytes).digest();
  if (headers["x-amz-checksum-sha256"] !== sha256.toString("base64")) return fail(400, "BadDigest");
  const payload = headers["x-amz-content-sha256"];
  if (payload !== sha256.toString("hex") && payload !== "UNSIGNED-PAYLOAD")
    return fail(400, "XAmzContentSHA256Mismatch");
  objects.set(pathname, { bytes, headers: headers as S3Object["headers"] });
  response.writeHead(200).end();
}
