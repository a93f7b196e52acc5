/** Where untrusted text comes from, by framework: the members of requests, the parameters of handlers, the globals of a page. */
import type { Node, TSType } from "../parse.ts";
import { argumentMember, parsedArguments } from "./command-lines.ts";
import { KIND, TEXTUAL } from "./kinds.ts";
import { source, type Call, type Run } from "./run.ts";
import type { Role, Value } from "./value.ts";

type MutableValue = { -readonly [K in keyof Value]: Value[K] };

/** Members of a request that the client wrote, and what they surely are not. */
const REQUEST_MEMBERS: Readonly<Record<string, number>> = {
  query: 0,
  body: 0,
  rawBody: TEXTUAL,
  params: TEXTUAL,
  param: TEXTUAL,
  headers: TEXTUAL,
  rawHeaders: TEXTUAL,
  header: TEXTUAL,
  get: TEXTUAL,
  cookies: 0,
  cookie: TEXTUAL,
  signedCookies: KIND.shape,
  url: TEXTUAL,
  originalUrl: TEXTUAL,
  path: TEXTUAL,
  href: TEXTUAL,
  hostname: TEXTUAL,
  host: TEXTUAL,
  subdomains: TEXTUAL,
  search: TEXTUAL,
  querystring: TEXTUAL,
  file: KIND.fields | KIND.nosql,
  files: KIND.fields | KIND.nosql,
  nextUrl: TEXTUAL,
  json: 0,
  text: TEXTUAL,
  formData: KIND.fields,
  parseBody: 0,
  queries: 0,
  input: 0,
  qs: 0,
  valid: TEXTUAL,
  arrayBuffer: TEXTUAL,
  payload: 0,
  queryStringParameters: TEXTUAL,
  multiValueQueryStringParameters: TEXTUAL,
  pathParameters: TEXTUAL,
  rawQueryString: TEXTUAL,
  rawPath: TEXTUAL,
  Records: 0,
};

/** Members of a context (Koa, Hono, a Lambda or loader argument) that are a request themselves or hold what a request holds. */
const CONTEXT_REQUESTS = new Set(["req", "request"]);
const CONTEXT_MEMBERS = new Set([
  "query",
  "querystring",
  "params",
  "headers",
  "header",
  "url",
  "originalUrl",
  "path",
  "href",
  "host",
  "hostname",
  "get",
  "cookies",
  "search",
  "searchParams",
]);
/** What multer and its kin choose themselves. */
const SERVER_CHOSEN = new Set(["filename", "destination", "path", "size", "buffer", "fieldname", "encoding", "stream"]);

export function memberOfRole(run: Run, node: Node, object: Value, key: string): Value | undefined {
  const { role } = object;
  if (role === "context") {
    if (CONTEXT_REQUESTS.has(key)) return { taints: [], role: "request", name: key };
    if (key === "res" || key === "response") return { taints: [], role: "response", name: key };
    // Koa reads a header so, Hono a variable of its own.
    if (key === "get" && object.name === "c") return undefined;
    if (CONTEXT_MEMBERS.has(key)) return requestMember(run, node, object, key);
    return undefined;
  }
  if (role !== "request") return undefined;
  if (key === "req" || key === "request" || key === "raw") return { ...object, name: key };
  return key in REQUEST_MEMBERS ? requestMember(run, node, object, key) : undefined;
}

function requestMember(run: Run, node: Node, object: Value, key: string): Value {
  const owner = object.name ?? "request";
  const taints = source(run, node, `${owner}.${key}`, "remote", REQUEST_MEMBERS[key] ?? 0);
  const value: MutableValue = { taints, name: key, api: `incoming.${key}` };
  if (key === "file" || key === "files") {
    value.fields = new Map([...SERVER_CHOSEN].map((name) => [name, { taints: [], name }]));
    value.own = SERVER_CHOSEN;
  }
  return value;
}

const REQUEST_TYPES =
  /^(?:(?:Express\.)?Request|IncomingMessage|Http2ServerRequest|FastifyRequest|NextRequest|NextApiRequest|HonoRequest|AuthenticatedRequest|APIGatewayProxyEvent(?:V2)?|\w*Request)$/u;
