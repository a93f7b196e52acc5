/** Accounts: whose sign-in is held back, which sessions live, and the two buttons that end both. */
import type { AuthenticatorState } from "../authentication/sign-in-throttle-accounts.ts";
import type { SessionView } from "../authentication/session-inventory.ts";
import { html, type SafeHtml } from "../input/html.ts";
import { linkTo, type CenterContext } from "./center-context.ts";
import type { CenterAccount } from "./center-options.ts";
import { eventPanel } from "./event-panel.ts";
import { renderPage } from "./page-frame.ts";
import { badge, emptyState, panel, table, timeOf, visible } from "./widgets.ts";

const MOST_SHOWN = 50;
const LONGEST_SEARCH = 200;

export async function accountsPage(context: CenterContext): Promise<SafeHtml> {
  const { settings, query, user } = context;
  const search = (query.get("search") ?? "").slice(0, LONGEST_SEARCH).trim();
  const { accounts } = settings;
  const found = accounts === undefined ? [] : (await accounts.find(search, user)).slice(0, MOST_SHOWN);
  const actions = await eventPanel(context, {
    title: "What administrators did here",
    caption: "Actions in the Security Center",
    filter: { event: "admin_action" },
    limit: 10,
    all: "All actions",
    none: html`<p class="quiet">Nobody has unlocked, revoked or exported anything yet.</p>`,
  });
  return renderPage(context, {
    page: "/accounts",
    title: "Accounts and sessions",
    lead: "Who can sign in, from where they are signed in, and whose sign-in is held back.",
    body: html`${
      accounts === undefined
        ? panel({
            title: "Accounts",
            body: emptyState(
              "No directory of accounts",
              "Hand securityCenter() the application's accounts, and they are listed here.",
            ),
          })
        : html`<form method="get" action="${linkTo(context, "/accounts")}" class="filters" role="search">
            <div class="filter-row">
              <label class="grow"><span>Search</span><input type="search" name="search" value="${search}" maxlength="200" placeholder="Name or address" /></label>
              <div class="filter-buttons"><button class="button primary">Search</button></div>
            </div>
          </form>
          <section class="panel flush">
            <h2 class="unseen">Accounts</h2>
            ${found.length === 0 ? emptyState("Nobody found", "No account that you may manage fits.") : accountTable(context, found)}
          </section>`
    }
    ${actions}`,
  });
}

function accountTable(context: CenterContext, accounts: readonly CenterAccount[]): SafeHtml {
  return table(
    "Accounts",
    [
      {
        title: "Account",
        kind: "wide stack",
        cell: (account) =>
          html`<a href="${linkTo(context, "/account", { user: account.userId })}">${visible(account.name ?? account.identifier, 60)}</a>
            <small>${visible(account.identifier, 80)}</small>`,
      },
      { title: "Roles", cell: ({ roles = [] }) => html`${roles.slice(0, 6).map((role) => badge(role, "neutral"))}` },
      { title: "Id", kind: "mono clip", cell: ({ userId }) => visible(userId, 40) },
    ],
    accounts,
  );
}

/** @returns undefined when there is no such account within this person's reach */
export async function accountPage(context: CenterContext): Promise<SafeHtml | undefined> {
  const { settings, query, user } = context;
  const userId = (query.get("user") ?? "").slice(0, LONGEST_SEARCH);
  const account = userId === "" ? undefined : await settings.accounts?.get(userId, user);
  if (account === undefined) return undefined;
  const [sessions, states, events] = await Promise.all([
    settings.sessions?.list(account.userId, context.request),
    settings.throttle?.state(account.identifier),
    eventPanel(context, {
      title: "Latest events",
      caption: "Latest events of the account",
      filter: { user: account.userId },
      limit: 10,
      all: "All events of this account",
      none: html`<p class="quiet">Nothing has been written about this account.</p>`,
    }),
  ]);
  return renderPage(context, {
    page: "/accounts",
    title: visible(account.name ?? account.identifier, 80),
    lead: html`<span class="mono">${visible(account.identifier, 120)}</span>`,
    actions: html`<a class="button" href="${linkTo(context, "/accounts")}">All accounts</a>`,
    body: html`${throttlePanel(context, account, states)} ${sessionPanel(context, account, sessions)} ${events}`,
  });
}

