/** The application that every row serves, and the requests that it is measured with. */

export const ORIGIN = "https://app.example.com";
export const PARTNER = "https://partner.example.com";
export const SECRET = "a secret of the benchmark, longer than 32 characters";

/** What a small server-rendered page is: the user's name and one script that needs the policy's nonce. */
export function page(user, nonce) {
  const script = nonce === undefined ? "" : `<script nonce="${nonce}">document.title += "!"</script>`;
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Documents</title>${script}</head><body><p>${user}</p></body></html>`;
}

export const created = (item) => ({ id: 1, name: item.name, tags: item.tags.length });

const ITEM = JSON.stringify({
  name: "Quarterly report",
  tags: ["finance", "2026", "draft"],
  meta: { folder: "f-17", pages: 12, shared: [{ with: "u-2", mode: "read" }] },
});

/** What a browser sends through a load balancer that ends TLS. */
const BROWSER = {
  host: "app.example.com",
  "user-agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
  accept: "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
  "accept-language": "en-GB,en;q=0.7",
  "accept-encoding": "gzip, deflate, br",
  "sec-fetch-dest": "document",
  "sec-fetch-mode": "navigate",
  "sec-fetch-site": "same-origin",
  "x-forwarded-for": "203.0.113.7",
  "x-forwarded-proto": "https",
};
const SCRIPT = {
  ...BROWSER,
  accept: "application/json",
  "sec-fetch-dest": "empty",
  "sec-fetch-mode": "cors",
  origin: ORIGIN,
  "content-type": "application/json",
};

/**
 * The three loads.
 *
 * @param signedIn the Cookie header and the CSRF token that the row's own sign-in gave out
 */
export function loadsFor({ cookie, csrf }) {
  return {
    "anonymous GET": { method: "GET", path: "/page", headers: BROWSER, status: 200 },
    "GET with session": { method: "GET", path: "/page", headers: { ...BROWSER, cookie }, status: 200 },
    "POST, session, CSRF, JSON": {
      method: "POST",
      path: "/items",
      headers: { ...SCRIPT, cookie, "x-csrf-token": csrf },
      body: ITEM,
      status: 201,
    },
  };
}

/** A request as bytes. */
export function serialize({ method, path, headers, body }) {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const length = body === undefined ? "" : `content-length: ${Buffer.byteLength(body)}\r\n`;
  return Buffer.from(`${method} ${path} HTTP/1.1\r\n${lines.join("")}${length}\r\n${body ?? ""}`);
}
