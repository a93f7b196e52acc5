export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly json: Readonly<Record<string, unknown>>;
}

export interface Ask {
  readonly method?: string;
  readonly json?: unknown;
  readonly form?: Readonly<Record<string, string>>;
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
    const text = await response.text();
    const isJson = (response.headers.get("content-type") ?? "").includes("json");
    return { status: response.status, headers: response.headers, text, json: isJson ? JSON.parse(text) : {} };
  }

  async function ask(path: string, options: Ask = {}): Promise<Answer> {
    const { method = "GET", json, form, csrf = true } = options;
    const headers: Record<string, string> = { accept: form === undefined ? "application/json" : "text/html" };
    if (method === "GET") return send(path, { headers: { ...headers, ...options.headers } });
    const token = csrf ? String((await send("/api/csrf", {})).json["csrfToken"]) : "";
    headers["origin"] = origin;
    if (csrf && form === undefined) headers["x-csrf-token"] = token;
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
