/** What the routes answer: a page to people, a document to programs. */
import { answer, redirect, type Answer, type HeaderPair } from "../core/decision.ts";
import type { EndpointReply } from "../core/endpoint.ts";
import type { Exchange } from "../core/exchange.ts";
import { REASONS, type Reason } from "../core/reasons.ts";
import type { PendingSignIn } from "./establish-session.ts";
import type { FlowBusy, FlowWait, LinkInvalid, PasswordRejected } from "./flow-context.ts";
import type { CredentialsWrong, SignInOutcome } from "./flow-sign-in.ts";
import { fieldsInvalid, readFields, refusal, type FieldError, type FieldRules } from "./route-fields.ts";
import type { AuthenticationPage, AuthenticationView } from "./route-pages.ts";
import type { RouteContext } from "./route-context.ts";

/** Everything that is not the hoped-for outcome. */
export type Setback =
  | CredentialsWrong
  | LinkInvalid
  | PasswordRejected
  | FlowWait
  | FlowBusy
  | {
      readonly kind:
        | "address_malformed"
        | "profile_malformed"
        | "verification_required"
        | "no_membership"
        | "sign_in_again"
        | "single_sign_on_required";
    };

/** A form on its page: where it is posted to, and how to show it again. */
export interface Form {
  readonly page: AuthenticationPage;
  readonly action: string;
  readonly rules: FieldRules;
  /** Fields that may be shown again. */
  readonly repeats: readonly string[];
  /** What the page says each time it is shown. */
  readonly view?: Pick<AuthenticationView, "profile" | "passwordRules" | "methods">;
}

type More = Partial<Omit<AuthenticationView, "page" | "action" | "offers">>;

const NEXT = /^\/(?![/\\])[\x21-\x7e]*$/u;
const LONGEST_NEXT = 2000;

/**
 * An address may hold a token: its origin is all that another request may say, and `no-referrer` would make the form's own Origin `null`. The account's
 * own page holds none, and whoever is asked for a proof on the way from it finds back.
 */
function pageHeaders(page: AuthenticationPage): readonly HeaderPair[] {
  return [
    ["content-type", "text/html; charset=utf-8"],
    ["referrer-policy", page === "account" ? "same-origin" : "strict-origin"],
  ];
}

export function isProgram(request: Exchange): boolean {
  return request.mediaType === "application/json" || !(request.header("accept") ?? "").includes("text/html");
}

export function showPage(
  { csrf, render, offers }: RouteContext,
  request: Exchange,
  { page, action, view: always }: Pick<Form, "page" | "action" | "view">,
  more: More = {},
  { status = 200, events = [] }: Partial<Pick<Answer, "status" | "events">> = {},
): EndpointReply {
  if (render === undefined) return refusal("not_found");
  const view: AuthenticationView = {
    page,
    action,
    csrfToken: action === "" ? "" : csrf.token(request),
    values: {},
    errors: [],
    nonce: request.nonce,
    offers,
    ...always,
    ...more,
  };
  return answer(status, pageHeaders(page), render(view), events);
}

/** Reads a form and hands its fields on, or shows it again with what is wrong. */
export async function withFields(
  context: RouteContext,
  request: Exchange,
  form: Form,
  act: (values: Readonly<Record<string, string>>) => Promise<EndpointReply>,
): Promise<EndpointReply> {
  const read = readFields(request, form.rules);
  if (read.ok) return act(read.values);
  return again(context, request, form, { errors: read.errors }, fieldsInvalid(read.errors));
}

/** The answer to whatever did not work out. */
export function setBack(context: RouteContext, request: Exchange, form: Form, setback: Setback): EndpointReply {
  const errors = errorsOf(setback);
  if (errors.length > 0) return again(context, request, form, { errors }, fieldsInvalid(errors));
  const reason = REASON_OF[setback.kind];
  const retry = "retryAfterSeconds" in setback ? setback.retryAfterSeconds : undefined;
  const denial = refusal(reason, {
    ...(retry !== undefined && { headers: [["retry-after", `${retry}`]], members: { retry_after_seconds: retry } }),
  });
  if (reason === "link_invalid" && !isProgram(request) && context.render !== undefined)
    return showPage(context, request, { page: "link_invalid", action: "" }, {}, REASONS.link_invalid);
  return again(context, request, form, { notice: REASONS[reason].sentence }, denial);
}

