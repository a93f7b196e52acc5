/** What is read as a whole: documents, patterns, lockfiles, and what an outbound request is given. */
import fc from "fast-check";
import { compileRegex } from "../../packages/glacis/src/audit/filter-pattern-regex.ts";
import { filterPattern, logLine } from "../../packages/glacis/src/audit/filter-pattern.ts";
import { parseAlarmRule } from "../../packages/glacis/src/audit/alarm-rule.ts";
import { readLine } from "../../packages/glacis/src/audit/audit-log-line.ts";
import { Refusal } from "../../packages/glacis/src/core/error-reason.ts";
import { hideRevealed, rememberRevealed } from "../../packages/glacis/src/core/revealed.ts";
import type { Wire } from "../../packages/glacis/src/core/wire.ts";
import { scanLine } from "../../packages/glacis/src/data/secret-scanning.ts";
import { requireSecretName } from "../../packages/glacis/src/data/secret-provider.ts";
import {
  bodySignature,
  standardWebhooks,
  timestampedSignature,
} from "../../packages/glacis/src/data/webhook-scheme.ts";
import { download } from "../../packages/glacis/src/input/download-safety.ts";
import { DocumentError } from "../../packages/glacis/src/input/graphql-tokens.ts";
import { measureDocument } from "../../packages/glacis/src/input/graphql-measure.ts";
import { latexText } from "../../packages/glacis/src/input/latex-text.ts";
import { jsonText, xmlText } from "../../packages/glacis/src/input/xml-and-deserialization.ts";
import { addressRule } from "../../packages/glacis/src/network/outbound-address.ts";
import { OutboundError } from "../../packages/glacis/src/network/outbound-error.ts";
import { targetJudge } from "../../packages/glacis/src/network/outbound-target.ts";
import { parseLimitField } from "../../packages/glacis/src/network/rate-limit-fields.ts";
import { sketchExchange } from "../../packages/glacis/src/testing/exchange.ts";
import { parsePolicy } from "../../packages/glacis/src/transport/csp-policy.ts";
import { parsePermissions } from "../../packages/glacis/src/transport/permissions-field.ts";
import { parseNpmLockfile } from "../../packages/cli/src/audit/lockfile-npm.ts";
import { parsePnpmLockfile } from "../../packages/cli/src/audit/lockfile-pnpm.ts";
import { parseYarnLockfile } from "../../packages/cli/src/audit/lockfile-yarn.ts";
import { judgeVersion } from "../../packages/cli/src/audit/osv-range.ts";
import { parseOsvRecord } from "../../packages/cli/src/audit/osv-record.ts";
import { CannotCheck } from "../../packages/cli/src/outcome.ts";
import { parseDockerfile } from "../../packages/cli/src/supply-chain/dockerfile.ts";
import { parseNpmrc } from "../../packages/cli/src/supply-chain/package-manager-settings.ts";
import { ANYTHING, like } from "./grammar.ts";
import { holds, target, type Target } from "./target.ts";

const permits = addressRule();
const anywhere = targetJudge({ hosts: "public-only", ports: [443], permits });
const HOME = new URL("https://app.example.com/a/b");
const URLS =
  "https:// http:// // / \\ @ : . % # ? 127.0.0.1 0x7f 1 [::1] [::ffff: ] localhost example.com %2e \t ｡ ① xn-- :443".split(
    " ",
  );
const SECRET = "fuzz-hunter2-hunter2";
rememberRevealed(SECRET);
const MARKUP = ["<", ">", "/", "a", "a:b", "=", '"x"', "'", "&amp;", "&#x41;", "&", "<!--", "-->", "<?xml", "?>", " "];
const GRAPHQL = 'query mutation fragment on { } ( ) [ ] ! : = $a @b ... a b __schema first 1 1e3 "x" """ # , & |'.split(
  " ",
);
const PATTERN = [
  '"',
  "{",
  "}",
  "$.a",
  "$",
  "=",
  "!=",
  "&&",
  "||",
  "[",
  "]",
  ",",
  "?",
  "-",
  "%",
  "*",
  "a",
  "1",
  "...",
  "(",
];
const LOCK = [
  "a",
  "@",
  "^1.0.0",
  ":",
  "\n",
  "  ",
  '"',
  "version",
  "resolved",
  "packages",
  "lockfileVersion: '9.0'",
  "{",
  "}",
];
const NPM = '{"lockfileVersion":3,"packages":{"":{"name":"a"},"node_modules/b":{"version":"1.0.0"}}}';
const YARN = '# yarn lockfile v1\n\n"a@^1.0.0":\n  version "1.0.0"\n  dependencies:\n    b "^2.0.0"\n';
const PNPM = "lockfileVersion: '9.0'\npackages:\n  a@1.0.0:\n    resolution: {integrity: sha512-x}\n";
const OSV = {
  id: "GHSA-aaaa-bbbb-cccc",
  affected: [{ package: { ecosystem: "npm", name: "a" }, ranges: [{ type: "SEMVER", events: [{ introduced: "0" }] }] }],
};
const HEADERS = [
  "v1,",
  "A".repeat(43),
  "=",
  " ",
  "t=",
  "1700000000",
  ",",
  "v1=",
  "0".repeat(64),
  "sha256=",
  ".",
  "msg_1",
];
const RANGES = ["bytes", "=", "-", "0", "99", "999999999999999", ",", " ", "100"];

