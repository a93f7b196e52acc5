/** Templates in files of their own, and what handlers put into them. */
import { KIND } from "../engine/kinds.ts";
import { carriedBy } from "../engine/members.ts";
import type { Call } from "../engine/run.ts";
import { sanitisedBy } from "../engine/sanitisers.ts";
import { textOf, type Taint, type Value } from "../engine/value.ts";
import type { SourceFile } from "../parse.ts";
import { untrusted } from "../rule.ts";
import { rawValues } from "./markup.ts";

/** By template, the names whose values every handler has cleaned; false once one has not. */
const CLEANED = new WeakMap<SourceFile, Map<string, boolean>>();

/** The first part of what a template puts in: `user` of `user.bio`. */
function rootOf(value: string): string {
  return /^[\w$]+/u.exec(value.replace(/^(?:locals|this|it)[./]/u, ""))?.[0] ?? value;
}

/** Has every handler that is seen made a value harmless before it went into a template? */
export function isCleanedBefore(view: SourceFile, value: string): boolean {
  return CLEANED.get(view)?.get(rootOf(value)) === true;
}

export interface PutIn {
  readonly taint: Taint;
  readonly view: SourceFile;
}

/** `res.render("profile", { bio: req.query.bio })`, where the template puts bio in as it is. */
export function unescapedInView({ name, args, receiver, run }: Call): PutIn | undefined {
  const isView = /^(?:render|view)$/u.test(name) && receiver?.role !== undefined;
  const path = isView ? textOf(args[0]) : undefined;
  if (path === undefined) return undefined;
  let found: PutIn | undefined;
  for (const view of run.views(path)) {
    for (const { value } of rawValues(view.markup ?? "", view.path)) {
      const root = rootOf(value);
      const given = args[1]?.fields?.get(root) ?? carriedBy(run.module.file).get(root);
      const taint = untrusted(run, given, KIND.html);
      if (taint !== undefined) found ??= { taint, view };
      note(view, root, taint === undefined && isHarmless(given));
    }
  }
  return found;
}

function note(view: SourceFile, root: string, isClean: boolean): void {
  const known = CLEANED.get(view) ?? new Map<string, boolean>();
  CLEANED.set(view, known.set(root, isClean && known.get(root) !== false));
}

function isHarmless(given: Value | undefined): boolean {
  if (given === undefined) return false;
  const by = given.api?.replace(/\(\)$/u, "") ?? "";
  const isSanitised = (sanitisedBy(by, by.slice(by.lastIndexOf(".") + 1)) & KIND.html) !== 0;
  return isSanitised || given.taints.length > 0 || given.type === "number" || textOf(given) !== undefined;
}
