import { describe, expect, it } from "vitest";
import type { Deployment } from "../core/control.ts";
import { debugOff } from "./debug-off.ts";

const production: Deployment = {
  mode: "production",
  nodeVersion: "22.20.0",
  variables: new Map([["NODE_ENV", "production"]]),
  nodeOptions: [],
  nowMs: Date.parse("2026-11-26"),
};

function ids(change: Partial<Deployment>): readonly string[] {
  return debugOff()
    .check({ ...production, ...change })
    .map(({ rule, at }) => `${rule.id} ${"name" in at ? at.name : ""}`);
}

const withVariables = (...pairs: readonly (readonly [string, string])[]): Partial<Deployment> => ({
  variables: new Map([["NODE_ENV", "production"], ...pairs]),
});

describe("debug-off", () => {
  it("finds nothing in a plain production environment", () => {
    expect(ids({})).toEqual([]);
  });

  it("finds a declared development mode and names the variable that declares it", () => {
    expect(ids({ mode: "development", variables: new Map([["NODE_ENV", "development"]]) })).toEqual([
      "debug-off/development-mode NODE_ENV",
    ]);
    expect(ids({ mode: "test", ...withVariables(["GLACIS_ENV", "test"]) })).toEqual([
      "debug-off/development-mode GLACIS_ENV",
    ]);
  });

  it.each([new Map<string, string>(), new Map([["NODE_ENV", "prod"]]), new Map([["NODE_ENV", ""]])])(
    "finds a NODE_ENV that frameworks do not take for production (%s)",
    (variables) => {
      expect(ids({ variables })).toEqual(["debug-off/node-env-unset NODE_ENV"]);
    },
  );

  it.each([
    ["--inspect", "--inspect"],
    ["--inspect=0.0.0.0:9229", "--inspect"],
    ["--inspect-brk", "--inspect-brk"],
    ["--inspect_brk=9229", "--inspect-brk"],
    ["--inspect-wait", "--inspect-wait"],
  ])("finds the inspector behind %s", (flag, name) => {
    expect(ids({ nodeOptions: [flag] })).toEqual([`debug-off/inspector-open ${name}`]);
  });

  it.each(["--inspect-port=9230", "--max-old-space-size=512", "--enable-source-maps"])(
    "does not mind %s, which opens nothing",
    (flag) => {
      expect(ids({ nodeOptions: [flag] })).toEqual([]);
    },
  );

  it("finds variables that turn on debug output, and takes no for no", () => {
    expect(ids(withVariables(["DEBUG", "express:*"], ["NODE_DEBUG", "http,tls"]))).toEqual([
      "debug-off/debug-output DEBUG",
      "debug-off/debug-output NODE_DEBUG",
    ]);
    expect(ids(withVariables(["DEBUG", ""], ["NODE_DEBUG", "0"]))).toEqual([]);
    expect(ids(withVariables(["DEBUG", "False"]))).toEqual([]);
  });

  it.each([
    ["text", "Error: no\n    at handler (/srv/app/routes.js:12:9)\n"],
    ["a frame without a function", "TypeError: x\n    at file:///srv/app/dist/main.js:3:1"],
    ["a method of a class", "at async Router.handle [as ask] (/srv/node_modules/router/index.js:1:22)"],
    ["Node's own", "at node:internal/process/task_queues:95:5"],
    ["Windows", String.raw`at run (C:\app\main.js:1:2)`],
    ["HTML", "<pre>Error<br> &nbsp; &nbsp;at Object.&lt;anonymous&gt; (/srv/app.js:4:7)</pre>"],
  ])("finds a stack on the wire: %s", (_, body) => {
    const answer = { url: "https://app.example.com/x", scheme: "https", status: 500, headers: [], body } as const;
    expect(
      debugOff()
        .observe?.(answer)
        .map(({ rule }) => rule.id),
    ).toEqual(["debug-off/stack-shown"]);
    expect(debugOff().observe?.({ ...answer, status: 200 })).toEqual([]);
  });

  it.each(["Meet us at noon (/map/12:30:00)", '{"title":"Not found","at":"/documents/1"}', "<p>Look at /help:1</p>"])(
    "takes no prose for a stack: %s",
    (body) => {
      const answer = { url: "https://app.example.com/x", scheme: "https", status: 404, headers: [], body } as const;
      expect(debugOff().observe?.(answer)).toEqual([]);
    },
  );
});
