/** A table of fifty people: by concatenation with one escape a value, which is the least; with our tag; with hono's. */
import { html } from "glacis/input";
import { html as honoHtml } from "hono/html";

const PEOPLE = Array.from({ length: 50 }, (_, index) => ({
  id: `4f8a1a56-97a2-4a4e-9a0a-${String(index).padStart(12, "0")}`,
  name: index % 5 === 0 ? `O'Brien & Sons <${index}>` : `Ada Lovelace ${index}`,
  email: `ada.${index}@alpha.example`,
  role: index % 3 === 0 ? "owner" : "member",
}));
const ENTITIES = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#x27;" };
const escape = (text) => (/[&<>"']/u.test(text) ? text.replace(/[&<>"']/gu, (character) => ENTITIES[character]) : text);

function concatenated() {
  let rows = "";
  for (const { id, name, email, role } of PEOPLE)
    rows += `<tr data-id="${escape(id)}"><th scope="row"><a href="/people/${escape(id)}">${escape(name)}</a></th><td>${escape(email)}</td><td>${escape(role)}</td></tr>`;
  return `<table><tbody>${rows}</tbody></table>`;
}

function tagged() {
  const rows = PEOPLE.map(
    ({ id, name, email, role }) =>
      html`<tr data-id="${id}"><th scope="row"><a href="/people/${id}">${name}</a></th><td>${email}</td><td>${role}</td></tr>`,
  );
  return String(html`<table><tbody>${rows}</tbody></table>`);
}

function honoTagged() {
  const rows = PEOPLE.map(
    ({ id, name, email, role }) =>
      honoHtml`<tr data-id="${id}"><th scope="row"><a href="/people/${id}">${name}</a></th><td>${email}</td><td>${role}</td></tr>`,
  );
  // oxlint-disable-next-line typescript/no-base-to-string -- a String with the markup, unless a part is a promise
  return `${honoHtml`<table><tbody>${rows}</tbody></table>`}`;
}

export function htmlRows() {
  if (tagged() !== concatenated()) throw new Error("The tag and the concatenation render different pages.");
  return [
    { group: "html", label: "html by concatenation (limit)", isLimit: true, operations: 4_000, run: concatenated },
    { group: "html", label: "html with Glacis", operations: 4_000, run: tagged },
    { group: "html", label: "html with hono/html", operations: 4_000, run: honoTagged },
  ];
}
