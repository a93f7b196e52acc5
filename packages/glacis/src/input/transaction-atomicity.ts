/** Operations that happen once, and changes that nobody else's change undoes (catalog transaction-atomicity; ASVS 5 sections 2.3 and 15.4). */
import { hash, randomUUID } from "node:crypto";
import type { Control, ControlMeta } from "../core/control.ts";
import { ALLOW, answer, deny, type Decision, type Deny } from "../core/decision.ts";
import { Refusal } from "../core/error-reason.ts";
import type { AuditEvent } from "../core/event.ts";
import type { AdmittedFacts, IdentifiedFacts, RequestFacts } from "../core/facts.ts";
import { finding, type Rule } from "../core/finding.ts";
import { rejectUnknownOptions } from "../core/options.ts";
import type { Reason } from "../core/reasons.ts";
import { rawHeaderValues } from "../core/wire.ts";
import type { IdempotencyClaim, IdempotencyStanding, IdempotencyStore } from "./idempotency-store.ts";

const META: ControlMeta = {
  id: "transaction-atomicity",
  title: "Atomic, idempotent, race-free state changes",
  layer: "input",
  guide: ["Input Validation"],
  owasp2021: ["A04"],
  owasp2025: ["A06", "A10"],
  asvs: ["v5.0.0-2.3.3", "v5.0.0-2.3.4", "v5.0.0-15.4.2", "v5.0.0-15.4.3"],
  cwe: ["CWE-362", "CWE-367", "CWE-837"],
};

export const IDEMPOTENCY_IN_MEMORY: Rule = {
  id: "transaction-atomicity/memory-store",
  severity: "error",
  what: "What was done under an Idempotency-Key is remembered by one process alone.",
  why: "A retry that reaches another process, or comes after a restart, does the operation again: the card is charged twice.",
  fix: "Pass postgresIdempotencyKeys({ database: pool, sealer }) with IDEMPOTENCY_MIGRATION applied.",
};
export const IDEMPOTENCY_OPTIONAL: Rule = {
  id: "transaction-atomicity/optional-key",
  severity: "note",
  what: "A route takes Idempotency-Key and does not ask for it.",
  why: "A client that sends none does the operation again whenever its connection breaks before the answer.",
  fix: "Leave required at its default once every client sends a key.",
};

const DAY_SECONDS = 86_400;
/** The longest answer that can be given again. */
const MOST_BYTES = 262_144;
const KEPT_HEADERS = ["content-type", "content-language", "content-disposition", "location", "etag", "link"];
/** A string of RFC 9651 section 3.3.3, as the header's draft says, or the bare text that most clients send. A comma would be two of them. */
const KEY = /^(?:"([\x21\x23-\x5b\x5d-\x7e]{1,255})"|([\x21\x23-\x2b\x2d-\x5b\x5d-\x7e]{1,255}))$/u;

export interface IdempotencyKeysOptions {
  readonly store: IdempotencyStore;
  /** Whether a request without a key is refused. True. */
  readonly required?: boolean;
  /** How long an operation is remembered, in seconds: a day. */
  readonly rememberSeconds?: number;
}

type Cause = "missing" | "malformed" | "reused" | "running" | "anonymous" | "body_unread";

/**
 * Makes a route do each operation once, however often it is sent: `Idempotency-Key` names the operation. The first request runs; while it does,
 * another gets 409; once it is done, another gets the same answer, with `idempotent-replayed: true`; and one that asks for something else gets
 * 422. A key belongs to its principal and its route. It is asked after everything else, so a request that was refused has used no key.
 *
 * What the handler answers is kept before the client sees it, whatever it is: also a 500, for nobody knows what was done by then. A process that
 * dies leaves its key answered with 409 for the day. An answer above 256 KiB or that is no text is not kept, and neither are its cookies.
 *
 * @throws TypeError on an unknown option, without a store, or for less than a minute.
 * @example
 * const once = idempotencyKeys({ store: postgresIdempotencyKeys({ database: pool, sealer }) });
 * app.post("/payments", access(authenticated(), { kind: "api", controls: [once] }), pay);
 */
