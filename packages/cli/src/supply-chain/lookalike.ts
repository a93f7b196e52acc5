/** Names that are one slip away from a package that everybody knows. */

/** Packages that are worth imitating, and beside them those that merely look as if they did. */
const KNOWN: readonly string[] = [
  ..."ajv angular ansi-styles archiver async async-mutex autoprefixer axios babel bcrypt bcryptjs better-sqlite3 body-parser bootstrap".split(
    " ",
  ),
  ..."browserslist bunyan busboy chai chalk cheerio chokidar classnames colors commander compression concurrently connect-redis".split(
    " ",
  ),
  ..."cookie cookie-parser cors cron cross-env cross-fetch cross-spawn crypto-js csurf date-fns dayjs debug discord.js dompurify".split(
    " ",
  ),
  ..."dotenv drizzle-orm ejs electron esbuild eslint ethers eventemitter3 execa express express-rate-limit express-session".split(
    " ",
  ),
  ..."fast-glob fastify formidable fs-extra glob graphql handlebars hapi helmet highlight.js hono husky i18next immer inquirer".split(
    " ",
  ),
  ..."ioredis iron-session jest joi jose jquery js-yaml jsdom jsonwebtoken karma knex koa lint-staged lodash lodash-es lru-cache".split(
    " ",
  ),
  ..."mariadb marked minimatch minimist mkdirp mocha moment mongodb mongoose morgan multer mysql mysql2 nanoid next node-fetch".split(
    " ",
  ),
  ..."node-forge nodemailer nodemon nuxt openai otpauth pactum passport passport-local pino pinia playwright pm2 postcss".split(
    " ",
  ),
  ..."preact prettier prisma prom-client prop-types puppeteer query-string ramda react react-dom react-router redis redux request".split(
    " ",
  ),
  ..."rimraf rollup rxjs sanitize-html sass semver sequelize serverless sharp shelljs sinon socket.io sqlite3 stripe supertest".split(
    " ",
  ),
  ..."svelte swr tailwindcss terser three through2 tslib tsx typeorm typescript uglify-js underscore undici uuid validator vite".split(
    " ",
  ),
  ..."vitest vue vue-router vuex webpack winston workbox ws xlsx xml2js yaml yargs yup zod zustand".split(" "),
];

const NAMES = new Set(KNOWN);
const FLAT = new Map(KNOWN.map((name) => [flat(name), name]));
/** Below this length most names are one letter apart. */
const SHORTEST = 5;

/** @returns the name that is probably meant, or undefined */
export function lookalikeOf(name: string): string | undefined {
  if (NAMES.has(name)) return undefined;
  // `@types/express` and the like are named after their package on purpose.
  if (name.startsWith("@")) return undefined;
  const same = FLAT.get(flat(name));
  if (same !== undefined) return same;
  return KNOWN.find((known) => known.length >= SHORTEST && isOneSlip(name, known));
}

/** Without separators, and with digits as the letters that they pass for. */
function flat(name: string): string {
  return name.toLowerCase().replaceAll(/[._-]/gu, "").replaceAll("0", "o").replaceAll("1", "l");
}

/** One letter more, one less, another one, or two neighbours exchanged (Damerau-Levenshtein distance 1). */
function isOneSlip(name: string, known: string): boolean {
  if (Math.abs(name.length - known.length) > 1) return false;
  let start = 0;
  while (start < name.length && name[start] === known[start]) start += 1;
  const rest = (text: string, skipped: number): string => text.slice(start + skipped);
  return (
    rest(name, 1) === rest(known, 1) ||
    rest(name, 1) === rest(known, 0) ||
    rest(name, 0) === rest(known, 1) ||
    (name[start] === known[start + 1] && name[start + 1] === known[start] && rest(name, 2) === rest(known, 2))
  );
}
