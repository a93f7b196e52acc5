/** Every way in and every change of a credential, without HTTP: the application calls these, or mounts the routes that do. */
import type { Control } from "../core/control.ts";
import { rejectUnknownOptions } from "../core/options.ts";
import type { AuditEvent } from "../core/event.ts";
import type { AuthenticationStore } from "./authentication-store.ts";
import type { AccountIdentities, AccountKeys, FlowApplication, FlowContext, FlowPaths } from "./flow-context.ts";
import { accountDeletion, type AccountDeletion, type Removal } from "./flow-account-deletion.ts";
import { accountStatus, type AccountStatusChange } from "./flow-account-status.ts";
import { emailChange, type EmailChange } from "./flow-email-change.ts";
import { invitations, type Invitations } from "./flow-invitation.ts";
import { notices, type Notices } from "./flow-notice.ts";
import { passwordChange, type PasswordChange } from "./flow-password-change.ts";
import type { Authenticators } from "./flow-factors.ts";
import { secondFactors, type SecondFactors } from "./flow-second-factor.ts";
import { firstAccount, type FirstAccount } from "./flow-setup.ts";
import { passwordSignIn, type PasswordSignIn } from "./flow-sign-in.ts";
import { signUp, type SignUp } from "./flow-sign-up.ts";
import { passwordReset, type PasswordReset } from "./flow-password-reset.ts";
import { jobWorker, type JobHandler, type JobWorker } from "./job-worker.ts";
import type { MailKind, MailWords } from "./mail-messages.ts";
import type { MailTransport } from "./mail-transport.ts";
import { oneTimeLinks } from "./one-time-link.ts";
import type { PasswordHashing } from "./password-hashing.ts";
import type { PasswordPolicy } from "./password-policy.ts";
import type { Sessions } from "./session.ts";
import type { SignInThrottle } from "./sign-in-throttle.ts";
import { canParseUrl } from "../primitives/can-parse-url.ts";

export interface AuthenticationFlowOptions {
  /** The one public origin; every link in a mail begins with it, whatever Host a request names. */
  readonly origin: string;
  /** What the product is called in mails. */
  readonly name: string;
  readonly store: AuthenticationStore;
  readonly sessions: Sessions;
  readonly passwords: PasswordHashing;
  readonly policy: PasswordPolicy;
  readonly throttle: SignInThrottle;
  /** What only your application knows: who belongs where, and what to do with newcomers. */
  readonly application: FlowApplication;
  /** The second factors that people may use. */
  readonly authenticators?: Authenticators;
  /** Keys for programs: they end with the account and when its owner disowns a change, and a mail about a new password names those that still work. */
  readonly apiKeys?: AccountKeys;
  /** The store of `singleSignOn()`: identities end with the account, and when its owner disowns a change. */
  readonly identities?: AccountIdentities;
  /** For how many days the deletion of an account can be taken back. 14, at most 29. */
  readonly deletionGraceDays?: number;
  /** `smtpMail()`; `outboxMail()` while developing. */
  readonly mail: MailTransport;
  /** Words of your own for some mails. */
  readonly words?: Partial<Record<MailKind, MailWords>>;
  /** Where your pages are, if not at the paths of `FLOW_PATHS`. */
  readonly paths?: Partial<FlowPaths>;
  /** Where what happens outside a request is logged, such as by the worker: `security.report`. */
  readonly report?: (event: AuditEvent) => void;
  /** The clock of the worker. */
  readonly now?: () => number;
}

export interface AuthenticationFlows {
  /** Of the flows and of everything they were given, for the layers: `withControls(layers, ...flows.controls)`. */
  readonly controls: readonly Control[];
  readonly signUp: SignUp;
  readonly signIn: PasswordSignIn["signIn"];
  readonly secondFactors: SecondFactors;
  readonly passwordReset: PasswordReset;
  readonly passwordChange: PasswordChange["change"];
  readonly emailChange: EmailChange;
  readonly invitations: Invitations;
  readonly deletion: AccountDeletion;
  readonly accountStatus: AccountStatusChange;
  readonly firstAccount: FirstAccount;
  readonly notices: Notices;
  /** The options, checked. */
  readonly context: FlowContext;
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
  setup: "/setup",
};