export function idempotencyKeys(options: IdempotencyKeysOptions): Control<IdentifiedFacts> {
  rejectUnknownOptions("idempotencyKeys", options, ["store", "required", "rememberSeconds"]);
  const { store, required = true, rememberSeconds = DAY_SECONDS } = options;
  if (typeof store?.begin !== "function" || typeof store.complete !== "function")
    throw new TypeError("idempotencyKeys() needs store: postgresIdempotencyKeys() or memoryIdempotencyKeys().");
  if (typeof required !== "boolean") throw new TypeError("idempotencyKeys() needs required as true or false.");
  if (!(Number.isSafeInteger(rememberSeconds) && rememberSeconds >= 60))
    throw new TypeError("idempotencyKeys() needs rememberSeconds as a whole number of seconds, 60 or more.");

  async function claimed(facts: AdmittedFacts, key: string): Promise<Decision> {
    const claim = claimOf(facts, key, rememberSeconds);
    const standing = await store.begin(claim);
    if (standing.kind === "new") {
      facts.keepResponse({
        control: META.id,
        names: KEPT_HEADERS,
        maxBytes: MOST_BYTES,
        keep: async (response) => (response === undefined ? undefined : store.complete(claim, response)),
      });
      return ALLOW;
    }
    return again(standing, claim);
  }

  return {
    meta: META,
    rules: [IDEMPOTENCY_IN_MEMORY, IDEMPOTENCY_OPTIONAL],
    // What cannot be good is refused before its body is read.
    decide(facts) {
      const key = keyOf(facts);
      if (key === undefined) return required ? refuse("missing") : ALLOW;
      if (key === "malformed") return refuse("malformed");
      return facts.principal.kind === "anonymous" ? refuse("anonymous") : ALLOW;
    },
    decideLast(facts) {
      const key = keyOf(facts);
      if (key === undefined || key === "malformed") return ALLOW;
      return hasUnreadBody(facts) ? refuse("body_unread") : claimed(facts, key.text);
    },
    check: ({ mode }) => [
      ...(store.kind === "memory" && mode === "production"
        ? [finding(IDEMPOTENCY_IN_MEMORY, { kind: "setting", name: "idempotencyKeys.store" })]
        : []),
      ...(required ? [] : [finding(IDEMPOTENCY_OPTIONAL, { kind: "setting", name: "idempotencyKeys.required" })]),
    ],
  };
}

function keyOf(facts: RequestFacts): { readonly text: string } | "malformed" | undefined {
  const values = rawHeaderValues(facts.wire.rawHeaders, "idempotency-key");
  if (values.length === 0) return undefined;
  const match = values.length === 1 ? KEY.exec(values[0] as string) : null;
  return match === null ? "malformed" : { text: (match[1] ?? match[2]) as string };
}

/** Two requests with bodies that nobody has read cannot be told apart. */
function hasUnreadBody(facts: AdmittedFacts): boolean {
  if (facts.bodyText !== undefined) return false;
  return facts.header("transfer-encoding") !== undefined || (facts.header("content-length") ?? "0") !== "0";
}

function claimOf(facts: AdmittedFacts, key: string, rememberSeconds: number): IdempotencyClaim {
  const { principal, method, pattern, wire, mediaType, bodyText = "", receivedAtMs } = facts;
  if (principal.kind === "anonymous") throw new Error("An Idempotency-Key needs somebody that it belongs to.");
  const actor = principal.kind === "user" ? (principal.actor?.id ?? "") : "";
  const scope = [principal.tenantId, principal.kind, principal.id, actor, method, pattern, key];
  return {
    id: hash("sha256", JSON.stringify(scope), "base64url"),
    tenantId: principal.tenantId,
    owner: randomUUID(),
    fingerprint: hash("sha256", JSON.stringify([wire.target, mediaType, bodyText]), "base64url"),
    nowMs: receivedAtMs,
    untilMs: receivedAtMs + rememberSeconds * 1000,
  };
}

function again(
  { fingerprint, response }: Extract<IdempotencyStanding, { kind: "taken" }>,
  claim: IdempotencyClaim,
): Decision {
  if (fingerprint !== claim.fingerprint) return refuse("reused");
  if (response === undefined) return refuse("running");
  return answer(response.status, [...response.headers, ["idempotent-replayed", "true"]], response.body);
}

const REASON_OF: Readonly<Record<Cause, Reason>> = {
  missing: "idempotency_key_missing",
  malformed: "idempotency_key_missing",
  reused: "idempotency_key_reused",
  running: "request_in_progress",
  anonymous: "unauthenticated",
  body_unread: "media_type_unsupported",
};

function refuse(cause: Cause): Deny {
  return deny(REASON_OF[cause], told(cause, REASON_OF[cause]), {
    ...(cause === "running" && { headers: [["retry-after", "1"]] as const }),
    ...(cause === "body_unread" && { why: "An operation is recognised by its body, and nobody has read this one." }),
  });
}

function told(detail: string, reason: Reason): AuditEvent {
  return {
    event_type: "input_validation",
    status: "refused",
    severity: "info",
    event: "input_validation_fail",
    control: META.id,
    reason,
    detail,
  };
}

/**
 * The row of an update that names the version it has seen; refuses with 409 when there is none, because somebody else has changed or removed it
 * meanwhile. So a change is never made to something that its maker has not seen.
 *
 * @throws Refusal with `conflict` unless there is exactly one row
 * @example
 * const document = sameVersion(await connection.query(
 *   "update documents set title = $1, version = version + 1 where id = $2 and version = $3 returning id, version",
 *   [title, id, version],
 * ));
 */
export function sameVersion<Row>(rows: readonly Row[]): Row {
  const [row] = rows;
  if (rows.length !== 1 || row === undefined) throw new Refusal(deny("conflict", told("version_changed", "conflict")));
  return row;
}
