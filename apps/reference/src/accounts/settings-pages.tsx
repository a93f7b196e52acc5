import type { SessionView } from "glacis/authentication";
import { CsrfField, ErrorSummary, Field, type FormState } from "../views/form.tsx";
import { Layout, type Frame } from "../views/layout.tsx";
import { Time } from "../views/time.tsx";
import type { Person, Profile } from "./accounts.ts";
import { PASSWORD_HINT } from "./pages.tsx";

export interface SettingsPageProps {
  readonly frame: Frame;
  readonly profile: Profile;
  readonly profileState: FormState;
  readonly passwordState: FormState;
  readonly sessions: readonly SessionView[];
  readonly notice: string | undefined;
}

export function SettingsPage(props: SettingsPageProps) {
  const { frame, profile, profileState, passwordState, notice } = props;
  const errors = { ...profileState.errors, ...passwordState.errors };
  return (
    <Layout frame={frame} title="Settings" section="/settings" notice={notice} failed={Object.keys(errors).length > 0}>
      <div class="page-head">
        <div>
          <h1>Settings</h1>
          <p class="lead">{`${profile.email} · ${profile.role} of ${profile.tenantName}`}</p>
        </div>
      </div>
      <ErrorSummary errors={errors} />
      <div class="columns even">
        <section class="sheet stack" aria-labelledby="profile-title">
          <h2 id="profile-title">Profile</h2>
          <form class="stack" method="post" action="/settings/profile" novalidate>
            <CsrfField token={frame.csrfToken} />
            <Field state={profileState} name="name" label="Your name" autocomplete="name" maxlength={80} required />
            <button class="button" type="submit">
              Save name
            </button>
          </form>
        </section>
        <section class="sheet stack" aria-labelledby="password-title">
          <h2 id="password-title">Password</h2>
          <form class="stack" method="post" action="/settings/password" novalidate>
            {/* For password managers; without a name it is not sent. */}
            <input
              class="visually-hidden"
              type="text"
              value={profile.email}
              autocomplete="username"
              readonly
              tabindex={-1}
              aria-hidden="true"
            />
            <CsrfField token={frame.csrfToken} />
            <Field
              state={passwordState}
              name="current"
              label="Present password"
              type="password"
              autocomplete="current-password"
              required
            />
            <Field
              state={passwordState}
              name="password"
              label="New password"
              type="password"
              hint={PASSWORD_HINT}
              autocomplete="new-password"
              required
            />
            <p class="hint">Changing it signs you out everywhere else.</p>
            <button class="button" type="submit">
              Change password
            </button>
          </form>
        </section>
      </div>
      <SessionList {...props} />
    </Layout>
  );
}

function SessionList({ frame, sessions }: SettingsPageProps) {
  return (
    <section class="sheet stack after" aria-labelledby="sessions-title">
      <h2 id="sessions-title">Where you are signed in</h2>
      <ul class="rows">
        {sessions.map((session) => (
          <li>
            <div>
              <strong>{session.label}</strong>
              <p class="hint">
                Signed in <Time at={session.createdAtMs} />, last used <Time at={session.seenAtMs} />
              </p>
            </div>
            {session.current && <span class="badge">This one</span>}
          </li>
        ))}
      </ul>
      {sessions.length > 1 && (
        <form method="post" action="/settings/sessions/end-others">
          <CsrfField token={frame.csrfToken} />
          <button class="button quiet" type="submit">
            Sign out everywhere else
          </button>
        </form>
      )}
    </section>
  );
}

export function PeoplePage({ frame, people }: { frame: Frame; people: readonly Person[] }) {
  return (
    <Layout frame={frame} title="People" section="/people">
      <div class="page-head">
        <div>
          <h1>People</h1>
          <p class="lead">Everybody in this workspace. You can share documents with them.</p>
        </div>
      </div>
      <div class="sheet flush table-wrap" tabindex={0} role="region" aria-label="People">
        <table>
          <thead>
            <tr>
              <th scope="col">Name</th>
              <th scope="col">E-mail address</th>
              <th scope="col">Role</th>
            </tr>
          </thead>
          <tbody>
            {people.map((person) => (
              <tr>
                <th scope="row">{person.name}</th>
                <td>{person.email}</td>
                <td>
                  <span class="badge plain">{person.role}</span>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Layout>
  );
}
