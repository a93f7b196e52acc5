import { html, type SafeHtml } from "glacis/input";
import type { DemoTenant } from "../demo.ts";
import { csrfField, errorSummary, field, hasErrors, type FormState } from "../views/form.ts";
import { layout, type Frame } from "../views/layout.ts";
import { SHORTEST_PASSWORD } from "./input.ts";

export const PASSWORD_HINT: string = `At least ${SHORTEST_PASSWORD} characters. Several words in a row are easy to remember; a password manager is better still.`;

export function frontPage(frame: Frame): SafeHtml {
  return layout(frame, { title: "Documents for teams" }, HERO);
}

const HERO = html`
  <div class="hero">
    <div class="stack">
      <h1>Your team’s writing, behind your own walls.</h1>
      <p class="lead">
        Folio is a calm place for the documents of a team. Each workspace is sealed off from every other one, by the
        database itself.
      </p>
      <p class="actions">
        <a class="button" href="/sign-up">Create a workspace</a>
        <a class="button quiet" href="/sign-in">Sign in</a>
      </p>
    </div>
    <div class="pile" aria-hidden="true">
      <div></div>
      <div></div>
      <div><i></i><i></i><i></i><i></i><i></i><i></i><i></i></div>
    </div>
  </div>
  <ul class="three">
    ${promise(
      "Private until you say so",
      "A new document is yours alone. Share it with one colleague, to read or to edit, and take it back at any time.",
    )}
    ${promise(
      "Walls that hold",
      "Workspaces are kept apart by row-level security: the database refuses what the program might get wrong.",
    )}
    ${promise(
      "Nothing in the way",
      "No tracker, and no script that you would have to wait for. It works on a phone, with a keyboard and with a screen reader.",
    )}
  </ul>`;

function promise(title: string, text: string): SafeHtml {
  return html`
    <li class="sheet">
      <div class="stack">
        <h2>${title}</h2>
        <p class="lead">${text}</p>
      </div>
    </li>`;
}

export interface SignInView {
  readonly state: FormState;
  readonly next: string | undefined;
  readonly notice: string | undefined;
  readonly demo: readonly DemoTenant[];
}

export function signInPage(frame: Frame, { state, next, notice, demo }: SignInView): SafeHtml {
  return layout(
    frame,
    { title: "Sign in", notice, failed: hasErrors(state) },
    html`
      <div class="narrow stack">
        ${errorSummary(state.errors)}
        <div class="sheet stack">
          <h1>Sign in</h1>
          <form class="stack" method="post" action="/sign-in" novalidate>
            ${csrfField(frame.csrfToken)}
            ${next !== undefined && html`<input type="hidden" name="next" value="${next}">`}
            ${field({ state, name: "email", label: "E-mail address", type: "email", autocomplete: "username", required: true, autofocus: true })}
            ${field({ state, name: "password", label: "Password", type: "password", autocomplete: "current-password", required: true })}
            <button class="button wide" type="submit">Sign in</button>
          </form>
          <p>New here? <a href="/sign-up">Create a workspace</a></p>
        </div>
        ${demo.length > 0 && demoAccounts(demo)}
      </div>`,
  );
}

/** Only where the demonstration tenants were seeded, which production never does. */
function demoAccounts(demo: readonly DemoTenant[]): SafeHtml {
  return html`
    <section class="sheet stack demo" aria-labelledby="demo-title">
      <h2 id="demo-title">Accounts of this demonstration</h2>
      ${demo.map(
        ({ name, people }) => html`
          <div class="table-wrap" tabindex="0" role="region" aria-label="Accounts of ${name}">
            <table>
              <thead>
                <tr><th scope="col">${name}</th><th scope="col">Password</th></tr>
              </thead>
              <tbody>
                ${people
                  .filter(({ hidden }) => hidden !== true)
                  .map(
                    ({ email, password }) =>
                      html`<tr><td><code>${email}</code></td><td><code>${password}</code></td></tr>`,
                  )}
              </tbody>
            </table>
          </div>`,
      )}
    </section>`;
}

export function signUpPage(frame: Frame, state: FormState): SafeHtml {
  return layout(
    frame,
    { title: "Create a workspace", failed: hasErrors(state) },
    html`
      <div class="narrow stack">
        ${errorSummary(state.errors)}
        <div class="sheet stack">
          <h1>Create a workspace</h1>
          <p class="lead">A workspace belongs to one team. You will be its owner.</p>
          <form class="stack" method="post" action="/sign-up" novalidate>
            ${csrfField(frame.csrfToken)}
            ${field({ state, name: "workspace", label: "Workspace", hint: "Such as the name of your company.", autocomplete: "organization", maxlength: 80, required: true, autofocus: true })}
            ${field({ state, name: "name", label: "Your name", autocomplete: "name", maxlength: 80, required: true })}
            ${field({ state, name: "email", label: "E-mail address", type: "email", autocomplete: "username", required: true })}
            ${field({ state, name: "password", label: "Password", type: "password", hint: PASSWORD_HINT, autocomplete: "new-password", required: true })}
            <button class="button wide" type="submit">Create workspace</button>
          </form>
          <p>Already have one? <a href="/sign-in">Sign in</a></p>
        </div>
      </div>`,
  );
}
