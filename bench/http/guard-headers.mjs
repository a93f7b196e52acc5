/** The headers of the hand-inlined guard: those that Glacis sends on the same responses. The proofs compare them. */
const PERMISSIONS =
  "accelerometer=(), autoplay=(), browsing-topics=(), camera=(), clipboard-read=(), display-capture=(), " +
  "encrypted-media=(), fullscreen=(), gamepad=(), geolocation=(), gyroscope=(), hid=(), identity-credentials-get=(), idle-detection=(), " +
  "keyboard-map=(), local-fonts=(), magnetometer=(), microphone=(), midi=(), otp-credentials=(), payment=(), picture-in-picture=(), " +
  "publickey-credentials-create=(self), publickey-credentials-get=(self), screen-wake-lock=(), serial=(), storage-access=(), usb=(), " +
  "window-management=(), xr-spatial-tracking=()";

const ALWAYS = [
  ["strict-transport-security", "max-age=63072000; includeSubDomains"],
  ["x-content-type-options", "nosniff"],
  ["referrer-policy", "strict-origin-when-cross-origin"],
  ["cross-origin-opener-policy", "same-origin"],
  ["cross-origin-resource-policy", "same-origin"],
  ["cross-origin-embedder-policy", "credentialless"],
  ["origin-agent-cluster", "?1"],
  ["permissions-policy", PERMISSIONS],
  ["x-xss-protection", "0"],
  ["x-frame-options", "DENY"],
  ["cache-control", "no-store"],
  ["vary", "Origin, Cookie"],
];

export const HEADERS = {
  document: [...ALWAYS, ["reporting-endpoints", 'csp="/csp-report"']],
  data: [...ALWAYS, ["content-security-policy", "default-src 'none'; frame-ancestors 'none'"]],
};

export const policy = (nonce) =>
  `default-src 'none'; script-src 'nonce-${nonce}' 'strict-dynamic'; style-src 'self' 'nonce-${nonce}'; img-src 'self'; font-src 'self'; ` +
  "connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'; " +
  "upgrade-insecure-requests; require-trusted-types-for 'script'; report-to csp; report-uri /csp-report";