function throttlePanel(
  context: CenterContext,
  account: CenterAccount,
  states: readonly AuthenticatorState[] | undefined,
): SafeHtml {
  if (states === undefined)
    return panel({
      title: "Sign-in",
      body: html`<p class="quiet">Hand securityCenter() the sign-in throttle, and failed attempts are shown here.</p>`,
    });
  const failing = states.filter(({ failures, deadFor }) => failures > 0 || deadFor !== "nobody");
  if (failing.length === 0)
    return panel({ title: "Sign-in", body: html`<p class="quiet">Nobody has failed at this account. It is open.</p>` });
  const rows = table<AuthenticatorState>(
    "Failed attempts",
    [
      { title: "Proof", cell: ({ kind }) => kind.replaceAll("_", " ") },
      { title: "Failures in a row", kind: "number", cell: ({ failures }) => String(failures) },
      { title: "State", cell: (state) => lockBadge(state, context.nowMs) },
    ],
    failing,
  );
  return panel({
    title: "Sign-in",
    note: actionForm(context, account, { path: "/accounts/unlock", label: "Unlock" }),
    body: rows,
  });
}

function lockBadge({ deadFor, opensAtMs }: AuthenticatorState, nowMs: number): SafeHtml {
  if (deadFor === "everybody") return badge("locked until unlocked", "bad");
  if (deadFor === "strangers") return badge("known devices only", "bad");
  if (opensAtMs > nowMs) return badge(`strangers wait ${Math.ceil((opensAtMs - nowMs) / 1000)} s`, "warn");
  return badge("open", "good");
}

function sessionPanel(
  context: CenterContext,
  account: CenterAccount,
  sessions: readonly SessionView[] | undefined,
): SafeHtml {
  if (sessions === undefined)
    return panel({
      title: "Sessions",
      body: html`<p class="quiet">Hand securityCenter() the sessions, and they are listed here.</p>`,
    });
  if (sessions.length === 0)
    return panel({ title: "Sessions", body: html`<p class="quiet">Not signed in anywhere.</p>` });
  const { nowMs } = context;
  return panel({
    title: "Sessions",
    note: actionForm(context, account, { path: "/accounts/revoke", label: "End all sessions", kind: "danger" }),
    body: table<SessionView>(
      "Sessions",
      [
        {
          title: "Browser",
          kind: "wide",
          cell: ({ label, current }) => html`${visible(label, 80)} ${current && badge("this one", "info")}`,
        },
        { title: "Level", kind: "number", cell: ({ assurance }) => String(assurance) },
        { title: "Since", cell: ({ createdAtMs }) => timeOf(createdAtMs, nowMs) },
        { title: "Last seen", cell: ({ seenAtMs }) => timeOf(seenAtMs, nowMs) },
        {
          title: "Action",
          cell: ({ handle }) =>
            actionForm(context, account, { path: "/accounts/revoke", label: "End", session: handle }),
        },
      ],
      sessions,
    ),
  });
}

interface ActionForm {
  readonly path: string;
  readonly label: string;
  readonly kind?: string;
  /** The handle of one session. */
  readonly session?: string;
}

function actionForm(context: CenterContext, account: CenterAccount, form: ActionForm): SafeHtml {
  const { path, label, kind = "", session: handle } = form;
  const { settings, request } = context;
  return html`<form method="post" action="${linkTo(context, path)}" class="inline">
    <input type="hidden" name="csrf_token" value="${settings.csrf.token(request)}" />
    <input type="hidden" name="user" value="${account.userId}" />
    ${handle !== undefined && html`<input type="hidden" name="session" value="${handle}" />`}
    <button class="button small ${kind}">${label}</button>
  </form>`;
}
