/** Template engines that put a value in as it is. */
import { KIND } from "../engine/kinds.ts";
import type { Call } from "../engine/run.ts";
import { textOf, type Value } from "../engine/value.ts";
import { untrusted } from "../rule.ts";

/** By engine, what in a template stands for a value that is not escaped. */
const RAW: readonly (readonly [RegExp, RegExp])[] = [
  [/^ejs\.(?:render|compile)|^eta\.(?:render|compile)/u, /<%-\s*([\w.]+)/gu],
  [/^(?:[Hh]andlebars\.compile|[Mm]ustache\.render|hogan\.js\.compile)/u, /\{\{(?:\{|&)\s*([\w.]+)/gu],
  [/^(?:pug|jade)\.(?:render|compile)/u, /[!](?:=\s*|\{\s*)([\w.]+)/gu],
  [/^nunjucks\.(?:renderString|compile)/u, /\{\{\s*([\w.]+)\s*\|\s*safe/gu],
  [/^(?:lodash|underscore|_)\.template|^lodash\/template/u, /<%=\s*([\w.]+)/gu],
  [/^(?:dot|doT)\.template/u, /\{\{=\s*(?:it\.)?([\w.]+)/gu],
];
const MARKS = /(?:^|\.)SafeString$|^nunjucks\.(?:\w+\.)?markSafe$|^hono\/html\.raw$/u;

/** Untrusted text that a template, or a mark on the text, puts into markup as it is. */
export function unescapedIn({ api, args, callee, run }: Call): ReturnType<typeof untrusted> {
  if (MARKS.test(api)) return untrusted(run, args[0], KIND.html, ["remote", "parameter"]);
  const engine = RAW.find(([name]) => name.test(api));
  if (engine === undefined) return undefined;
  const isMade = callee.madeOf !== undefined;
  const template = isMade ? callee.madeOf : textOf(args[0]);
  if (template === undefined) return undefined;
  const data = args[isMade ? 0 : 1];
  for (const [, path = ""] of template.matchAll(engine[1])) {
    const name = path.replace(/^locals\.|^this\./u, "").split(".")[0] ?? "";
    const value: Value | undefined = data?.fields?.get(name) ?? (data?.fields === undefined ? data : undefined);
    const taint = untrusted(run, value, KIND.html);
    if (taint !== undefined) return taint;
  }
  return undefined;
}
