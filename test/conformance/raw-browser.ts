/** A browser that speaks raw HTTP, for what a real one would not send. */
import { get, request } from "./case.ts";
import { speak, type RawResponse } from "./raw-client.ts";

let clients = 0;

export interface Browser {
  open(path: string, headers?: Readonly<Record<string, string>>): Promise<RawResponse>;
  post(path: string, fields: Readonly<Record<string, string>>): Promise<RawResponse>;
  raw(path: string, body: string, headers?: Readonly<Record<string, string>>): Promise<RawResponse>;
  json(path: string, body: unknown): Promise<RawResponse>;
}

/** A browser that speaks raw HTTP: keeps its cookies, and takes the form's token from the page. */
export function browserOn(port: number): Browser {
  const jar = new Map<string, string>();
  clients += 1;
  const client = `10.9.${(clients >> 8) & 255}.${clients & 255}`;
  let token = "";

  function headers(): Record<string, string> {
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join("; ");
    return { Accept: "text/html", "X-Forwarded-For": client, ...(cookie !== "" && { Cookie: cookie }) };
  }
  async function send(text: string): Promise<RawResponse> {
    const { responses } = await speak(port, [text], { silenceMs: 3000, lingerMs: 0 });
    const response = responses[0];
    if (response === undefined) throw new Error(`No answer within three seconds to ${text.slice(0, 300)}`);
    for (const [name, line] of response.headers) {
      if (name !== "set-cookie") continue;
      const [pair = "", ...attributes] = line.split("; ");
      const at = pair.indexOf("=");
      if (attributes.includes("Max-Age=0")) jar.delete(pair.slice(0, at));
      else jar.set(pair.slice(0, at), pair.slice(at + 1));
    }
    token = /name="csrf_token"\s+value="([^"]+)"/u.exec(response.body)?.[1] ?? token;
    return response;
  }
  const raw: Browser["raw"] = (path, body, more = {}) => {
    const form = { Origin: "https://app.example.com", "Content-Type": "application/x-www-form-urlencoded" };
    return send(request(`POST ${path}`, { ...headers(), ...form, ...more }, body));
  };
  return {
    open: (path, more = {}) => send(get(path, { ...headers(), ...more })),
    post: (path, fields) => raw(path, new URLSearchParams({ csrf_token: token, ...fields }).toString()),
    raw,
    json(path, body) {
      const text = typeof body === "string" ? body : JSON.stringify(body);
      return raw(path, text, { Accept: "application/json", "X-CSRF-Token": token, "Content-Type": "application/json" });
    },
  };
}

export const header = (response: RawResponse, name: string): string | undefined =>
  response.headers.find(([one]) => one === name)?.[1];