const KNOWN = [
  "origin",
  "name",
  "store",
  "sessions",
  "passwords",
  "policy",
  "throttle",
  "application",
  "authenticators",
  "apiKeys",
  "identities",
  "deletionGraceDays",
  "mail",
  "words",
  "paths",
  "report",
  "now",
] as const;
const MOST_GRACE_DAYS = 29;
const PATH = /^\/(?![/\\])[\w/-]*$/u;

/**
 * The flows over one store.
 *
 * @throws TypeError on an unknown option, an origin that is not one, or a path that is not of this application.
 */
export function authenticationFlows(options: AuthenticationFlowOptions): AuthenticationFlows {
  rejectUnknownOptions("authenticationFlows", options, KNOWN);
  const {
    origin,
    name,
    store,
    sessions,
    passwords,
    policy,
    throttle,
    application,
    mail,
    apiKeys,
    identities,
    words = {},
    report,
    now,
  } = options;
  if (!canParseUrl(origin) || new URL(origin).origin !== origin)
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
  const context: FlowContext = {
    origin,
    name,
    store,
    links,
    sessions,
    passwords,
    policy,
    throttle,
    application,
    mail,
    apiKeys,
    identities,
    words,
    paths,
    report: report ?? (() => undefined),
  };
  const flows = composeFlows(context, options);
  const handlers = [
    flows.signUp,
    flows.passwordReset,
    flows.emailChange,
    flows.invitations,
    flows.deletion,
    flows.notices,
  ];
  const worker = jobWorker({
    store: store.jobs,
    handlers: Object.assign({}, ...handlers.map((flow) => flow.handlers)) as Record<string, JobHandler>,
    report,
    tidy: async (nowMs) => store.links.sweep(nowMs),
    ...(now && { now }),
  });
  return { ...flows, context, worker };
}

function composeFlows(
  context: FlowContext,
  { authenticators = {}, deletionGraceDays = 14 }: AuthenticationFlowOptions,
): Omit<AuthenticationFlows, "context" | "worker"> {
  if (!(Number.isSafeInteger(deletionGraceDays) && deletionGraceDays >= 0 && deletionGraceDays <= MOST_GRACE_DAYS))
    throw new TypeError(`authenticationFlows() needs deletionGraceDays as a whole number up to ${MOST_GRACE_DAYS}.`);
  const { totp, recoveryCodes, passkeys } = authenticators;
  const removals: readonly Removal[] = [
    async (userId) => totp?.remove(userId),
    async (userId) => recoveryCodes?.remove(userId),
    async (userId) => passkeys?.removeAll(userId),
    async (userId) => void (await context.identities?.unlink(userId)),
  ];
  const password = passwordSignIn(context);
  const change = passwordChange(context);
  const flows = {
    signUp: signUp(context),
    secondFactors: secondFactors(context, authenticators),
    passwordReset: passwordReset(context),
    notices: notices(context, passkeys),
    firstAccount: firstAccount(context),
  };
  return {
    ...flows,
    controls: [
      ...[password, change, ...Object.values(flows)].map(({ control }) => control),
      ...[context.passwords, totp, recoveryCodes, passkeys].flatMap((part) =>
        part === undefined ? [] : [part.control],
      ),
      ...context.policy.controls,
      ...context.throttle.controls,
    ],
    signIn: (request, email, given) => password.signIn(request, email, given),
    passwordChange: (request, current, next) => change.change(request, current, next),
    emailChange: emailChange(context),
    invitations: invitations(context),
    accountStatus: accountStatus(context, authenticators),
    deletion: accountDeletion(context, deletionGraceDays, removals),
  };
}
