// A few conveniences, and what passkeys need. Everything else works without them, and nothing here turns text into markup or code.
"use strict";

// The server does not know where the reader is; the browser does.
const local = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "medium", timeStyle: "short" });
for (const time of document.getElementsByTagName("time")) {
  const moment = new Date(time.dateTime);
  if (!Number.isNaN(moment.getTime())) time.textContent = local.format(moment);
}

// What somebody has typed is not lost by a slip of the hand.
for (const form of document.querySelectorAll("form[data-guard]")) {
  let unsaved = false;
  form.addEventListener("input", () => {
    unsaved = true;
  });
  form.addEventListener("submit", () => {
    unsaved = false;
  });
  addEventListener("beforeunload", (event) => {
    if (unsaved) event.preventDefault();
  });
}

// What would do nothing without script is not shown without it.
for (const part of document.querySelectorAll("[data-needs-script]")) part.hidden = false;
