import type { EndpointReply } from "../core/endpoint.ts";
import type { Exchange } from "../core/exchange.ts";
import type { FieldRules } from "./route-fields.ts";
import type { AuthenticationPage } from "./route-pages.ts";
import {
  accepted,
  done,
  queryOf,
  setBack,
  showPage,
  signedIn,
  told,
  withFields,
  type Form,
  type Setback,
} from "./route-replies.ts";
import { EMAIL, PASSWORD, TOKEN } from "./routes-sign-in.ts";
import type { FlowRoute, RouteContext } from "./route-context.ts";

interface Link {
  readonly path: string;
  readonly page: AuthenticationPage;
  /** Beside the token. */
  readonly rules?: FieldRules;
  readonly isAlive: (token: unknown, nowMs: number) => Promise<boolean>;
  readonly act: (request: Exchange, values: Readonly<Record<string, string>>, form: Form) => Promise<EndpointReply>;
}

/** What the links of mails open. Opening one shows a form and changes nothing, for mail scanners open them too. */
export function linkRoutes(context: RouteContext): readonly FlowRoute[] {
  const links = [...newcomerLinks(context), ...ownerLinks(context)];
  return [forgotPasswordRoute(context), ...links.map((link) => linkRoute(context, link))];
}

/** For people who are about to have an account. */
function newcomerLinks(context: RouteContext): readonly Link[] {
  const { signUp, invitations, firstAccount } = context.flows;
  const { paths } = context.flows.context;
  const profile = Object.fromEntries(context.profile.map((name) => [name, { most: 200, line: true, optional: true }]));
  return [
    {
      path: paths.signUpConfirm,
      page: "sign_up_confirm",
      rules: { password: PASSWORD },
      isAlive: (token, nowMs) => signUp.isAlive(token, nowMs),
      act: async (request, { token, password }, form) =>
        signedIn(context, request, form, await signUp.confirm(request, token, password)),
    },
    {
      path: paths.invitation,
      page: "invitation",
      rules: { password: PASSWORD, ...profile },
      isAlive: async (token, nowMs) => (await invitations.read(token, nowMs)) !== undefined,
      act: async (request, { token, password, ...fields }, form) =>
        signedIn(context, request, form, await invitations.accept(request, token, password, fields)),
    },
    {
      path: paths.setup,
      page: "setup",
      rules: { email: EMAIL, password: PASSWORD },
      isAlive: (token, nowMs) => firstAccount.isAlive(token, nowMs),
      async act(request, { token, email, password }, form) {
        const outcome = await firstAccount.complete(request, token, email, password);
        return outcome.kind === "created"
          ? done(request, outcome.kind, paths.signIn)
          : setBack(context, request, form, outcome as Setback);
      },
    },
  ];
}

/** For people who have one. */
function ownerLinks(context: RouteContext): readonly Link[] {
  const { passwordReset, emailChange, notices, deletion } = context.flows;
  const { paths } = context.flows.context;
  return [
    {
      path: paths.resetPassword,
      page: "reset_password",
      rules: { password: PASSWORD },
      isAlive: (token, nowMs) => passwordReset.isAlive(token, nowMs),
      async act(request, { token, password }, form) {
        const outcome = await passwordReset.complete(request, token, password);
        return outcome.kind === "completed"
          ? done(request, outcome.kind, paths.signIn)
          : setBack(context, request, form, outcome);
      },
    },
    {
      path: paths.confirmEmail,
      page: "email_confirm",
      isAlive: (token, nowMs) => emailChange.isAlive(token, nowMs),
      async act(request, { token }, form) {
        const outcome = await emailChange.confirm(request, token);
        return outcome.kind === "changed"
          ? done(request, outcome.kind, paths.signIn)
          : setBack(context, request, form, outcome);
      },
    },
    {
      path: paths.disown,
      page: "disown",
      isAlive: (token, nowMs) => notices.isAlive(token, nowMs),
      async act(request, { token }, form) {
        const outcome = await notices.disown(request, token);
        return outcome.kind === "disowned"
          ? told(context, request, outcome.kind)
          : setBack(context, request, form, outcome);
      },
    },
    {
      path: paths.keepAccount,
      page: "keep_account",
      isAlive: (token, nowMs) => deletion.isAlive(token, nowMs),
      async act(request, { token }, form) {
        const outcome = await deletion.keep(request, token);
        return outcome.kind === "kept"
          ? done(request, outcome.kind, paths.signIn)
          : setBack(context, request, form, outcome);
      },
    },
  ];
}

function linkRoute(context: RouteContext, { path, page, rules = {}, isAlive, act }: Link): FlowRoute {
  const view = { passwordRules: context.flows.context.policy.description.sentences };
  const form: Form = { page, action: path, rules: { token: TOKEN, ...rules }, repeats: ["token"], view };
  return {
    path,
    who: "anyone",
    async show(request) {
      const token = queryOf(request, "token");
      if (token === undefined || !(await isAlive(token, request.receivedAtMs)))
        return showPage(context, request, { page: "link_invalid", action: "" }, {}, { status: 400 });
      return showPage(context, request, form, { values: { token } });
    },
    post: (request) => withFields(context, request, form, (values) => act(request, values, form)),
  };
}

function forgotPasswordRoute(context: RouteContext): FlowRoute {
  const { forgotPassword } = context.flows.context.paths;
  const form: Form = { page: "forgot_password", action: forgotPassword, rules: { email: EMAIL }, repeats: ["email"] };
  return {
    path: forgotPassword,
    who: "anyone",
    limited: true,
    show: (request) => showPage(context, request, form),
    post: (request) =>
      withFields(context, request, form, async ({ email }) => {
        const { kind } = await context.flows.passwordReset.request(request, email);
        return kind === "accepted" ? accepted(context, request) : setBack(context, request, form, { kind });
      }),
  };
}
