/** What an answer and its effect say about one attempt. */
import type { Answer, Ask } from "./attack-matrix-client.ts";
import { findMarker, textOf, type Markers } from "./attack-matrix-markers.ts";
import { describeEffect, isQuiet, type Effect, type StateRow } from "./attack-matrix-state.ts";
import type { LookAlikePerson, Side } from "./attack-matrix-world.ts";

/**
 * `leak`: somebody saw or changed what is not theirs. `invalid`: whoever may do this could not, so nothing is proved. `inconclusive`: a limit, a
 * fault or no answer stood in between. `missing`: the route has no case. `waived`: left alone, for a reason in words.
 */
export type AttackVerdict = "pass" | "leak" | "invalid" | "inconclusive" | "missing" | "waived";

/** Who asks. */
export interface Caller {
  readonly label: string;
  readonly person: LookAlikePerson | undefined;
  /** What signing in gave: cookies, tokens. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface Attempt {
  readonly route: string;
  readonly caller: Caller;
  readonly attack: string;
  readonly ask: Ask;
  /**
   * `success` the caller may; `refusal` he may not; `harmless` he may be refused or not, as long as nothing foreign is seen or changed;
   * `variant` like a refusal, but a public answer that says nothing about anybody will do.
   */
  readonly expect: "success" | "refusal" | "harmless" | "variant";
  /** Tenants whose data the caller may neither see nor change. */
  readonly protects: readonly Side[];
  /** The answer must be the same when the attacked tenant does not exist. */
  readonly blind: boolean;
  /** The route is about the caller alone: colleagues are as far away as other tenants. */
  readonly self: boolean;
}

/** Something of the caller's own tenant that is not his to see or change. */
export interface Hidden {
  readonly name: string;
  readonly id: string;
  readonly markers: Markers;
}

export interface Judgement {
  readonly verdict: AttackVerdict;
  readonly why: string;
}

export interface Bench {
  readonly tenantOf: (row: { readonly tenant: string | undefined }) => Side | undefined;
  readonly nameOf: (tenant: string | undefined) => string;
  readonly markersOf: (side: Side) => Markers;
  /** Ids of a tenant, its people and its objects: what a row of another must never refer to. */
  readonly idsOf: (side: Side) => ReadonlySet<string>;
  readonly hiddenFrom: (attempt: Pick<Attempt, "caller" | "self">) => readonly Hidden[];
  readonly refuses: (answer: Answer) => boolean;
  /** The answer is one that strangers get on a public route. */
  readonly isPublic: (answer: Answer) => boolean;
}

const PASS: Judgement = { verdict: "pass", why: "" };

/** Refusals that come before anybody asks who it is: behind them the access rule has not been tried. */
const EARLY =
  /"code":"(?:csrf_failed|host_malformed|host_not_allowed|request_malformed|insecure_transport|cors_refused|context_refused|header_duplicated)"/u;

export function judge(attempt: Attempt, answer: Answer | Error, effect: Effect, bench: Bench): Judgement {
  const damage = damageOf(attempt, effect, bench);
  if (damage !== undefined) return { verdict: "leak", why: damage };
  if (answer instanceof Error) return { verdict: "inconclusive", why: `no answer: ${answer.message}` };
  const seen = sightOf(attempt, answer, bench);
  if (seen !== undefined) return { verdict: "leak", why: seen };
  const { status } = answer;
  if (status === 429 || (status >= 500 && status !== 501 && status !== 505))
    return { verdict: "inconclusive", why: `status ${status}` };
  return judgeStatus(attempt, answer, bench);
}

function judgeStatus({ expect, ask }: Attempt, answer: Answer, bench: Bench): Judgement {
  const refused = bench.refuses(answer);
  const reached: Judgement = { verdict: "leak", why: `status ${answer.status} where a refusal is due` };
  switch (expect) {
    case "success":
      return refused ? { verdict: "invalid", why: `refused with ${describeRefusal(answer)}` } : PASS;
    case "refusal":
      if (!refused) return reached;
      return EARLY.test(answer.body)
        ? { verdict: "invalid", why: `refused with ${describeRefusal(answer)}, before anybody asked who it is` }
        : PASS;
    case "harmless":
      return PASS;
    case "variant": {
      const said =
        !refused && answer.status >= 200 && answer.status < 300 && ask.method !== "OPTIONS" && !bench.isPublic(answer);
      return said ? reached : PASS;
    }
  }
}

function describeRefusal({ status, body }: Answer): string {
  const code = /"code":"(\w+)"/u.exec(body)?.[1];
  return code === undefined ? String(status) : `${status} ${code}`;
}

function damageOf(attempt: Attempt, effect: Effect, bench: Bench): string | undefined {
  if (isQuiet(effect)) return undefined;
  const { expect, protects, caller } = attempt;
  const nothing = expect === "refusal" || expect === "variant";
  const touches = (row: StateRow): boolean => {
    const side = bench.tenantOf(row);
    if (nothing || (side !== undefined && protects.includes(side))) return true;
    // What belongs to no tenant of ours may change where the request is honest: a sign-up makes a new one.
    return expect === "harmless" && (caller.person === undefined || side !== caller.person.side);
  };
  const harm: Effect = { added: effect.added.filter(touches), removed: effect.removed.filter(touches) };
  if (!isQuiet(harm)) return `it changed ${describeEffect(harm, bench.nameOf)}`;
  const hidden = bench.hiddenFrom(attempt);
  for (const { table, text } of [...effect.removed, ...effect.added]) {
    const found = hidden.find(({ id }) => text.includes(id));
    if (found !== undefined) return `it changed ${table} of ${found.name}, which is not this person's`;
  }
  return crossing(attempt, effect, bench);
}

/** A row that the caller may write, and that holds something of another tenant. */
function crossing({ protects, ask }: Attempt, { added }: Effect, bench: Bench): string | undefined {
  const brought = textOf(ask);
  for (const { table, text } of added) {
    const lower = text.toLowerCase();
    for (const side of protects) {
      const ids = bench.idsOf(side);
      // An address that the caller typed may be kept; an id is a reference, and what he did not bring is a copy.
      const wrong = (word: string): boolean => lower.includes(word) && (ids.has(word) || !brought.includes(word));
      const taken = [...bench.markersOf(side)].find(([word]) => wrong(word));
      if (taken !== undefined) return `a row of ${table} now holds ${taken[1]} of ${side}`;
    }
  }
  return undefined;
}

function sightOf(attempt: Attempt, answer: Answer, bench: Bench): string | undefined {
  for (const side of attempt.protects) {
    const found = findMarker(answer, attempt.ask, bench.markersOf(side));
    if (found !== undefined) return `${found} of ${side}`;
  }
  for (const { name, markers } of bench.hiddenFrom(attempt)) {
    const found = findMarker(answer, attempt.ask, markers);
    if (found !== undefined) return `${found} of ${name}, which this person may not see`;
  }
  return undefined;
}
