/** Every parser of the library that reads what somebody else wrote, with texts in its own grammar and the only errors it may throw. */
import fc from "fast-check";
import { redactText } from "../../packages/glacis/src/audit/redact.ts";
import { parseApiKey } from "../../packages/glacis/src/authentication/api-key-format.ts";
import { browserLabel } from "../../packages/glacis/src/authentication/browser-label.ts";
import { canonicalIdentifier } from "../../packages/glacis/src/authentication/identifier.ts";
import {
  readAuthentication,
  readClientData,
  readRegistration,
} from "../../packages/glacis/src/authentication/passkey-response.ts";
import { readArgon2, readPhc } from "../../packages/glacis/src/authentication/password-hash-phc.ts";
import { readStored } from "../../packages/glacis/src/authentication/password-hash-stored.ts";
import { memoryTotp } from "../../packages/glacis/src/authentication/totp-store.ts";
import { totp } from "../../packages/glacis/src/authentication/totp.ts";
import { parseExpression } from "../../packages/glacis/src/authorization/expression.ts";
import { djangoVerifier } from "../../packages/glacis/src/data/django-signature.ts";
import { DecryptError, fieldEncryption } from "../../packages/glacis/src/data/field-encryption.ts";
import { keyRing, newKey } from "../../packages/glacis/src/data/key-ring.ts";
import { parseSealed } from "../../packages/glacis/src/data/sealed-text.ts";
import { signer } from "../../packages/glacis/src/data/signed-value.ts";
import { canonicalization } from "../../packages/glacis/src/input/canonicalization.ts";
import { html } from "../../packages/glacis/src/input/html.ts";
import { htmlSanitizer } from "../../packages/glacis/src/input/html-sanitization.ts";
import { input } from "../../packages/glacis/src/input/input.ts";
import { csv } from "../../packages/glacis/src/primitives/csv.ts";
import { parseWrite, writeSchema } from "../../packages/glacis/src/input/mass-assignment.ts";
import { domainName, emailAddress, ipAddress, webAddress } from "../../packages/glacis/src/input/text-format.ts";
import { integerText } from "../../packages/glacis/src/input/integer-text.ts";
import { readPathName } from "../../packages/glacis/src/input/path-name.ts";
import { judgePattern } from "../../packages/glacis/src/input/pattern-automaton.ts";
import { prototypePollution } from "../../packages/glacis/src/input/prototype-pollution.ts";
import { repeated } from "../../packages/glacis/src/input/repeated.ts";
import { escapePattern, safePattern } from "../../packages/glacis/src/input/safe-pattern.ts";
import { safeUrl } from "../../packages/glacis/src/input/safe-url.ts";
import { pgQuery, sql } from "../../packages/glacis/src/input/sql.ts";
import { bodyParser } from "../../packages/glacis/src/network/body-parser.ts";
import { parseForwarded } from "../../packages/glacis/src/network/forwarded.ts";
import { parseHostEntry } from "../../packages/glacis/src/network/host-list.ts";
import { watchParts } from "../../packages/glacis/src/network/multipart.ts";
import { parsePublicOrigin } from "../../packages/glacis/src/network/public-url.ts";
import { readChain } from "../../packages/glacis/src/network/proxy-chain.ts";
import { parseRate, parseRates, type RateText } from "../../packages/glacis/src/network/rate.ts";
import { requestShape } from "../../packages/glacis/src/network/request-shape.ts";
import { trustedProxies } from "../../packages/glacis/src/network/trusted-proxies.ts";
import { parseAuthority, parseConfiguredAuthority } from "../../packages/glacis/src/primitives/authority.ts";
import { caseFold } from "../../packages/glacis/src/primitives/case-fold.ts";
import { parseCookieHeader } from "../../packages/glacis/src/primitives/cookie-header.ts";
import { formPairs } from "../../packages/glacis/src/primitives/form-pairs.ts";
import { addressSet, parseAddress, parseForwardedAddress } from "../../packages/glacis/src/primitives/ip.ts";
import { parseOrigin } from "../../packages/glacis/src/primitives/origin.ts";
import { serializeCookie } from "../../packages/glacis/src/primitives/set-cookie.ts";
import { Refusal } from "../../packages/glacis/src/core/error-reason.ts";
import { sketchExchange } from "../../packages/glacis/src/testing/exchange.ts";
import { attachment, safeFilename } from "../../packages/glacis/src/primitives/content-disposition.ts";
import { readReports } from "../../packages/glacis/src/transport/csp-report-format.ts";
import { safeRedirect } from "../../packages/glacis/src/transport/safe-redirect.ts";
import { readSetCookie } from "../../packages/glacis/src/transport/set-cookie-line.ts";
import { ANYTHING, like } from "./grammar.ts";
import { DOCUMENT_TARGETS } from "./document-targets.ts";
import { JWT } from "./jwt-targets.ts";
import { OFFICE } from "./office-targets.ts";
import { PROJECT } from "./project-targets.ts";
import { holds, target, type Target } from "./target.ts";
import { UPLOADS } from "./upload-targets.ts";

