/** What the command line reads of a project, and what the services around an application answer. */
import fc from "fast-check";
import { readAlarmDefinitions } from "../../packages/glacis/src/audit/alarm-definition.ts";
import { judgeImportedRow, type ImportedRow } from "../../packages/glacis/src/authentication/account-import.ts";
import { readFields } from "../../packages/glacis/src/authentication/route-fields.ts";
import { readCursor, readFilter } from "../../packages/glacis/src/center/event-filter.ts";
import { flatten, readExpression, splitBy } from "../../packages/glacis/src/data/posture/expression.ts";
import { isStorageKey, newStorageKey } from "../../packages/glacis/src/data/storage.ts";
import type { DnsQuestions } from "../../packages/glacis/src/network/dns-questions.ts";
import { dkimProblem, dmarcProblem, spfProblem } from "../../packages/glacis/src/network/dns-mail.ts";
import { canonicalDomainName } from "../../packages/glacis/src/primitives/domain-name.ts";
import { sketchExchange } from "../../packages/glacis/src/testing/exchange.ts";
import { cors } from "../../packages/glacis/src/transport/cors.ts";
import { splitPolicies } from "../../packages/glacis/src/transport/csp-policy.ts";
import { parseYaml } from "../../packages/cli/src/audit/yaml.ts";
import { parseContents } from "../../packages/cli/src/backup/contents.ts";
import { CannotCheck } from "../../packages/cli/src/outcome.ts";
import { parseSource } from "../../packages/cli/src/scan/parse.ts";
import { readPattern } from "../../packages/cli/src/scan/rules/pattern-syntax.ts";
import { scanText } from "../../packages/cli/src/scan/scan.ts";
import { lookalikeOf } from "../../packages/cli/src/supply-chain/lookalike.ts";
import type { Project } from "../../packages/cli/src/supply-chain/project.ts";
import { readWorkflows } from "../../packages/cli/src/supply-chain/workflow.ts";
import { ANYTHING, like } from "./grammar.ts";
import { holds, target, type Target } from "./target.ts";

const CODE = [
  ..."const a = b ( ) { } [ ] => ; , . ? : ` ${ } 'x' \"y\" / * await async function import export class < > req res query sql".split(
    " ",
  ),
  "\n",
  "//",
  "/*",
  "eval(",
  "<a href={b}>",
];
const CODES = [
  'import { x } from "y";\nexport const f = (req, res) => res.redirect(req.query.to);\n',
  "class A { #b = 1; get c() { return this.#b; } }\n",
  "const q = `select ${a}`; db.query(q);\n",
];
const REGEX = [
  "a",
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
  "|",
  "\\w",
  "\\1",
  "\\p{L}",
  "(?<n>",
  "$",
];
const WORKFLOW =
  "on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n      - uses: actions/checkout@v4\n      - run: echo ${{ github.sha }}\n";
const YAML = [
  "on:",
  " ",
  "\n",
  "  ",
  "jobs:",
  "- ",
  "uses:",
  "run: |",
  "&a",
  "*a",
  "!!js",
  "{",
  "}",
  "[",
  "]",
  "<<:",
  "'",
];
const POLICY =
  "( ) [ ] tenant_id = :: uuid nullif current_setting 'app.tenant_id' , and or not true case when end \" .".split(" ");
const MAIL = [
  "v=spf1",
  " ",
  "include:",
  "a.example",
  "-all",
  "~all",
  "redirect=",
  "ip4:10.0.0.0/8",
  "v=DKIM1;",
  "p=",
  "k=rsa;",
  "MIIB",
];
const ALARM = {
  Alarms: [{ AlarmName: "a", MetricName: "m", Statistic: "Sum", Period: 60, EvaluationPeriods: 1, Threshold: 1 }],
  MetricFilters: [
    { filterName: "f", filterPattern: "a", metricTransformations: [{ metricName: "m", metricValue: "1" }] },
  ],
};

function projectWith(workflow: string): Project {
  const none = { manifests: [], lockfile: undefined, lockfiles: [], tracked: undefined, headCommit: undefined };
  return { root: "/", ...none, text: () => workflow, list: () => ["a.yml"] };
}

/** A zone in which every name has these records. */
const zoneOf = (records: readonly string[]): DnsQuestions => ({
  cname: async () => [],
  caa: async () => [],
  txt: async () => records,
  exists: async () => false,
});

const crossOrigin = cors({ origins: ["https://partner.example"] });