const RESPONSE_TYPES =
  /^(?:(?:Express\.)?Response|ServerResponse|Http2ServerResponse|FastifyReply|NextApiResponse|NextResponse)$/u;
const CONTEXT_TYPES =
  /^(?:Context|ParameterizedContext|Koa\.Context|ExecutionContext|LoaderFunctionArgs|ActionFunctionArgs|LoaderArgs|ActionArgs|APIContext|RequestEvent|GetServerSidePropsContext)$/u;

/** The role of a parameter, by its type or by the name that everybody gives it. */
export function roleOf(name: string | undefined, typeName: string | undefined): Role | undefined {
  if (typeName !== undefined) {
    if (CONTEXT_TYPES.test(typeName)) return "context";
    if (RESPONSE_TYPES.test(typeName)) return "response";
    if (REQUEST_TYPES.test(typeName)) return "request";
  }
  if (name === undefined) return undefined;
  if (/^_?(?:req|request)$/u.test(name)) return "request";
  if (/^_?(?:res|response|reply)$/u.test(name)) return "response";
  return /^_?(?:ctx|context|c)$/u.test(name) ? "context" : undefined;
}

/** Decorators of NestJS, routing-controllers and tsoa that put a part of the request into a parameter. */
const DECORATED = new Set([
  "Body",
  "Query",
  "Param",
  "Params",
  "Headers",
  "Header",
  "Cookies",
  "UploadedFile",
  "UploadedFiles",
  "QueryParam",
  "QueryParams",
  "BodyParam",
  "HeaderParam",
  "CookieParam",
  "Path",
  "Args",
  "MessageBody",
  "HostParam",
  "RawBody",
  "Payload",
]);
const DECORATED_ROLES: Readonly<Record<string, Role>> = {
  Req: "request",
  Request: "request",
  Res: "response",
  Response: "response",
  Ctx: "context",
};

/** What decorators say about a parameter. */
export function decoratedParameter(
  run: Run,
  node: Node,
  name: string,
  decorators: readonly Node[],
  numeric: boolean,
): Value | undefined {
  for (const decorator of decorators) {
    if (decorator.type !== "Decorator") continue;
    const { expression } = decorator;
    const callee = expression.type === "CallExpression" ? expression.callee : expression;
    if (callee.type !== "Identifier") continue;
    const role = DECORATED_ROLES[callee.name];
    if (role !== undefined) return { taints: [], role, name };
    if (!DECORATED.has(callee.name)) continue;
    const pipes =
      expression.type === "CallExpression" ? run.module.file.text.slice(expression.start, expression.end) : "";
    if (numeric || /Parse(?:Int|Float|Bool|UUID|Enum)Pipe/u.test(pipes)) return { taints: [], name, type: "number" };
    const safe = /^(?:Body|Query|Args|Payload|MessageBody)$/u.test(callee.name) ? 0 : TEXTUAL;
    return { taints: source(run, node, `@${callee.name} ${name}`, "remote", safe), name };
  }
  return undefined;
}

/** The event of `postMessage`, as its label says. */
export const MESSAGE_EVENT = "message event";

const PAGE_ADDRESS =
  /^(?:(?:window|document|self|globalThis|top|parent|window\.top)\.)?location(?:\.(?:search|hash|href|pathname))?$/u;
const PAGE_TEXTS = new Set([
  "document.URL",
  "document.documentURI",
  "document.baseURI",
  "document.referrer",
  "window.name",
  "history.state",
  "document.cookie",
]);

