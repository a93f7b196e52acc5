import { html } from "glacis/input";
import { REASONS, type Reason, type RefusalBody, type RefusalPageView } from "glacis";
import type { Assets } from "../assets.ts";
import { logo } from "./icons.ts";
import { head } from "./layout.ts";

const ADVICE: Partial<Record<Reason, string>> = {
  unauthenticated: "You have been signed out, or your session has ended.",
  session_expired: "You have been away for too long.",
  not_found: "The page does not exist, or it belongs to somebody who has not shared it with you.",
  forbidden: "Ask an owner of your workspace if you think that you should.",
  csrf_failed: "The page was open for too long, or you have signed in or out in another tab.",
  rate_limited: "You have been faster than we allow. Wait a little.",
};

/** What was too much, in words, where the refusal says how much would have been right. */
function limitOf({ reason, members }: RefusalPageView["denial"]): string | undefined {
  const limit = Number(members?.["limit"]);
  if (reason !== "body_too_large" || !(limit > 0)) return undefined;
  return `At most ${limit < 1_000_000 ? `${Math.floor(limit / 1000)} kB` : `${Math.floor(limit / 1_000_000)} MB`} fit here. Go back and send less.`;
}

/** What a browser sees in place of a refused page. It knows nobody's name: a refusal may come before anyone was identified. */
export function refusalPage(assets: Assets): (view: RefusalPageView) => RefusalBody {
  return ({ denial, requestId, developer, nonce }) => {
    const { status, sentence } = REASONS[denial.reason];
    const page = html`<!doctype html>
<html lang="en">
  ${head(sentence, { assets, nonce })}
  <body>
    <header class="masthead">
      <div class="masthead-inner"><a class="brand" href="/">${logo} Folio</a></div>
    </header>
    <main id="main">
      <div class="frame">
        <div class="sheet stack narrow">
          <p class="meta">${status}</p>
          <h1>${sentence}</h1>
          <p class="lead">${limitOf(denial) ?? ADVICE[denial.reason] ?? "If it keeps happening, tell us the reference below."}</p>
          ${developer && denial.why !== undefined && html`<p>${denial.why}</p>`}
          ${developer && denial.fix !== undefined && html`<p>${denial.fix}</p>`}
          <p class="actions"><a class="button" href="/documents">${status === 401 ? "Sign in" : "Go to your documents"}</a></p>
          <p class="hint">Reference: <code>${requestId}</code></p>
        </div>
      </div>
    </main>
  </body>
</html>
`;
    return { contentType: "text/html; charset=utf-8", body: String(page) };
  };
}
