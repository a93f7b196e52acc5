import { KIND } from "../engine/kinds.ts";
import type { Call } from "../engine/run.ts";
import { prefixOf, textOf, UNKNOWN, type Value } from "../engine/value.ts";
import { option, untrusted, untrustedItself, type ScanRule } from "../rule.ts";

const QUERIES =
  /^(?:find|findOne|findOneAndUpdate|findOneAndDelete|findOneAndReplace|findOneAndRemove|updateOne|updateMany|deleteOne|deleteMany|countDocuments|count|exists|remove|replaceOne|aggregate)$/u;
/** What nothing but a collection of MongoDB is asked for. */
const OF_COLLECTIONS =
  /^(?:findOne\w*|updateOne|updateMany|deleteOne|deleteMany|countDocuments|replaceOne|aggregate)$/u;
/** A model, a collection, or a word in the plural. */
const COLLECTIONS =
  /(?:^|\.)(?:[A-Z]\w*|\w*(?:[cC]ollection|[mM]odel|[uU]ser|[aA]ccount)|[a-z]\w*[a-rt-z]s|db)(?:\(\))?$/u;

/** A query object with operators that a client wrote. */
export const NOSQL_INJECTION: ScanRule = {
  id: "scan/nosql-injection",
  severity: "error",
  cwe: ["CWE-943"],
  owasp: "A03",
  what: "A value whose shape the client chose becomes a part of a query of MongoDB.",
  why: 'password[$ne]=x in a form arrives as { $ne: "x" }: the query then matches everybody.',
  fix: 'Take texts only: String(value), typeof value === "string", or a schema; and no $where.',
  bad: 'app.post("/login", async (req, res) => res.json(await User.findOne({ name: req.body.name, password: req.body.password })));',
  good: 'app.post("/login", async (req, res) => res.json(await User.findOne({ name: String(req.body.name) })));',
  calls: (call, report) => {
    const { name, args, receiver, run, node, callee } = call;
    const script = /^@(?:elastic\/elasticsearch|opensearch-project\/opensearch)\b/u.test(receiver?.api ?? "")
      ? args.map((value) => untrusted(run, scriptIn(value), KIND.code)).find((taint) => taint !== undefined)
      : undefined;
    if (script !== undefined) report(node, `${script.label} in a script`, script);
    if (/\.use\(\s*\w*mongo_?Sanitize\w*(?:\(|\.)/iu.test(run.module.file.text)) return;
    const filter = withoutEquals(args[0]);
    const program = name === "mapReduce" ? args.slice(0, 2) : [];
    for (const value of program) {
      const code = untrustedItself(run, value, KIND.code);
      if (code !== undefined) report(node, `${code.label} in ${name}()`, code);
    }
    if (name === "$where" || filter?.fields?.has("$where") === true) {
      const code = untrusted(run, filter, KIND.code);
      if (code !== undefined) report(node, `${code.label} in $where`, code);
    }
    if (
      !QUERIES.test(name) ||
      callee.closure !== undefined ||
      filter === undefined ||
      filter.closure !== undefined ||
      receiver === undefined ||
      receiver.type === "array"
    )
      return;
    // Sequelize and TypeORM keep the conditions below "where".
    if (filter.fields?.has("where") === true) return;
    const owners = [receiver.name ?? "", receiver.api ?? ""];
    if (!OF_COLLECTIONS.test(name) && !owners.some((owner) => COLLECTIONS.test(owner) || owner.startsWith("mongo")))
      return;
    const taint = untrusted(run, filter, KIND.nosql);
    if (taint !== undefined) report(node, `${taint.label} in ${name}()`, taint);
  },
};

/** The text of a script somewhere in a search: `{ script: { source: "..." } }`. */
function scriptIn({ fields }: Value, depth = 6): Value | undefined {
  if (fields === undefined || depth === 0) return undefined;
  const script = fields.get("script");
  if (script !== undefined && script.fields === undefined) return script;
  if (script?.fields?.has("source") === true) return script.fields.get("source");
  return [...fields.values()].map((value) => scriptIn(value, depth - 1)).find((found) => found !== undefined);
}

/** `{ $eq: value }` compares, whatever the value is. */
function withoutEquals(filter: Value | undefined): Value | undefined {
  if (filter?.fields === undefined) return filter;
  const fields = [...filter.fields].filter(([, { fields: inner }]) => !(inner?.size === 1 && inner.has("$eq")));
  return { ...filter, fields: new Map(fields) };
}

/** An LDAP filter that is put together. */
export const LDAP_INJECTION: ScanRule = {
  id: "scan/ldap-injection",
  severity: "error",
  cwe: ["CWE-90"],
  owasp: "A03",
  what: "Text from outside becomes a part of an LDAP filter or name.",
  why: "*)(uid=* matches everybody, and a sign-in that asks for one entry gets the first.",
  fix: "Build the filter from objects (new EqualityFilter), or escape \\\\ * ( ) and NUL as RFC 4515 says.",
  bad: 'app.get("/user", (req, res) => client.search("ou=users", { filter: `(uid=${req.query.uid})` }, done));',
  good: 'const escapeLdap = (text) => text.replace(/[\\\\*()\\0]/g, (c) => "\\\\" + c.charCodeAt(0).toString(16));\napp.get("/user", (req, res) => client.search("ou=users", { filter: `(uid=${escapeLdap(String(req.query.uid))})` }, done));',
  calls: ({ name, api, args, receiver, run, node }, report) => {
    const isClient = /ldap/iu.test(receiver?.api ?? receiver?.name ?? "") || option(args[1], "filter") !== undefined;
    if (
      !(/^(?:search|searchAsync|bind|compare|modify|del|add)$/u.test(name) && isClient) &&
      !/^ldapjs\.(?:parseFilter|parseDN)$/u.test(api)
    )
      return;
    const taint = untrusted(run, args[0], KIND.ldap) ?? untrusted(run, option(args[1], "filter"), KIND.ldap);
    if (taint !== undefined) report(node, `${taint.label} in ${name}()`, taint);
  },
};

/** An XPath expression that is put together. */
export const XPATH_INJECTION: ScanRule = {
  id: "scan/xpath-injection",
  severity: "error",
  cwe: ["CWE-643"],
  owasp: "A03",
  what: "Text from outside becomes a part of an XPath expression.",
  why: "' or '1'='1 selects every node, and functions of XPath read the rest of the document.",
  fix: "Pass it as a variable: xpath.parse(expression).select({ node, variables: { name } }).",
  bad: 'import xpath from "xpath";\napp.get("/user", (req, res) => res.json(xpath.select(`//user[name=\'${req.query.name}\']`, document_)));',
  good: 'import xpath from "xpath";\nconst BY_NAME = xpath.parse("//user[name=$name]");\napp.get("/user", (req, res) => res.json(BY_NAME.select({ node: document_, variables: { name: String(req.query.name) } })));',
  calls: ({ api, name, args, receiver, run, node }, report) => {
    if (
      !/^xpath\.(?:select|select1|evaluate|parse|useNamespaces\(\))$/u.test(api) &&
      api !== "document.evaluate" &&
      !/^libxmljs2?\b.*\(\)\.(?:get|find)$/u.test(api) &&
      !(/^xpath$/iu.test(receiver?.name ?? "") && /^(?:select1?|evaluate|parse)$/u.test(name))
    )
      return;
    const taint = untrusted(run, args[0], KIND.xpath, ["remote", "browser"]);
    if (taint !== undefined) report(node, `${taint.label} in ${name}()`, taint);
  },
};

/** A parser of XML that fetches what a document names. */
export const EXTERNAL_ENTITIES: ScanRule = {
  id: "scan/external-entities",
  severity: "error",
  cwe: ["CWE-611"],
  owasp: "A05",
  what: "XML is parsed with external entities or DTDs switched on.",
  why: "A document then reads files of the server and asks hosts behind it.",
  fix: "Leave noent, dtdload and the like off, which is the default, or take a parser that has none of them.",
  bad: 'import libxmljs from "libxmljs";\napp.post("/xml", (req, res) => res.json(libxmljs.parseXml(req.body, { noent: true }).get("//a").text()));',
  good: 'import libxmljs from "libxmljs";\napp.post("/xml", (req, res) => res.json(libxmljs.parseXml(req.body).get("//a").text()));',
  calls: ({ args, node, name, api, run }, report) => {
    if (
      /^node-expat\b.*\(\)\.(?:write|parse)$|^xml2json\.toJson$/u.test(api) &&
      untrusted(run, args[0], KIND.xml) !== undefined
    )
      report(node, "entities are expanded as often as they are named");
    if (!/xml/iu.test(`${api} ${name}`)) return;
    const risky = [
      "noent",
      "replaceEntities",
      "dtdload",
      "loadExternalSubset",
      "external_entities",
      "resolveExternals",
      "huge",
      "expandEntities",
    ];
    for (const value of args)
      for (const key of risky) if (option(value, key)?.literal === true) report(node, `${key} in ${name}()`);
  },
};

const DESERIALIZERS =
  /^(?:node-serialize\.unserialize|serialize-to-js\.deserialize|funcster\.deepDeserialize|cryo\.parse|v8\.deserialize|php-unserialize\.unserialize|jsonpickle\.decode|serialijse\.deserialize|devalue\.unflatten|superjson\.unsafe|node:v8\.deserialize|js-yaml\.load|js-yaml\.loadAll)$/u;

/** Data that becomes objects of any class, or functions. */
export const UNSAFE_DESERIALIZATION: ScanRule = {
  id: "scan/unsafe-deserialization",
  severity: "error",
  cwe: ["CWE-502"],
  owasp: "A08",
  what: "Text from outside is deserialised by a format that knows functions or classes.",
  why: "Making the object is enough to run what the client put into it.",
  fix: "Take JSON.parse and a schema. For YAML, a version of js-yaml from 4 on, or a schema without JavaScript types.",
  bad: 'import serialize from "node-serialize";\napp.post("/", (req, res) => res.json(serialize.unserialize(req.body.profile)));',
  good: 'app.post("/", (req, res) => res.json(JSON.parse(req.body.profile)));',
  calls: ({ api, name, args, run, node }, report) => {
    const isYaml = api.startsWith("js-yaml.");
    const schema = schemaOf(args);
    const unsafeSchema =
      /FULL|UNSAFE|js-yaml-js-types/u.test(schema) ||
      (schema.endsWith(".extend()") && /["']js-yaml-js-types/u.test(run.module.file.text));
    if (!DESERIALIZERS.test(api) || (isYaml && option(args.at(-1), "schema") !== undefined && !unsafeSchema)) return;
    const taint = untrusted(run, args[0], KIND.deserialize);
    if (taint !== undefined) report(node, `${taint.label} in ${name}()`, taint);
  },
};

function schemaOf(args: readonly Value[]): string {
  return option(args.at(-1), "schema")?.api ?? "";
}

/** A line of a log that a client ends and begins. */
export const LOG_INJECTION: ScanRule = {
  id: "scan/log-injection",
  severity: "warning",
  cwe: ["CWE-117"],
  owasp: "A09",
  what: "Text from outside is put into a line of a log.",
  why: "A line break in it begins a line that the server never wrote, and escape sequences run in the terminal of who reads it.",
  fix: "Log it as a field of a structured log, or with JSON.stringify.",
  bad: 'app.post("/login", (req, res) => console.log("sign-in of " + req.body.name));',
  good: 'app.post("/login", (req, res) => console.log("sign-in of " + JSON.stringify(req.body.name)));',
  calls: ({ name, args, receiver, run, node }, report) => {
    if (
      !/^(?:log|info|warn|error|debug|trace|fatal|notice|verbose)$/u.test(name) ||
      !/^(?:console|logger|log|winston|pino|bunyan)$/iu.test(receiver?.name ?? receiver?.api ?? "")
    )
      return;
    for (const value of unlessQuoted(args)) {
      if (value.fields !== undefined || (value.parts === undefined && receiver?.api !== "console")) continue;
      const taint = untrustedItself(run, value, KIND.log);
      // An object as a whole is printed with its line breaks escaped.
      const isWhole = value.parts === undefined && taint?.label.split(".").length === 2;
      if (taint !== undefined && !isWhole) report(node, `${taint.label} in ${name}()`, taint);
    }
  },
};

/** What stands for %j, %o and the numbers is written with its line breaks escaped. */
function unlessQuoted(args: readonly Value[]): readonly Value[] {
  const places = [...(textOf(args[0]) ?? "").matchAll(/%([sdifjoOc%])/gu)].filter(([place]) => place !== "%%");
  return args.filter((_, index) => index === 0 || !/[difjoO]/u.test(places[index - 1]?.[1] ?? ""));
}

/** A format whose places a client writes. */
export const FORMAT_INJECTION: ScanRule = {
  id: "scan/format-injection",
  severity: "warning",
  cwe: ["CWE-134"],
  owasp: "A03",
  what: "Text from outside is the format into which other values are put.",
  why: "%s and %o in it take the values that were meant to come later: a line of the log then says something else.",
  fix: 'Give a format of your own: console.log("%s from %s", text, address).',
  bad: 'app.get("/", (req, res) => { console.log("asked for " + req.query.q + " by %s", req.ip); res.end(); });',
  good: 'app.get("/", (req, res) => { console.log("asked for %s by %s", JSON.stringify(req.query.q), req.ip); res.end(); });',
  calls: ({ name, api, args, run, node }, report) => {
    if (!/^console\.(?:log|info|warn|error|debug|trace)$|^util\.format$/u.test(api) || args.length < 2) return;
    const taint = untrustedItself(run, args[0], KIND.format);
    const isFormat = api === "util.format" || args[0]?.parts !== undefined;
    if (taint !== undefined && isFormat) report(node, `${taint.label} in ${name}()`, taint);
  },
};

/** A query of GraphQL that is put together. */
export const GRAPHQL_INJECTION: ScanRule = {
  id: "scan/graphql-injection",
  severity: "error",
  cwe: ["CWE-943", "CWE-89"],
  owasp: "A03",
  what: "Text from outside becomes a part of a GraphQL document.",
  why: "A quote and a brace in it end the field and ask for others, with the rights of your server.",
  fix: "Keep the document as it is and pass values as variables.",
  bad: 'import { graphql } from "graphql";\napp.get("/u", async (req, res) => res.json(await graphql({ schema, source: `{ user(id: "${req.query.id}") { name } }` })));',
  good: 'import { graphql } from "graphql";\napp.get("/u", async (req, res) => res.json(await graphql({ schema, source: "query ($id: ID!) { user(id: $id) { name } }", variableValues: { id: String(req.query.id) } })));',
  calls: ({ name, args, run, node }, report) => {
    const documents = args.flatMap((value) => [
      value,
      option(value, "query"),
      option(value, "source"),
      option(value, "mutation"),
    ]);
    for (const value of documents) {
      if (value?.parts?.includes(null) !== true) continue;
      const start = value?.parts?.find((part) => typeof part === "string" && part.trim() !== "");
      if (typeof start !== "string" || !DOCUMENT.test(start)) continue;
      const taint = untrustedItself(run, value, KIND.graphql);
      if (taint !== undefined) report(node, `${taint.label} in ${name}()`, taint);
    }
  },
};

/** `{ user(`, `query {`, `mutation Name($id: ID!) {` */
const DOCUMENT = /^\s*(?:(?:query|mutation|subscription)\b\s*\w*\s*(?:\([^)]*\))?\s*)?\{\s*\w+\s*[({]/u;

/** A pattern that a client wrote. */
export const REGEX_INJECTION: ScanRule = {
  id: "scan/regex-injection",
  severity: "error",
  cwe: ["CWE-730", "CWE-1333"],
  owasp: "A03",
  what: "Text from outside becomes a regular expression.",
  why: "(a+)+$ and forty letters keep the one thread of the server busy for hours.",
  fix: "Escape it (escapePattern of glacis/input, RegExp.escape), or compare texts without a pattern.",
  bad: 'app.get("/search", (req, res) => res.json(names.filter((name) => new RegExp(req.query.q).test(name))));',
  good: 'import escapeRegExp from "lodash/escapeRegExp";\napp.get("/search", (req, res) => res.json(names.filter((name) => new RegExp(escapeRegExp(String(req.query.q))).test(name))));',
  calls: (call, report) => {
    for (const value of patternsOf(call)) {
      const taint = untrusted(call.run, value, KIND.regex);
      if (taint !== undefined) report(call.node, `${taint.label} in ${call.name}()`, taint);
    }
  },
};

/** Something of which nothing is known but that it is asked for a match is a text. */
function isText(receiver: Value | undefined, name: string): boolean {
  if (receiver === undefined) return false;
  if (receiver.type !== undefined || receiver.literal !== undefined)
    return receiver.type === "string" || typeof receiver.literal === "string";
  const isUnknown = receiver.api === undefined && receiver.fields === undefined && receiver.role === undefined;
  return isUnknown && name === "match" && !/rout|match|cache|\bcy\b|expect|pattern/iu.test(receiver.name ?? "");
}

function patternsOf({ api, name, args, receiver }: Call): readonly Value[] {
  const [first] = args;
  if (first === undefined) return [];
  if (/^(?:(?:globalThis|window)\.)?RegExp$/u.test(api)) return [first];
  // A text that is searched for is made a pattern.
  if (/^(?:match|matchAll|search)$/u.test(name)) return isText(receiver, name) ? [first] : [];
  if (!QUERIES.test(name)) return [];
  return [...(first.fields?.values() ?? [])].flatMap(({ fields }) => fields?.get("$regex") ?? []);
}

const CHECKED_ELSEWHERE = /^(?:location|refresh|access-control-allow-origin|content-type)$/iu;

/** A header whose value a client writes. */
export const HEADER_INJECTION: ScanRule = {
  id: "scan/header-injection",
  severity: "warning",
  cwe: ["CWE-113"],
  owasp: "A03",
  what: "Text from outside becomes a header of the response.",
  why: "It sets cookies, caches and policies for other people; a line break in it, where the server lets it pass, begins a response of its own.",
  fix: "Set values of your own, or take line breaks and everything else out that the header does not need.",
  bad: 'app.get("/", (req, res) => { res.setHeader("X-Theme", req.query.theme); res.end(); });',
  good: 'app.get("/", (req, res) => { res.setHeader("X-Theme", String(req.query.theme).replace(/[\\r\\n]/g, "")); res.end(); });',
  calls: ({ name, args, receiver, run, node }, report) => {
    // A response that is written by hand.
    const written =
      /^(?:write|end)$/u.test(name) && /^HTTP\/\d/u.test(prefixOf(args[0] ?? UNKNOWN)) ? args[0] : undefined;
    const inside = untrustedItself(run, written, KIND.header);
    if (inside !== undefined) report(node, `${inside.label} in ${name}()`, inside);
    if (receiver?.role !== "response" || !/^(?:setHeader|set|header|append|writeHead)$/u.test(name)) return;
    for (const [header, value] of args.flatMap(({ fields }) => [...(fields ?? [])])) {
      const found = CHECKED_ELSEWHERE.test(header) ? undefined : untrustedItself(run, value, KIND.header);
      if (found !== undefined) report(node, `${found.label} in ${name}()`, found);
    }
    if (args.length < 2 || name === "writeHead") return;
    if (CHECKED_ELSEWHERE.test(String(args[0]?.literal ?? ""))) return;
    const taint = untrustedItself(run, args[1], KIND.header) ?? untrustedItself(run, args[0], KIND.header);
    if (taint !== undefined) report(node, `${taint.label} in ${name}()`, taint);
  },
};
