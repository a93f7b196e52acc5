/** Whom a provider may bring up: an identity is issuer and subject, and an account is linked by its owner (catalog idp-account-linking). */
import type { Control, ControlMeta } from "../core/control.ts";
import type { IdentifiedFacts } from "../core/facts.ts";
import { finding, type Finding, type Rule } from "../core/finding.ts";
import { canonicalDomainName } from "../primitives/domain-name.ts";
import type { MfaSubject } from "./mfa-required.ts";
import type { Proof } from "./proof.ts";
import type { SsoProvider } from "./single-sign-on-provider.ts";

const META: ControlMeta = {
  id: "idp-account-linking",
  title: "Federated identity keyed by issuer and subject, linked by its owner alone",
  layer: "authentication",
  guide: ["A07"],
  owasp2021: ["A07"],
  owasp2025: ["A07"],
  asvs: ["v5.0.0-6.8.1", "v5.0.0-6.8.4", "v5.0.0-10.3.3", "v5.0.0-10.5.2"],
  cwe: ["CWE-287", "CWE-290", "CWE-346"],
};

export const SHARED_ISSUER: Rule = {
  id: "idp-account-linking/shared-issuer",
  severity: "error",
  what: "An issuer that signs for everybody in the world is taken as one tenant's own.",
  why: "Anybody with an account there comes through the tenant's door; only the choice of the account stands between.",
  fix: 'Name the organisation: organization: { claim: "hd", value: "acme.example" }, or the tenant\'s own issuer.',
};
export const PUBLIC_DOMAIN: Rule = {
  id: "idp-account-linking/public-domain",
  severity: "error",
  what: "A domain of a public mail service counts as the tenant's own.",
  why: "Nobody has proved to own it: an address there says nothing about the tenant, and may become somebody else's.",
  fix: "Remove it from domains; link those people while they are signed in otherwise.",
};
export const DOMAIN_ODD: Rule = {
  id: "idp-account-linking/domain-malformed",
  severity: "error",
  what: "A domain of a tenant is not a domain's name.",
  why: "Whatever was meant, no address is below it, or another one is.",
  fix: 'Write it as in "acme.example": no @, no star, no address in numbers.',
};

/** Issuers whose accounts anybody can have, by host and beginning of the path. */
const SHARED_ISSUERS: readonly RegExp[] = [
  /^https:\/\/accounts\.google\.com\/?$/u,
  /^https:\/\/login\.microsoftonline\.com\/(?:common|organizations|consumers|9188040d-6c67-4c5b-b112-36a304b66dad)(?:\/|$)/u,
  /^https:\/\/appleid\.apple\.com\/?$/u,
  /^https:\/\/(?:www\.)?facebook\.com\/?$/u,
  /^https:\/\/www\.linkedin\.com(?:\/|$)/u,
  /^https:\/\/gitlab\.com\/?$/u,
  /^https:\/\/token\.actions\.githubusercontent\.com\/?$/u,
];
/** The largest mail services that give an address to whoever asks. */
const PUBLIC_DOMAINS: ReadonlySet<string> = new Set(
  (
    "gmail.com googlemail.com outlook.com hotmail.com live.com msn.com yahoo.com ymail.com icloud.com me.com mac.com aol.com " +
    "proton.me protonmail.com pm.me gmx.com gmx.de gmx.net gmx.at gmx.ch web.de t-online.de freenet.de mail.com mail.ru yandex.ru " +
    "yandex.com qq.com 163.com 126.com zoho.com fastmail.com tutanota.com tuta.io hey.com laposte.net orange.fr free.fr wanadoo.fr " +
    "libero.it virgilio.it seznam.cz wp.pl o2.pl onet.pl naver.com hanmail.net yahoo.co.uk yahoo.co.jp yahoo.de yahoo.fr hotmail.co.uk " +
    "hotmail.fr hotmail.de live.co.uk comcast.net verizon.net att.net btinternet.com rediffmail.com mailinator.com"
  ).split(" "),
);

/** Whether the claims are of the provider's organisation, where it has one: compared whole, and a list is none. */
export function ofOrganization({ organization }: SsoProvider, claims: Readonly<Record<string, unknown>>): boolean {
  return (
    organization === undefined ||
    (Object.hasOwn(claims, organization.claim) && claims[organization.claim] === organization.value)
  );
}

/** Whether somebody may come in through the provider of his tenant alone. */
export type SsoRequirement = (user: MfaSubject) => boolean | Promise<boolean>;

/** Whether somebody owes his tenant's provider. Anything but a clear no is a yes: the answer that lets fewer in. */
export async function mustUseProvider(
  required: SsoRequirement | undefined,
  user: MfaSubject,
  proofs: readonly Proof[],
): Promise<boolean> {
  if (required === undefined || proofs.some(({ method }) => method === "single_sign_on")) return false;
  const answer: unknown = await required(user);
  return answer !== false;
}

/** `singleSignOn()` makes it, of the providers that are known when the application starts. */
export function idpAccountLinking(providers: readonly SsoProvider[]): Control<IdentifiedFacts> {
  return {
    meta: META,
    rules: [SHARED_ISSUER, PUBLIC_DOMAIN, DOMAIN_ODD],
    check: () => providers.flatMap(judgeLinking),
  };
}

/** One provider judged; a tenant may have set it up a moment ago. */
export function judgeLinking({ id, issuer, organization, domains = [] }: SsoProvider): readonly Finding[] {
  const at = { kind: "setting", name: `singleSignOn provider ${id}` } as const;
  const shared = organization === undefined && SHARED_ISSUERS.some((pattern) => pattern.test(issuer));
  return [
    ...(shared ? [finding(SHARED_ISSUER, at, issuer)] : []),
    ...domains.flatMap((domain) => {
      const name = canonicalDomainName(domain);
      if (name === undefined || name !== domain.toLowerCase()) return [finding(DOMAIN_ODD, at)];
      return PUBLIC_DOMAINS.has(name) ? [finding(PUBLIC_DOMAIN, at, name)] : [];
    }),
  ];
}
