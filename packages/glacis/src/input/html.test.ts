import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { loadVectors } from "../../../../test/support/vectors.ts";
import { url } from "./url.ts";
import { dangerouslyTrustHtml, html } from "./html.ts";

/** Renders a template written as text, its holes as `${}`. */
function fill(source: string, ...values: readonly unknown[]): string {
  const parts = source.split("${}");
  const strings = Object.freeze(Object.assign([...parts], { raw: Object.freeze([...parts]) }));
  return String(html(strings, ...values));
}

function decode(text: string): string {
  const characters: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', "#x27": "'" };
  return text.replace(/&([^;]*);/gu, (_, name: string) => characters[name] ?? `unknown reference ${name}`);
}

const anyText = fc.oneof(
  fc.string({ unit: "binary" }),
  fc
    .array(fc.constantFrom("<", ">", "&", '"', "'", "`", "=", "/", "a", ";", "#", "\0", "-->", "</script>", "\u2028"))
    .map((parts) => parts.join("")),
);

describe("a hole in text", () => {
  it("shows any text as that text, and lets out nothing that a parser acts on", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const shown = fill("${}", text);
        expect(decode(shown)).toBe(text);
        expect(shown).not.toMatch(/[<>"']|&(?!(?:amp|lt|gt|quot|#x27);)/u);
      }),
    );
  });

  it("renders numbers, joins arrays, and renders nothing for null, undefined and false", () => {
    expect(String(html`<p>${1}${2n}${[["a", "<"], 3]}${null}${undefined}${false}${""}${0}</p>`)).toBe(
      "<p>12a&lt;30</p>",
    );
  });

  it("keeps markup of its own as it is, also within arrays", () => {
    const items = ["<", "b"].map((item) => html`<li>${item}</li>`);
    expect(fill("<ul>${}</ul>", items)).toBe("<ul><li>&lt;</li><li>b</li></ul>");
    expect(fill("<p>${}</p>", dangerouslyTrustHtml("<b>x</b>"))).toBe("<p><b>x</b></p>");
  });

  it.each([[true], [{}], [() => "x"], [Symbol("x")], [{ toString: () => "<script>" }], [new Date(0)]])(
    "refuses the value %o, which has no text of its own",
    (value) => {
      expect(() => html`<p>${value}</p>`).toThrow(TypeError);
    },
  );

  it("never repeats a refused value", () => {
    expect(() => html`<p>${{ token: "s3cret" }}</p>`).toThrow(/^(?!.*s3cret).*kind object/u);
  });

  it("ends with an array that holds itself", () => {
    const cycle: unknown[] = [];
    cycle.push(cycle);
    expect(() => html`${cycle}`).toThrow(/nest more than 32/u);
  });
});

