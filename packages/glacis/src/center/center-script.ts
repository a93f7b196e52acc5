/**
 * The one script: follows events live, and keeps relative times true. Pages work without it. It makes elements and puts text into them, never
 * markup, so Trusted Types has nothing to refuse.
 */
export const SCRIPT: string = `"use strict";
(() => {
  const relative = (time) => {
    const ago = Date.now() - time;
    if (ago < 60000) return "just now";
    if (ago < 3600000) return Math.floor(ago / 60000) + " min ago";
    if (ago < 86400000) return Math.floor(ago / 3600000) + " h ago";
    const days = Math.floor(ago / 86400000);
    return days === 1 ? "yesterday" : days + " days ago";
  };
  setInterval(() => {
    for (const time of document.querySelectorAll("time[datetime]")) time.textContent = relative(Date.parse(time.dateTime));
  }, 30000);

  // Where the navigation is a row that scrolls, the page that one is on must not be out of sight.
  const current = document.querySelector(".side nav [aria-current]");
  const row = current?.closest("nav");
  if (row) row.scrollLeft = current.offsetLeft - row.offsetLeft - (row.clientWidth - current.offsetWidth) / 2;

  const button = document.getElementById("follow");
  const body = document.querySelector("#events tbody");
  if (!button || !body || !globalThis.EventSource) return;
  const status = document.getElementById("live-status");
  const base = location.pathname.replace(/\\/events$/u, "");
  const tones = { succeeded: "good", failed: "bad", refused: "warn", observed: "info", info: "neutral", warning: "warn", error: "bad", critical: "bad" };
  const known = new Set();
  for (const link of body.querySelectorAll("td.time a")) known.add(new URL(link.href).searchParams.get("id"));
  let source;
  let unread = 0;

  const element = (name, className, text) => {
    const made = document.createElement(name);
    if (className) made.className = className;
    if (text) made.textContent = text;
    return made;
  };
  const cell = (title, className, child) => {
    const made = element("td", className);
    made.setAttribute("role", "cell");
    made.dataset.title = title;
    made.append(child);
    return made;
  };
  const link = (path, text) => {
    const made = element("a", "plain", text);
    made.href = base + path;
    return made;
  };
  const filtered = (name, value) => (value ? link("/events?" + name + "=" + encodeURIComponent(value), name === "user" && /^[a-zA-Z0-9_-]{25,}$/.test(value) ? value.slice(0, 8) + "…" + value.slice(-8) : value) : element("span", "quiet", "–"));
  const add = (event) => {
    if (known.has(event.id)) return;
    known.add(event.id);
    const exact = event.time.replace("T", " ").slice(0, 19);
    const time = element("time", "", relative(Date.parse(event.time)));
    time.dateTime = event.time;
    time.title = exact + " UTC";
    const opened = element("a", "mono", exact.slice(11));
    opened.href = base + "/event?id=" + encodeURIComponent(event.id);
    opened.title = exact + " UTC";
    const ago = element("small");
    ago.append(time);
    const when = element("span");
    when.append(opened, ago);
    const what = element("span");
    what.append(element("span", "mono", event.event));
    if (event.detail) what.append(element("small", "", event.detail));
    const row = element("tr", "fresh");
    row.setAttribute("role", "row");
    row.append(
      cell("Time (UTC)", "time", when),
      cell("Severity", "", element("span", "level " + (tones[event.severity] || "neutral"), event.severity)),
      cell("Event", "wide stack", what),
      cell("Outcome", "", element("span", "badge " + (tones[event.status] || "neutral"), event.status)),
      cell("User", "mono clip", filtered("user", event.user)),
      cell("Address", "mono clip", filtered("ip", event.ip)),
      cell("Route", "mono clip", event.route ? document.createTextNode(event.route) : element("span", "quiet", "–")),
    );
    body.prepend(row);
    document.querySelector(".panel.flush .empty")?.remove();
    while (body.rows.length > 200) body.lastElementChild.remove();
    unread += 1;
  };
  setInterval(() => {
    if (unread > 0) status.textContent = unread === 1 ? "1 new event" : unread + " new events";
    unread = 0;
  }, 5000);

  const set = (follows) => {
    button.setAttribute("aria-pressed", String(follows));
    source?.close();
    source = undefined;
    if (!follows) return;
    source = new EventSource(button.dataset.source);
    source.addEventListener("message", (message) => add(JSON.parse(message.data)));
    source.addEventListener("error", () => {
      if (source?.readyState === EventSource.CLOSED) set(false);
    });
  };
  button.hidden = false;
  button.addEventListener("click", () => set(source === undefined));
})();
`;
