import { rejectUnknownOptions } from "../core/options.ts";
import type { AuditEvent } from "../core/event.ts";
import { isLoopbackHost, parseOrigin } from "../primitives/origin.ts";
import type { PasskeyStore } from "./passkey-store.ts";

export interface PasskeysOptions {
  /** The product's name, which the browser shows. */
  readonly name: string;
  /** The origins that people sign in at, exactly. They come from here and never from a request. */
  readonly origins: readonly [string, ...string[]];
  /**
   * The domain that passkeys are for. The host of the first origin; a parent domain makes them good on every subdomain, a neighbour's included.
   * For ever: passkeys of one domain are unknown to another.
   */
  readonly rpId?: string;
  readonly store: PasskeyStore;
  /** Where registrations, uses and failures are told: `security.report`. */
  readonly report?: (event: AuditEvent) => void;
}

/** Where ceremonies may happen. */
export interface PasskeyPlace {
  readonly origins: readonly string[];
  readonly rpId: string;
}

/** @throws TypeError on an unknown option, or origins and a domain with which no browser would work. */
export function readPasskeysOptions(options: PasskeysOptions): PasskeyPlace {
  rejectUnknownOptions("passkeys", options, ["name", "origins", "rpId", "store", "report"]);
  const { name, origins } = options;
  if (typeof name !== "string" || name.trim() === "" || name.length > 64)
    throw new TypeError("passkeys() needs name, your product's, of 1 to 64 characters.");
  if (!Array.isArray(origins) || origins.length === 0)
    throw new TypeError('passkeys() needs origins, such as ["https://app.example.com"].');
  const urls = origins.map((one) => new URL(parseOrigin("passkeys({ origins })", one)));
  const rpId = options.rpId ?? (urls[0] as URL).hostname;
  // The loopback address is no domain, and a top-level domain is everybody's.
  if (!/^(?:localhost|[a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z][a-z0-9-]*)$/u.test(rpId))
    throw new TypeError(
      `passkeys() needs rpId as a domain name such as "example.com" or "localhost"; "${rpId}" is none.`,
    );
  for (const { protocol, hostname, origin } of urls) {
    if (protocol !== "https:" && !isLoopbackHost(hostname))
      throw new TypeError(`passkeys() needs https: browsers have no passkeys at ${origin}.`);
    if (hostname !== rpId && !hostname.endsWith(`.${rpId}`))
      throw new TypeError(
        `passkeys({ origins }): ${origin} is not at "${rpId}" or below it, so browsers would refuse.`,
      );
  }
  return { origins: urls.map(({ origin }) => origin), rpId };
}

/** For `navigator.credentials.create()` (WebAuthn Level 3 section 5.4), binary values in base64url. */
export interface PasskeyCreationOptions {
  readonly rp: { readonly id: string; readonly name: string };
  readonly user: { readonly id: string; readonly name: string; readonly displayName: string };
  readonly challenge: string;
  readonly pubKeyCredParams: readonly { readonly type: "public-key"; readonly alg: number }[];
  readonly timeout: number;
  readonly excludeCredentials: readonly PasskeyDescriptor[];
  readonly authenticatorSelection: {
    readonly residentKey: "preferred";
    readonly requireResidentKey: false;
    readonly userVerification: "required";
  };
  readonly attestation: "none";
}

/** For `navigator.credentials.get()` (section 5.5), likewise. */
export interface PasskeyRequestOptions {
  readonly rpId: string;
  readonly challenge: string;
  readonly timeout: number;
  readonly userVerification: "required";
  readonly allowCredentials: readonly PasskeyDescriptor[];
}

export interface PasskeyDescriptor {
  readonly type: "public-key";
  readonly id: string;
  readonly transports: readonly string[];
}