/** What a sign-in came to, whichever way it took. */
export function signedIn(
  context: RouteContext,
  request: Exchange,
  form: Form,
  outcome: SignInOutcome | LinkInvalid | PasswordRejected | { readonly kind: "profile_malformed" },
  next?: string,
): EndpointReply {
  if (outcome.kind === "established") return done(request, "signed_in", ownPath(next) ?? context.home);
  if (!("methods" in outcome)) return setBack(context, request, form, outcome);
  if (isProgram(request)) return json(200, { status: outcome.kind, methods: outcome.methods });
  const path = standsStillAt(outcome.kind === "second_factor_required" ? "second_factor" : "enrolment");
  return redirect(303, withNext(path, ownPath(next)));
}

/** The page of what a sign-in waits for. */
export function standsStillAt(purpose: PendingSignIn["purpose"]): string {
  return purpose === "second_factor" ? "/sign-in/second-factor" : "/account/totp";
}

/** @param next a path of this application */
export function withNext(path: string, next: string | undefined): string {
  return next === undefined ? path : `${path}?next=${encodeURIComponent(next)}`;
}

/** Something is done: a document for programs, elsewhere for people. */
export function done(request: Exchange, status: string, location: string): EndpointReply {
  return isProgram(request) ? json(200, { status }) : redirect(303, location);
}

/** The same for a page's script, which cannot follow a redirect: it opens the address that it is told. */
export function signedInByScript({ home }: RouteContext, request: Exchange): EndpointReply {
  return json(200, { status: "signed_in", location: ownPath(queryOf(request, "next")) ?? home });
}

/** A mail may be on its way, or not: 202 for everybody. */
export function accepted(context: RouteContext, request: Exchange): EndpointReply {
  if (isProgram(request) || context.render === undefined) return json(202, { status: "accepted" });
  return showPage(context, request, { page: "mail_sent", action: "" }, {}, { status: 202 });
}

export function told(context: RouteContext, request: Exchange, status: string): EndpointReply {
  if (isProgram(request) || context.render === undefined) return json(200, { status });
  return showPage(context, request, { page: "done", action: "" }, { values: { status } });
}

export function json(status: number, value: object): EndpointReply {
  return answer(status, [["content-type", "application/json"]], JSON.stringify(value));
}

/** A path of this application, or undefined for everything that could lead elsewhere. */
export function ownPath(next: string | undefined): string | undefined {
  return next !== undefined && next.length <= LONGEST_NEXT && NEXT.test(next) ? next : undefined;
}

export function queryOf(request: Exchange, name: string): string | undefined {
  const values = new URLSearchParams(request.query).getAll(name);
  return values.length === 1 ? values[0] : undefined;
}

/** Where a form leads, for the page that shows it. */
export function nextIn(request: Exchange): Readonly<Record<string, string>> {
  const next = ownPath(queryOf(request, "next"));
  return next === undefined ? {} : { next };
}

function again(
  context: RouteContext,
  request: Exchange,
  form: Form,
  more: More,
  denial: ReturnType<typeof refusal>,
): EndpointReply {
  const { page, repeats } = form;
  // What only tells that something is done is no page to show a form on again.
  if (isProgram(request) || context.render === undefined || page === "done") return denial;
  request.addResponseHeaders(denial.headers);
  const body = (request.body ?? {}) as Readonly<Record<string, unknown>>;
  const values = Object.fromEntries(
    repeats.flatMap((name) => {
      const value = Object.hasOwn(body, name) ? body[name] : undefined;
      return typeof value === "string" && value.length <= LONGEST_NEXT ? [[name, value]] : [];
    }),
  );
  const { status } = REASONS[denial.reason];
  return showPage(context, request, form, { values, ...more }, { status, events: denial.events });
}

function errorsOf(setback: Setback): readonly FieldError[] {
  if (setback.kind === "address_malformed")
    return [{ field: "email", code: "malformed", message: "This is not an e-mail address, or it mixes alphabets." }];
  if (setback.kind === "profile_malformed")
    return [{ field: "", code: "malformed", message: "A field holds something that is not text." }];
  if (setback.kind !== "password_rejected") return [];
  return setback.problems.map(({ code, message }) => ({ field: "password", code, message }));
}

const REASON_OF: Readonly<Record<Setback["kind"], Reason>> = {
  wait: "rate_limited",
  busy: "overloaded",
  no_membership: "forbidden",
  sign_in_again: "unauthenticated",
  single_sign_on_required: "single_sign_on_required",
  link_invalid: "link_invalid",
  verification_required: "verification_required",
  credentials_wrong: "credentials_wrong",
  address_malformed: "input_invalid",
  profile_malformed: "input_invalid",
  password_rejected: "input_invalid",
};
