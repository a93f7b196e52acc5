import type { AccessRule } from "./access.ts";
import type { Decision } from "./decision.ts";
import type { AuditEvent } from "./event.ts";
import type { AdmittedFacts, IdentifiedFacts, RequestFacts, RouteFacts } from "./facts.ts";
import type { Finding, Rule } from "./finding.ts";
import type { Layer } from "./layers.ts";
import type { HeaderRule, Observation, ResponseDraft } from "./response.ts";

/** Where a control stands in the standards; docs, check, probe and the report are projections of it. */
export interface ControlMeta {
  /** The catalog's id, such as `hsts`; also the file name and the docs page. For ever. */
  readonly id: string;
  readonly title: string;
  /** Where a request meets it; what no request meets guards how the application comes to be. */
  readonly layer: Layer | "supply-chain";
  /** Lines of the guide that it implements, such as `A02` or `checklist: HSTS enabled`. */
  readonly guide: readonly string[];
  readonly owasp2021: readonly string[];
  readonly owasp2025: readonly string[];
  readonly asvs: readonly string[];
  readonly cwe: readonly string[];
}

export type Mode = "production" | "development" | "test";

/** The environment that `check` judges. Facts, so that every check is table-testable. */
export interface Deployment {
  readonly mode: Mode;
  readonly nodeVersion: string;
  /** Environment variables by name. A check may look at a value but never quotes one. */
  readonly variables: ReadonlyMap<string, string>;
  /** Command-line flags given to node itself, NODE_OPTIONS included. */
  readonly nodeOptions: readonly string[];
  /** The numeric user of the process, where the system has one. */
  readonly userId?: number;
  /** Names of the dotenv files in the working directory, such as `.env`. */
  readonly envFiles?: readonly string[];
  /** Names of the dotenv files below the working directory that git tracks. */
  readonly trackedEnvFiles?: readonly string[];
  readonly nowMs: number;
}

/** What became of a request, for controls that keep counts. */
export interface Outcome {
  readonly status: number;
  /** Up to now, so read it in `done`. */
  readonly durationMs: number;
  /** The client went away before the response was complete. */
  readonly aborted: boolean;
}

/** A sealed route, as far as a control judges it. */
export interface DeclaredRoute {
  readonly method: string;
  readonly pattern: string;
  readonly rule: RouteFacts & { readonly access: Pick<AccessRule, "kind"> };
}

/** A parsed request body and how it came. */
export interface ReceivedBody {
  readonly mediaType: string;
  readonly value: unknown;
  /** As it was sent. */
  readonly text: string;
}

/**
 * One security measure with its faces together. Every face is optional but `check`; a control with no other face is a promise about the
 * environment alone.
 *
 * The slot of the composition decides when `decide` runs: a control over `RequestFacts` fits every slot, one over `IdentifiedFacts` does not
 * type-check before authentication.
 */
export interface Control<Facts extends RequestFacts = RequestFacts> {
  readonly meta: ControlMeta;
  readonly rules: readonly Rule[];
  /** May refuse; the first refusal ends the request. Stays synchronous unless it needs I/O. */
  readonly decide?: (facts: Facts) => Decision | Promise<Decision>;
  /** May refuse once the body is parsed, such as a CSRF token in a form field. */
  readonly decideBody?: (facts: Facts, body: ReceivedBody) => Decision | Promise<Decision>;
  /**
   * On a route's own control: asked last of all, when nothing else can refuse any more and the handler is next. May answer in its place, such as
   * with what an earlier attempt was answered.
   */
  readonly decideLast?: (facts: AdmittedFacts) => Decision | Promise<Decision>;
  /** How long a request that the control receives by itself may take to arrive, in milliseconds. The server's own time must not be shorter. */
  readonly arrivalMs?: number;
  /** Headers for every response. */
  readonly headers?: readonly HeaderRule[];
  /**
   * For headers that depend on more than the occasion. Runs after `headers`; before a route is known the principal is anonymous and the route
   * an API. Returns the events of what it changed, if any. Must not throw: what it throws is logged and the response refused.
   */
  readonly head?: (draft: ResponseDraft, facts: IdentifiedFacts) => void | readonly AuditEvent[];
  /** After the response, or after the client left. Nobody may have got as far as a route, or said who he is. */
  readonly done?: (facts: IdentifiedFacts, outcome: Outcome) => void;
  /** Are these options, in this environment, fit for production? */
  readonly check: (deployment: Deployment) => readonly Finding[];
  /** What the declared routes lack; asked once they are sealed. */
  readonly checkRoutes?: (routes: readonly DeclaredRoute[]) => readonly Finding[];
  /** Does a response show the control on the wire? Shares its judgement with `check`. */
  readonly observe?: (observation: Observation) => readonly Finding[];
}