const wireOf = (name: string, value: string): Wire => ({
  method: "POST",
  target: "/hooks",
  httpVersion: "1.1",
  rawHeaders: ["webhook-id", "msg_1", "webhook-timestamp", "1700000000", name, value],
  peerAddress: "192.0.2.1",
  encrypted: true,
});

/** Lines of a known form, each with what it must keep to. */
const LINES: readonly Target[] = [
  target(
    "destination of a request",
    fc.tuple(like(URLS, ["https://example.com/a?b#c", "https://127.0.0.1/"]), fc.boolean()),
    ([text, redirected]) => {
      const { protocol, username, password, port, hostname } = anywhere(text, redirected ? HOME : undefined);
      holds(`${protocol}${username}${password}${port}` === "https:", "https, no login, the one port");
      const literal = /^\[(.*)\]$/u.exec(hostname)?.[1] ?? hostname;
      holds(!/^[\d.]+$|:/u.test(literal) || permits(literal), "no address inside");
      holds(hostname !== "localhost" && !hostname.endsWith("."), "no name of this machine");
    },
    { throws: [OutboundError] },
  ),
  target(
    "signature of a webhook",
    like(HEADERS, [`v1,${"A".repeat(43)}= v1a,${"A".repeat(86)}==`, `t=1700000000,v1=${"0".repeat(64)}`]),
    (value) => [
      standardWebhooks().read(wireOf("webhook-signature", value)),
      timestampedSignature().read(wireOf("stripe-signature", value)),
      bodySignature().read(wireOf("x-hub-signature-256", value)),
    ],
  ),
  target("range of a file", like(RANGES, ["bytes=0-9", "bytes=-1"]), async (range) => {
    const source = {
      size: async (): Promise<number> => 100,
      async read(_key: string, part?: { readonly start: number; readonly end: number }): Promise<never> {
        holds(part === undefined || (part.start >= 0 && part.start <= part.end && part.end < 100), "within the file");
        return undefined as never;
      },
    };
    await download(sketchExchange({ headers: { Range: range } }), source, { key: "k", filename: "a", scan: "clean" });
  }),
  target(
    "revealed secret",
    fc.tuple(like(["hunter2", "-", "fuzz"], [SECRET]), like(["hunter2", "fuzz-"], [SECRET])),
    ([before, after]) => holds(!hideRevealed(before + SECRET + after).includes(SECRET), "it is hidden"),
  ),
  target(
    "name of a secret",
    fc.oneof(like(["/", "a", ".", "..", "_"], ["/app/a"]), ANYTHING),
    (name) => requireSecretName(name),
    {
      throws: [TypeError],
    },
  ),
  target("line of code", like(["key", "=", '"', "AKIA", "sk_live_", "A".repeat(20), " "], ['const a = "b";']), (line) =>
    scanLine(line, { file: "a.ts", line: 1 }),
  ),
  target(
    "policy of a page",
    like([";", " ", "'self'", "script-src", "'nonce-", "https:", "\t"], ["default-src 'self'"]),
    (text) => parsePolicy(text),
  ),
  target(
    "permissions",
    like(["camera", "=", "(", ")", "self", '"', "*", ","], ["camera=(), geolocation=(self)"]),
    (text) => parsePermissions([text]),
  ),
  target("rate limit field", like(['"a"', ";", "q=1", "w=60", ",", " "], ['"a";q=10;w=60']), (text) =>
    parseLimitField(text),
  ),
  target("line of the audit log", fc.uint8Array({ maxLength: 200 }), (bytes) => readLine(Buffer.from(bytes))),
];

