/** Signing up, where the address is proved before there is an account (catalog activation-tokens, user-enumeration; NIST SP 800-63B-4 section 4.1.2). */
import type { UserId } from "../core/brand.ts";
import type { Control, ControlMeta } from "../core/control.ts";
import type { Account } from "./account-store.ts";
import { newIdentifier } from "./identifier.ts";
import {
  accountEvent,
  enqueue,
  refuseLink,
  linkTo,
  mayMail,
  newJob,
  prepareHash,
  runNow,
  sendMail,
  textIn,
  type FlowBusy,
  type FlowContext,
  type LinkInvalid,
  type Newcomer,
  type PasswordRejected,
} from "./flow-context.ts";
import { finishSignIn, provePassword, type SignInOutcome } from "./flow-sign-in.ts";
import type { JobHandler } from "./job-worker.ts";
import type { OneTimeLink } from "./one-time-link-store.ts";
import type { Responding } from "./session-cookies.ts";

const META: ControlMeta = {
  id: "activation-tokens",
  title: "Sign-up, invitations and changes of address by short-lived one-time links",
  layer: "authentication",
  guide: ["A07"],
  owasp2021: ["A07"],
  owasp2025: ["A07"],
  asvs: ["v5.0.0-6.4.1"],
  cwe: ["CWE-640", "CWE-287"],
};

export type SignUpRequest =
  | { readonly kind: "accepted" | "address_malformed" | "profile_malformed" }
  | PasswordRejected
  | FlowBusy;

export interface SignUp {
  readonly control: Control;
  /**
   * Asks for an account. The same for an address that has one already: the password is judged and hashed, one job is left, and whoever reads the
   * mail hears the rest.
   *
   * @param profile further fields for the application, at most ten of 200 characters
   */
  request(
    request: Responding,
    email: unknown,
    password: unknown,
    profile?: Newcomer["profile"],
  ): Promise<SignUpRequest>;
  isAlive(token: unknown, nowMs: number): Promise<boolean>;
  /**
   * Makes the account and signs in. It takes the link and the password together: an address that somebody else signed up with is of no use to him, and
   * whoever opens a link that he never asked for confirms nothing.
   */
  confirm(request: Responding, token: unknown, password: unknown): Promise<SignInOutcome | LinkInvalid>;
  readonly handlers: Readonly<Record<string, JobHandler>>;
}

const MOST_FIELDS = 10;
const LONGEST_FIELD = 200;
/** As JSON, beside the rest of what a link holds. */
const LONGEST_PROFILE = 3000;
const FIELD_NAME = /^[a-z][A-Za-z0-9_]{0,39}$/u;

export function signUp(context: FlowContext): SignUp {
  const { store, links } = context;
  const welcome = welcomeWith(context);
  return {
    control: { meta: META, rules: [], check: () => [] },
    async request(request, email, password, profile = {}) {
      const address = newIdentifier(email);
      if (address === undefined) return { kind: "address_malformed" };
      if (!isProfile(profile)) return { kind: "profile_malformed" };
      const prepared = await prepareHash(context, password, address, Object.values(profile));
      if (prepared.kind !== "hashed") return prepared;
      const payload = { email: address, passwordHash: prepared.encoded, profile };
      await enqueue(context, newJob("sign_up", payload, request.receivedAtMs));
      request.note(accountEvent("account/sign_up_requested/observed", { control: META.id }));
      return { kind: "accepted" };
    },
    isAlive: async (token, nowMs) => (await links.read("sign_up", token, nowMs)) !== undefined,

    async confirm(request, token, password) {
      const nowMs = request.receivedAtMs;
      const link = await links.read("sign_up", token, nowMs);
      if (link === undefined) return refuseLink(request, "sign_up");
      const wanted = accountIn(link, nowMs);
      const proved = await provePassword(context, request, wanted.email, async () => wanted, password);
      if (proved.kind !== "proved") return proved;
      const { userId, email } = wanted;
      const job = newJob("welcome", { userId, email, profile: link.detail["profile"] }, nowMs);
      const made = await store.accounts.create(wanted, {
        spend: { id: link.id, purpose: link.purpose, nowMs },
        jobs: [job],
      });
      if (!made) return refuseLink(request, "sign_up");
      request.note(accountEvent("account/user_created/succeeded", { control: META.id, user_id: wanted.userId }));
      await runNow(context, job, welcome);
      // The browser in which the address was proved is no news to anybody.
      return finishSignIn(context, request, wanted, [proved.proof], { tellOfDevice: false });
    },

    handlers: {
      welcome,
      async sign_up(job, nowMs) {
        const email = textIn(job.payload, "email");
        if (!(await mayMail(context, job, email, nowMs))) return;
        if ((await store.accounts.byEmail(email)) !== undefined) {
          await sendMail(context, "sign_up_existing", email, { link: linkTo(context, "forgotPassword"), atMs: nowMs });
          return;
        }
        // A link of its own for each sign-up: whoever signs up with somebody else's address does not void the owner's link.
        const token = await links.mint("sign_up", `${email}#${job.id}`, nowMs, { ...job.payload, userId: job.id });
        await sendMail(context, "sign_up", email, { link: linkTo(context, "signUpConfirm", token), atMs: nowMs });
      },
    },
  };
}

/** Lets the application make what belongs to a new account. */
export function welcomeWith({ application }: FlowContext): JobHandler {
  return async ({ payload }) =>
    application.welcome?.({
      userId: textIn(payload, "userId"),
      email: textIn(payload, "email"),
      profile: profileIn(payload["profile"]),
    });
}

/** The account that a link will make. */
function accountIn({ detail }: OneTimeLink, nowMs: number): Account {
  return {
    userId: textIn(detail, "userId") as UserId,
    email: textIn(detail, "email"),
    verifiedAtMs: nowMs,
    passwordHash: textIn(detail, "passwordHash"),
    status: "active",
    version: 1,
    createdAtMs: nowMs,
  };
}

export function isProfile(profile: unknown): profile is Newcomer["profile"] {
  if (typeof profile !== "object" || profile === null) return false;
  const fields = Object.entries(profile);
  return (
    fields.length <= MOST_FIELDS &&
    JSON.stringify(profile).length <= LONGEST_PROFILE &&
    fields.every(
      ([name, value]) =>
        FIELD_NAME.test(name) &&
        typeof value === "string" &&
        value.length <= LONGEST_FIELD &&
        value.isWellFormed() &&
        !/\p{Cc}/u.test(value),
    )
  );
}

export function profileIn(value: unknown): Newcomer["profile"] {
  return isProfile(value) ? value : {};
}
