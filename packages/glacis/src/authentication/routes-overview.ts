import type { FlowRoute, RouteContext } from "./route-context.ts";
import { refusal } from "./route-fields.ts";
import { showPage } from "./route-replies.ts";

/** One page from which people change whatever they may about their account. Its parts are the routes that are mounted. */
export function overviewRoute(context: RouteContext): FlowRoute {
  const { secondFactors, context: shared } = context.flows;
  const path = "/account";
  return {
    path,
    who: "signed_in",
    async show(request) {
      const factors = await secondFactors.overview(request);
      if (factors === undefined || request.principal.kind !== "user") return refusal("not_found");
      const sessions = await shared.sessions.list(request.principal.id, request);
      return showPage(context, request, { page: "account", action: path }, { account: { ...factors, sessions } });
    },
  };
}
