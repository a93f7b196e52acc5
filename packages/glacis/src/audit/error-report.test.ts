import { describe, expect, it } from "vitest";
import { Secret } from "../core/secret.ts";
import { errorReportHooks } from "./error-report.ts";

const SENSITIVE = [
  "hunter2-hunter2",
  "alice@alpha.test",
  "s3cr3t-cookie",
  "4111111111111111",
  "203.0.113.9",
  "reset-token-0123456789abcdef0123456789",
];

function event() {
  const [password, email, cookie, card, address, token] = SENSITIVE;
  return {
    event_id: "e1",
    level: "error",
    environment: "production",
    message: `sign-in of ${email} failed`,
    user: { id: "u-1", email, ip_address: address, username: email },
    request: {
      method: "POST",
      url: `https://app.example.com/reset?token=${token}`,
      query_string: `token=${token}`,
      cookies: { session: cookie },
      headers: { cookie: `session=${cookie}`, authorization: "Bearer abcdefgh" },
      data: { password, card },
    },
    exception: {
      values: [
        {
          type: "Error",
          value: `no such user ${email}`,
          stacktrace: {
            frames: [
              {
                filename: "app.js",
                function: "signIn",
                lineno: 3,
                vars: { password },
                context_line: `const p = "${password}"`,
                pre_context: [email],
              },
            ],
          },
        },
      ],
    },
    breadcrumbs: [
      {
        category: "http",
        message: `GET /x?email=${email}`,
        data: { url: `https://api/x?card=${card}`, body: password, status_code: 500 },
      },
    ],
    contexts: { runtime: { name: "node" }, request_body: { password }, state: { email } },
    extra: { password, card, form: { email } },
    tags: { api_key: password },
    modules: { pg: "8" },
  };
}

describe("an error report", () => {
  const { beforeSend, beforeSendTransaction, beforeBreadcrumb } = errorReportHooks();

  it("keeps what failed and where", () => {
    expect(beforeSend(event())).toMatchObject({
      event_id: "e1",
      environment: "production",
      user: { id: "u-1" },
      request: { method: "POST", url: "https://app.example.com/reset" },
      exception: {
        values: [{ type: "Error", stacktrace: { frames: [{ filename: "app.js", function: "signIn", lineno: 3 }] } }],
      },
      contexts: { runtime: { name: "node" } },
      breadcrumbs: [{ category: "http", data: { status_code: 500 } }],
    });
  });

  it.each([
    ["event", beforeSend],
    ["transaction", beforeSendTransaction],
  ])("holds nobody's data, as an %s", (_, send) => {
    const text = JSON.stringify(send(event()));
    for (const value of SENSITIVE) expect(text).not.toContain(value);
    expect(text).not.toMatch(
      /"(?:extra|cookies|headers|data|vars|context_line|modules)":\{?"?(?!status)[^"]*(?:password|cookie)/u,
    );
  });

  it("hides a revealed secret wherever it stands", () => {
    const secret = new Secret("a-value-that-was-revealed").reveal();
    expect(JSON.stringify(beforeSend({ ...event(), message: `x ${secret} y` }))).not.toContain(secret);
  });

  it("is dropped when it cannot be cleaned, and that is counted", () => {
    let dropped = 0;
    const hooks = errorReportHooks({ dropped: () => (dropped += 1) });
    const hostile = {
      get user(): never {
        throw new Error("boom");
      },
    };
    expect(hooks.beforeSend(hostile)).toBeNull();
    expect(
      hooks.beforeSend({ ...event(), fingerprint: Array.from({ length: 900 }, () => "a b ".repeat(100)) }),
    ).toBeNull();
    expect(dropped).toBe(2);
  });

  it("has breadcrumbs without queries and bodies", () => {
    expect(
      beforeBreadcrumb({ category: "fetch", data: { url: "/x?token=abc", method: "GET", request_body: "x" } }),
    ).toEqual({
      category: "fetch",
      data: { method: "GET", url: "/x" },
    });
  });
});
