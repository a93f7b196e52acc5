import { html, type SafeHtml } from "glacis/input";
import { csrfField, errorSummary, field, hasErrors, select, type FormState } from "../views/form.ts";
import { layout, type Frame } from "../views/layout.ts";
import type { Person } from "./accounts.ts";
import type { Role } from "./memberships.ts";

const ROLE_NAMES: Readonly<Record<Role, string>> = {
  owner: "Owner",
  admin: "Admin",
  member: "Member",
  viewer: "Viewer",
};

export interface PeopleView {
  readonly people: readonly Person[];
  /** The roles that the viewer may give; none for most. */
  readonly grantable: readonly Role[];
  readonly state: FormState;
  readonly notice: string | undefined;
}

export function peoplePage(frame: Frame, view: PeopleView): SafeHtml {
  const { people, grantable, state, notice } = view;
  const manages = grantable.length > 0;
  return layout(
    frame,
    { title: "People", section: "/people", notice, failed: hasErrors(state) },
    html`
      <div class="page-head">
        <div>
          <h1>People</h1>
          <p class="lead">Everybody in this workspace. You can share documents with them.</p>
        </div>
      </div>
      ${errorSummary(state.errors)}
      <div class="sheet flush table-wrap" tabindex="0" role="region" aria-label="People">
        <table>
          <thead>
            <tr>
              <th scope="col">Name</th><th scope="col">E-mail address</th><th scope="col">Role</th>
              ${manages && html`<th scope="col">Change</th>`}
            </tr>
          </thead>
          <tbody>${people.map((person) => row(frame, person, grantable))}</tbody>
        </table>
      </div>
      ${manages && invitation(frame, state, grantable)}`,
  );
}

function row(frame: Frame, { id, name, email, role }: Person, grantable: readonly Role[]): SafeHtml {
  const mayChange = grantable.includes(role) && id !== frame.viewer?.id;
  return html`
    <tr>
      <th scope="row">${name}</th>
      <td>${email}</td>
      <td><span class="badge plain">${role}</span></td>
      ${grantable.length > 0 && html`<td>${mayChange && change(frame, { id, name, role }, grantable)}</td>`}
    </tr>`;
}

function change(
  { csrfToken }: Frame,
  { id, name, role }: Pick<Person, "id" | "name" | "role">,
  grantable: readonly Role[],
): SafeHtml {
  return html`
    <div class="actions">
      <form class="actions" method="post" action="/people/${id}/role">
        ${csrfField(csrfToken)}
        <select name="role" aria-label="Role of ${name}">
          ${grantable.map((one) => html`<option value="${one}" ?selected="${one === role}">${ROLE_NAMES[one]}</option>`)}
        </select>
        <button class="button quiet small" type="submit" aria-label="Change the role of ${name}">Change</button>
      </form>
      <form method="post" action="/people/${id}/remove">
        ${csrfField(csrfToken)}
        <button class="link-button warn" type="submit" aria-label="Remove ${name}">Remove</button>
      </form>
    </div>`;
}

function invitation(frame: Frame, state: FormState, grantable: readonly Role[]): SafeHtml {
  const options = grantable.map((role) => [role, ROLE_NAMES[role]] as const);
  const values = { role: "member", ...state.values };
  return html`
    <section class="sheet stack after" aria-labelledby="invite-title">
      <h2 id="invite-title">Invite a colleague</h2>
      <form class="stack" method="post" action="/people/invitations" novalidate>
        ${csrfField(frame.csrfToken)}
        ${field({ state, name: "email", label: "E-mail address", type: "email", hint: "They get a link, which works once within seven days.", required: true })}
        ${select({ state: { ...state, values }, name: "role", label: "Role", options })}
        <button class="button" type="submit">Send the invitation</button>
      </form>
    </section>`;
}
