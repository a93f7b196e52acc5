import type { DemoTenant } from "../demo.ts";
import { CsrfField, ErrorSummary, Field, type FormState } from "../views/form.tsx";
import { Layout, type Frame } from "../views/layout.tsx";
import { SHORTEST_PASSWORD } from "./input.ts";

export const PASSWORD_HINT = `At least ${SHORTEST_PASSWORD} characters. Several words in a row are easy to remember; a password manager is better still.`;

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
          No tracker, and no script that you would have to wait for. It works on a phone, with a keyboard and with a
          screen reader.
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
        <div class="table-wrap" tabindex={0} role="region" aria-label={`Accounts of ${tenant.name}`}>
          <table>
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
