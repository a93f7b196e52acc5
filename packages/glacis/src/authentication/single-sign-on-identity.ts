/** What a provider's word is worth: who somebody is, and how well he proved it. */
import type { Factor } from "./proof.ts";
import type { SsoAssurance, SsoProvider } from "./single-sign-on-provider.ts";

/** Claims of a verified ID token. */
export interface SsoClaims {
  readonly sub: string;
  readonly [name: string]: unknown;
}

/** Somebody as a provider knows him. Issuer and subject together are the identity; an address never is. */
export interface SsoIdentity {
  readonly issuer: string;
  readonly subject: string;
  readonly provider: SsoProvider;
  /** Only where the provider says that it has verified the address, and the tenant has proved to own the domain. */
  readonly email: string | undefined;
  /** As the provider writes it: for showing, never for deciding. */
  readonly name: string | undefined;
}

const FACTORS: Readonly<Record<string, readonly Factor[]>> = {
  pwd: ["knowledge"],
  pin: ["knowledge"],
  kba: ["knowledge"],
  otp: ["possession"],
  hwk: ["possession"],
  swk: ["possession"],
  sc: ["possession"],
  sms: ["possession"],
  tel: ["possession"],
  fpt: ["inherence"],
  face: ["inherence"],
  iris: ["inherence"],
  retina: ["inherence"],
  vbm: ["inherence"],
  mfa: ["knowledge", "possession"],
};
const MOST_METHODS = 20;
const LONGEST_NAME = 200;

/** One factor, unless the provider is believed to say more. */
const SINGLE: SsoAssurance = { factors: ["knowledge"] };

/** A subject or a session's id: 255 ASCII characters at most (OpenID Connect Core 1.0 section 2). */
export function isProviderText(text: unknown): text is string {
  return typeof text === "string" && /^[\x20-\x7e]{1,255}$/u.test(text);
}

export function identityOf(provider: SsoProvider, claims: SsoClaims): SsoIdentity {
  const { name } = claims;
  return {
    issuer: provider.issuer,
    subject: claims.sub,
    provider,
    email: verifiedEmail(provider, claims),
    name: typeof name === "string" && name.length <= LONGEST_NAME ? name : undefined,
  };
}

/** `email_verified` of a provider that anybody can set up says nothing, so the domain must be the tenant's own. */
function verifiedEmail({ domains = [] }: SsoProvider, { email, email_verified }: SsoClaims): string | undefined {
  if (typeof email !== "string" || email.length > 254 || email_verified !== true) return undefined;
  const parts = /^[^\s@"<>()[\]\\,;:]+@(?<domain>[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?)$/iu.exec(email);
  const domain = parts?.groups?.["domain"]?.toLowerCase();
  return domain !== undefined && domains.some((owned) => owned.toLowerCase() === domain) ? email : undefined;
}

/** How well it was proved, by the provider's word where that is believed. A list that holds something else is no list. */
export function assuranceOfClaims(provider: SsoProvider, { acr, amr }: SsoClaims): SsoAssurance {
  if (typeof acr === "string" && provider.acr !== undefined && Object.hasOwn(provider.acr, acr))
    return provider.acr[acr] as SsoAssurance;
  if (provider.believesAmr !== true || !Array.isArray(amr) || amr.length > MOST_METHODS) return SINGLE;
  const factors = (amr as readonly unknown[]).flatMap((one) =>
    typeof one === "string" && Object.hasOwn(FACTORS, one) ? (FACTORS[one] as readonly Factor[]) : [],
  );
  return factors.length === 0 ? SINGLE : { factors: [...new Set(factors)] };
}