/** The tags of a markup, without the values of attributes that are no address. */
function tagsOf(markup: string): string {
  return (markup.match(/<[^>]*>/gu) ?? []).join("").replaceAll(/(title|alt)="[^"]*"/gu, "");
}

const meant = { throws: [TypeError] };
const keys = keyRing(newKey("k1"));
const signing = signer({ keys, purpose: "fuzz", now: () => 1_700_000_000_000 });
const signed = signing.sign("payload", { expiresInSeconds: 3600 });
const django = djangoVerifier({ secretKeys: ["secret".repeat(9)], salt: "fuzz" });
const column = fieldEncryption({ keys }).column({ table: "people", column: "ssn" });
const place = { tenantId: "t", row: "r" };
const sealed: string = column.seal("078-05-1120", place);
const parseBody = bodyParser({ jsonDepth: 32, jsonKeys: 1000, parameterCount: 100 });
const proxies = trustedProxies({ proxies: ["10.0.0.0/8", "127.0.0.1/32"] });
const authenticator = totp({ issuer: "Fuzz", store: memoryTotp(), sealer: column });
const sanitize = htmlSanitizer();
const canonical = canonicalization();
const pollution = prototypePollution();
const shape = requestShape();
const whole = integerText({ min: -1000, max: 1000 });
const slug = safePattern("[a-z0-9]+(?:-[a-z0-9]+)*", { maxLength: 80 });
const declared = input({
  params: { id: slug },
  query: { page: whole, tag: repeated(slug, { most: 3 }) },
  form: { title: slug },
});

const writable = writeSchema({ slug });

const ADDRESS = ["1", "255", "256", "0", ".", ":", "::", "ffff", "fe80", "%eth0", "[", "]", "/", "24", "0x7f", "010"];
const ADDRESSES = ["192.0.2.1", "2001:db8::1", "::ffff:10.0.0.1", "[2001:db8::1]:443", "10.0.0.0/8", "fe80::1%eth0"];
const HOST = ["example", ".", "com", ":", "443", "[", "]", "::1", "@", "xn--", "\u00fc", "\u3002", "-", "/", " ", "1"];
const HOSTS = [
  "app.example.com",
  "APP.Example.com:443",
  "[::1]:8080",
  "b\u00fccher.example",
  "127.0.0.1",
  "*.example.com",
];
const COOKIE = ["a", "=", ";", " ", '"', "__Host-sid", "1", ",", "%41", "\t"];
const QUERY = [
  "a",
  "=",
  "&",
  "+",
  "%41",
  "%",
  "%f",
  "[",
  "]",
  "b",
  ".",
  "constructor",
  "__proto__",
  "tag",
  "page",
  "1",
];
const URLISH = [
  "/",
  "\\",
  "//",
  "http",
  "https",
  ":",
  "app.example.com",
  "evil.example",
  "@",
  "?",
  "#",
  ".",
  "..",
  "\t",
  "\n",
  "javascript",
  "data",
  "%2f",
];
const JSONISH = [
  "{",
  "}",
  "[",
  "]",
  ",",
  ":",
  '"a"',
  '"',
  "1e999",
  "-0",
  "null",
  "true",
  "\\u0000",
  "\\ud800",
  '"__proto__"',
  "\\",
  "1",
  " ",
];
const PATTERN = [
  "a",
  "b",
  "(",
  ")",
  "(?:",
  "[",
  "]",
  "^",
  "-",
  "*",
  "+",
  "?",
  "{1,3}",
  "{2}",
  "|",
  "\\w",
  "\\1",
  "\\p{L}",
  ".",
  "(?=",
  "$",
  "\\",
  "{",
];
const HTMLISH = [
  "<",
  ">",
  "script",
  "a",
  " href=",
  '"',
  "'",
  "javascript:",
  "&",
  ";",
  "<!--",
  "-->",
  "svg",
  " onload=",
  "/",
  "=",
  "<![CDATA[",
  "style",
  "math",
  "&#x3c;",
];