/** What a page or process knows from outside, by the name of the global. */
export function globalSource(run: Run, node: Node, api: string): Value | undefined {
  if (PAGE_ADDRESS.test(api) && api.includes(".") && !api.endsWith("location"))
    return { taints: source(run, node, api, "browser", TEXTUAL), api, type: "string" };
  if (/^\$(?:route|state)Params\.\w+$/u.test(api)) return { taints: source(run, node, api, "browser", TEXTUAL), api };
  if (/^XMLHttpRequest\(\)\.(?:responseText|response)$/u.test(api))
    return { taints: source(run, node, "answer of a server", "stored", TEXTUAL), api };
  if (PAGE_FIELDS.test(api)) return { taints: source(run, node, "text of the page", "stored", TEXTUAL), api };
  if (/ActivatedRoute\(\)\.snapshot\.(?:queryParams|params|queryParamMap|paramMap|fragment)$/u.test(api))
    return { taints: source(run, node, "address of the page", "browser", TEXTUAL), api };
  if (/^(?:\w+\.)?props\.(?:location\.(?:search|hash)|match\.params)$/u.test(api))
    return { taints: source(run, node, api, "browser", TEXTUAL), api };
  if (PAGE_TEXTS.has(api)) return { taints: source(run, node, api, "browser", TEXTUAL), api };
  if (api.endsWith(".$route")) {
    const taints = source(run, node, "$route", "browser", TEXTUAL);
    return {
      taints: [],
      fields: new Map(["query", "params", "hash", "fullPath"].map((key) => [key, { taints, name: key }])),
    };
  }
  const typed = argumentMember(run, node, api);
  if (typed !== undefined) return typed;
  if (api === "process.argv") return { taints: source(run, node, api, "argument", TEXTUAL), api };
  return undefined;
}

/** Hooks of React routers and of Next that return parts of the address. */
const ADDRESS_HOOKS =
  /(?:^|\.)(?:useSearchParams|useParams|useQueryParam|useLocation|useRoute|useRouter|useLocalSearchParams|useGlobalSearchParams)\(\)(?:\.|$)/u;

export function hookSource(run: Run, node: Node, api: string): Value | undefined {
  if (!ADDRESS_HOOKS.test(`${api}()`)) return undefined;
  const hook = api.slice(api.lastIndexOf(".") + 1);
  if (/^use(?:Router|Route|Location)$/u.test(hook)) {
    const taints = source(run, node, `${hook}()`, "browser", TEXTUAL);
    return {
      taints: [],
      api: `${api}()`,
      fields: new Map(
        ["query", "params", "asPath", "fullPath", "search", "hash", "pathname"].map((key) => [
          key,
          { taints, name: key },
        ]),
      ),
    };
  }
  return { taints: source(run, node, `${hook}()`, "browser", TEXTUAL), api: `${api}()` };
}

