import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CASES } from "./attack-matrix-cases.ts";
import type { Answer, Client } from "./support/client.ts";
import { startFolio, type Folio } from "./support/folio.ts";

const OWNER = { email: "admin@bravo.test", password: "Bravo-Admin-Passw0rd!" };
const NOBODYS = "11111111-1111-4111-8111-999999999999";
/** Files have forms of their own, whose fields the upload judges; logout tokens are a provider's; support is for Folio's own staff. */
const OTHERS = /attachments$|^\/sso\/back-channel-logout$|^\/support\/visits$/u;

const posts = Object.keys(CASES)
  .filter((route) => /^(?:POST|PUT|PATCH) /u.test(route))
  .map((route) => route.split(" ") as [string, string])
  .filter(([, path]) => !OTHERS.test(path))
  .map(([method, path]) => [method, path.replaceAll(/:\w+/gu, NOBODYS)] as const);

describe("every form and every document that Folio takes", () => {
  let folio: Folio;
  let owner: Client;
  beforeAll(async () => {
    folio = await startFolio("test-target");
    owner = folio.client();
    expect((await owner.signIn(OWNER)).status).toBe(200);
  });
  afterAll(() => folio.stop());

  const isNamed = ({ json, text }: Answer, name: string): boolean => {
    const errors = (json["errors"] ?? []) as readonly { readonly pointer: string }[];
    return errors.some(({ pointer }) => pointer === `/${name}`) || text.includes(name);
  };

  it("is refused for a field that nobody asked for, by its name, and does nothing", { timeout: 120_000 }, async () => {
    expect(posts.length).toBeGreaterThan(50);
    const faults: string[] = [];
    let named = 0;
    for (const [method, path] of posts) {
      const accept = { accept: "application/json" };
      const asked = path.startsWith("/api/") || /passkey/u.test(path);
      const answer = asked
        ? await owner.ask(path, { method, json: { strayfield: "x" } })
        : await owner.ask(path, { method, form: { strayfield: "x" }, headers: accept });
      if (answer.status === 422 && isNamed(answer, "strayfield")) named += 1;
      // Some pages look first for what is in the address, and there is nothing; and without a domain there are no passkeys.
      else if (answer.status !== 404) faults.push(`${method} ${path}: ${answer.status} ${answer.text.slice(0, 300)}`);
    }
    expect(faults).toEqual([]);
    expect(named).toBeGreaterThan(35);
    expect((await owner.ask("/api/me")).json).toMatchObject({ user: { email: OWNER.email } });
  });

  it("never fails over a field that is sent twice, is no text, or is too much", { timeout: 300_000 }, async () => {
    const faults: string[] = [];
    const values: unknown[] = [["a", "b"], { a: 1 }, "a\0b", "x".repeat(9000), "\u202e", 7, null, "__proto__"];
    for (const [method, path] of posts) {
      for (const value of values) {
        const fields = ["email", "password", "name", "code", "id", "title", "role", "provider", "next", "answer"];
        const json = Object.fromEntries(fields.map((field) => [field, value]));
        const { status, text } = await owner.ask(path, { method, json });
        if (status < 400 || status >= 500)
          faults.push(`${method} ${path} ${JSON.stringify(value).slice(0, 20)}: ${status} ${text.slice(0, 200)}`);
      }
    }
    expect(faults).toEqual([]);
    expect((await owner.ask("/api/me")).json).toMatchObject({ user: { email: OWNER.email } });
  });
});
