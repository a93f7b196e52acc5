import { describe, expect, it } from "vitest";
import type { Deployment } from "../core/control.ts";
import { errorHandling } from "./error-handling.ts";

const found = (nodeOptions: readonly string[]): readonly string[] => {
  const about: Deployment = {
    mode: "production",
    nodeVersion: "24.4.0",
    variables: new Map(),
    nodeOptions,
    nowMs: Date.parse("2026-11-26"),
  };
  return errorHandling()
    .check(about)
    .map(({ rule }) => rule.id);
};

const seen = (status: number, body?: string): number =>
  errorHandling().observe?.({
    url: "https://app.example.com/x",
    scheme: "https",
    status,
    headers: [],
    ...(body !== undefined && { body }),
  }).length ?? -1;

describe("errorHandling", () => {
  it("finds a process that goes on after a rejection", () => {
    expect(found(["--unhandled-rejections=warn"])).toEqual(["error-handling/rejections-ignored"]);
    expect(found(["--unhandled_rejections=none"])).toEqual(["error-handling/rejections-ignored"]);
    expect(found(["--unhandled-rejections=strict"])).toEqual([]);
  });

  it("finds a report of Node that writes the environment into a file", () => {
    expect(found(["--report-uncaught-exception"])).toEqual(["error-handling/report-holds-secrets"]);
    expect(found(["--report-on-fatalerror", "--report-exclude-env"])).toEqual([]);
  });

  it.each([
    "TypeError: x\n    at handler (file:///srv/app/routes.js:10:5)",
    "<pre>    at async Server.listen (/srv/app/index.js:1:2)</pre>",
    'error: duplicate key value violates unique constraint "users_email_key"',
    "connect ECONNREFUSED 10.0.0.5:5432",
    "Cannot find module /srv/app/dist/handler.js",
    "Traceback (most recent call last):",
  ])("sees what an error tells of the server: %s", (body) => {
    expect(seen(500, body)).toBe(1);
    expect(seen(200, body)).toBe(0);
  });

  it.each([
    '{"type":"about:blank","title":"Something went wrong.","status":500,"instance":"urn:uuid:1"}',
    "<p>Meet us at the office (2nd floor)</p>",
    undefined,
  ])("sees nothing in an error that tells nothing: %s", (body) => {
    expect(seen(500, body)).toBe(0);
  });
});
