/** Every way in and every change of a credential, without HTTP: the application calls these, or mounts the routes that do. */
import type { Control } from "../core/control.ts";
import { rejectUnknownOptions } from "../core/options.ts";
import type { AuditEvent } from "../core/event.ts";
import type { AuthenticationStore } from "./authentication-store.ts";
import type { FlowContext, FlowPaths, PasswordJudge } from "./flow-context.ts";
import { notices, type Notices } from "./flow-notice.ts";
import { passwordReset, type PasswordReset } from "./flow-password-reset.ts";
import { jobWorker, type JobWorker } from "./job-worker.ts";
import type { MailKind, MailWords } from "./mail-messages.ts";
import type { MailTransport } from "./mail-transport.ts";
import { oneTimeLinks } from "./one-time-link.ts";
import type { PasswordHashing } from "./password-hashing.ts";
import type { Sessions } from "./session.ts";

export interface AuthenticationFlowOptions {
  /** The one public origin; every link in a mail begins with it, whatever Host a request names. */
  readonly origin: string;
  /** What the product is called in mails. */
  readonly name: string;
  readonly store: AuthenticationStore;
  readonly sessions: Sessions;
  readonly passwords: PasswordHashing;
  readonly policy: PasswordJudge;
  readonly mail: MailTransport;
  /** Words of your own for some mails. */
  readonly words?: Partial<Record<MailKind, MailWords>>;
  /** Where your pages are, if not at the paths of `FLOW_PATHS`. */
  readonly paths?: Partial<FlowPaths>;
  /** Where what the worker has to say is logged: `security.report`. */
  readonly report?: (event: AuditEvent) => void;
  /** The clock of the worker. */
  readonly now?: () => number;
}

export interface AuthenticationFlows {
  /** For the layers: `withControls(layers, ...flows.controls)`. */
  readonly controls: readonly Control[];
  readonly passwordReset: PasswordReset;
  readonly notices: Notices;
  /** Start it in at least one process: nothing is mailed without it. */
  readonly worker: JobWorker;
}

export const FLOW_PATHS: FlowPaths = {
  signIn: "/sign-in",
  signUpConfirm: "/sign-up/confirm",
  forgotPassword: "/forgot-password",
  resetPassword: "/reset-password",
  confirmEmail: "/email/confirm",
  invitation: "/invitation",
  disown: "/not-me",
  keepAccount: "/account/keep",
};

const KNOWN = [
  "origin",
  "name",
  "store",
  "sessions",
  "passwords",
  "policy",
  "mail",
  "words",
  "paths",
  "report",
  "now",
] as const;
const PATH = /^\/(?![/\\])[\w/-]*$/u;

/**
 * The flows over one store.
 *
 * @throws TypeError on an unknown option, an origin that is not one, or a path that is not of this application.
 */
export function authenticationFlows(options: AuthenticationFlowOptions): AuthenticationFlows {
  rejectUnknownOptions("authenticationFlows", options, KNOWN);
  const { origin, name, store, sessions, passwords, policy, mail, words = {}, report, now } = options;
  if (!URL.canParse(origin) || new URL(origin).origin !== origin)
    throw new TypeError(
      'authenticationFlows() needs origin as scheme and host alone, such as "https://app.example.com".',
    );
  if (typeof name !== "string" || !/^[^\p{Cc}]{1,60}$/u.test(name))
    throw new TypeError("authenticationFlows() needs the product's name in one line of at most 60 characters.");
  rejectUnknownOptions("authenticationFlows({ paths })", options.paths ?? {}, Object.keys(FLOW_PATHS));
  const paths = { ...FLOW_PATHS, ...options.paths };
  const wrong = Object.values(paths).find((path) => !PATH.test(path));
  if (wrong !== undefined)
    throw new TypeError(`authenticationFlows() needs plain paths, not ${JSON.stringify(wrong)}.`);
  const links = oneTimeLinks(store.links);
  const context: FlowContext = { origin, name, store, links, sessions, passwords, policy, mail, words, paths };
  const reset = passwordReset(context);
  const told = notices(context);
  const worker = jobWorker({
    store: store.jobs,
    handlers: { ...reset.handlers, ...told.handlers },
    report,
    tidy: async (nowMs) => store.links.sweep(nowMs),
    ...(now && { now }),
  });
  return { controls: [reset.control], passwordReset: reset, notices: told, worker };
}
