/** What a probe asks, and why: each question is one that an attacker or a scanner would ask, and none of them changes anything. */
import { randomBytes } from "node:crypto";
import type { Observation } from "glacis";
import { ADMIN_PATHS } from "glacis/authorization";
import { EXPOSED_PATHS, HEALTH_PATHS } from "glacis/network";
import { OBSERVATORY_ORIGIN } from "glacis/testing";
import { SECURITY_TXT_PATH } from "glacis/transport";
import type { Question } from "./ask.ts";

const MOST_SCRIPTS = 10;

/** Judged by every control: pages, errors and refusals must all carry what the policy promises. */
export function behaviour(origin: URL, pages: readonly string[]): readonly Question[] {
  const stranger = `probe-${randomBytes(8).toString("hex")}.example`;
  const absent = absence(origin).target;
  const of = (target: string, more: Partial<Question> = {}): Question => ({ origin, target, ...more });
  return [
    ...pages.map((page) => of(page)),
    of(absent),
    of(absent, { headers: { accept: "application/json" } }),
    // What does not parse, climbs, or names a prototype: it is refused, and the refusal tells nothing.
    of("/%"),
    of("/..%2f..%2f..%2fetc%2fpasswd"),
    of("/?a[__proto__][b]=1&constructor.prototype=1"),
    of("/", { method: "TRACE" }),
    of("/", { method: "OPTIONS" }),
    // An origin that nobody listed, and the one that sandboxed frames and files have.
    ...[`https://${stranger}`, "null"].flatMap((from) => [
      of("/", { headers: { origin: from } }),
      of("/", { method: "OPTIONS", headers: { origin: from, "access-control-request-method": "POST" } }),
    ]),
    of("/", { host: stranger }),
    of("/", { headers: { "x-forwarded-host": stranger, "x-forwarded-proto": "http", forwarded: `host=${stranger}` } }),
    of(SECURITY_TXT_PATH),
  ];
}

/** A path that nobody has. */
export function absence(origin: URL): Question {
  return { origin, target: `/probe-${randomBytes(8).toString("hex")}` };
}

/** Asked for by every scanner; judged by the controls that know what must not be there. */
export function exposures(origin: URL): readonly Question[] {
  const targets = [...EXPOSED_PATHS.map(({ path }) => path), ...ADMIN_PATHS, ...HEALTH_PATHS];
  return [...new Set(targets)].map((target) => ({ origin, target }));
}

/** The scripts of a page that come from its own origin, and the maps beside them. */
export function scripts(origin: URL, page: Observation): readonly Question[] {
  const sources = [...(page.body ?? "").matchAll(/<script\b[^>]*?\bsrc\s*=\s*["']?([^"'\s>]+)/giu)];
  const own = sources
    .map(([, source = ""]) => source.replaceAll("&amp;", "&"))
    .filter((source) => URL.canParse(source, page.url))
    .map((source) => new URL(source, page.url))
    .filter((url) => url.origin === origin.origin);
  return [...new Set(own.map(({ pathname, search }) => pathname + search))]
    .slice(0, MOST_SCRIPTS)
    .flatMap((target) => [target, `${target.split("?", 1)[0]}.map`])
    .map((target) => ({ origin, target }));
}

/** How the Observatory asks whether strangers may read an answer. */
export function observatoryQuestion(origin: URL, target: string): Question {
  return { origin, target, headers: { origin: OBSERVATORY_ORIGIN } };
}
