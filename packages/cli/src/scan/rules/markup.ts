/** What pages and templates give away: values that are put in as they are. */

/** By the ending of the file, what stands for a value that is not escaped; the value is the first group. */
const RAW: readonly (readonly [RegExp, RegExp])[] = [
  [/\.(?:ejs|eta|html?)$/u, /<%[-~]\s*([\w$.[\]'"]+|JSON\.stringify\([^%]*\))\s*;?\s*-?%>/gu],
  [/\.(?:hbs|handlebars|mustache|html?)$/u, /\{\{(?:\{|&)\s*([\w.@/[\]-]+)\s*\}?\}\}/gu],
  [/\.(?:njk|nunjucks|html?)$/u, /\{\{-?\s*([\w.[\]'"]+)\s*(?:\|\s*\w+\s*)*\|\s*safe\b[^}]*\}\}/gu],
  [/\.(?:njk|nunjucks)$/u, /\{%-?\s*(autoescape\s+false)/gu],
  [/\.(?:pug|jade)$/u, /(?:^\s*[\w#.-]*(?:\([^)\n]*\))?|[\s([,][\w:-]+)!=\s*([\w$.[\]'"]+)\s*(?:$|[,)])/gmu],
  [/\.(?:pug|jade)$/u, /!\{\s*([\w$.[\]'"]+)\s*\}/gu],
  [/\.vue$/u, /\sv-html\s*=\s*"\s*([\w$.[\]'?]+)\s*"/gu],
  [/\.svelte$/u, /\{@html\s+([\w$.[\]'"?]+)\s*\}/gu],
  [/\.astro$/u, /\sset:html\s*=\s*\{\s*([\w$.[\]'"?]+)\s*\}/gu],
];
/** What layouts and engines put in themselves, and what says of itself that it was cleaned. */
const OWN =
  /^(?:body|yield|content|contents|block|children|outlet|page|defaultContent|include|csrf\w*)$|sanit|purif|escap|clean|safe_?html|trusted/iu;

export interface Raw {
  readonly offset: number;
  readonly value: string;
}

/** Values that a template puts in as they are. */
export function rawValues(text: string, path: string): readonly Raw[] {
  return RAW.filter(([ending]) => ending.test(path)).flatMap(([, pattern]) =>
    [...text.matchAll(pattern)].flatMap(({ 0: whole, 1: value = "", index }) =>
      OWN.test(value) || isCleaned(value, text) ? [] : [{ offset: index + whole.indexOf(value), value }],
    ),
  );
}

/** `const html = computed(() => DOMPurify.sanitize(...))` */
function isCleaned(value: string, text: string): boolean {
  const name = /^[\w$]+/u.exec(value)?.[0].replaceAll("$", "\\$") ?? "";
  return new RegExp(
    `\\b${name}\\b(?:\\(\\))?\\s*(?::[^=;\\n]+)?[={][^;]{0,120}(?:sanitize|purify|escape\\w*)\\w*\\(`,
    "iu",
  ).test(text);
}

/** A value that is escaped for text, where that does not help: in a script, or in an attribute without quotes. */
const BARE = /<\w[^<>]*\s[\w:-]+=(?:<%=|\{\{(?![{&#/>!%]))/gu;
const IN_SCRIPT = /(?:["'`=(,:]|\breturn)\s*(?:<%=|\{\{(?![{&#/>!%]))(?![^%}]*(?:JSON|json|tojson|nonce))/u;

export function misplacedValues(text: string, path: string): readonly Raw[] {
  if (!/\.(?:ejs|eta|hbs|handlebars|mustache|njk|nunjucks)$/u.test(path)) return [];
  const bare = [...text.matchAll(BARE)].map(({ 0: whole, index }) => ({
    offset: index + whole.length - 2,
    value: "an attribute without quotes",
  }));
  const scripts = [...text.matchAll(/<script\b[^>]*>([^]*?)<\/script\s*>/giu)].flatMap(
    ({ 0: whole, 1: body = "", index }) => {
      const found = IN_SCRIPT.exec(body);
      return found === null
        ? []
        : [{ offset: index + whole.indexOf(">") + 1 + found.index, value: "a value inside of a script" }];
    },
  );
  return [...bare, ...scripts];
}

/** Forms that change something, in templates that know no token. */
export function formsWithoutToken(text: string, path: string): readonly number[] {
  if (!/\.(?:ejs|eta|hbs|handlebars|mustache|njk|nunjucks)$/u.test(path)) return [];
  if (/csrf|xsrf|_token|authenticity/iu.test(text)) return [];
  return [...text.matchAll(/<form\b[^>]*\bmethod\s*=\s*["']?post\b[^>]*>/giu)]
    .filter(([tag]) => !/\baction\s*=\s*["']?(?:https?:)?\/\//iu.test(tag))
    .map(({ index }) => index);
}
