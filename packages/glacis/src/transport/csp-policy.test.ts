import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { loadVectors } from "../../../../test/support/vectors.ts";
import { CSP_DIRECTIVES, NONCE, type CspDirectives, type CspDirectiveValue } from "./csp-directives.ts";
import { compilePolicy, extendDirectives, parsePolicy, renderPolicy, splitPolicies } from "./csp-policy.ts";

describe("renderPolicy", () => {
  it("keeps the order in which directives are written and says a repeated source once", () => {
    const directives: CspDirectives = {
      "img-src": ["'self'", "'SELF'", "data:"],
      "default-src": "'none'",
      sandbox: [],
    };
    expect(renderPolicy(directives)).toBe("img-src 'self' data:; default-src 'none'; sandbox");
  });

  it("puts the nonce where NONCE stands, and forbids where nothing but a missing nonce was", () => {
    const directives: CspDirectives = { "script-src": [NONCE], "style-src": ["'self'", NONCE] };
    expect(renderPolicy(directives, "bm9uY2U=")).toBe("script-src 'nonce-bm9uY2U='; style-src 'self' 'nonce-bm9uY2U='");
    expect(renderPolicy(directives)).toBe("script-src 'none'; style-src 'self'");
    expect(() => renderPolicy(directives, "a'; script-src *")).toThrow(/base64/u);
  });

  it("compiles to pieces that join to the same policy", () => {
    const directives: CspDirectives = { "script-src": [NONCE, "'strict-dynamic'"], "style-src": [NONCE] };
    expect(compilePolicy(directives).join("r4nd0m")).toBe(renderPolicy(directives, "r4nd0m"));
    expect(compilePolicy(directives)).toHaveLength(3);
  });

  it("knows what level 3 has added since it was first written, each where it means something", () => {
    const directives: CspDirectives = {
      "script-src": [NONCE, "'Trusted-Types-Eval'", "'report-sha256'", "'report-sha384'", "'report-sha512'"],
      "script-src-elem": ["'report-sha256'"],
      "connect-src": ["'self'", "'unsafe-webtransport-hashes'"],
    };
    expect(renderPolicy(directives, "r4nd0m")).toBe(
      "script-src 'nonce-r4nd0m' 'trusted-types-eval' 'report-sha256' 'report-sha384' 'report-sha512'; script-src-elem 'report-sha256'; connect-src 'self' 'unsafe-webtransport-hashes'",
    );
  });

  it.each<[CspDirectives | Record<string, unknown>, RegExp]>([
    [{ "script-src-elem": ["'trusted-types-eval'"] }, /no meaning in script-src-elem/u],
    [{ "style-src": ["'report-sha256'"] }, /no meaning in style-src/u],
    [{ "script-src-attr": ["'report-sha512'"] }, /no meaning in script-src-attr/u],
    [{ "script-src": ["'unsafe-webtransport-hashes'"] }, /no meaning in script-src/u],
    [{ "script-src": ["trusted-types-eval"] }, /with its quotes/u],
    [{ "script-src": ["'report-sha1'"] }, /Did you mean "'report-sha/u],
    [{ "frame-ancors": "'none'" }, /Did you mean "frame-ancestors"/u],
    [{ scriptSrc: "'self'" }, /Did you mean "script-src"/u],
    [{ "DEFAULT-SRC": "'self'" }, /Did you mean "default-src"/u],
    [{ __proto__: null, constructor: "'self'" }, /no directive "constructor"/u],
    [{ "script-src": "self" }, /Did you mean "'self'", with its quotes/u],
    [{ "script-src": ["nonce-abc"] }, /with its quotes/u],
    [{ "script-src": ["sha256-abc"] }, /with its quotes/u],
    [{ "script-src": ["Strict-Dynamic"] }, /"'strict-dynamic'"/u],
    [{ "img-src": ["slef"] }, /Did you mean "'self'"/u],
    [{ "img-src": ["'slef'"] }, /Did you mean "'self'"/u],
    [{ "script-src": ["'strict-dynamik'"] }, /Did you mean "'strict-dynamic'"/u],
    [{ "script-src": ["'nonce-abc'"] }, /Use NONCE/u],
    [{ "script-src": ["'sha256-abc='"] }, /wrong length for sha256/u],
    [{ "script-src": ["'self"] }, /quote on one side/u],
    [{ "script-src": ["strict_dynamic"] }, /"'strict-dynamic'"/u],
    [{ "img-src": ["data"] }, /Did you mean "data:"/u],
    [{ "img-src": ["Blob"] }, /Did you mean "blob:"/u],
    [{ "connect-src": ["wss"] }, /Did you mean "wss:"/u],
    [{ "img-src": ["https"] }, /Did you mean "https:"/u],
    [{ "img-src": ["https//cdn.example.com"] }, /Did you mean "https:\/\/cdn.example.com"/u],
    [{ "img-src": ["https://cdn.example.com:65536"] }, /port/u],
    [{ "script-src": ["'self'; object-src *"] }, /without spaces/u],
    [{ "script-src": ["a.example,b.example"] }, /without spaces/u],
    [{ "script-src": "'self' https://a.example" }, /Several values are a list/u],
    [{ "script-src": ["https://a.example\nx"] }, /without spaces/u],
    [{ "script-src": ["https://bücher.example"] }, /without spaces/u],
    [{ "script-src": ["https://a.example?x=1"] }, /neither a host/u],
    [{ "script-src": [] }, /Write "'none'"/u],
    [{ "script-src": "" }, /without spaces/u],
    [{ "script-src": true }, /needs a list/u],
    [{ "script-src": 1 }, /takes text/u],
    [{ "script-src": ["'none'", "'self'"] }, /Keep one/u],
    [{ "img-src": [NONCE] }, /no meaning in img-src/u],
    [{ "script-src-attr": [NONCE] }, /no meaning in script-src-attr/u],
    [{ "frame-ancestors": [NONCE] }, /no meaning in frame-ancestors/u],
    [{ "img-src": ["'unsafe-inline'"] }, /no meaning in img-src/u],
    [{ "frame-ancestors": ["'unsafe-inline'"] }, /no meaning/u],
    [{ "upgrade-insecure-requests": "yes" }, /true or false/u],
    [{ sandbox: ["allow-everything"] }, /does not know/u],
    [{ "require-trusted-types-for": "script" }, /does not know/u],
    [{ "report-to": "/csp" }, /name of a reporting endpoint/u],
    [{ "script-src": [`https://${"a".repeat(3000)}`] }, /without spaces/u],
  ])("refuses %j and says what to write instead", (directives, message) => {
    expect(() => renderPolicy(directives as CspDirectives, "abc")).toThrow(message);
  });

  it("lets no value start a directive, a policy or a header of its own", () => {
    const names = [...CSP_DIRECTIVES.keys()];
    fc.assert(
      fc.property(fc.constantFrom(...names), fc.string({ unit: "binary" }), (name, value) => {
        let policy: string;
        try {
          policy = renderPolicy({ [name]: [value] });
        } catch (error) {
          expect(error).toBeInstanceOf(TypeError);
          return;
        }
        expect(splitPolicies([policy])).toHaveLength(1);
        expect([...parsePolicy(policy).keys()]).toEqual([name]);
        expect(policy).not.toMatch(/[\r\n\0]/u);
      }),
      { numRuns: 1000 },
    );
  });
});

describe("extendDirectives", () => {
  it("adds to what is there, replaces 'none', and removes with null", () => {
    const base: CspDirectives = { "img-src": "'none'", "font-src": "'self'", "media-src": "'self'" };
    const extended = extendDirectives(base, {
      "img-src": "https://i.example",
      "connect-src": "'self'",
      "media-src": null,
    });
    expect(renderPolicy(extended)).toBe("img-src https://i.example; font-src 'self'; connect-src 'self'");
  });
});

describe("parsePolicy", () => {
  it("reads as a browser does: names without case, the first of a repeated directive", () => {
    const policy = parsePolicy(" Script-Src 'self' ; script-src * ;; img-src\thttps://a.example ");
    expect([...policy]).toEqual([
      ["script-src", ["'self'"]],
      ["img-src", ["https://a.example"]],
    ]);
  });

  it("skips a directive with a character above ASCII, as CSP level 3 section 2.2.1 has it", () => {
    const policy = parsePolicy("script-src 'self' caf\u00e9.example; img-src 'none'");
    expect([...policy]).toEqual([["img-src", ["'none'"]]]);
  });
});

interface BuildCase {
  readonly id: string;
  readonly impl: "django" | "django-csp";
  readonly kind: string;
  readonly config?: Readonly<Record<string, unknown>> | null;
  readonly setting?: Readonly<Record<string, unknown>>;
  readonly update?: Readonly<Record<string, unknown>>;
  readonly replace?: Readonly<Record<string, unknown>>;
  readonly nonce?: string;
  readonly policy?: string;
  readonly policy_directives?: readonly string[];
  readonly raises?: string;
}

/** Why we differ from the recorded behaviour on purpose. */
function differenceOf({ impl, config, setting, nonce, policy = "" }: BuildCase): string | undefined {
  if (impl !== "django") return undefined;
  const directives = Object.entries(config ?? setting ?? {});
  const values = directives.flatMap(([, value]) => value).map(String);
  if (values.some((value) => /[;,]/u.test(value)))
    return "such a source would start another directive or policy: it throws";
  if (values.some((value) => value.trim() === "")) return "an empty or blank value throws";
  if (directives.some(([name, value]) => Array.isArray(value) && value.length === 0 && name === "sandbox"))
    return "sandbox: [] is a sandbox without exceptions, as in the other recorded implementation";
  if (directives.some(([, value]) => Array.isArray(value) && value.length === 0))
    return "an empty list throws: left out, the directive would fall back to something laxer";
  if (nonce === undefined && directives.some(([, value]) => [value].flat().every((source) => source === "<NONCE>")))
    return "NONCE alone without a nonce becomes 'none': left out, scripts would fall back to something laxer";
  if (directives.some(([name]) => !CSP_DIRECTIVES.has(name)))
    return "an unknown directive, or one not in lower case, throws: browsers would skip it silently or keep the first";
  return policy.split("; ").some((text) => new Set(text.split(" ")).size < text.split(" ").length)
    ? "a repeated source is said once"
    : undefined;
}

const vectors = loadVectors<BuildCase>("csp");

describe.skipIf(vectors === undefined)("recorded policies", () => {
  const NONCE_STAND_IN = "aW5zdGVhZA";

  /** The recorded notation: "<NONCE>" for the placeholder, {set: [...]} for an unordered list. */
  function directivesOf(map: Readonly<Record<string, unknown>>): CspDirectives {
    const read = (value: unknown): unknown => {
      if (Array.isArray(value)) return value.map(read);
      if (typeof value === "object" && value !== null) return read((value as { set: unknown }).set);
      return value === "<NONCE>" ? NONCE : value;
    };
    return Object.fromEntries(Object.entries(map).map(([name, value]) => [name, read(value) as CspDirectiveValue]));
  }

  function build(recorded: BuildCase, nonce: string | undefined): string {
    if (recorded.impl === "django") return renderPolicy(directivesOf(recorded.config ?? {}), nonce);
    if (recorded.setting === undefined && recorded.config === undefined) return renderPolicy({});
    const base =
      recorded.config === undefined
        ? { "default-src": "'self'", ...directivesOf(recorded.setting ?? {}) }
        : directivesOf(recorded.config ?? {});
    const replaced = { ...base, ...directivesOf(recorded.replace ?? {}) };
    return renderPolicy(extendDirectives(replaced, directivesOf(recorded.update ?? {})), nonce);
  }

  const cases = (vectors?.cases ?? []).filter(({ kind }) => kind === "build");

  it.each(cases.filter((recorded) => differenceOf(recorded) === undefined))("$id", (recorded) => {
    // A recorded nonce such as "{nonce}" is a placeholder of the recording and no nonce.
    const nonce =
      recorded.nonce === undefined ? undefined : /^\w+$/u.test(recorded.nonce) ? recorded.nonce : NONCE_STAND_IN;
    if (recorded.raises !== undefined) {
      expect(() => build(recorded, nonce)).toThrow(TypeError);
      return;
    }
    const policy = build(recorded, nonce).replaceAll(NONCE_STAND_IN, recorded.nonce ?? "");
    if (recorded.policy_directives === undefined) expect(policy).toBe(recorded.policy);
    else
      expect(
        policy
          .split("; ")
          .filter((text) => text !== "")
          .sort(),
      ).toEqual([...recorded.policy_directives].sort());
  });

  it.each(cases.filter((recorded) => differenceOf(recorded) !== undefined))(
    "$id differs, and there is a reason",
    (one) => {
      let policy: string | undefined;
      try {
        policy = build(one, one.nonce);
      } catch (error) {
        expect(error).toBeInstanceOf(TypeError);
        return;
      }
      expect(policy, differenceOf(one)).not.toBe(one.policy);
    },
  );
});
