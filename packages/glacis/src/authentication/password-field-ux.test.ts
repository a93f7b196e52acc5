import { describe, expect, it } from "vitest";
import { authenticationPages } from "../presets/authentication-pages.ts";
import { passwordFieldUx } from "./password-field-ux.ts";

const observe = (body: string, type = "text/html; charset=utf-8") =>
  (
    passwordFieldUx().observe?.({
      url: "https://app.example.com/login",
      scheme: "https",
      status: 200,
      headers: [["content-type", type]],
      body,
    }) ?? []
  ).map(({ rule }) => rule.id.split("/")[1]);

describe("the fields of a page", () => {
  it("are sound on every page of the library's own, rendered and on the wire", () => {
    const render = authenticationPages({ name: "Folio" });
    expect(passwordFieldUx({ render }).check({} as never)).toEqual([]);
  });

  it.each([
    [`<input type="password" name="pw" autocomplete="current-password">`, []],
    [`<INPUT TYPE='password' NAME=pw AUTOCOMPLETE='section-a new-password'>`, []],
    [`<input type="password" name="pw" maxlength="64" autocomplete=new-password>`, []],
    [`<input type="password" name="code" maxlength="6" autocomplete="one-time-code">`, []],
    [`<input type="password" name="pw">`, ["autocomplete"]],
    [`<input type="password" name="pw" autocomplete="off">`, ["autocomplete"]],
    [`<input name="otp" inputmode="numeric">`, ["autocomplete"]],
    [`<input name="otp" autocomplete="one-time-code">`, []],
    [`<input name="password" autocomplete="current-password">`, ["unmasked"]],
    [`<input type="text" name="user_passwd">`, ["autocomplete", "unmasked"]],
    [`<input type="password" name="pw" maxlength="63" autocomplete="new-password">`, ["short"]],
    [`<input type="password" name="pw" autocomplete="new-password" onpaste="return false">`, ["paste-blocked"]],
    [`<input type="password" name="pw" autocomplete="new-password" readonly>`, ["paste-blocked"]],
    [`<input type="password" name="security_answer">`, ["secret-question"]],
    [`<input name="password-hint">`, ["secret-question"]],
    [`<input name="mothers_maiden_name">`, ["secret-question"]],
    [`<input type="hidden" name="password_reset_token" value="x">`, []],
    [`<input name="email" autocomplete="username">`, []],
    [`<p>input type="password"</p>`, []],
  ])("are judged by what they say: %s", (html, rules) => {
    expect(observe(html)).toEqual(rules);
  });

  it("are looked for in pages alone", () => {
    expect(observe(`<input type="password">`, "application/json")).toEqual([]);
  });

  it("of a page that is all beginnings cost no more than reading it", () => {
    const started = performance.now();
    observe(`<input "`.repeat(200_000));
    expect(performance.now() - started).toBeLessThan(1_000);
  });

  it("are checked where the application renders them itself", () => {
    const render = () => `<form><input type="password" name="pw" autocomplete="off"></form>`;
    const [first] = passwordFieldUx({ render }).check({} as never);
    expect(first).toMatchObject({ detail: "pw", at: { name: "the page sign_in" } });
  });
});

describe("the address of the page where a password is changed", () => {
  const at = (status: number, headers: readonly (readonly [string, string])[]) =>
    passwordFieldUx()
      .observe?.({ url: "https://app.example.com/.well-known/change-password", scheme: "https", status, headers })
      .map(({ rule }) => rule.id);

  it("leads somewhere", () => {
    expect(at(303, [["location", "/account/password"]])).toEqual([]);
    expect(at(404, [])).toEqual(["password-field-ux/change-address"]);
    expect(at(200, [])).toEqual(["password-field-ux/change-address"]);
    expect(at(303, [])).toEqual(["password-field-ux/change-address"]);
  });
});

it("knows its options", () => {
  expect(() => passwordFieldUx({ redner: () => "" } as never)).toThrow('Did you mean "render"?');
});
