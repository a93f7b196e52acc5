import { html, type SafeHtml } from "glacis/input";
import type { DemoTenant } from "../demo.ts";
import { layout, type Frame } from "../views/layout.ts";

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

/** Only where the demonstration tenants were seeded, which production never does. */
export function demoAccounts(demo: readonly DemoTenant[]): SafeHtml {
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
          </div>
          ${people.map(
            ({ email, totpSecret }) =>
              totpSecret !== undefined &&
              html`<p class="hint key">${email} has a second factor. Your app makes its codes from the key <code>${totpSecret}</code>.</p>`,
          )}`,
      )}
      <p><a href="/outbox">What this demonstration would have mailed</a></p>
    </section>`;
}
