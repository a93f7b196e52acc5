import type { SessionView } from "glacis/authentication";
import { html, type SafeHtml } from "glacis/input";
import { csrfField, errorSummary, field, type FormState } from "../views/form.ts";
import { layout, type Frame } from "../views/layout.ts";
import { time } from "../views/time.ts";
import type { Person, Profile } from "./accounts.ts";
import { PASSWORD_HINT } from "./pages.ts";

export interface SettingsView {
  readonly profile: Profile;
  readonly profileState: FormState;
  readonly passwordState: FormState;
  readonly sessions: readonly SessionView[];
  readonly notice: string | undefined;
}

export function settingsPage(frame: Frame, view: SettingsView): SafeHtml {
  const { profile, profileState, passwordState, notice } = view;
  const errors = { ...profileState.errors, ...passwordState.errors };
  return layout(
    frame,
    { title: "Settings", section: "/settings", notice, failed: Object.keys(errors).length > 0 },
    html`
      <div class="page-head">
        <div>
          <h1>Settings</h1>
          <p class="lead">${profile.email} · ${profile.role} of ${profile.tenantName}</p>
        </div>
      </div>
      ${errorSummary(errors)}
      <div class="columns even">
        <section class="sheet stack" aria-labelledby="profile-title">
          <h2 id="profile-title">Profile</h2>
          <form class="stack" method="post" action="/settings/profile" novalidate>
            ${csrfField(frame.csrfToken)}
            ${field({ state: profileState, name: "name", label: "Your name", autocomplete: "name", maxlength: 80, required: true })}
            <button class="button" type="submit">Save name</button>
          </form>
        </section>
        ${passwordSection(frame, profile, passwordState)}
      </div>
      ${sessionList(frame, view.sessions)}`,
  );
}

function passwordSection(frame: Frame, profile: Profile, state: FormState): SafeHtml {
  // The address is for password managers; without a name it is not sent.
  return html`
    <section class="sheet stack" aria-labelledby="password-title">
      <h2 id="password-title">Password</h2>
      <form class="stack" method="post" action="/settings/password" novalidate>
        <input class="visually-hidden" type="text" value="${profile.email}" autocomplete="username" readonly
          tabindex="-1" aria-hidden="true">
        ${csrfField(frame.csrfToken)}
        ${field({ state, name: "current", label: "Present password", type: "password", autocomplete: "current-password", required: true })}
        ${field({ state, name: "password", label: "New password", type: "password", hint: PASSWORD_HINT, autocomplete: "new-password", required: true })}
        <p class="hint">Changing it signs you out everywhere else.</p>
        <button class="button" type="submit">Change password</button>
      </form>
    </section>`;
}

function sessionList(frame: Frame, sessions: readonly SessionView[]): SafeHtml {
  return html`
    <section class="sheet stack after" aria-labelledby="sessions-title">
      <h2 id="sessions-title">Where you are signed in</h2>
      <ul class="rows">
        ${sessions.map(
          (session) => html`
            <li>
              <div>
                <strong>${session.label}</strong>
                <p class="hint">Signed in ${time(session.createdAtMs)}, last used ${time(session.seenAtMs)}</p>
              </div>
              ${session.current && html`<span class="badge">This one</span>`}
            </li>`,
        )}
      </ul>
      ${
        sessions.length > 1 &&
        html`
          <form method="post" action="/settings/sessions/end-others">
            ${csrfField(frame.csrfToken)}
            <button class="button quiet" type="submit">Sign out everywhere else</button>
          </form>`
      }
    </section>`;
}

export function peoplePage(frame: Frame, people: readonly Person[]): SafeHtml {
  return layout(
    frame,
    { title: "People", section: "/people" },
    html`
      <div class="page-head">
        <div>
          <h1>People</h1>
          <p class="lead">Everybody in this workspace. You can share documents with them.</p>
        </div>
      </div>
      <div class="sheet flush table-wrap" tabindex="0" role="region" aria-label="People">
        <table>
          <thead>
            <tr><th scope="col">Name</th><th scope="col">E-mail address</th><th scope="col">Role</th></tr>
          </thead>
          <tbody>
            ${people.map(
              ({ name, email, role }) => html`
                <tr>
                  <th scope="row">${name}</th>
                  <td>${email}</td>
                  <td><span class="badge plain">${role}</span></td>
                </tr>`,
            )}
          </tbody>
        </table>
      </div>`,
  );
}
