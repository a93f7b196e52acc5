import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { authenticated, publicAccess } from "../core/access.ts";
import type { DeclaredRoute } from "../core/control.ts";
import { routeRule } from "../core/route.ts";
import { exposedFilesAndEndpoints } from "./exposed-files-and-endpoints.ts";
import { EXPOSED_PATHS } from "./exposed-paths.ts";

const control = exposedFilesAndEndpoints();

function observe(path: string, body: string, type = "text/plain", status = 200): readonly string[] | undefined {
  return control
    .observe?.({
      url: `https://app.example.com${path}`,
      scheme: "https",
      status,
      headers: [["content-type", type]],
      body,
    })
    .map(({ rule }) => rule.id.replace("exposed-files-and-endpoints/", ""));
}

describe("an answer", () => {
  it.each([
    ["/.git/HEAD", "ref: refs/heads/main\n", "source-served"],
    ["/.git/HEAD", "d41e210aa0b2c3d4e5f60718293a4b5c6d7e8f90\n", "source-served"],
    ["/.git/config", "[core]\n\tbare = false\n", "source-served"],
    ["/package.json", '{ "name": "app", "dependencies": {} }', "source-served"],
    ["/server.ts", 'import express from "express";\n', "source-served"],
    ["/Dockerfile", "FROM node:22\n", "source-served"],
    ["/.env", "DATABASE_URL=postgres://app@db/app\n", "secret-served"],
    ["/.env.production", "# production\nexport STRIPE_KEY = sk\n", "secret-served"],
    ["/.npmrc", "//registry.example.com/:_authToken=abc\n", "secret-served"],
    ["/id_rsa", "-----BEGIN OPENSSH PRIVATE KEY-----\n", "secret-served"],
    ["/dump.sql", "-- PostgreSQL database dump\n", "secret-served"],
    ["/backup.zip", "PK\u0003\u0004...", "secret-served"],
    ["/backup.tar.gz", "\u001f\ufffd\b", "secret-served"],
    ["/logs/app.log", '{"level":30,"time":1764150000000,"msg":"started"}\n', "secret-served"],
    ["/.htpasswd", "ada:$apr1$x$y\n", "secret-served"],
    ["/metrics", "# HELP http_requests_total requests\n", "operations-public"],
    ["/json/version", '{ "webSocketDebuggerUrl": "ws://127.0.0.1" }', "operations-public"],
    ["/openapi.json", '{"openapi":"3.1.0"}', "description-public"],
    ["/openapi.yaml", "openapi: 3.0.3\n", "description-public"],
  ])("%s with what belongs there is a finding", (path, body, rule) => {
    expect(observe(path, body)).toEqual([rule]);
    expect(observe(path, body, "text/plain", 404)).toEqual([]);
  });

  it("which is a page is one only where a page is what would be exposed", () => {
    expect(observe("/uploads/", "<html><title>Index of /uploads</title></html>", "text/html")).toEqual([
      "directory-listed",
    ]);
    expect(observe("/api-docs", "<!doctype html><div id=swagger-ui></div>", "text/html")).toEqual([
      "description-public",
    ]);
    expect(observe("/.env", "<!doctype html><pre>NODE_ENV=production</pre>", "text/html")).toEqual([]);
  });

  it("of an application that answers every path with its page is no finding", () => {
    const page = '<!doctype html><html><head><title>Folio</title></head><body><div id="root"></div></body></html>';
    expect(EXPOSED_PATHS.flatMap(({ path }) => observe(path, page, "text/html"))).toEqual([]);
  });

  it("in JSON that every path gets is no finding", () => {
    const body = '{"type":"about:blank","title":"Not found","status":404,"instance":"/x"}';
    expect(EXPOSED_PATHS.flatMap(({ path }) => observe(path, body, "application/json"))).toEqual([]);
  });

  it("is a finding where it is a source map with sources", () => {
    const map = '{"version":3,"sources":["src/app.ts"],"sourcesContent":["let a"],"mappings":"AAAA"}';
    expect(observe("/assets/app.js.map", map)).toEqual(["source-map-public"]);
    expect(observe("/assets/app.js.map", '{"version":3,"sources":[],"mappings":""}')).toEqual([]);
  });

  it("of a health check may say how it is and no more", () => {
    for (const body of ["ok", '{"status":"ok"}', '{"ok":true}', "{", '"ok"', "null"])
      expect(observe("/healthz", body)).toEqual([]);
    for (const body of ['{"status":"ok","version":"1.2.3"}', '{"status":{"db":"up"}}', '{"uptime":3}'])
      expect(observe("/healthz", body)).toEqual(["health-details"]);
  });

  it("is judged whatever it holds, and in little time", () => {
    const path = fc.constantFrom(...EXPOSED_PATHS.map((entry) => entry.path), "/healthz", "/app.js.map");
    fc.assert(fc.property(path, fc.string({ unit: "binary" }), (asked, body) => void observe(asked, body)));
    const long = "a=".repeat(250_000);
    const startMs = performance.now();
    for (const entry of EXPOSED_PATHS) observe(entry.path, long);
    expect(performance.now() - startMs).toBeLessThan(10_000);
  });
});

describe("a sealed route", () => {
  const route = (pattern: string, open: boolean, method = "GET"): DeclaredRoute => ({
    method,
    pattern,
    rule: routeRule(open ? publicAccess("a test") : authenticated()),
  });

  it.each([
    ["/metrics", "operations-public"],
    ["/internal/Metrics", "operations-public"],
    ["/debug/pprof/:name", "operations-public"],
    ["/openapi.json", "description-public"],
    ["/v1/api-docs", "description-public"],
  ])("%s that is open to everybody is a finding, and one behind a rule is not", (pattern, rule) => {
    expect(control.checkRoutes?.([route(pattern, true)]).map((found) => found.rule.id.split("/")[1])).toEqual([rule]);
    expect(control.checkRoutes?.([route(pattern, false), route(pattern, true, "POST")])).toEqual([]);
  });

  it("with another word of its own is none", () => {
    expect(
      control.checkRoutes?.(["/documents/:metrics", "/metrics-explained", "/"].map((at) => route(at, true))),
    ).toEqual([]);
  });
});

describe("the list of paths", () => {
  it("names each once, as a request would", () => {
    const paths = EXPOSED_PATHS.map(({ path }) => path);
    expect(new Set(paths).size).toBe(paths.length);
    expect(paths.length).toBeGreaterThanOrEqual(120);
    expect(paths.filter((path) => !path.startsWith("/") || /[^\x21-\x7e]/u.test(path))).toEqual([]);
  });
});
