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
  const { flows } = context;
  const { signUp, passwordReset, emailChange, notices, deletion, invitations } = flows;
  const { paths } = flows.context;
  const outcome = <Kind extends string>(
    request: Exchange,
    form: Form,
    result: { readonly kind: Kind } | Setback,
    hoped: Kind,
    reply: () => EndpointReply,
  ): EndpointReply => (result.kind === hoped ? reply() : setBack(context, request, form, result as Setback));
  const links: readonly Link[] = [
    {
      path: paths.signUpConfirm,
      page: "sign_up_confirm",
      rules: { password: PASSWORD },
      isAlive: (token, nowMs) => signUp.isAlive(token, nowMs),
      act: async (request, { token, password }, form) =>
        signedIn(context, request, form, await signUp.confirm(request, token, password)),
    },
    {
      path: paths.resetPassword,
      page: "reset_password",
      rules: { password: PASSWORD },
      isAlive: (token, nowMs) => passwordReset.isAlive(token, nowMs),
      act: async (request, { token, password }, form) =>
        outcome(request, form, await passwordReset.complete(request, token, password), "completed", () =>
          done(request, "completed", paths.signIn),
        ),
    },
    {
      path: paths.confirmEmail,
      page: "email_confirm",
      isAlive: (token, nowMs) => emailChange.isAlive(token, nowMs),
      act: async (request, { token }, form) =>
        outcome(request, form, await emailChange.confirm(request, token), "changed", () =>
          done(request, "changed", paths.signIn),
        ),
    },
    {
      path: paths.disown,
      page: "disown",
      isAlive: (token, nowMs) => notices.isAlive(token, nowMs),
      act: async (request, { token }, form) =>
        outcome(request, form, await notices.disown(request, token), "disowned", () =>
          told(context, request, "disowned"),
        ),
    },
    {
      path: paths.keepAccount,
      page: "keep_account",
      isAlive: (token, nowMs) => deletion.isAlive(token, nowMs),
      act: async (request, { token }, form) =>
        outcome(request, form, await deletion.keep(request, token), "kept", () => done(request, "kept", paths.signIn)),
    },
    {
      path: paths.invitation,
      page: "invitation",
      rules: {
        password: PASSWORD,
        ...Object.fromEntries(context.profile.map((name) => [name, { most: 200, optional: true }])),
      },
      isAlive: async (token, nowMs) => (await invitations.read(token, nowMs)) !== undefined,
      act: async (request, { token, password, ...profile }, form) =>
        signedIn(context, request, form, await invitations.accept(request, token, password, profile)),
    },
  ];
  return [forgotPasswordRoute(context), ...links.map((link) => linkRoute(context, link))];
}

function linkRoute(context: RouteContext, { path, page, rules = {}, isAlive, act }: Link): FlowRoute {
  const form: Form = { page, action: path, rules: { token: TOKEN, ...rules }, repeats: ["token"] };
  const passwordRules = context.flows.context.policy.description.sentences;
  return {
    path,
    who: "anyone",
    async show(request) {
      const token = queryOf(request, "token");
      if (token === undefined || !(await isAlive(token, request.receivedAtMs)))
        return showPage(context, request, { page: "link_invalid", action: "" }, {}, 400);
      return showPage(context, request, { page, action: path }, { values: { token }, passwordRules });
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
