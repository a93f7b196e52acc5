// A few conveniences, and what passkeys need. Everything else works without them, and nothing here turns text into markup or code.
"use strict";

// The server does not know where the reader is; the browser does.
const local = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "medium", timeStyle: "short" });
for (const time of document.getElementsByTagName("time")) {
  const moment = new Date(time.dateTime);
  if (!Number.isNaN(moment.getTime())) time.textContent = local.format(moment);
}

// Shown in front of what was typed, which stays where it is.
function say(form, text, link) {
  form.querySelector(".errors")?.remove();
  const box = document.createElement("div");
  box.className = "errors";
  box.setAttribute("role", "alert");
  box.tabIndex = -1;
  box.append(text);
  if (link !== undefined) {
    const a = Object.assign(document.createElement("a"), {
      href: link,
      target: "_blank",
      rel: "noopener",
      textContent: "Sign in",
    });
    box.append(" ", a, " (in a new tab).");
  }
  form.prepend(box);
  box.focus();
}

// A token for whoever is signed in now; undefined when that is not the person who has been writing.
async function tokenFor(person) {
  const [me, csrf] = await Promise.all(["/api/me", "/api/csrf"].map((path) => fetch(path, { redirect: "error" })));
  if (me.status === 401) return undefined;
  if (!me.ok || !csrf.ok) throw new Error("No answer that says who is signed in.");
  const { user } = await me.json();
  return user.id === person ? (await csrf.json()).csrfToken : undefined;
}

// What somebody has typed is lost neither by a slip of the hand, nor with a session that ended meanwhile, nor with the network.
for (const form of document.querySelectorAll("form[data-guard]")) {
  let unsaved = false;
  let sending = false;
  form.addEventListener("input", () => {
    unsaved = true;
  });
  const send = async () => {
    sending = true;
    try {
      const token = await tokenFor(form.dataset.guard);
      if (token !== undefined) {
        form.elements.csrf_token.value = token;
        unsaved = false;
        form.submit();
        return;
      }
      say(
        form,
        "You have been signed out. What you wrote is still here: sign in again, then come back and save.",
        "/sign-in",
      );
    } catch {
      say(form, "Folio could not be asked to save this. What you wrote is still here: try again in a moment.");
    }
    sending = false;
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!sending) void send();
  });
  // Who comes back to the page by the browser's own button may save once more.
  addEventListener("pageshow", () => {
    sending = false;
  });
  addEventListener("beforeunload", (event) => {
    if (unsaved) event.preventDefault();
  });
}

// What would do nothing without script is not shown without it.
for (const part of document.querySelectorAll("[data-needs-script]")) part.hidden = false;