const NETWORK: readonly Target[] = [
  target("cookie header", like(COOKIE, ["a=1; b=2", '__Host-sid=abc; c="d"']), (text) => parseCookieHeader(text)),
  target(
    "forwarded",
    like(
      ["for", "=", '"', ";", ",", "proto", "https", "by", "_x", "unknown", "[::1]", "1.2.3.4", ":80", "\\"],
      ['for=1.2.3.4;proto=https, for="[2001:db8::1]:80"'],
    ),
    (text) => parseForwarded(text),
  ),
  target(
    "proxy chain",
    fc.tuple(
      fc.constantFrom("x-forwarded-for", "forwarded", "cf-connecting-ip"),
      fc.array(like(ADDRESS, ADDRESSES), { maxLength: 3 }),
    ),
    ([header, lines]) => readChain(header as "forwarded", lines),
  ),
  target(
    "trusted proxies",
    fc.array(
      fc.tuple(
        fc.constantFrom("X-Forwarded-For", "X-Forwarded-Proto", "Forwarded", "X-Forwarded-Host", "Host"),
        like(ADDRESS, ADDRESSES),
      ),
      { maxLength: 4 },
    ),
    (headers) => proxies.resolve(sketchExchange({ rawHeaders: headers.flat(), client: "10.0.0.1" }).wire),
  ),
  target("authority", like(HOST, HOSTS), (text) => {
    const host = parseAuthority(text);
    if (host !== undefined) holds(/^[^\s/@?#]*$/u.test(host.hostname), "a host name has no separator");
  }),
  target("configured authority", like(HOST, HOSTS), (text) => parseConfiguredAuthority(text), meant),
  target("host entry", like(HOST, HOSTS), (text) => parseHostEntry(text), meant),
  target("address", like(ADDRESS, ADDRESSES), (text) => [parseAddress(text), parseForwardedAddress(text)]),
  target("address ranges", fc.array(like(ADDRESS, ADDRESSES), { maxLength: 3 }), (ranges) => addressSet(ranges), meant),
  target(
    "origin",
    like(URLISH, ["https://app.example.com", "http://localhost:3000"]),
    (text) => [parseOrigin("fuzz", text), parsePublicOrigin(text)],
    meant,
  ),
  target("JSON body", like(JSONISH, ['{"a":[1,"b",null],"c":{"d":true}}']), (text) =>
    parseBody("application/json", text),
  ),
  target("JSON body of a value", fc.json({ maxDepth: 40 }), (text) => parseBody("application/json", text)),
  target("form body", like(QUERY, ["a=1&b=two+words&c=%41"]), (text) =>
    parseBody("application/x-www-form-urlencoded", text),
  ),
  target("form pairs", like(QUERY, ["tag=a&tag=b"]), (text) => formPairs(text, 20)),
  target(
    "multipart",
    fc.tuple(
      like(["multipart/form-data", ";", " boundary=", "b", '"', "="], ["multipart/form-data; boundary=b"]),
      fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 4 }),
    ),
    ([type, chunks]) => {
      const watch = watchParts(type, 3);
      for (const chunk of [...chunks, Buffer.from("\r\n--b\r\n--b--")]) watch(chunk);
    },
  ),
  target(
    "rate",
    like(["1", "60", "/", "m", "s", "hour", " ", "per", "0", "e", "-", "."], ["60/m", "10/15s", "1000/day"]),
    (text) => [parseRate(text), parseRates([text as RateText])],
    meant,
  ),
  target(
    "request shape",
    fc.tuple(
      like(URLISH, ["/a/b?c=1"]),
      fc.array(
        fc.tuple(
          like(["host", "content-length", "transfer-encoding", "-", "X"], ["Content-Length"]),
          like(["1", ",", "chunked", "0"], ["chunked"]),
        ),
        { maxLength: 4 },
      ),
    ),
    ([path, headers]) => shape.decide?.(sketchExchange({ method: "POST", target: path, rawHeaders: headers.flat() })),
  ),
];

