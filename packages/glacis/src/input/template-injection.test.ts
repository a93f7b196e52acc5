import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { publicAccess } from "../core/access.ts";
import { Refusal } from "../core/error-reason.ts";
import { routeRule } from "../core/route.ts";
import { html } from "./html.ts";
import { input } from "./input.ts";
import { fieldTemplate, TEMPLATE_NAMED_BY_CLIENT, templateInjection, templates } from "./template-injection.ts";

describe("templateInjection", () => {
  it("finds a route whose client names the template, unless the name is declared", () => {
    const open = routeRule(publicAccess("a test"));
    const declared = routeRule(publicAccess("a test"), {
      input: input({ params: { view: z.enum(["list", "grid"]) } }),
    });
    const found = templateInjection().checkRoutes?.([
      { method: "GET", pattern: "/pages/:template", rule: open },
      { method: "GET", pattern: "/documents/:view", rule: declared },
      { method: "GET", pattern: "/documents/:id", rule: open },
    ]);
    expect(found).toMatchObject([{ rule: TEMPLATE_NAMED_BY_CLIENT, at: { pattern: "/pages/:template" } }]);
  });
});

describe("templates", () => {
  const render = templates({ hello: ({ name }: { name: string }) => html`<p>${name}</p>` });

  it("render what is listed, escaped, and nothing that only looks like it", () => {
    expect(String(render("hello", { name: "<b>" }))).toBe("<p>&lt;b&gt;</p>");
    for (const name of ["bye", "../hello", "constructor", "__proto__", "toString", ""])
      expect(() => render(name as "hello", { name: "x" })).toThrow("no such template");
  });

  it("cannot change what their caller holds", () => {
    const greedy = templates({
      change: (data: { name: string }) => {
        data.name = "changed";
        return html``;
      },
    });
    expect(() => greedy("change", { name: "x" })).toThrow(TypeError);
  });
});

describe("fieldTemplate", () => {
  const fields = ["name", "company"];

  it("puts values where their fields are, escaped in HTML and as they are in text", () => {
    const template = fieldTemplate("Dear {{name}} of {{ company }}, {{name}}!", { fields });
    expect(template.text({ name: "<Ada>", company: "A&B" })).toBe("Dear <Ada> of A&B, <Ada>!");
    expect(String(template.html({ name: "<Ada>" }))).toBe("Dear &lt;Ada&gt; of , &lt;Ada&gt;!");
  });

  it.each([
    "{{7*7}}",
    "{{constructor}}",
    "{{name.constructor.constructor('return process')()}}",
    "{{#each this}}{{/each}}",
    "{{> file}}",
    "{{__proto__}}",
    "{{name",
    "{{}}",
    "{{{name}}}",
    "{{name | safe}}",
  ])("refuses %s", (text) => {
    expect(() => fieldTemplate(text, { fields })).toThrow(Refusal);
  });

  it("leaves the notations of other engines the text that they are", () => {
    const text = "${7*7} <%= 7*7 %> #{7*7} {% if x %} @(7*7) *{7*7}";
    expect(fieldTemplate(text, { fields }).text({})).toBe(text);
  });

  it("never reads a value again", () => {
    const value = fc.string().map((text) => `{{name}}${text}{{company}}`);
    fc.assert(
      fc.property(value, (name) => {
        expect(fieldTemplate("[{{name}}]", { fields }).text({ name, company: "x" })).toBe(`[${name}]`);
      }),
    );
  });

  it("refuses names that are none, and texts without end", () => {
    for (const bad of [["__proto__"], ["constructor"], ["a.b"], [""]])
      expect(() => fieldTemplate("", { fields: bad })).toThrow(TypeError);
    expect(() => fieldTemplate("x".repeat(20_001), { fields })).toThrow(Refusal);
    expect(() => fieldTemplate("{{name}}".repeat(2000), { fields })).toThrow(Refusal);
  });
});