describe("SafeHtml", () => {
  it("is no object that anybody else made", () => {
    const real = html`<b>x</b>`;
    const forged = [
      JSON.parse('{"toString":"<b>","__proto__":{"text":"<b>"}}') as unknown,
      { ...real, toString: () => "<script>" },
      Object.create(Object.getPrototypeOf(real) as object) as unknown,
      Object.create(real) as unknown,
      new Proxy(real, {}),
    ];
    for (const value of forged) expect(() => html`${value}`).toThrow(TypeError);
  });

  it("cannot be changed after it was made", () => {
    const real = html`<b>x</b>`;
    expect(() => Object.assign(real, { toString: () => "<script>" })).toThrow(TypeError);
    expect(String(html`${real}`)).toBe("<b>x</b>");
  });

  it.each(['<p title="${}">', "<title>${}</title>", "<textarea>${}</textarea>", '<a href="${}">'])(
    "is refused outside of text: %s",
    (source) => {
      expect(() => fill(source, html`<b>x</b>`)).toThrow(/SafeHtml cannot stand here/u);
    },
  );

  it("is refused in JSON", () => {
    expect(() => fill('<script type="application/json">${}</script>', html`<b>x</b>`)).toThrow(/SafeHtml/u);
  });

  it("comes from markup that is a string, and from templates only", () => {
    expect(() => dangerouslyTrustHtml(["<b>"] as unknown as string)).toThrow(TypeError);
    expect(() => html(["<b>"] as unknown as TemplateStringsArray)).toThrow(/write html`/u);
    const made = Object.freeze(Object.assign(["<b>"], { raw: ["<b>"] }));
    expect(() => html(made)).toThrow(/write html`/u);
    expect(() => html(JSON.parse('{"0":"<b>","length":1,"raw":[]}') as TemplateStringsArray)).toThrow(/write html`/u);
  });
});

describe("a hole in a quoted attribute", () => {
  it.each(['"', "'"])("never ends the attribute quoted by %s", (quote) => {
    fc.assert(
      fc.property(anyText, (text) => {
        const shown = fill(`<p title=${quote}a \${} b${quote}>`, text);
        const value = shown.slice(`<p title="a `.length, -` b">`.length);
        expect(decode(value)).toBe(text);
        expect(value).not.toMatch(/[<>"']/u);
      }),
    );
  });

  it.each([
    [
      '<input name="${}" value="${}" data-id="${}" aria-label=\'${}\' required>',
      '<input name="a" value="a" data-id="a" aria-label=\'a\' required>',
    ],
    ['<meta name="description" content="${}">', '<meta name="description" content="a">'],
    ['<link rel="canonical" href="/${}">', '<link rel="canonical" href="/a">'],
    ['<script nonce="${}" src="/app.js"></script>', '<script nonce="a" src="/app.js"></script>'],
  ])("renders %s", (source, expected) => {
    expect(fill(source, ...source.split("${}").slice(1).fill("a"))).toBe(expected);
  });
});

describe("a hole in an address", () => {
  const shown = (value: unknown, source = '<a href="${}">'): string =>
    decode(/"(.*)"/su.exec(fill(source, value))?.[1] ?? "");

  it.each([
    "https://a.example/x?y=1&z=2#f",
    "HTTP://a.example",
    "mailto:a@b.example",
    "tel:+41",
    "/x",
    "x/y:z",
    "?a=b:c",
    "#a:b",
    "",
    "//cdn.example/x",
  ])("keeps %j", (address) => {
    expect(shown(address)).toBe(address);
  });

  it.each([
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    " \u0001\u001f javascript:alert(1)",
    "java\tscript:alert(1)",
    "java\r\nscript\n:alert(1)",
    "\0javascript:alert(1)",
    "javascript\u200b:alert(1)",
    "\u00a0javascript:alert(1)",
    "\\javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:x",
    "blob:https://a.example/1",
    "file:///etc/passwd",
    "view-source:https://a.example",
    "ht tps://a.example",
    ":x",
  ])("replaces %j", (address) => {
    const names =
      "href src action formaction poster HREF xlink:href background cite data dynsrc icon longdesc lowsrc manifest profile";
    for (const name of names.split(" ")) {
      expect(shown(address, `<x ${name}="\${}">`)).toBe("about:invalid");
    }
  });

  it("lets no address out that the platform's parser gives another scheme", () => {
    const spelling = fc
      .array(
        fc.constantFrom(
          "java",
          "script",
          "JAVASCRIPT",
          "data",
          "vbscript",
          "https",
          ":",
          "/",
          "#",
          "?",
          "\\",
          " ",
          "\t",
          "\n",
          "\0",
          "\u000b",
          "&colon;",
          "%3a",
        ),
      )
      .map((parts) => parts.join(""));
    fc.assert(
      fc.property(spelling, (text) => {
        const address = shown(text);
        const url = URL.canParse(address, "https://base.example/")
          ? new URL(address, "https://base.example/")
          : undefined;
        expect(["https:", "http:", "mailto:", "tel:", "about:", undefined]).toContain(url?.protocol);
      }),
      { numRuns: 500 },
    );
  });

  it("lets no scheme arise from several holes", () => {
    expect(fill('<a href="${}${}">', "java", "script:alert(1)")).toBe('<a href="about:invalidscript:alert(1)">');
    expect(fill('<a href="${}${}">', "", "javascript:alert(1)")).toBe('<a href="about:invalidjavascript:alert(1)">');
    expect(fill('<a href="${}:${}">', "javascript", "alert(1)")).toBe('<a href="about:invalid:alert(1)">');
    expect(fill('<a href="${}/edit?a=${}">', "x", "javascript:&")).toBe('<a href="x/edit?a=javascript:&amp;">');
    expect(fill('<a href="${}${}">', "https://a.example", "/x")).toBe('<a href="https://a.example/x">');
  });

  it.each([
    "//evil.example",
    "/evil.example",
    "\\\\evil.example",
    "\\evil.example",
    "\t/evil.example",
    "\r\n\\evil.example",
  ])("keep a path of this site here whatever follows its slash, such as %j", (value) => {
    for (const [template, values] of [
      ['<a href="/${}">', [value]],
      ['<form action="/${}${}">', ["", value]],
    ] as const) {
      const address = /"(.*)"/su.exec(fill(template, ...values))?.[1] ?? "";
      expect(new URL(address, "https://a.example/").host, address).toBe("a.example");
    }
    expect(fill('<a href="/${}?a=${}">', "a/b", "/c")).toBe('<a href="/a/b?a=/c">');
  });

  it.each([
    ["/", "/evil.example"],
    ["/", "\\evil.example"],
    [" \0/", "\t/evil.example"],
    ["/", "", "/evil.example"],
    ["/", "\n", "/evil.example"],
  ])("keep a path of this site here although its slash is a value, as in %j", (...values) => {
    for (const quote of ['"', "'"]) {
      const shown = fill(`<a title="x" href=${quote}${"${}".repeat(values.length)}${quote}>`, ...values);
      const address = new RegExp(`href=${quote}(.*)${quote}>$`, "su").exec(shown)?.[1] ?? "";
      expect(new URL(decode(address), "https://a.example/").host, address).toBe("a.example");
    }
    expect(fill('<a href="${}${}">', "/", "docs/a")).toBe('<a href="/docs/a">');
    expect(fill('<a href="${}${}">', "/a", "/b")).toBe('<a href="/a/b">');
  });

  it.each(["/users/${}", "https://a.example/${}", "mailto:${}", "x/${}", "?q=${}", "#${}"])(
    "may follow the start %s",
    (start) => {
      expect(fill(`<a href="${start}">`, "javascript:x")).toContain("javascript:x");
    },
  );

  it.each(["java${}", "javascript:${}", "data:${}", " ${}", "&#106;${}", "javascript&colon;/${}", "\t/${}"])(
    "refuses the start %j",
    (start) => {
      expect(() => fill(`<a href="${start}">`, "x")).toThrow(TypeError);
    },
  );
});

describe("an attribute with a question mark", () => {
  it("is left out when there is nothing to say, and stands alone for true", () => {
    const source = '<input name="a" ?required="${}" ?maxlength=\'${}\'>';
    expect(fill(source, true, 80)).toBe('<input name="a" required maxlength="80">');
    for (const nothing of [false, null, undefined]) expect(fill(source, nothing, nothing)).toBe('<input name="a">');
    expect(fill(source, "", 0)).toBe('<input name="a" required="" maxlength="0">');
  });

  it("encodes its value for the place that the name makes it", () => {
    expect(fill('<a ?title="${}" ?href="${}">x</a>', '"><b>', "javascript:alert(1)")).toBe(
      '<a title="&quot;&gt;&lt;b&gt;" href="about:invalid">x</a>',
    );
  });

  it.each([
    ["a handler", '<a ?onclick="${}">'],
    ["a style", '<a ?style="${}">'],
    ["a value with something beside it", '<a ?title="a ${}">'],
    ["two values", '<a ?title="${}${}">'],
    ["no value", '<a ?title="a">'],
    ["a name that stands there twice", '<a ?title="${}" title="b">'],
    ["a kind of meta element", '<meta ?http-equiv="${}" content="x">'],
    ["a meta element that may be an instruction", '<meta content="${}" ?http-equiv="${}">'],
  ])("refuses %s", (_, source) => {
    const values = source.split("${}").slice(1).fill("x");
    expect(() => fill(source, ...values)).toThrow(TypeError);
  });
});

describe("the address of a script or a style sheet", () => {
  const sources = ['<script src="${}"></script>', '<link rel="stylesheet" href="${}">', '<link href="${}">'];

  it.each(sources)("takes what url made: %s", (source) => {
    expect(fill(source, url`/assets/${"a b.js"}`)).toBe(source.replace("${}", "/assets/a%20b.js"));
  });

  it.each(sources)("takes nothing else: %s", (source) => {
    for (const value of ["/assets/a.js", "", null, { toString: () => "/a.js" }, html`/a.js`])
      expect(() => fill(source, value)).toThrow(TypeError);
  });

  it("is whole, or it is refused at the first use", () => {
    expect(() => fill('<script src="/a/${}"></script>', url`/b`)).toThrow(/no value is safe/u);
    expect(() => fill('<script src="${}/b.js"></script>', url`/a`)).toThrow(/no value is safe/u);
  });
});

describe("a hole in JSON", () => {
  it("carries any value, and nothing that ends the script", () => {
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), anyText), (value) => {
        const shown = fill('<script type="application/json" id="x">${}</script>', value);
        const text = shown.slice('<script type="application/json" id="x">'.length, -"</script>".length);
        expect(text).not.toMatch(/[<>&\u2028\u2029]/u);
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  it("may be a part of the JSON, but not of a string in it", () => {
    expect(fill('<script type="application/json">{"a": ${}, "b": [${}]}</script>', "<", 1)).toBe(
      '<script type="application/json">{"a": "\\u003C", "b": [1]}</script>',
    );
    expect(() => fill('<script type="application/json">{"a": "x${}"}</script>', "<")).toThrow(TypeError);
  });

  it("refuses what has no JSON", () => {
    for (const value of [undefined, () => 1, 1n]) {
      expect(() => fill('<script type="application/json">${}</script>', value)).toThrow(TypeError);
    }
  });
});

describe("a template is refused at its first use", () => {
  it.each([
    ["an unquoted attribute", "<a title=${}>"],
    ["an unquoted attribute that starts static", "<a title=a${}>"],
    ["an unquoted attribute before another", "<a title=${} id>"],
    ["a hole before the quote", '<a title=${}"a">'],
    ["a hole behind the quote", '<a title="a"${}>'],
    ["a tag name", "<${}>"],
    ["a part of a tag name", "<scr${}ipt>"],
    ["an end tag", "</${}>"],
    ["a part of an end tag", "<b></b${}>"],
    ["an attribute name", '<a ${}="x">'],
    ["an attribute as a whole", "<a ${}>"],
    ["an event handler", '<a onclick="f(${})">'],
    ["an event handler in capitals", '<a OnClick="${}">'],
    ["a handler of a library", '<a @click="${}">'],
    ["a handler of another library", '<a hx-on:click="${}">'],
    ["srcdoc", '<iframe srcdoc="${}"></iframe>'],
    ["srcset", '<img srcset="${}">'],
    ["srcset of a preload", '<link rel="icon" imagesrcset="${}">'],
    ["an address that is told of a click", '<a ping="${}">'],
    ["an address that is told of a view", '<img attributionsrc="${}">'],
    ["a parameter of an object", '<param value="${}">'],
    ["a style attribute", '<a style="color:${}">'],
    ["a style element", "<style>${}</style>"],
    ["a script", "<script>let a = ${}</script>"],
    ["a module", '<script type="module">${}</script>'],
    ["an import map", '<script type="importmap">${}</script>'],
    ["the type of a script", '<script type="application/${}json">${}</script>'],
    ["the address of a script", '<script src="${}"></script>'],
    ["the address of a style sheet", '<link rel="stylesheet" href="/${}">'],
    ["the relation of a link", '<link rel="${}" href="/x">'],
    ["a refresh", '<meta http-equiv="refresh" content="0;url=${}">'],
    ["the kind of a meta element", '<meta http-equiv="${}" content="x">'],
    ["the base", '<base href="${}">'],
    ["an animation of an address", '<svg><set attributeName="href" to="${}"></svg>'],
    ["a comment", "<!-- ${} -->"],
    ["the edge of a comment", "<!-${}- -->"],
    ["a doctype", "<!doctype ${}>"],
    ["a noscript element", "<noscript>${}</noscript>"],
    ["an iframe's content", "<iframe>${}</iframe>"],
    ["an unclosed quote", '<a title="x>${}</a>'],
    ["a hole that would close the quote", '<a title="${}>x</a>'],
    ["a character reference", "<p>&${};</p>"],
    ["a numeric character reference", '<a title="&#x${};">'],
    ["a numeric character reference in decimals", "<p>&#1${};</p>"],
    ["a bare <", "a < ${}"],
    ["an attribute that stands there twice", '<a title="a" TITLE="${}">'],
  ])("for %s", (_, source) => {
    const values = source.split("${}").slice(1).fill("x");
    expect(() => fill(source, ...values)).toThrow(TypeError);
  });

  it.each([
    ["a comment that does not end", "<!-- a"],
    ["a comment that ends early", "<!--> a -->"],
    ["a comment that ends in another way", "<!-- a --!> b -->"],
    ["a tag that does not end", "<a title"],
    ["a script that does not end", "<script>a"],
    ["a comment within a script", "<script><!--</script>"],
    ["a section of XML", "<![CDATA[x]]>"],
    ["a processing instruction", "<?php ?>"],
    ["a self-closing script", "<script/>"],
    ["plaintext", "<plaintext>"],
    ["markup within a style", '<style><a title="</style>">'],
    ["an unfinished reference", "a &am"],
  ])("although it has no hole, for %s", (_, source) => {
    expect(() => fill(source)).toThrow(TypeError);
  });

  it("with the place in the message", () => {
    expect(() => html`<a onclick="f('${"x"}')">y</a>`).toThrow(/no value is safe.*onclick/u);
  });
});

describe("static text", () => {
  it.each([
    '<!DOCTYPE html><html lang="en"><head><title>a &amp; b</title><!-- c --><style>p > a { width: 1px }</style></head>',
    "<script>if (a < b && c) { d('<p>') }</script><SCRIPT src=/a.js></SCRIPT>",
    "<input disabled value=x /><br/><noscript><p>y</p></noscript></p>",
  ])("is kept as it is: %s", (source) => {
    expect(fill(`${source}\${}`, "<")).toBe(`${source}&lt;`);
  });
});

const vectors = loadVectors<{
  readonly id: string;
  readonly fn: string;
  readonly input: unknown;
  readonly output: string;
  readonly element_id?: string | null;
}>("escaping");

describe.runIf(vectors !== undefined)("recorded cases", () => {
  const cases = vectors?.cases ?? [];
  /** Their input is an object of the other language, of which the record holds a description or nothing. */
  const isUnrecorded = ({ input, output }: { readonly input: unknown; readonly output: string }): boolean =>
    JSON.stringify(input).includes('{"repr":') || (JSON.stringify(input) === "{}" && !output.includes("{}"));

  it.each(cases.filter(({ fn }) => fn === "escape"))(
    "$id: text and attributes are escaped alike",
    ({ input, output }) => {
      expect(fill("${}", input)).toBe(output);
      expect(fill('<p title="${}">', input)).toBe(`<p title="${output}">`);
    },
  );

  it.each(cases.filter((one) => one.fn === "json_script" && !isUnrecorded(one)))(
    "$id: JSON in a script means the same",
    ({ input, output, element_id }) => {
      const text =
        element_id == null
          ? fill('<script type="application/json">${}</script>', input)
          : fill('<script id="${}" type="application/json">${}</script>', element_id, input);
      const [tag, json] = [/^<[^>]*>/u.exec(output)?.[0] ?? "", /^<[^>]*>(.*)<\/script>$/su.exec(output)?.[1] ?? ""];
      expect(text.startsWith(tag)).toBe(true);
      const ours = text.slice(tag.length, -"</script>".length);
      expect(JSON.parse(ours)).toEqual(JSON.parse(json));
      expect(ours).not.toMatch(/[<>&]/u);
    },
  );
});