const TRANSPORT: readonly Target[] = [
  target("content disposition", fc.string({ unit: "binary", maxLength: 300 }), (name) => {
    holds(/^[\x20-\x7e]*$/u.test(attachment(name)), "the header is printable ASCII");
    holds(!/[/\\\0\r\n]/u.test(safeFilename(name)), "a file name has no separator");
  }),
  target(
    "CSP report",
    like(
      [...JSONISH, '"csp-report"', '"document-uri"', '"blockedURL"', '"body"', '"type"'],
      [
        '{"csp-report":{"document-uri":"https://a.example/x","violated-directive":"script-src","blocked-uri":"inline"}}',
        '[{"type":"csp-violation","body":{"documentURL":"https://a.example/","effectiveDirective":"img-src"}}]',
      ],
    ),
    (text) => readReports(text, "https://a.example"),
  ),
  target(
    "set-cookie line",
    like(
      [...COOKIE, "Path", "Expires", "Max-Age", "SameSite", "Secure"],
      ["a=1; Path=/; Max-Age=10; Secure; SameSite=Lax"],
    ),
    (line) => readSetCookie(line),
  ),
  target(
    "cookie to serialize",
    fc.tuple(like(COOKIE, ["sid"]), fc.string({ unit: "binary", maxLength: 60 })),
    ([name, value]) => holds(/^[\x20-\x7e]*$/u.test(serializeCookie(name, value)), "the header is printable ASCII"),
    meant,
  ),
  target("redirect", fc.oneof(like(URLISH, ["/documents?a=1", "https://app.example.com/x"]), ANYTHING), (value) => {
    const { location } = safeRedirect(value, { origin: "https://app.example.com" });
    holds(
      new URL(location, "https://app.example.com").origin === "https://app.example.com",
      "it leads to our own origin",
    );
  }),
];

const AUTHENTICATION: readonly Target[] = [
  target(
    "identifier",
    fc.oneof(
      like(
        ["a", "@", ".", "example", "com", "+", '"', " ", "\u00df", "\u0130", "xn--"],
        ["Ada@Example.com", '"a b"@example.com'],
      ),
      ANYTHING,
    ),
    (text) => canonicalIdentifier(text),
  ),
  target(
    "API key",
    like(["folio", "_", "live", "a", "1", "-", "."], ["folio_abcdefgh_abcdefghijklmnopqrstuvwxyz"]),
    (text) => parseApiKey("folio", text),
  ),
  target(
    "user agent",
    fc.option(
      like(
        ["Mozilla/5.0", " ", "(", ")", ";", "Chrome/", "Safari/", "1", "iPhone", "Windows NT"],
        ["Mozilla/5.0 (X11; Linux x86_64) Chrome/130.0 Safari/537.36"],
      ),
      { nil: undefined },
    ),
    (text) => browserLabel(text),
  ),
  target(
    "password hash",
    like(
      ["$", "argon2id", "v=19", "m=65536", ",", "t=3", "p=4", "pbkdf2_sha256", "2b", "12", "scrypt", "AAAA", "="],
      [
        "$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHRzb21lc2FsdA$RdescudvJCsgt3ub+b1dWRWJTmaaJObG",
        "pbkdf2_sha256$870000$c2FsdA$aGFzaA==",
        "$2b$12$KIXQJ8V1u9wqYwq7g1uYxOe",
      ],
    ),
    (text) => [readPhc(text), readArgon2(text), readStored(text)],
  ),
  target(
    "TOTP code",
    fc.tuple(fc.oneof(like(["0", "1", "123456", " ", "\u0661"], ["123456"]), ANYTHING), fc.maxSafeInteger()),
    ([code, now]) => authenticator.verify("nobody", code, Math.abs(now)),
    { share: 0.2 },
  ),
  target(
    "passkey answers",
    fc.oneof(
      ANYTHING,
      fc.record({
        id: fc.string(),
        rawId: fc.string(),
        type: fc.constant("public-key"),
        response: fc.dictionary(
          fc.constantFrom("clientDataJSON", "attestationObject", "signature"),
          fc.oneof(fc.string(), ANYTHING),
        ),
      }),
    ),
    (value) => [readRegistration(value), readAuthentication(value)],
  ),
  target(
    "passkey client data",
    like(["e30", "eyJ", "A", "_", "-", "=", "+"], ["eyJ0eXBlIjoid2ViYXV0aG4uZ2V0IiwiY2hhbGxlbmdlIjoiYSJ9"]),
    (text) => readClientData(text),
  ),
];

