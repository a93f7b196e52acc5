import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Control } from "../core/control.ts";
import { compileHead } from "../core/head.ts";
import { sketchExchange } from "../testing/exchange.ts";
import { sketchResponse, type ResponseSketch } from "../testing/response.ts";
import { parsePermissions, serializePermissions } from "./permissions-field.ts";
import { permissionsPolicy } from "./permissions-policy.ts";

function emit(control: Control, response: ResponseSketch): Readonly<Record<string, string>> {
  const draft = sketchResponse(response);
  compileHead([control], () => undefined)(sketchExchange(), draft);
  return draft.headers();
}

describe("permissionsPolicy", () => {
  const emitted = (options: Parameters<typeof permissionsPolicy>[0], theirs?: string): string =>
    emit(permissionsPolicy(options), theirs === undefined ? {} : { headers: { "permissions-policy": theirs } })[
      "permissions-policy"
    ] as string;

  it("switches every powerful feature off but passkeys on the page itself", () => {
    const permissions = parsePermissions([emitted({})]);
    expect(permissions?.get("publickey-credentials-get")).toEqual(["self"]);
    for (const feature of ["camera", "microphone", "geolocation", "payment", "usb", "browsing-topics"])
      expect(permissions?.get(feature), feature).toEqual([]);
  });

  it("writes a structured field for what is declared", () => {
    const value = emitted({
      features: { camera: "self", fullscreen: ["self", "https://player.example"], "web-share": "*" },
    });
    expect(value).toContain("camera=(self)");
    expect(value).toContain('fullscreen=(self "https://player.example")');
    expect(value).toContain("web-share=(*)");
  });

  it("lets the application narrow a response, not widen it", () => {
    const options = { features: { camera: ["self", "https://a.example"] } } as const;
    expect(emitted(options, "camera=(self), usb=*")).toContain("camera=(self)");
    expect(emitted(options, "camera=(self), usb=*")).toContain("usb=()");
    expect(emitted(options, 'camera=(self "https://a.example" "https://evil.test")')).toContain(
      'camera=(self "https://a.example")',
    );
    expect(emitted(options, "camera=*")).toContain('camera=(self "https://a.example")');
    expect(emitted(options, "camera 'none'")).toBe(emitted(options));
    expect(emitted(options, "attribution-reporting=()")).toContain("attribution-reporting=()");
  });

  it.each<[object, RegExp]>([
    [{ features: { geolocaton: "none" } }, /Did you mean "geolocation"/u],
    [{ features: { camera: "'self'" } }, /no inner quotes/u],
    [{ features: { camera: ["*", "self"] } }, /cannot give camera/u],
    [{ features: { camera: ["http://a.example"] } }, /exact https/u],
    [{ features: { camera: ['https://a.example"'] } }, /exact https/u],
    [{ features: { camera: [1] } }, /cannot give camera/u],
    [{ feature: {} }, /Did you mean "features"/u],
  ])("refuses %j at construction", (options, message) => {
    expect(() => permissionsPolicy(options)).toThrow(message);
  });

  it.each([
    ["camera=()", true],
    ['camera=(), geolocation=(self "https://a.example")', true],
    ["camera=*", true],
    ["camera=();report-to=x, usb=self", true],
    ["camera", false],
    ["camera 'none'", false],
    ["camera=none", false],
    ["camera=()geolocation=()", false],
    ["camera=(),", false],
    ["camera=('self')", false],
    ["Camera=()", false],
    ["", false],
    [`camera=(), ${"x".repeat(8181)}=()`, false],
  ])("reads %j as a browser does: %s", (field, readable) => {
    expect(parsePermissions([field]) !== undefined).toBe(readable);
  });

  it("reads back what it writes", () => {
    const member = fc.constantFrom("self", "https://a.example", "https://b.example:8443");
    const feature = fc.stringMatching(/^[a-z][a-z-]{0,20}$/u);
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.tuple(feature, fc.uniqueArray(member)), { selector: ([name]) => name, minLength: 1 }),
        (entries) => {
          expect([...(parsePermissions([serializePermissions(new Map(entries))]) ?? [])]).toEqual(entries);
        },
      ),
    );
  });
});
