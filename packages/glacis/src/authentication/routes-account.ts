import { answer } from "../core/decision.ts";
import { refusal, takingOnly } from "./route-fields.ts";
import { accepted, setBack, showPage, told, withFields, type Form, type Setback } from "./route-replies.ts";
import { EMAIL, PASSWORD } from "./routes-sign-in.ts";
import type { FlowRoute, RouteContext } from "./route-context.ts";

/** What people change about their own accounts. Each wants a recent proof, and the password besides. */
export function accountRoutes(context: RouteContext): readonly FlowRoute[] {
  const { flows } = context;
  return [
    settingRoute(
      context,
      "change_password",
      "/account/password",
      { current_password: PASSWORD, password: PASSWORD },
      {
        hoped: "changed",
        run: (request, values) => flows.passwordChange(request, values["current_password"], values["password"]),
      },
    ),
    settingRoute(
      context,
      "change_email",
      "/account/email",
      { email: EMAIL, password: PASSWORD },
      {
        hoped: "accepted",
        run: (request, values) => flows.emailChange.request(request, values["email"], values["password"]),
      },
    ),
    settingRoute(
      context,
      "delete_account",
      "/account/delete",
      { password: PASSWORD },
      {
        hoped: "scheduled",
        run: (request, values) => flows.deletion.request(request, values["password"]),
      },
    ),
    {
      path: "/account/export",
      who: "recently_proved",
      post: takingOnly([], async (request) => {
        const copy = await flows.deletion.exportData(request);
        if (copy === undefined) return refusal("not_found");
        const headers = [
          ["content-type", "application/json"],
          ["content-disposition", 'attachment; filename="account.json"'],
        ] as const;
        return answer(200, headers, JSON.stringify(copy, undefined, 2));
      }),
    },
  ];
}

interface Setting {
  readonly hoped: string;
  readonly run: (
    request: Parameters<NonNullable<FlowRoute["post"]>>[0],
    values: Readonly<Record<string, string>>,
  ) => Promise<{ readonly kind: string }>;
}

function settingRoute(
  context: RouteContext,
  page: Form["page"],
  path: string,
  rules: Form["rules"],
  { hoped, run }: Setting,
): FlowRoute {
  const view = { passwordRules: context.flows.context.policy.description.sentences };
  const form: Form = { page, action: path, rules, repeats: ["email"], view };
  return {
    path,
    who: "recently_proved",
    show: (request) => showPage(context, request, form),
    post: (request) =>
      withFields(context, request, form, async (values) => {
        const outcome = await run(request, values);
        if (outcome.kind !== hoped) return setBack(context, request, form, outcome as Setback);
        return hoped === "accepted" ? accepted(context, request) : told(context, request, hoped);
      }),
  };
}