const AUTHORIZATION: readonly Target[] = [
  target(
    "condition expression",
    like(
      ["(", ")", " ", "and", "or", "not", "is_owner", "group:*", "!", "."],
      ["(is_owner or is_editor) and not is_locked"],
    ),
    (text) => parseExpression(text),
    meant,
  ),
];

const DATA: readonly Target[] = [
  target("sealed text", fc.oneof(like([".", "v1", "k1", "A", "-", "_", "="], [sealed]), ANYTHING), (text) =>
    parseSealed(text),
  ),
  target(
    "sealed column",
    like([".", "v1", "k1", "A"], [sealed]),
    (text) => {
      holds(column.open(text, place) === "078-05-1120", "nothing else opens");
    },
    { throws: [DecryptError], share: 0.3 },
  ),
  target("signed value", fc.oneof(like([".", "v1", "k1", "A", "-"], [signed]), ANYTHING), (text) => {
    const payload = signing.verify(text);
    holds(payload === undefined || text === signed, "nothing else verifies");
  }),
  target(
    "Django signature",
    fc.oneof(like([":", "A", "eyJ", "."], ["value:1tXyZ:c2lnbmF0dXJl", ".eJyr:1tXyZ:sig"]), ANYTHING),
    (text) => [django.unsign(text), django.loads(text, { maxAgeSeconds: 60 })],
  ),
  target(
    "key file",
    like(["k1", ":", "A", "\n", ",", "=", "#", " "], [newKey("k1"), `${newKey("k1")}\n${newKey("k2")}`]),
    (text) => keyRing(text),
    { throws: [TypeError], share: 0.5 },
  ),
];

