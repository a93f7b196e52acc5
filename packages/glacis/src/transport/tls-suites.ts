/** The suites of TLS 1.2, sorted (RFC 9325 section 4.2; Mozilla's intermediate profile). */

/** What a server should offer: ECDHE for forward secrecy, AEAD for authenticated encryption. */
export const STRONG_SUITES: readonly string[] = [
  "ECDHE-ECDSA-AES128-GCM-SHA256",
  "ECDHE-RSA-AES128-GCM-SHA256",
  "ECDHE-ECDSA-AES256-GCM-SHA384",
  "ECDHE-RSA-AES256-GCM-SHA384",
  "ECDHE-ECDSA-CHACHA20-POLY1305",
  "ECDHE-RSA-CHACHA20-POLY1305",
];

/** Whether a suite, by OpenSSL's name or by the IANA's, is forward-secret and authenticated. Every suite of TLS 1.3 is. */
export function isStrongSuite(name: string): boolean {
  if (/^TLS_(?:AES|CHACHA20)_/u.test(name)) return true;
  const forward = /^(?:ECDHE-(?:ECDSA|RSA)-|TLS_ECDHE_(?:ECDSA|RSA)_WITH_)/u.test(name);
  return forward && /(?:GCM|CHACHA20|CCM)/u.test(name) && !/CCM[-_]?8/u.test(name);
}

/**
 * The suites of a cipher string that are not strong. Only what is written out can be judged: a group such as `DEFAULT` or `HIGH` holds weak ones.
 */
export function weakInCipherString(ciphers: string): readonly string[] {
  return ciphers
    .split(/[:, ]+/u)
    .filter((part) => part !== "" && !/^[-!]/u.test(part) && !/^@(?:STRENGTH|SECLEVEL=[2-5])$/u.test(part))
    .filter((part) => !isStrongSuite(part.replace(/^\+/u, "")));
}