/** Functions that read a part of the request which is being answered, and what that part surely is not. */
const READERS: readonly (readonly [RegExp, number])[] = [
  [/^hono\/cookie\.get(?:Signed)?Cookie$/u, TEXTUAL],
  [/^next\/headers\.(?:cookies|headers)$/u, TEXTUAL],
  [/^(?:h3\.|#imports\.)?(?:getQuery|readBody|readValidatedBody|readFormData|readMultipartFormData)$/u, 0],
  [
    /^(?:h3\.|#imports\.)?(?:getRouterParams?|get(?:Request)?Headers?|getRequestURL|parseCookies|readRawBody)$/u,
    TEXTUAL,
  ],
  [/^(?:h3|#imports)\.getCookie$/u, TEXTUAL],
  [/^co-body(?:\.\w+)?$|^raw-body$|^micro\.(?:json|text|buffer)$/u, 0],
];

export function readBy(call: Call): Value | undefined {
  const typed = parsedArguments(call);
  if (typed !== undefined) return typed;
  const { api, run, node, args } = call;
  const reader = READERS.find(([pattern]) => pattern.test(api));
  if (reader === undefined) return undefined;
  // Without an import it is the function of that name which Nuxt brings, and that is asked about an event.
  const isBare = !api.includes(".") && args[0]?.role === undefined;
  if (isBare && args[0]?.name !== "event") return undefined;
  const label = `${api.slice(api.lastIndexOf(".") + 1)}()`;
  return { taints: source(run, node, label, "remote", reader[1]), api: `${api}()` };
}

/** What stands in fields of the page: somebody may have written it there. */
const PAGE_FIELDS = /^document\.(?:getElementById|querySelector)\(\)\.(?:value|innerText|textContent)$/u;

function isTextOfPage(api: string, name: string): boolean {
  return /^(?:\$|jQuery|jquery)\(\)\.(?:val|text|attr|data)$/u.test(api) && name !== "";
}

const ROWS =
  /^(?:query|execute|all|find|findOne|findAll|findMany|findFirst|findUnique|findById|findByPk|toArray|many|one|oneOrNone)$/u;
const STORES =
  /^(?:pg|mysql2?(?:\/promise)?|sqlite3|better-sqlite3|sequelize|@prisma\/client|mongodb|mongoose|typeorm|knex|postgres|mssql)\b/u;
const OWN_STORES = /(?:^|\.)(?:localStorage|sessionStorage)\.getItem$/u;

/** Rows of a database, answers of a server and what a page has kept: harmless to all but markup. */
export function storedBy({ api, name, receiver, run, node, args }: Call): Value | undefined {
  // A model from a file that is not read, asked as models are.
  const isModel =
    /^find(?:One|All|Many|First|ById|ByPk|Unique)?$/u.test(name) && /^[A-Z][a-z]\w*$/u.test(receiver?.name ?? "");
  const isRows =
    isModel ||
    (ROWS.test(name) &&
      (STORES.test(api) || /(?:^|\.)(?:pool|db|prisma\.\w+)$/u.test(receiver?.api ?? receiver?.name ?? "")));
  if (name === "getEntries" && /^adm-zip\b/u.test(api)) return archiveFiles(run, node);
  if (/^fs(?:\/promises|\.promises)?\.readdir(?:Sync)?$/u.test(api))
    return { taints: [], type: "array", element: { taints: source(run, node, "name of a file", "stored") } };
  if (isTextOfPage(api, name) && args.length < 2 && (args.length === 0 || /attr|data/u.test(name)))
    return { taints: source(run, node, "text of the page", "stored", TEXTUAL), api: `${api}()` };
  // An attribute that is looked at on an element holds a text, whatever it held in the markup.
  if (name === "getAttribute" && args.length === 1 && receiver?.role === undefined && receiver?.taints.length === 0)
    return { taints: source(run, node, "text of the page", "stored", TEXTUAL), api: `${api}()` };
  const isAnswer = /^fetch\(\)\.(?:json|text)$|^axios\.get$/u.test(api);
  if (!isRows && !isAnswer && !OWN_STORES.test(api)) return undefined;
  return { taints: source(run, node, isRows ? "row of the database" : `${api}()`, "stored"), api: `${api}()` };
}

/** The name of a type annotation, without its arguments. */
export function typeNameOf(type: TSType | null | undefined): string | undefined {
  if (type?.type !== "TSTypeReference") return undefined;
  const { typeName } = type;
  if (typeName.type === "Identifier") return typeName.name;
  return typeName.type === "TSQualifiedName" && typeName.left.type === "Identifier"
    ? `${typeName.left.name}.${typeName.right.name}`
    : undefined;
}

/** The list of JSZip is keyed by name, that of unzipper holds the names. */
function archiveFiles(run: Run, node: Node): Value {
  const taints = source(run, node, "name of an entry", "archive", TEXTUAL);
  return {
    taints,
    element: { taints: [], fields: new Map(["path", "name", "entryName"].map((key) => [key, { taints, name: key }])) },
  };
}

/** Names of entries in archives: `..` in them writes where nobody meant. */
export function archiveSource(run: Run, node: Node, object: Value, key: string): Value | undefined {
  const owner = object.name ?? "";
  if (key === "files" && /^(?:jszip|unzipper)\b/u.test(object.api ?? "")) return archiveFiles(run, node);
  const isName = /^(?:zip_?)?entry$|^zipEntry$/iu.test(owner)
    ? /^(?:fileName|entryName|path|filename)$/u.test(key)
    : owner === "header" && key === "name";
  if (!isName || object.taints.length > 0 || object.role !== undefined) return undefined;
  return { taints: source(run, node, `${owner}.${key}`, "archive", TEXTUAL), name: key };
}
