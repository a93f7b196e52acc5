/** What Content-Security-Policy level 3 and its companions know: directive names and what each takes. */

/** Stands for the response's own nonce in a directive. */
export const NONCE: unique symbol = Symbol("the response's nonce");

/** A script source that undoes the policy. Only `dangerouslyAllowSource` makes one. */
export interface DangerousSource {
  readonly dangerousSource: string;
}

export type CspSource = string | typeof NONCE | DangerousSource;

/** `true` switches a directive without a value on; `false` and `null` leave a directive out. */
export type CspDirectiveValue = CspSource | readonly CspSource[] | boolean | null;

export type CspDirectives = { readonly [Name in CspDirectiveName]?: CspDirectiveValue };

const SOURCE_LISTS = [
  "default-src",
  "script-src",
  "script-src-elem",
  "script-src-attr",
  "style-src",
  "style-src-elem",
  "style-src-attr",
  "img-src",
  "font-src",
  "connect-src",
  "media-src",
  "manifest-src",
  "object-src",
  "frame-src",
  "fenced-frame-src",
  "child-src",
  "worker-src",
  "prefetch-src",
  "base-uri",
  "form-action",
  "frame-ancestors",
] as const;

const FLAGS = ["upgrade-insecure-requests", "block-all-mixed-content"] as const;

const TOKEN_LISTS = ["sandbox", "trusted-types", "require-trusted-types-for", "require-sri-for", "webrtc"] as const;

const REPORTS = ["report-uri", "report-to"] as const;

export type CspDirectiveName =
  | (typeof SOURCE_LISTS)[number]
  | (typeof FLAGS)[number]
  | (typeof TOKEN_LISTS)[number]
  | (typeof REPORTS)[number];

export type CspDirectiveKind = "sources" | "flag" | "tokens" | "reports";

const kinds = (
  names: readonly CspDirectiveName[],
  kind: CspDirectiveKind,
): readonly [CspDirectiveName, CspDirectiveKind][] => names.map((name) => [name, kind]);

export const CSP_DIRECTIVES: ReadonlyMap<string, CspDirectiveKind> = new Map<string, CspDirectiveKind>([
  ...kinds(SOURCE_LISTS, "sources"),
  ...kinds(FLAGS, "flag"),
  ...kinds(TOKEN_LISTS, "tokens"),
  ...kinds(REPORTS, "reports"),
]);

/** Directives that no current browser enforces; writing one protects nothing. */
export const OBSOLETE_DIRECTIVES: ReadonlySet<string> = new Set([
  "block-all-mixed-content",
  "prefetch-src",
  "require-sri-for",
]);

/** Directives through which foreign code can run. */
export const SCRIPT_DIRECTIVES: ReadonlySet<string> = new Set([
  "default-src",
  "script-src",
  "script-src-elem",
  "script-src-attr",
  "object-src",
  "base-uri",
  "worker-src",
]);

const SCRIPTS = /^(?:default-src|script-src(?:-elem|-attr)?|worker-src)$/u;
const SCRIPTS_AND_STYLES = /^(?:default-src|(?:script|style)-src(?:-elem|-attr)?)$/u;
const EVALUATION = /^(?:default-src|script-src)$/u;
const SCRIPT_FILES = /^(?:default-src|script-src(?:-elem)?)$/u;
const EVERYWHERE = /^/u;

/** Keywords, and the directives in which a browser gives them a meaning. */
export const CSP_KEYWORDS: ReadonlyMap<string, RegExp> = new Map([
  ["self", EVERYWHERE],
  ["none", EVERYWHERE],
  ["unsafe-inline", SCRIPTS_AND_STYLES],
  ["unsafe-eval", SCRIPTS],
  ["unsafe-hashes", SCRIPTS_AND_STYLES],
  ["wasm-unsafe-eval", SCRIPTS],
  ["strict-dynamic", SCRIPTS],
  ["report-sample", SCRIPTS_AND_STYLES],
  ["inline-speculation-rules", SCRIPTS],
  ["trusted-types-eval", EVALUATION],
  ["report-sha256", SCRIPT_FILES],
  ["report-sha384", SCRIPT_FILES],
  ["report-sha512", SCRIPT_FILES],
  ["unsafe-webtransport-hashes", /^(?:default-src|connect-src)$/u],
]);

/** Directives that accept a nonce: attributes cannot carry one. */
export const NONCE_DIRECTIVES: RegExp = /^(?:default-src|(?:script|style)-src(?:-elem)?)$/u;

/** What the directives that are not source lists take. */
export const CSP_TOKENS: Readonly<Record<(typeof TOKEN_LISTS)[number], RegExp>> = {
  sandbox:
    /^allow-(?:downloads|forms|modals|orientation-lock|pointer-lock|popups|popups-to-escape-sandbox|presentation|same-origin|scripts|storage-access-by-user-activation|top-navigation|top-navigation-by-user-activation|top-navigation-to-custom-protocols)$/u,
  "trusted-types": /^(?:'none'|'allow-duplicates'|\*|[A-Za-z0-9\-#=_/@.%]+)$/u,
  "require-trusted-types-for": /^'script'$/u,
  "require-sri-for": /^(?:script|style)$/u,
  webrtc: /^'(?:allow|block)'$/u,
};

/** Hashes, with the length that each must have in base64. */
export const HASH_LENGTHS: Readonly<Record<string, number>> = { sha256: 44, sha384: 64, sha512: 88 };