const INPUT: readonly Target[] = [
  target("path and query", like(URLISH, ["/a/%2e%2e/b?x=%00", "/a/./b"]), (path) => {
    const exchange = sketchExchange({ target: path });
    return [canonical.decide?.(exchange), pollution.decide?.(exchange)];
  }),
  target("path name", fc.oneof(like(URLISH, ["reports/2026/plan.pdf"]), ANYTHING), (name) => {
    const read = readPathName(name, false);
    if (Array.isArray(read))
      holds(!read.some((part) => part === ".." || /[/\\\0]/u.test(String(part))), "no segment leads out");
  }),
  target("address in a page", like(URLISH, ["javascript:alert(1)", "https://a.example/"]), (text) =>
    safeUrl(text, true),
  ),
  target("html tag", like(HTMLISH, ['<a href="x">']), (text) => {
    const page = String(html`<p title="${text}">${text}</p>`);
    holds(!/[<>]/u.test(page.slice(10, -4).replace('">', "")), "a value opens no tag");
  }),
  target(
    "html sanitizer",
    like(HTMLISH, ["<p>a <b>b</b></p>", "<svg><style><img src=x onerror=1>"]),
    (markup) => {
      holds(
        !/<(?:script|svg|style|iframe|math)|<[^>]*\son\w+\s*=|javascript:/iu.test(tagsOf(String(sanitize(markup)))),
        "no script is left",
      );
    },
    { share: 0.3 },
  ),
  target(
    "sql value",
    ANYTHING,
    (value) => holds(pgQuery(sql`select ${value as string}`).text === "select $1", "the text is the program's"),
    meant,
  ),
  target(
    "sql pattern and order",
    fc.string({ unit: "binary", maxLength: 60 }),
    (text) => {
      const query = pgQuery(
        sql`${sql.contains(text.replaceAll("\0", "").toWellFormed())} ${sql.orderBy(text, { a: "a" }, { initial: "a" })}`,
      );
      holds(/^\$1 order by "a"(?: desc)?$/u.test(query.text), "the text is the program's");
    },
    { throws: [Refusal] },
  ),
  target(
    "pattern",
    like(PATTERN, ["(a+)+b", "[a-z0-9]+(?:-[a-z0-9]+)*", "\\d{1,3}(?:\\.\\d{1,3}){3}"]),
    (source) => judgePattern(source, "u"),
    { share: 0.2 },
  ),
  target("escaped pattern", fc.string({ unit: "binary", maxLength: 40 }), (text) =>
    holds(new RegExp(`^${escapePattern(text)}$`, "u").test(text), "it matches itself"),
  ),
  target(
    "declared input",
    fc.tuple(
      like(QUERY, ["page=1&tag=a"]),
      ANYTHING,
      fc.dictionary(fc.constantFrom("id", "x"), ANYTHING, { maxKeys: 1 }),
    ),
    ([query, body, params]) => {
      const exchange = sketchExchange({
        method: "POST",
        target: `/?${query}`,
        rawHeaders: ["content-type", "application/x-www-form-urlencoded"],
      });
      exchange.body = body;
      exchange.params = params;
      return declared.judge(exchange);
    },
  ),
  target(
    "what a client may write",
    fc.oneof(ANYTHING, fc.dictionary(fc.constantFrom("slug", "page", "__proto__", "id"), ANYTHING)),
    async (body) => {
      const { slug: written, ...others } = await parseWrite(writable, body, ["csrf_token"]);
      holds(typeof written === "string" && Object.keys(others).length === 0, "nothing else is written");
    },
    { throws: [Refusal] },
  ),
  target("number as text", fc.oneof(like(["0", "1", "-", "+", "e", ".", "x"], ["42", "-1000"]), ANYTHING), (value) =>
    whole["~standard"].validate(value),
  ),
];

const FORMATS = [domainName(), emailAddress(), ipAddress(), webAddress({ schemes: ["https", "ftp"] })];

const AUDIT: readonly Target[] = [
  target(
    "text of a known form",
    like([...HOST, ...URLISH, ...ADDRESS], ["https://app.example.com/x", "ada@example.com"]),
    (text) => {
      for (const { "~standard": format } of FORMATS) {
        const result = format.validate(text);
        if ("value" in result) holds("value" in format.validate(result.value), "what was read is read again");
      }
    },
  ),
  target("table", fc.array(fc.string({ unit: "binary", maxLength: 20 }), { maxLength: 4 }), (row) =>
    holds(!/^[=+@-]/u.test(csv([row])), "no cell is a formula"),
  ),
  target(
    "text for the log",
    like(
      [...URLISH, "Bearer ", "4111", "a@example.com", "password=", " "],
      ["connect postgres://app:hunter2@db failed", "4111 1111 1111 1111"],
    ),
    (text) => redactText(text),
  ),
  target("case folding", fc.string({ unit: "binary", maxLength: 60 }), (text) =>
    holds(caseFold(caseFold(text)) === caseFold(text), "folding twice is folding once"),
  ),
];

export const TARGETS: readonly Target[] = [
  ...NETWORK,
  ...TRANSPORT,
  ...AUTHENTICATION,
  ...AUTHORIZATION,
  ...DATA,
  ...INPUT,
  ...JWT,
  ...UPLOADS,
  ...OFFICE,
  ...PROJECT,
  ...AUDIT,
  ...DOCUMENT_TARGETS,
];
