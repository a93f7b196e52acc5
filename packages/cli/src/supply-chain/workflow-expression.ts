/** Expressions of a workflow whose value a stranger writes: the title of an issue, the name of a branch. */

/** Numbers, ids and hashes of the event, which hold no text of anybody's choice. */
const HARMLESS =
  /^(?:number|id|node_id|sha|before|after|action|draft|merged|merged_at|created_at|updated_at|closed_at|mergeable|commits_count|state|forced|created|deleted|run_id|run_number|run_attempt|workflow_id|schedule|conclusion|status|(?:merge_commit|head|base)_sha|commit_id|private|fork|stargazers_count|author_association)$/u;

/** Ends where the next one begins, so that many beginnings without an end are read once. */
const EXPRESSION = /\$\{\{((?:(?!\$\{\{)[\s\S])*?)\}\}/gu;
const CONTEXT = /\bgithub(?:\s*\.\s*[\w*-]+|\s*\[\s*'[^']*'\s*\]|\s*\[\s*\d+\s*\]|\s*\[[^\]]*\])*/giu;

/** Each untrusted context in the expressions of a text, such as `github.event.issue.title`. */
export function untrustedContexts(text: string): readonly string[] {
  return [...text.matchAll(EXPRESSION)].flatMap((match) =>
    [...(match[1] ?? "").matchAll(CONTEXT)].map((found) => normalize(found[0])).filter(isUntrusted),
  );
}

/** `github['event'].issue` and `GITHUB.event . issue` are one name. */
function normalize(context: string): string {
  return context
    .replaceAll(/\s*\[\s*'([^']*)'\s*\]/gu, ".$1")
    .replaceAll(/\s*\[[^\]]*\]/gu, ".*")
    .replaceAll(/\s+/gu, "")
    .toLowerCase();
}

function isUntrusted(context: string): boolean {
  if (context === "github.head_ref") return true;
  // The whole context, or the whole event, contains everything.
  if (context === "github" || context === "github.event") return true;
  if (!context.startsWith("github.event.")) return false;
  return !HARMLESS.test(context.slice(context.lastIndexOf(".") + 1));
}

/** Names of secrets that expressions of a text read; `*` stands for all of them. */
export function secretsIn(text: string): readonly string[] {
  return [...text.matchAll(EXPRESSION)].flatMap((match) =>
    [...(match[1] ?? "").matchAll(/\bsecrets\b(?:\s*\.\s*([\w-]+)|\s*\[\s*'([^']*)'\s*\])?/giu)].map(
      (found) => found[1] ?? found[2] ?? "*",
    ),
  );
}
