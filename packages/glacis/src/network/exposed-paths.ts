/** Where things lie that were never meant to be served, and how each is told from a page that answers 200 to everything. */

/** What an answer would give away. */
export type Exposure = "secret" | "source" | "operations" | "description" | "listing";

export interface ExposedPath {
  readonly path: string;
  readonly exposure: Exposure;
  /** What the content looks like: a status alone proves nothing, for many sites answer 200 to whatever is asked. */
  readonly looks: RegExp;
}

const all = (exposure: Exposure, looks: RegExp, paths: string): readonly ExposedPath[] =>
  paths.split(/\s+/u).map((path) => ({ path, exposure, looks }));

const VARIABLES = /^(?:export[ \t]+)?[A-Z][A-Z0-9_]*[ \t]*=[ \t]*\S/mu;
const PRIVATE_KEY = /-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----/u;
const DUMP = /^(?:CREATE|INSERT INTO|COPY|DROP|SET|PRAGMA)\b.*|database dump|^PGDMP/mu;
const SQLITE = /^SQLite format 3/u;
// A byte above 0x7f has become U+FFFD where the body was read as UTF-8.
const ARCHIVE = /^(?:PK\u0003\u0004|\u001f[\u008b\ufffd])/u;
const LISTING = /<title>\s*(?:Index of|Directory listing|listing directory|Directory:) ?\/?|<h1>Index of \//iu;
const METRICS = /^# (?:HELP|TYPE) \w/mu;
const OPENAPI = /["']?(?:openapi|swagger)["']?\s*:\s*["']?[23]\./u;
const API_PAGE = /swagger-ui|SwaggerUIBundle|redoc|api-reference/iu;
const MANIFEST = /"(?:dependencies|devDependencies|scripts|lockfileVersion|compilerOptions|require|packages)"\s*:/u;
const LOG_LINE =
  /^.*(?:\d{4}-\d\d-\d\d[T ]\d\d:\d\d|\[\d\d\/[A-Z][a-z]{2}\/\d{4}:|npm (?:verb|ERR!|info)|"(?:level|time)":).*/mu;
const CODE = /require\(["'][\w@./-]+["']\)|^import .+ from ["']|^export (?:default|const|function)|process\.env\b/mu;

/** What scanners ask for first, and so what a probe asks for. Panels of tools are the business of `admin-interface`. */
export const EXPOSED_PATHS: readonly ExposedPath[] = [
  ...all("source", /^ref: refs\/|^[0-9a-f]{40}$/mu, "/.git/HEAD /api/.git/HEAD /app/.git/HEAD /static/.git/HEAD"),
  ...all("source", /^\[(?:core|remote|branch)\b/mu, "/.git/config"),
  ...all("source", /^DIRC/u, "/.git/index"),
  ...all("source", /^[0-9a-f]{40} [0-9a-f]{40} /mu, "/.git/logs/HEAD"),
  ...all("source", /^\[submodule /mu, "/.gitmodules"),
  ...all("source", SQLITE, "/.svn/wc.db"),
  ...all("source", /^(?:\d+\s*$|<\?xml)/mu, "/.svn/entries"),
  ...all("source", /\b(?:revlog|store|dotencode|generaldelta)/u, "/.hg/requires"),
  ...all("source", /Bazaar/u, "/.bzr/branch-format"),
  ...all(
    "source",
    MANIFEST,
    "/package.json /package-lock.json /composer.json /tsconfig.json /node_modules/.package-lock.json",
  ),
  ...all("source", /^# yarn lockfile|^__metadata:/mu, "/yarn.lock"),
  ...all("source", /^lockfileVersion:/mu, "/pnpm-lock.yaml"),
  ...all(
    "source",
    CODE,
    "/server.js /index.ts /src/index.ts /src/server.ts /src/app.ts /server.ts /ecosystem.config.js",
  ),
  ...all(
    "source",
    CODE,
    "/glacis.config.ts /vite.config.ts /vite.config.js /webpack.config.js /next.config.js /drizzle.config.ts",
  ),
  ...all("source", /^FROM \S/mu, "/Dockerfile"),
  ...all("source", /^services:/mu, "/docker-compose.yml /docker-compose.yaml /compose.yaml /compose.yml"),
  ...all(
    "source",
    /^(?:service|provider|functions|jobs|on):/mu,
    "/serverless.yml /.github/workflows/ci.yml /.gitlab-ci.yml",
  ),
  ...all("source", /^[\w./*!#-]+$/mu, "/.dockerignore"),
  ...all("source", /\u0000\u0000\u0000\u0001Bud1/u, "/.DS_Store"),
  ...all("source", /^\{[\s\S]*"(?:editor|files|password|remotePath)\b/u, "/.vscode/settings.json"),
  ...all("source", /<project /u, "/.idea/workspace.xml"),
  ...all("source", /<configuration\b/u, "/web.config"),
  ...all("source", /^(?:RewriteEngine|AuthType|Options|Deny|Require)\b/mu, "/.htaccess"),

  ...all(
    "secret",
    VARIABLES,
    "/.env /.env.local /.env.production /.env.development /.env.staging /.env.test /.env.bak /.env.backup /.env.old /.env.save",
  ),
  ...all(
    "secret",
    VARIABLES,
    "/api/.env /app/.env /backend/.env /config/.env /src/.env /.envrc /env.txt /terraform.tfvars",
  ),
  ...all("secret", /^(?:\/\/\S+:_auth|_auth(?:Token)?\s*=|registry\s*=)/mu, "/.npmrc"),
  ...all("secret", /npmAuthToken|npmRegistryServer|yarnPath/u, "/.yarnrc.yml"),
  ...all("secret", /^https?:\/\/[^\s:@]+:[^\s@]+@/mu, "/.git-credentials"),
  ...all("secret", /aws_access_key_id/iu, "/.aws/credentials /aws/credentials"),
  ...all(
    "secret",
    PRIVATE_KEY,
    "/.ssh/id_rsa /.ssh/id_ed25519 /id_rsa /server.key /private.key /privkey.pem /key.pem /ssl/server.key",
  ),
  ...all("secret", /"auths"\s*:/u, "/.docker/config.json /.dockercfg"),
  ...all("secret", /^apiVersion:/mu, "/.kube/config"),
  ...all("secret", /"terraform_version"\s*:/u, "/terraform.tfstate /.terraform/terraform.tfstate"),
  ...all("secret", /^[^\s:<]+:(?:\$|\{SHA\}|[./\w]{13}$)/mu, "/.htpasswd"),
  ...all("secret", /^machine \S+/mu, "/.netrc"),
  ...all("secret", /^[^\s:<]+:\d+:[^:]+:[^:]+:\S+/mu, "/.pgpass"),
  ...all("secret", /"(?:password|privateKeyPath)"\s*:/u, "/.vscode/sftp.json /sftp-config.json"),
  ...all(
    "secret",
    /"(?:private_key|client_secret)"\s*:/u,
    "/credentials.json /service-account.json /client_secret.json",
  ),
  ...all("secret", /^\s*(?:sudo|cd|ls|git|npm|docker|psql|ssh|export)\b/mu, "/.bash_history /.zsh_history"),
  ...all("secret", DUMP, "/backup.sql /dump.sql /database.sql /db.sql /data.sql /backup/dump.sql"),
  ...all("secret", SQLITE, "/db.sqlite /db.sqlite3 /database.sqlite /data.db /app.db"),
  ...all(
    "secret",
    ARCHIVE,
    "/backup.zip /backup.tar.gz /site.zip /www.zip /app.zip /src.zip /dist.zip /release.zip /db.sql.gz /dump.sql.gz",
  ),
  ...all(
    "secret",
    LOG_LINE,
    "/error.log /debug.log /access.log /app.log /npm-debug.log /logs/error.log /logs/app.log /logs/access.log",
  ),

  ...all("operations", METRICS, "/metrics /prometheus /api/metrics /actuator/prometheus"),
  ...all("operations", /"_links"\s*:|"propertySources"\s*:|"beans"\s*:/u, "/actuator /actuator/env /actuator/beans"),
  ...all("operations", /Apache Server Status|Apache Server Information/u, "/server-status /server-info"),
  ...all("operations", /Types of profiles available|"cmdline"\s*:/u, "/debug/pprof/ /debug/vars"),
  ...all("operations", /phpinfo\(\)|PHP Version/u, "/phpinfo.php /info.php"),
  ...all("operations", /"webSocketDebuggerUrl"|"Protocol-Version"\s*:/u, "/json/version /json/list"),
  ...all(
    "operations",
    /HMR|__vite|webpackHotUpdate|import\.meta\.hot/u,
    "/@vite/client /__webpack_hmr /webpack-dev-server",
  ),

  ...all(
    "description",
    OPENAPI,
    "/swagger.json /openapi.json /openapi.yaml /swagger.yaml /api/openapi.json /api/swagger.json /v2/api-docs /v3/api-docs",
  ),
  ...all(
    "description",
    API_PAGE,
    "/swagger/ /swagger-ui/ /swagger-ui.html /api-docs /api-docs/ /docs /api/docs /documentation /reference /redoc",
  ),
  ...all("description", /"__schema"\s*:/u, "/graphql?query=%7B__schema%7BqueryType%7Bname%7D%7D%7D"),

  ...all(
    "listing",
    LISTING,
    "/assets/ /static/ /public/ /uploads/ /files/ /images/ /js/ /css/ /backup/ /backups/ /logs/ /data/ /tmp/ /node_modules/",
  ),
];

const BY_PATH = new Map(EXPOSED_PATHS.map((entry) => [entry.path, entry]));

/** @param target path and query, as a request names it */
export function exposedPath(target: string): ExposedPath | undefined {
  return BY_PATH.get(target);
}

/**
 * What a route with this pattern would give away: its last word decides, wherever it is mounted, such as `/internal/metrics`.
 *
 * @param pattern as the framework writes it, such as `/admin/queues/:id`
 */
export function exposureOfRoute(pattern: string): "operations" | "description" | undefined {
  const words = pattern
    .toLowerCase()
    .split("/")
    .filter((word) => word !== "" && !/^[:*{]/u.test(word));
  if (words.some((word) => OPERATIONS.has(word))) return "operations";
  return words.some((word) => DESCRIPTION.has(word)) ? "description" : undefined;
}

const OPERATIONS = new Set(
  "metrics prometheus actuator pprof heapdump heap-snapshot server-status debug __debug__".split(" "),
);
const DESCRIPTION = new Set(
  "swagger swagger-ui swagger.json swagger.yaml openapi openapi.json openapi.yaml api-docs redoc".split(" "),
);
