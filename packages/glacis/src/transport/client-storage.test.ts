import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { describeLocation } from "../core/finding.ts";
import { currentDeployment } from "../primitives/deployment.ts";
import { clientStorage, judgeStorage } from "./client-storage.ts";

const folder = mkdtempSync(join(tmpdir(), "glacis-client-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function found(code: string): readonly string[] {
  writeFileSync(join(folder, "page.js"), code);
  return clientStorage({ folder })
    .check(currentDeployment("production"))
    .map(({ at, detail }) => `${describeLocation(at)} ${detail ?? ""}`);
}

describe("clientStorage", () => {
  it.each([
    ['localStorage.setItem("accessToken", t)', "accessToken"],
    ["window.sessionStorage . setItem( 'user_email', e)", "user_email"],
    ["localStorage['jwt'] = x", "jwt"],
    ["localStorage.password = x", "password"],
    ["sessionStorage.refreshToken = x", "refreshToken"],
    ['db.createObjectStore("sessions")', "sessions"],
    ["localStorage.setItem(`api-key`, x)", "api-key"],
  ])("finds %s", (code, name) => {
    expect(found(`"use strict";\n  ${code};`).map((line) => line.split(" ").at(-1))).toEqual([name]);
    expect(found(`"use strict";\n  ${code};`)[0]).toMatch(/^page\.js:2:\d+ /u);
  });

  it.each([
    'localStorage.setItem("theme", "dark")',
    'localStorage.getItem("token")',
    'localStorage.setItem("tokenize-mode", 1)',
    "localStorage.password == x",
    '// localStorage.setItem("token", t)',
    '/* localStorage.setItem("token", t) */',
    'localStorage.setItem("cardinal", 1)',
  ])("leaves %s alone", (code) => {
    expect(found(code)).toEqual([]);
  });

  it("reads the scripts of a page that a probe has kept", () => {
    const headers = [["content-type", "text/html"]] as const;
    const body = "<script>localStorage.token = 1</script><p>localStorage.token = 1</p>";
    const page = { url: "https://x.test/", scheme: "https", status: 200, headers, body } as const;
    expect(clientStorage().observe?.(page)).toHaveLength(1);
    expect(clientStorage().check(currentDeployment("production"))).toEqual([]);
  });

  it("fails loudly for a folder that is not there", () => {
    expect(() => clientStorage({ folder: join(folder, "none") }).check(currentDeployment("production"))).toThrow(
      "ENOENT",
    );
    expect(() => clientStorage({ foldr: "x" } as never)).toThrow(/Did you mean "folder"/u);
  });
});

describe("judgeStorage", () => {
  it("finds tokens and addresses by what they look like, and quotes none", () => {
    const jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N";
    const findings = judgeStorage([
      ["a", jwt],
      ["b", JSON.stringify({ who: "ada@example.com" })],
      ["theme", "dark"],
      ["session", "1"],
    ]);
    expect(findings.map(({ rule, detail }) => `${rule.id} ${detail ?? ""}`)).toEqual([
      "client-storage/secret-value a",
      "client-storage/secret-value b",
      "client-storage/secret-name session",
    ]);
    expect(JSON.stringify(findings)).not.toContain("eyJ");
    expect(JSON.stringify(findings)).not.toContain("ada@");
  });
});
