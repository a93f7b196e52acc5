/**
 * Offers to show what is typed into a password field (NIST SP 800-63B-4 section 3.1.1.2; WCAG 2.2 criterion 3.3.8), to be served as a script of your own
 * or put into a `<script nonce>`. It depends on nothing and defines nothing global. A field takes part by one attribute, whose value the button says:
 *
 * ```html
 * <label for="password">Password</label>
 * <input id="password" type="password" name="password" autocomplete="current-password" data-reveal="Show password">
 * ```
 *
 * The button comes behind the field, or behind the label that holds it, with the attribute `data-revealing` to style it by. A form is sent, and a page left, with the
 * field masked, or browsers would remember what stood in it as ordinary text.
 */
export const passwordRevealScript: string = `"use strict";
(() => {
  let fields = 0;
  for (const field of document.querySelectorAll("input[type=password][data-reveal]")) {
    const label = field.labels && field.labels[0];
    const button = document.createElement("button");
    const show = (shown) => {
      field.type = shown ? "text" : "password";
      button.setAttribute("aria-pressed", String(shown));
    };
    fields += 1;
    field.id = field.id || "password-field-" + fields;
    button.type = "button";
    button.textContent = field.dataset.reveal;
    button.setAttribute("data-revealing", "");
    button.setAttribute("aria-controls", field.id);
    if (label) {
      label.id = label.id || field.id + "-label";
      button.setAttribute("aria-describedby", label.id);
    }
    // While it is text, no dictionary of a browser's maker hears of it.
    field.spellcheck = false;
    field.setAttribute("autocapitalize", "none");
    show(false);
    button.addEventListener("click", () => show(field.type === "password"));
    if (field.form) field.form.addEventListener("submit", () => show(false));
    addEventListener("pagehide", () => show(false));
    (label && label.contains(field) ? label : field).after(button);
  }
})();
`;
