import type { Layer } from "./layers.ts";

interface ReasonEntry {
  readonly status: number;
  readonly layer: Layer;
  /** What the client reads. It names the rule, never the defence's inner state. */
  readonly sentence: string;
}

/**
 * Every refusal there is: one stable code, one status, one public sentence. No control invents its own.
 * Codes are for ever: they stand in logs, alarms and client code. Never rename one, never reuse one.
 */
export const REASONS = {
  request_malformed: { status: 400, layer: "network", sentence: "The request is not valid HTTP." },
  host_malformed: { status: 400, layer: "network", sentence: "The Host header is not valid." },
  host_not_allowed: { status: 421, layer: "network", sentence: "This server does not answer for that host." },
  framing_ambiguous: { status: 400, layer: "network", sentence: "The request's length is ambiguous." },
  header_duplicated: { status: 400, layer: "network", sentence: "A header that may occur once occurs more than once." },
  method_override: { status: 400, layer: "network", sentence: "Method override headers are not accepted." },
  method_not_allowed: { status: 405, layer: "network", sentence: "This method is not allowed here." },
  method_unknown: { status: 501, layer: "network", sentence: "This method is not implemented." },
  length_required: { status: 411, layer: "network", sentence: "A Content-Length is required." },
  body_too_large: { status: 413, layer: "network", sentence: "The request body is too large." },
  target_too_long: { status: 414, layer: "network", sentence: "The URL is too long." },
  media_type_unsupported: { status: 415, layer: "network", sentence: "This content type is not accepted here." },
  expectation_failed: {
    status: 417,
    layer: "network",
    sentence: "The Expect header asks for something that is not done here.",
  },
  range_unsatisfiable: { status: 416, layer: "network", sentence: "There is no such part of this." },
  precondition_failed: { status: 412, layer: "network", sentence: "This is no longer what the request says it is." },
  headers_too_large: { status: 431, layer: "network", sentence: "The request headers are too large." },
  request_timeout: { status: 408, layer: "network", sentence: "The request took too long to arrive." },
  parameters_too_many: { status: 400, layer: "network", sentence: "The request has too many parameters." },
  body_malformed: { status: 400, layer: "input", sentence: "The request body could not be parsed." },
  body_too_deep: { status: 400, layer: "input", sentence: "The request body is nested too deeply." },
  body_too_complex: { status: 400, layer: "input", sentence: "The request body has too many keys." },
  key_forbidden: { status: 400, layer: "input", sentence: "The request uses a reserved key." },
  idempotency_key_missing: {
    status: 400,
    layer: "input",
    sentence: "Send one Idempotency-Key header, made anew for each operation.",
  },
  idempotency_key_reused: {
    status: 422,
    layer: "input",
    sentence: "This Idempotency-Key has been used for another request.",
  },
  request_in_progress: {
    status: 409,
    layer: "input",
    sentence: "A request with this Idempotency-Key has been received already.",
  },
  conflict: {
    status: 409,
    layer: "input",
    sentence: "Somebody else has changed this meanwhile. Load it again and repeat your change.",
  },
  flow_violation: { status: 409, layer: "input", sentence: "This step cannot be taken now. Start again." },
  query_refused: { status: 400, layer: "input", sentence: "The query asks for more than is answered here." },
  input_invalid: { status: 422, layer: "input", sentence: "Some fields are not valid." },
  upload_refused: {
    status: 422,
    layer: "input",
    sentence: "The file is not of a kind that is accepted here, or it is not what it says it is.",
  },
  upload_infected: { status: 422, layer: "input", sentence: "The file was found to be harmful." },
  upload_limit_exceeded: { status: 413, layer: "input", sentence: "The upload exceeds a limit." },
  upload_quota_exceeded: { status: 413, layer: "input", sentence: "There is no room left for these files." },
  upload_pending: { status: 423, layer: "input", sentence: "The file has not been checked yet. Try again later." },
  upload_withdrawn: {
    status: 410,
    layer: "input",
    sentence: "The file was found to be harmful and cannot be downloaded.",
  },
  credential_in_url: {
    status: 400,
    layer: "data",
    sentence: "Send credentials in a header or in the body, never in the URL.",
  },
  signature_invalid: { status: 401, layer: "data", sentence: "The request's signature is not valid." },
  rate_limited: { status: 429, layer: "network", sentence: "Too many requests. Try again later." },
  overloaded: { status: 503, layer: "network", sentence: "The server is busy. Try again shortly." },
  insecure_transport: { status: 403, layer: "transport", sentence: "Use HTTPS." },
  context_refused: { status: 403, layer: "transport", sentence: "This address cannot be opened from here." },
  cors_refused: { status: 403, layer: "transport", sentence: "This origin may not call this API." },
  csrf_failed: {
    status: 403,
    layer: "authentication",
    sentence: "The request could not be verified. Reload the page and try again.",
  },
  unauthenticated: { status: 401, layer: "authentication", sentence: "Sign in to continue." },
  session_expired: { status: 401, layer: "authentication", sentence: "Your session has ended. Sign in again." },
  credentials_wrong: {
    status: 401,
    layer: "authentication",
    sentence: "What you entered is not right. Check it and try again.",
  },
  link_invalid: {
    status: 400,
    layer: "authentication",
    sentence: "This link does not work any more. Ask for a new one.",
  },
  verification_required: {
    status: 403,
    layer: "authentication",
    sentence: "Prove your e-mail address first. A mail is on its way.",
  },
  step_up_required: { status: 401, layer: "authentication", sentence: "Confirm it is you to continue." },
  sign_in_failed: { status: 400, layer: "authentication", sentence: "Signing in did not work. Start again." },
  link_required: {
    status: 403,
    layer: "authentication",
    sentence: "This identity belongs to no account here yet. Sign in the usual way and link it.",
  },
  single_sign_on_required: {
    status: 403,
    layer: "authentication",
    sentence: "Your organisation signs in through its own provider. Start there.",
  },
  forbidden: { status: 403, layer: "authorization", sentence: "You do not have access to this." },
  not_found: { status: 404, layer: "authorization", sentence: "There is nothing here." },
  access_undecided: { status: 500, layer: "authorization", sentence: "Something went wrong on our side." },
  control_failed: { status: 503, layer: "audit", sentence: "The request could not be checked. Try again shortly." },
  internal_error: { status: 500, layer: "audit", sentence: "Something went wrong on our side." },
} as const;

// Isolated declarations cannot infer `as const satisfies` on an export, so the shape is held here.
void (REASONS satisfies Record<string, ReasonEntry>);

export type Reason = keyof typeof REASONS;
