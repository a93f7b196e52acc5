import { writeForm, type FormPart } from "../../../../test/support/upload-client.ts";

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly bytes: Buffer;
  readonly text: string;
  readonly json: Readonly<Record<string, unknown>>;
}

export interface Ask {
  readonly method?: string;
  readonly json?: unknown;
  readonly form?: Readonly<Record<string, string>>;
  /** A multipart form; `page` says that it is a browser's, whose token is the first field. */
  readonly parts?: readonly FormPart[];
  readonly page?: boolean;
  readonly headers?: Readonly<Record<string, string>>;
  /** False leaves the token out. */
  readonly csrf?: boolean;
}

/** A browser's memory without a browser: cookies, and the token that each form carries. */
export interface Client {
  readonly cookies: Map<string, string>;
  ask(path: string, options?: Ask): Promise<Answer>;
  signIn(account: { readonly email: string; readonly password: string }): Promise<Answer>;
}

export function makeClient(url: string, origin: string): Client {
  const cookies = new Map<string, string>();

  async function send(path: string, init: RequestInit): Promise<Answer> {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const headers = { ...(init.headers as Record<string, string>), ...(cookie !== "" && { cookie }) };
    const response = await fetch(url + path, { ...init, headers, redirect: "manual" });
    for (const line of response.headers.getSetCookie()) {
      const [pair = ""] = line.split(";");
      const name = pair.slice(0, pair.indexOf("="));
      if (/max-age=0|expires=thu, 01 jan 1970/iu.test(line)) cookies.delete(name);
      else cookies.set(name, pair.slice(name.length + 1));
    }
    const bytes = Buffer.from(await response.arrayBuffer());
    const text = bytes.toString("utf8");
    const isJson = (response.headers.get("content-type") ?? "").includes("json");
    return { status: response.status, headers: response.headers, bytes, text, json: isJson ? JSON.parse(text) : {} };
  }

  async function ask(path: string, options: Ask = {}): Promise<Answer> {
    const { method = "GET", json, form, parts, page = form !== undefined, csrf = true } = options;
    const headers: Record<string, string> = { accept: page ? "text/html" : "application/json" };
    if (method === "GET") return send(path, { headers: { ...headers, ...options.headers } });
    const token = csrf ? String((await send("/api/csrf", {})).json["csrfToken"]) : "";
    headers["origin"] = origin;
    if (csrf && !page) headers["x-csrf-token"] = token;
    if (parts !== undefined) {
      const first = csrf && page ? [{ name: "csrf_token", content: token }] : [];
      const { contentType, body } = writeForm([...first, ...parts]);
      return send(path, {
        method,
        headers: { ...headers, "content-type": contentType, ...options.headers },
        body: new Uint8Array(body),
      });
    }
    if (form !== undefined) {
      headers["content-type"] = "application/x-www-form-urlencoded";
      const body = new URLSearchParams({ ...form, ...(csrf && { csrf_token: token }) });
      return send(path, { method, headers: { ...headers, ...options.headers }, body: body.toString() });
    }
    if (json !== undefined) headers["content-type"] = "application/json";
    return send(path, {
      method,
      headers: { ...headers, ...options.headers },
      ...(json !== undefined && { body: JSON.stringify(json) }),
    });
  }

  return {
    cookies,
    ask,
    signIn: ({ email, password }) => ask("/sign-in", { method: "POST", json: { email, password } }),
  };
}