const OF_A_PROJECT: readonly Target[] = [
  target(
    "source code",
    fc.tuple(fc.constantFrom("a.ts", "a.tsx", "a.mjs", "a.html"), like(CODE, CODES)),
    ([path, text]) => parseSource(path, text),
    { share: 0.1 },
  ),
  target("source code, scanned", like(CODE, CODES), (text) => scanText("a.ts", text), {
    throws: [SyntaxError],
    share: 0.03,
  }),
  target(
    "regular expression of source code",
    fc.tuple(like(REGEX, ["^a(b|c)*$"]), fc.constantFrom("", "u", "i")),
    ([source, flags]) => readPattern(source, flags),
    { share: 0.3 },
  ),
  target("YAML", like(YAML, [WORKFLOW]), (text) => parseYaml(text), { throws: [Error], share: 0.3 }),
  target("workflow", like(YAML, [WORKFLOW]), (text) => readWorkflows(projectWith(text)), { share: 0.2 }),
  target(
    "name of a package",
    like(["express", "@", "/", "-", "1", "l", "reqeust", "_"], ["lodahs"]),
    (name) => lookalikeOf(name),
    { share: 0.3 },
  ),
  target(
    "contents of a backup",
    like(
      ["{", "}", '"atMs":', "1", ",", '"tables":', "[", "]", '"name":"a"'],
      ['{"atMs":1,"tables":[{"name":"a","rows":1,"sum":"x"}]}'],
    ),
    (text) => parseContents(text, "a.json"),
    { throws: [CannotCheck] },
  ),
  target(
    "expression of a policy",
    like(POLICY, ["(tenant_id = (nullif(current_setting('app.tenant_id'), ''))::uuid)"]),
    (text) => flatten(splitBy(readExpression(text), "or").flat()),
  ),
  target(
    "alarm definition",
    fc.oneof(
      ANYTHING,
      fc
        .tuple(fc.constantFrom("Alarms", "MetricFilters", "CompositeAlarms"), fc.jsonValue({ maxDepth: 3 }))
        .map(([name, value]) => ({ ...ALARM, [name]: value })),
    ),
    (value) => readAlarmDefinitions(value),
    { throws: [TypeError], share: 0.5 },
  ),
];

const OF_OTHERS: readonly Target[] = [
  target(
    "records of a domain that sends mail",
    fc.array(like(MAIL, ["v=spf1 include:a.example -all", "v=DKIM1; k=rsa; p=MIIB"]), { maxLength: 3 }),
    async (records) => {
      const zone = zoneOf(records);
      for (const said of [
        await spfProblem(zone, "a.example", true),
        await dkimProblem(zone, "k._domainkey.a.example"),
        await dmarcProblem(zone, "a.example", true),
      ])
        holds(said === undefined || typeof said === "string", "it is a problem or none");
    },
    { share: 0.3 },
  ),
  target(
    "name of a domain",
    like(["a", ".", "xn--", "\u00fc", "\u3002", "-", "1", "com"], ["b\u00fccher.example"]),
    (text) => {
      const name = canonicalDomainName(text);
      if (name !== undefined) holds(canonicalDomainName(name) === name, "what was read is read again");
    },
  ),
  target("policies of a page", fc.array(like([",", ";", "a 'b'", " "], ["default-src 'self', img-src *"])), (values) =>
    splitPolicies(values),
  ),
  target(
    "request from elsewhere",
    fc.tuple(
      like(["https://", "partner.example", ".", ":443", "null", "/", "evil."], ["https://partner.example"]),
      like(["POST", ",", "x-a", " "], ["PUT"]),
    ),
    ([origin, asked]) => {
      const rawHeaders = [
        "Origin",
        origin,
        "Access-Control-Request-Method",
        asked,
        "Access-Control-Request-Headers",
        asked,
      ];
      const facts = sketchExchange({ method: "OPTIONS", target: "/", rawHeaders });
      return [crossOrigin.decide?.(facts), crossOrigin.headers];
    },
  ),
  target(
    "filter of events",
    fc.array(
      fc.tuple(
        fc.constantFrom("type", "ip", "from", "to", "search", "after", "severity"),
        like(["a", "-", "1", "2026-01-01", "T", ":", "::"], ["2026-01-01T00:00"]),
      ),
    ),
    (pairs) => {
      const { filter } = readFilter(new URLSearchParams(pairs));
      holds(!Number.isNaN(filter.fromMs) && !Number.isNaN(filter.toMs), "a time is a time");
      return pairs.map(([, text]) => readCursor(text));
    },
  ),
  target(
    "fields of a page",
    fc.oneof(ANYTHING, fc.dictionary(fc.constantFrom("email", "password", "x"), ANYTHING)),
    (body) => {
      const exchange = sketchExchange({ method: "POST", target: "/" });
      exchange.body = body;
      return readFields(exchange, { email: { most: 254, line: true }, password: { most: 1000 } });
    },
  ),
  target(
    "account of another system",
    fc.record({
      email: fc.oneof(like(["a", "@", "b.example", "\ufffd"], ["a@b.example"]), ANYTHING),
      hash: fc.oneof(like(["$", "pbkdf2_sha256", "!"], ["!x"]), ANYTHING),
      userId: ANYTHING,
      active: fc.boolean(),
    }),
    (row) => judgeImportedRow(row as ImportedRow, { nowMs: 0 }),
  ),
  target(
    "key of a file",
    fc.oneof(like(["a", "/", "..", "0".repeat(32), "\\"], [newStorageKey("t1")]), ANYTHING),
    (key) => {
      if (isStorageKey(key))
        holds(!/\.\.|\\|\0|^\//u.test(key) && key.split("/").length === 2, "it leads nowhere else");
    },
  ),
  target("tenant of a file", fc.string({ unit: "binary", maxLength: 80 }), (tenant) =>
    holds(isStorageKey(newStorageKey(tenant)), "every tenant has a folder"),
  ),
];

export const PROJECT: readonly Target[] = [...OF_A_PROJECT, ...OF_OTHERS];
