/** What the matrix must be told about an application. */
import type { Security } from "../core/security.ts";
import type { Answer, Send } from "./attack-matrix-client.ts";
import type { RouteCase, WaivedCase } from "./attack-matrix-cases.ts";
import type { AttackCell } from "./attack-matrix-report.ts";
import type { ApplicationState } from "./attack-matrix-state.ts";
import type { LookAlikePerson, LookAlikeTenant } from "./attack-matrix-world.ts";

export interface AttackMatrixOptions {
  /** The sealed security of the application: where its routes stand. */
  readonly security: Pick<Security, "routes" | "layers">;
  /** Where it listens, such as `http://127.0.0.1:3000`; or a function that performs one request. */
  readonly target: string | Send;
  /** Headers of every request, such as `host` and `origin`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The people of each tenant, by a name that says what they may do: `["admin", "member", "colleague", "viewer"]`. */
  readonly people: readonly string[];
  /** The objects whose ids appear in requests, each with the people of its tenant who may see it; `everyone` in the tenant otherwise. */
  readonly objects: Readonly<Record<string, "everyone" | readonly string[]>>;
  /** Fills one tenant through the application's own code. Returns ids where the database chose them. */
  readonly seed: (tenant: LookAlikeTenant) => Promise<void | Readonly<Record<string, string>>>;
  /** Signs a person in and returns the headers that say so, CSRF token included; `undefined` is a stranger, who may need a token as well. */
  readonly signIn: (person: LookAlikePerson | undefined) => Promise<Readonly<Record<string, string>>>;
  readonly state: ApplicationState;
  /** By method and pattern, as the route table has them: `"GET /documents/:id"`. */
  readonly cases: Readonly<Record<string, RouteCase | WaivedCase | readonly RouteCase[]>>;
  /** More fields that no client may decide, such as `{ plan: "enterprise" }`, or other values for those that are tried anyway. */
  readonly privileged?: Readonly<Record<string, unknown>>;
  /** What counts as a refusal besides a status of 4xx, such as a redirect of your own. */
  readonly refuses?: (answer: Answer) => boolean;
  /** Only these routes, while you work on them. */
  readonly only?: readonly string[];
  /** Stops soon after a cell that says so: for finding out whether anything fails at all, as a test of the tests does. */
  readonly stopWhen?: (cell: AttackCell) => boolean;
}

export const OPTION_NAMES: readonly (keyof AttackMatrixOptions)[] = [
  "security",
  "target",
  "headers",
  "people",
  "objects",
  "seed",
  "signIn",
  "state",
  "cases",
  "privileged",
  "refuses",
  "only",
  "stopWhen",
];
