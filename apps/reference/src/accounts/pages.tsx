import type { SessionRecord } from "glacis/authentication";
import type { DemoTenant } from "../demo.ts";
import { CsrfField, ErrorSummary, Field, type FormState } from "../views/form.tsx";
import { Layout, type Frame } from "../views/layout.tsx";
import { Time } from "../views/time.tsx";
import type { Person, Profile } from "./accounts.ts";
import { SHORTEST_PASSWORD } from "./input.ts";

const PASSWORD_HINT = `At least ${SHORTEST_PASSWORD} characters. Several words in a row are easy to remember; a password manager is better still.`;

export function FrontPage({ frame }: { frame: Frame }) {
  return (
    <Layout frame={frame} title="Documents for teams">
      <div class="hero">
        <div class="stack">
          <h1>Your team’s writing, behind your own walls.</h1>
          <p class="lead">
            Folio is a calm place for the documents of a team. Each workspace is sealed off from every other one, by the
            database itself.
          </p>
          <p class="actions">
            <a class="button" href="/sign-up">
              Create a workspace
            </a>
            <a class="button quiet" href="/sign-in">
              Sign in
            </a>
          </p>
        </div>
        <div class="pile" aria-hidden="true">
          <div />
          <div />
          <div>
            <i />
            <i />
            <i />
            <i />
            <i />
            <i />
            <i />
          </div>
        </div>
      </div>
      <ul class="three">
        <Promise title="Private until you say so">
          A new document is yours alone. Share it with one colleague, to read or to edit, and take it back at any time.
        </Promise>
        <Promise title="Walls that hold">
          Workspaces are kept apart by row-level security: the database refuses what the program might get wrong.
        </Promise>
        <Promise title="Nothing in the way">
          No script to wait for, no tracker. It works on a phone, with a keyboard and with a screen reader.
        </Promise>
      </ul>
    </Layout>
  );
}

function Promise({ title, children }: { title: string; children?: string }) {
  return (
    <li class="sheet">
      <div class="stack">
        <h2>{title}</h2>
        <p class="lead">{children}</p>
      </div>
    </li>
  );
}

export interface SignInPageProps {
  readonly frame: Frame;
  readonly state: FormState;
  readonly next: string | undefined;
  readonly notice: string | undefined;
  readonly demo: readonly DemoTenant[];
}

export function SignInPage({ frame, state, next, notice, demo }: SignInPageProps) {
  return (
    <Layout frame={frame} title="Sign in" notice={notice} failed={Object.keys(state.errors).length > 0}>
      <div class="narrow stack">
        <ErrorSummary errors={state.errors} />
        <div class="sheet stack">
          <h1>Sign in</h1>
          <form class="stack" method="post" action="/sign-in" novalidate>
            <CsrfField token={frame.csrfToken} />
            {next !== undefined && <input type="hidden" name="next" value={next} />}
            <Field
              state={state}
              name="email"
              label="E-mail address"
              type="email"
              autocomplete="username"
              required
              autofocus
            />
            <Field
              state={state}
              name="password"
              label="Password"
              type="password"
              autocomplete="current-password"
              required
            />
            <button class="button wide" type="submit">
              Sign in
            </button>
          </form>
          <p>
            New here? <a href="/sign-up">Create a workspace</a>
          </p>
        </div>
        {demo.length > 0 && <DemoAccounts demo={demo} />}
      </div>
    </Layout>
  );
}

/** Only where the demonstration tenants were seeded, which production never does. */
function DemoAccounts({ demo }: { demo: readonly DemoTenant[] }) {
  return (
    <section class="sheet stack demo" aria-labelledby="demo-title">
      <h2 id="demo-title">Accounts of this demonstration</h2>
      {demo.map((tenant) => (
        <div class="table-wrap">
          <table>
            <caption class="visually-hidden">{tenant.name}</caption>
            <thead>
              <tr>
                <th scope="col">{tenant.name}</th>
                <th scope="col">Password</th>
              </tr>
            </thead>
            <tbody>
              {tenant.people
                .filter(({ hidden }) => hidden !== true)
                .map((person) => (
                  <tr>
                    <td>
                      <code>{person.email}</code>
                    </td>
                    <td>
                      <code>{person.password}</code>
                    </td>
                  </tr>
                ))}
            </tbody>
          </table>
        </div>
      ))}
    </section>
  );
}

export function SignUpPage({ frame, state }: { frame: Frame; state: FormState }) {
  return (
    <Layout frame={frame} title="Create a workspace" failed={Object.keys(state.errors).length > 0}>
      <div class="narrow stack">
        <ErrorSummary errors={state.errors} />
        <div class="sheet stack">
          <h1>Create a workspace</h1>
          <p class="lead">A workspace belongs to one team. You will be its owner.</p>
          <form class="stack" method="post" action="/sign-up" novalidate>
            <CsrfField token={frame.csrfToken} />
            <Field
              state={state}
              name="workspace"
              label="Workspace"
              hint="Such as the name of your company."
              autocomplete="organization"
              maxlength={80}
              required
              autofocus
            />
            <Field state={state} name="name" label="Your name" autocomplete="name" maxlength={80} required />
            <Field state={state} name="email" label="E-mail address" type="email" autocomplete="username" required />
            <Field
              state={state}
              name="password"
              label="Password"
              type="password"
              hint={PASSWORD_HINT}
              autocomplete="new-password"
              required
            />
            <button class="button wide" type="submit">
              Create workspace
            </button>
          </form>
          <p>
            Already have one? <a href="/sign-in">Sign in</a>
          </p>
        </div>
      </div>
    </Layout>
  );
}

export interface SettingsPageProps {
  readonly frame: Frame;
  readonly profile: Profile;
  readonly profileState: FormState;
  readonly passwordState: FormState;
  readonly sessions: readonly SessionRecord[];
  readonly currentSession: string | undefined;
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

function SessionList({ frame, sessions, currentSession }: SettingsPageProps) {
  return (
    <section class="sheet stack after" aria-labelledby="sessions-title">
      <h2 id="sessions-title">Where you are signed in</h2>
      <ul class="rows">
        {sessions.map((session) => (
          <li>
            <div>
              <strong>{session.label === "" ? "Unknown browser" : session.label}</strong>
              <p class="hint">
                Signed in <Time at={session.createdAtMs} />, last used <Time at={session.seenAtMs} />
              </p>
            </div>
            {session.id === currentSession && <span class="badge">This one</span>}
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
