import { request as httpRequest } from "node:http";
import { randomBytes } from "node:crypto";

export interface FormPart {
  readonly name: string;
  readonly filename?: string;
  readonly type?: string;
  readonly content: string | Buffer;
}

export interface Form {
  readonly contentType: string;
  readonly body: Buffer;
}

/** A multipart form as browsers send it, names unescaped so that tests can write what they like. */
export function writeForm(parts: readonly FormPart[]): Form {
  const boundary = `----form${randomBytes(8).toString("hex")}`;
  const chunks = parts.flatMap(({ name, filename, type, content }) => [
    Buffer.from(
      `--${boundary}\r\ncontent-disposition: form-data; name="${name}"${filename === undefined ? "" : `; filename="${filename}"`}\r\n` +
        `${type === undefined ? "" : `content-type: ${type}\r\n`}\r\n`,
    ),
    Buffer.from(content),
    Buffer.from("\r\n"),
  ]);
  return {
    contentType: `multipart/form-data; boundary=${boundary}`,
    body: Buffer.concat([...chunks, Buffer.from(`--${boundary}--\r\n`)]),
  };
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
  readonly json: () => Record<string, unknown>;
}

/** One request on a connection of its own. An answer that comes before the body is sent counts; a broken connection without one rejects. */
export function call(
  port: number,
  path: string,
  {
    method = "GET",
    headers = {},
    body,
    chunked = false,
  }: {
    readonly method?: string;
    readonly headers?: Readonly<Record<string, string>>;
    readonly body?: Buffer | undefined;
    readonly chunked?: boolean;
  } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const length = body === undefined || chunked ? {} : { "content-length": String(body.length) };
    const request = httpRequest({
      port,
      host: "127.0.0.1",
      path,
      method,
      agent: false,
      headers: { ...headers, ...length },
    });
    request.on("response", (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () => {
        const whole = Buffer.concat(chunks);
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: whole,
          json: () => JSON.parse(whole.toString()) as Record<string, unknown>,
        });
      });
      response.on("error", reject);
    });
    request.on("error", reject);
    const bytes = body ?? Buffer.alloc(0);
    for (let at = 0; at < bytes.length; at += 65_536) request.write(bytes.subarray(at, at + 65_536));
    request.end();
  });
}
