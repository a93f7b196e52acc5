import type { Exchange } from "../core/exchange.ts";
import type { FlowRoute, RouteContext } from "./route-context.ts";
import { PASSKEY_FIELDS, passkeyPost, refusal, takingOnly } from "./route-fields.ts";
import { NEXT } from "./routes-sign-in.ts";
import { json, nextIn, showPage, signedIn, signedInByScript, told, withFields, type Form } from "./route-replies.ts";

const ID = { most: 1400 } as const;
const NAME = { most: 200 } as const;

/** Second factors and sessions of one's own. What adds or removes a factor wants a recent proof. */
export function factorRoutes(context: RouteContext): readonly FlowRoute[] {
  return [
    totpRoute(context),
    removeTotpRoute(context),
    recoveryCodesRoute(context),
    ...passkeyRoutes(context),
    ...sessionRoutes(context),
  ];
}

/** Adding an authenticator app: by whoever is signed in, or must do it before he is. */
function totpRoute(context: RouteContext): FlowRoute {
  const { secondFactors } = context.flows;
  const form: Form = {
    page: "totp",
    action: "/account/totp",
    rules: { code: { most: 64, optional: true }, next: NEXT },
    repeats: ["next"],
  };
  return {
    path: "/account/totp",
    who: "enrolling",
    async show(request) {
      const stranger = request.principal.kind !== "user";
      const pending = stranger ? await context.flows.context.sessions.pending(request) : undefined;
      if (stranger && pending?.purpose !== "enrolment") return refusal("unauthenticated");
      const enrolment = await secondFactors.beginTotp(request);
      const takesPasskey = secondFactors.hasPasskeys && (pending?.methods.includes("passkey") ?? true);
      const methods = [...(enrolment ? ["totp"] : []), ...(takesPasskey ? ["passkey"] : [])];
      if (methods.length === 0) return refusal("unauthenticated");
      return showPage(context, request, form, { values: nextIn(request), methods, ...(enrolment && { enrolment }) });
    },
    post: (request) =>
      withFields(context, request, form, async ({ code, next }) => {
        if (code !== undefined)
          return signedIn(context, request, form, await secondFactors.confirmTotp(request, code), next);
        const enrolment = await secondFactors.beginTotp(request);
        return enrolment === undefined ? refusal("unauthenticated") : json(200, enrolment);
      }),
  };
}

function removeTotpRoute(context: RouteContext): FlowRoute {
  return {
    path: "/account/totp/remove",
    who: "recently_proved",
    post: takingOnly([], async (request) =>
      (await context.flows.secondFactors.removeTotp(request))
        ? told(context, request, "removed")
        : refusal("not_found"),
    ),
  };
}

/** The codes are in this one answer and nowhere else. */
function recoveryCodesRoute(context: RouteContext): FlowRoute {
  return {
    path: "/account/recovery-codes",
    who: "recently_proved",
    post: takingOnly([], async (request) => {
      const codes = await context.flows.secondFactors.newRecoveryCodes(request);
      if (codes === undefined) return refusal("not_found");
      if (request.mediaType === "application/json" || context.render === undefined) return json(200, { codes });
      return showPage(context, request, { page: "recovery_codes", action: "" }, { codes });
    }),
  };
}

/** For scripts, as `passkeyScript` is one: JSON alone. */
function passkeyRoutes(context: RouteContext): readonly FlowRoute[] {
  const { secondFactors } = context.flows;
  const form = (path: string, rules: Form["rules"]): Form => ({ page: "done", action: path, rules, repeats: [] });
  const remove = form("/account/passkeys/remove", { id: ID });
  const rename = form("/account/passkeys/rename", { id: ID, name: NAME });
  return [
    {
      path: "/account/passkeys/options",
      who: "enrolling",
      post: takingOnly([], async (request) => {
        const options = await secondFactors.beginPasskey(request);
        if (options !== undefined) return json(200, options);
        return refusal(request.principal.kind === "user" ? "not_found" : "unauthenticated");
      }),
    },
    {
      path: "/account/passkeys",
      who: "recently_proved",
      list: async (request) => json(200, { passkeys: await secondFactors.passkeys(request) }),
    },
    {
      path: "/account/passkeys",
      who: "enrolling",
      post: takingOnly(PASSKEY_FIELDS, async (request) => {
        const { answer, name } = passkeyPost(request);
        const added = await secondFactors.addPasskey(request, answer, name);
        if (!added) return refusal("credentials_wrong");
        if (request.principal.kind === "user") return told(context, request, "added");
        // It was the last that a sign-in waited for.
        return signedInByScript(context, request);
      }),
    },
    {
      path: remove.action,
      who: "recently_proved",
      post: (request) =>
        withFields(context, request, remove, async ({ id = "" }) =>
          (await secondFactors.removePasskey(request, id)) ? told(context, request, "removed") : refusal("not_found"),
        ),
    },
    {
      path: rename.action,
      who: "signed_in",
      post: (request) =>
        withFields(context, request, rename, async ({ id = "", name }) =>
          (await secondFactors.renamePasskey(request, id, name))
            ? told(context, request, "renamed")
            : refusal("not_found"),
        ),
    },
  ];
}

/** Where one is signed in, and an end to it. */
function sessionRoutes(context: RouteContext): readonly FlowRoute[] {
  const { sessions } = context.flows.context;
  const form: Form = { page: "done", action: "/account/sessions/end", rules: { handle: { most: 64 } }, repeats: [] };
  const reason = "user_request";
  const userIn = ({ principal }: Exchange): string | undefined =>
    principal.kind === "user" ? principal.id : undefined;
  return [
    {
      path: "/account/sessions",
      who: "signed_in",
      async list(request) {
        const userId = userIn(request);
        return userId === undefined
          ? refusal("not_found")
          : json(200, { sessions: await sessions.list(userId, request) });
      },
    },
    {
      path: form.action,
      who: "signed_in",
      post: (request) =>
        withFields(context, request, form, async ({ handle = "" }) => {
          const ended = await sessions.revokeOne(userIn(request) ?? "", handle, { reason, request });
          return ended ? told(context, request, "ended") : refusal("not_found");
        }),
    },
    {
      path: "/account/sessions/end-others",
      who: "signed_in",
      post: takingOnly([], async (request) => {
        const userId = userIn(request);
        if (userId === undefined) return refusal("not_found");
        await sessions.revoke(userId, { reason, request, keepCurrent: true });
        await sessions.renew(request);
        return told(context, request, "ended");
      }),
    },
  ];
}
