/**
 * The page's half of a ceremony, to be served as a script of your own or put into a `<script nonce>`. It depends on nothing and defines nothing
 * global. A button takes part by its attributes:
 *
 * ```html
 * <button type="button" data-passkey="authenticate" data-options="/passkey/options" data-answer="/passkey/answer" data-csrf="...">Use a passkey</button>
 * <p role="status" data-passkey-status></p>
 * ```
 *
 * `data-passkey` is `register` or `authenticate`. A click posts JSON to `data-options`, hands what comes back to the browser, and posts
 * `{ answer, name }` to `data-answer`; `name` is the value of the field whose id is in `data-name`. `data-csrf` travels as `x-csrf-token`. On success it
 * opens the path in `location` of the answer, or loads the page again; on failure it puts `data-failed` into the status element.
 */
export const passkeyScript: string = `"use strict";
(() => {
  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
  const text = (buffer) =>
    btoa(Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte)).join(""))
      .replace(/\\+/g, "-").replace(/\\//g, "_").replace(/=+$/, "");
  const described = (list) => (list || []).map((one) => ({ ...one, id: bytes(one.id) }));

  async function post(button, url, body) {
    const headers = { "content-type": "application/json", accept: "application/json" };
    if (button.dataset.csrf) headers["x-csrf-token"] = button.dataset.csrf;
    const response = await fetch(url, { method: "POST", headers, body: JSON.stringify(body), credentials: "same-origin" });
    if (!response.ok) throw new Error("refused");
    return response.status === 204 ? {} : response.json();
  }

  function create(options) {
    const user = { ...options.user, id: bytes(options.user.id) };
    const excludeCredentials = described(options.excludeCredentials);
    return navigator.credentials.create({
      publicKey: { ...options, user, excludeCredentials, challenge: bytes(options.challenge) },
    });
  }

  function get(options) {
    const allowCredentials = described(options.allowCredentials);
    return navigator.credentials.get({ publicKey: { ...options, allowCredentials, challenge: bytes(options.challenge) } });
  }

  function written(credential) {
    const from = credential.response;
    const response = { clientDataJSON: text(from.clientDataJSON) };
    for (const name of ["attestationObject", "authenticatorData", "signature", "userHandle"])
      if (from[name]) response[name] = text(from[name]);
    if (from.getTransports) response.transports = from.getTransports();
    const id = text(credential.rawId);
    return { id, rawId: id, type: credential.type, response, clientExtensionResults: {} };
  }

  async function run(button) {
    const options = await post(button, button.dataset.options, {});
    const credential = await (button.dataset.passkey === "register" ? create(options) : get(options));
    const field = button.dataset.name ? document.getElementById(button.dataset.name) : null;
    const name = field && field.value ? { name: field.value } : {};
    const { location: next } = await post(button, button.dataset.answer, { answer: written(credential), ...name });
    const target = new URL(next || location.href, location.href);
    if (target.origin !== location.origin) throw new Error("elsewhere");
    if (next) location.assign(target.href);
    else location.reload();
  }

  for (const button of document.querySelectorAll("[data-passkey]")) {
    if (!window.PublicKeyCredential) {
      button.hidden = true;
      continue;
    }
    button.addEventListener("click", async (event) => {
      event.preventDefault();
      const status = document.querySelector("[data-passkey-status]");
      button.disabled = true;
      if (status) status.textContent = "";
      try {
        await run(button);
      } catch {
        if (status) status.textContent = button.dataset.failed || "That did not work. Try again, or use another way.";
      } finally {
        button.disabled = false;
      }
    });
  }
})();
`;
