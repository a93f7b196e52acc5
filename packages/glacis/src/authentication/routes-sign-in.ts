import { redirect } from "../core/decision.ts";
import type { Exchange } from "../core/exchange.ts";
import type { FieldRules } from "./route-fields.ts";
import { PASSKEY_FIELDS, passkeyPost, refusal, takingOnly } from "./route-fields.ts";
import {
  accepted,
  done,
  json,
  nextIn,
  setBack,
  showPage,
  signedIn,
  signedInByScript,
  standsStillAt,
  withFields,
  withNext,
  type Form,
} from "./route-replies.ts";
import type { FlowRoute, RouteContext } from "./route-context.ts";

export const EMAIL = { most: 512 } as const;
export const PASSWORD = { most: 4096 } as const;
export const TOKEN = { most: 200 } as const;
const CODE = { most: 64 } as const;
export const NEXT = { most: 2000, optional: true } as const;

const SIGN_IN: Form = {
  page: "sign_in",
  action: "/sign-in",
  rules: { email: EMAIL, password: PASSWORD, next: NEXT },
  repeats: ["email", "next"],
};
const SECOND_FACTOR: Form = {
  page: "second_factor",
  action: "/sign-in/second-factor",
  rules: { method: { most: 20 }, code: CODE, next: NEXT },
  repeats: ["method", "next"],
};
const CONFIRM: Form = {
  page: "confirm",
  action: "/confirm",
  rules: { password: { ...PASSWORD, optional: true }, code: { ...CODE, optional: true }, next: NEXT },
  repeats: ["next"],
};

/** Signing in and out, the second factor, and proving again. */
export function signInRoutes(context: RouteContext): readonly FlowRoute[] {
  return [
    signInRoute(context),
    secondFactorRoute(context),
    ...passkeyRoutes(context),
    confirmRoute(context),
    signUpRoute(context),
    {
      path: "/sign-out",
      who: "signed_in",
      post: takingOnly([], async (request) => {
        await context.flows.context.sessions.end(request);
        return done(request, "signed_out", context.flows.context.paths.signIn);
      }),
    },
  ];
}

function signInRoute(context: RouteContext): FlowRoute {
  const { flows } = context;
  const formNow = (): Form => withPasskeys(context, SIGN_IN);
  return {
    path: "/sign-in",
    who: "anyone",
    async show(request) {
      const values = nextIn(request);
      if (request.principal.kind === "user") return redirect(303, values["next"] ?? context.home);
      // Who was led here from a page goes on where the sign-in stands still; who came to begin again has no way back with him.
      const pending = values["next"] === undefined ? undefined : await flows.context.sessions.pending(request);
      if (pending !== undefined) return redirect(303, withNext(standsStillAt(pending.purpose), values["next"]));
      return showPage(context, request, formNow(), { values });
    },
    post: (request) =>
      withFields(context, request, formNow(), async ({ email, password, next }) =>
        signedIn(context, request, formNow(), await flows.signIn(request, email, password), next),
      ),
  };
}

/** The form on a page that offers a passkey in place of a password, where there is a way to use one. */
function withPasskeys({ flows, offers }: RouteContext, form: Form): Form {
  const hasPasskeys = flows.secondFactors.hasPasskeys && offers.includes("/sign-in/passkey");
  return hasPasskeys ? { ...form, view: { methods: ["passkey"] } } : form;
}

function secondFactorRoute(context: RouteContext): FlowRoute {
  const { flows } = context;
  const methodsOf = async (request: Exchange): Promise<readonly string[] | undefined> =>
    (await flows.context.sessions.pending(request))?.methods;
  return {
    path: "/sign-in/second-factor",
    who: "anyone",
    async show(request) {
      const methods = await methodsOf(request);
      if (methods === undefined) return redirect(303, flows.context.paths.signIn);
      const values = nextIn(request);
      return showPage(context, request, SECOND_FACTOR, { values, methods });
    },
    post: (request) =>
      withFields(context, request, SECOND_FACTOR, async ({ method, code, next }) => {
        if (method !== "totp" && method !== "recovery_code")
          return setBack(context, request, SECOND_FACTOR, { kind: "credentials_wrong" });
        return signedIn(
          context,
          request,
          SECOND_FACTOR,
          await flows.secondFactors.complete(request, method, code),
          next,
        );
      }),
  };
}

/** For scripts: the answer of a passkey is an object, so these two speak JSON alone. */
function passkeyRoutes(context: RouteContext): readonly FlowRoute[] {
  const { secondFactors } = context.flows;
  return [
    {
      path: "/sign-in/passkey/options",
      who: "anyone",
      post: takingOnly([], async (request) => {
        const options = await secondFactors.passkeyOptions(request);
        return options === undefined ? refusal("not_found") : json(200, options);
      }),
    },
    {
      path: "/sign-in/passkey",
      who: "anyone",
      post: takingOnly(PASSKEY_FIELDS, async (request) => {
        const outcome = await secondFactors.passkey(request, passkeyPost(request).answer);
        if (outcome.kind !== "established") return signedIn(context, request, SIGN_IN, outcome);
        return signedInByScript(context, request);
      }),
    },
  ];
}

/** Where `stepUp()` sends people. */
function confirmRoute(context: RouteContext): FlowRoute {
  const { flows } = context;
  return {
    path: "/confirm",
    who: "signed_in",
    show(request) {
      return showPage(context, request, withPasskeys(context, CONFIRM), { values: nextIn(request) });
    },
    post: (request) =>
      withFields(context, request, withPasskeys(context, CONFIRM), async ({ password, code, next }) => {
        const outcome = await flows.secondFactors.stepUp(request, password, code);
        const settled =
          outcome.kind === "refused"
            ? ({ kind: "sign_in_again" } as const)
            : outcome.kind === "second_factor_required"
              ? ({ kind: "credentials_wrong" } as const)
              : outcome;
        return signedIn(context, request, withPasskeys(context, CONFIRM), settled, next);
      }),
  };
}

function signUpRoute(context: RouteContext): FlowRoute {
  const { flows, profile } = context;
  const rules: FieldRules = {
    email: EMAIL,
    password: PASSWORD,
    ...Object.fromEntries(profile.map((name) => [name, { most: 200, line: true }])),
  };
  const view = { profile, passwordRules: flows.context.policy.description.sentences };
  const form: Form = { page: "sign_up", action: "/sign-up", rules, repeats: ["email", ...profile], view };
  return {
    path: "/sign-up",
    who: "anyone",
    limited: true,
    show: (request) => showPage(context, request, form),
    post: (request) =>
      withFields(context, request, form, async ({ email, password, ...fields }) => {
        const outcome = await flows.signUp.request(request, email, password, fields);
        return outcome.kind === "accepted"
          ? accepted(context, request)
          : setBack(context, request, form, outcome as Parameters<typeof setBack>[3]);
      }),
  };
}