const DOCUMENTS: readonly Target[] = [
  target("XML", like(MARKUP, ['<?xml version="1.0"?><a b="c">&lt;<d/></a>']), (text) => xmlText(text), {
    throws: [Refusal],
  }),
  target("JSON as text", like(["{", "}", "[", "]", '"a"', ":", ",", "1"], ['{"a":[1]}']), (text) => jsonText(text), {
    throws: [Refusal],
  }),
  target(
    "GraphQL",
    like(GRAPHQL, ["query a($b: Int = 1) { c(first: $b) { ...d } } fragment d on E { f }"]),
    (text) => {
      const { cost, depth } = measureDocument(text, { variables: { a: 9 }, sizeArguments: new Set(["first"]) });
      holds(Number.isFinite(cost) && Number.isFinite(depth), "a document has a size");
    },
    { throws: [DocumentError] },
  ),
  target(
    "LaTeX",
    like(["\\", "input", "{", "}", "^^", "$", "begin", "textbf", "%"], ["\\textbf{a}"]),
    (text) => latexText(text),
    {
      throws: [Refusal],
    },
  ),
  target(
    "pattern of a metric",
    fc.tuple(
      like(PATTERN, ['{ $.a = "b" && $.c > 1 }', "[a, b=1*, ...]"]),
      like(["a", " ", "1", "[", '"'], ['{"a":"b","c":2}']),
    ),
    ([pattern, line]) => filterPattern(pattern).matches(logLine(line)),
    { throws: [TypeError] },
  ),
  target(
    "regular expression of a metric",
    fc.tuple(
      like(["a", "(", ")", "|", "*", "+", "?", "[", "]", "{2}", "\\d", "^", "$", "."], ["^a(b|c)*$"]),
      fc.string({ maxLength: 60 }),
    ),
    ([pattern, text]) => compileRegex(pattern)(text),
    { throws: [TypeError] },
  ),
  target(
    "rule of an alarm",
    like(["ALARM(", '"a"', ")", " AND ", " OR ", "NOT ", "("], ['ALARM("a") AND NOT OK("b")']),
    (text) => parseAlarmRule(text),
    { throws: [TypeError] },
  ),
];

const SUPPLY_CHAIN: readonly Target[] = [
  target("lockfile of npm", like(LOCK, [NPM]), (text) => parseNpmLockfile(text, "package-lock.json"), {
    throws: [CannotCheck],
    share: 0.5,
  }),
  target(
    "lockfile of Yarn",
    like(LOCK, [YARN, `__metadata:\n  version: 8\n${PNPM}`]),
    (text) => parseYarnLockfile(text, "yarn.lock", []),
    {
      throws: [CannotCheck],
      share: 0.3,
    },
  ),
  target("lockfile of pnpm", like(LOCK, [PNPM]), (text) => parsePnpmLockfile(text, "pnpm-lock.yaml"), {
    throws: [CannotCheck],
    share: 0.2,
  }),
  target(
    "advisory",
    fc.oneof(
      ANYTHING,
      fc
        .tuple(fc.constant(OSV), fc.dictionary(fc.constantFrom("id", "affected"), ANYTHING))
        .map(([a, b]) => ({ ...a, ...b })),
    ),
    (value) => {
      const record = parseOsvRecord(value);
      if (record !== undefined) judgeVersion(record, "a", "1.0.0");
    },
  ),
  target("version of a package", like(["1", ".", "-", "rc", "+", "0", "x"], ["1.2.3-rc.1+b"]), (version) => {
    const record = parseOsvRecord(OSV);
    if (record !== undefined) judgeVersion(record, "a", version);
  }),
  target(
    "Dockerfile",
    like(
      ["FROM ", "node:20", "\n", "\\\n", "ARG a=1", "$a", "RUN ", "<<EOF", " AS b", "#"],
      ["FROM node:20 AS a\nRUN x\n"],
    ),
    (text) => parseDockerfile(text),
  ),
  target("npmrc", like(["a", "=", "\n", ";", "${B}", '"', "[]"], ["ignore-scripts=true\n"]), (text) =>
    parseNpmrc(text),
  ),
];

export const DOCUMENT_TARGETS: readonly Target[] = [...LINES, ...DOCUMENTS, ...SUPPLY_CHAIN];
