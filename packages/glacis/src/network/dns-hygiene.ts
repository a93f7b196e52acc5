/** Names that lead where they should, certificates from known authorities, mail that only we can send (catalog dns-hygiene; guide A05). */
import { randomBytes } from "node:crypto";
import type { Control, ControlMeta } from "../core/control.ts";
import { finding, type Finding, type Location, type Rule } from "../core/finding.ts";
import { rejectUnknownOptions } from "../core/options.ts";
import { dkimProblem, dmarcProblem, spfProblem } from "./dns-mail.ts";
import { dnsQuestions, type DnsQuestions, type DnsResolver } from "./dns-questions.ts";

const META: ControlMeta = {
  id: "dns-hygiene",
  title: "No dangling DNS, CAA restricts issuance, SPF/DKIM/DMARC protect the sending domain",
  layer: "network",
  guide: ["A05"],
  owasp2021: ["A05", "A06", "A07"],
  owasp2025: ["A02", "A03", "A07"],
  asvs: [],
  cwe: ["CWE-1104", "CWE-923", "CWE-290"],
};

export const DNS_DANGLING: Rule = {
  id: "dns-hygiene/dangling",
  severity: "error",
  what: "A name of ours leads to a name that does not exist.",
  why: "Whoever registers that name at its provider serves pages, and gets cookies and certificates, under ours.",
  fix: "Remove the record, or create its target again.",
};
export const DNS_NO_CAA: Rule = {
  id: "dns-hygiene/no-caa",
  severity: "warning",
  what: "No CAA record says which authorities may issue certificates for the name.",
  why: "Any of a hundred authorities may, and the weakest decides.",
  fix: 'Add a CAA record such as 0 issue "letsencrypt.org", with accounturi where the authority knows it (RFC 8657).',
};
export const DNS_WILDCARD: Rule = {
  id: "dns-hygiene/wildcard",
  severity: "note",
  what: "Every name below the domain resolves.",
  why: "A link to a name that nobody has thought of works, and is ours to whoever reads it.",
  fix: "List the names that there are.",
};
export const DNS_SPF: Rule = {
  id: "dns-hygiene/spf",
  severity: "warning",
  what: "SPF does not say who may send mail for the domain.",
  why: "Anybody sends mail in our name, and receivers cannot tell.",
  fix: 'Publish one TXT record such as "v=spf1 include:... -all" with ten lookups at most; "v=spf1 -all" where no mail is sent.',
};
export const DNS_DKIM: Rule = {
  id: "dns-hygiene/dkim",
  severity: "warning",
  what: "The DKIM key is missing, revoked, or short.",
  why: "Mail without a signature that can be believed is treated like anybody's, and a key below 2048 bits can be found.",
  fix: "Publish a key of 2048 bits RSA or Ed25519 under the selector that the sender uses.",
};
export const DNS_DMARC: Rule = {
  id: "dns-hygiene/dmarc",
  severity: "warning",
  what: "DMARC does not ask receivers to refuse mail that only pretends to be ours, or nobody gets the reports.",
  why: "SPF and DKIM alone say nothing about the address that people see.",
  fix: 'Publish "v=DMARC1; p=reject; rua=mailto:..." at _dmarc; p=quarantine on the way there.',
};
export const DNS_NOT_VERIFIED: Rule = {
  id: "dns-hygiene/not-verified",
  severity: "warning",
  what: "A name could not be looked up.",
  why: "What was not seen has not been verified.",
  fix: "Correct the name in the inventory, or look again when its servers answer.",
};

const RULES = [DNS_DANGLING, DNS_NO_CAA, DNS_WILDCARD, DNS_SPF, DNS_DKIM, DNS_DMARC, DNS_NOT_VERIFIED];

export interface InspectDnsOptions {
  /** Every public name of ours, such as `["example.com", "app.example.com"]`. */
  readonly names: readonly string[];
  readonly mail?: MailInventory;
  /** A `Resolver` of `node:dns/promises`; that of the system without one. */
  readonly resolver?: DnsResolver;
}

export interface MailInventory {
  /** What stands behind the @ of what we send. */
  readonly domain: string;
  /** The selectors that sign. Without any, no mail is sent from the domain. */
  readonly selectors: readonly string[];
}

const NAME = /^(?=.{1,253}$)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}$/u;
const MOST_NAMES = 500;

/**
 * Looks the inventory up, over the wire, and judges what it finds. DNSSEC is not looked at: a stub resolver cannot.
 *
 * @throws TypeError on an unknown option or a name that is none.
 * @example
 * const control = dnsHygiene(await inspectDns({ names: ["app.example.com"], mail: { domain: "example.com", selectors: ["s1"] } }));
 */
export async function inspectDns(options: InspectDnsOptions): Promise<readonly Finding[]> {
  rejectUnknownOptions("inspectDns", options, ["names", "mail", "resolver"]);
  const { names, mail, resolver } = options;
  if (!Array.isArray(names) || names.length > MOST_NAMES)
    throw new TypeError(`inspectDns() needs names as a list of ${MOST_NAMES} at most.`);
  for (const name of [...(names as readonly string[]), ...(mail === undefined ? [] : [mail.domain])])
    if (!NAME.test(name)) throw new TypeError('inspectDns() needs names in lower case, such as "app.example.com".');
  const ask = dnsQuestions(resolver);
  const findings: Finding[] = [];
  for (const name of names as readonly string[]) findings.push(...(await attempt(name, () => judgeName(ask, name))));
  if (mail !== undefined) findings.push(...(await attempt(mail.domain, () => judgeMail(ask, mail))));
  return findings;
}

/** A question without an answer is a finding of its own. */
async function attempt(name: string, work: () => Promise<readonly Finding[]>): Promise<readonly Finding[]> {
  try {
    return await work();
  } catch (error) {
    const code = (error as { readonly code?: unknown } | null)?.code;
    return [finding(DNS_NOT_VERIFIED, at(name), typeof code === "string" ? code : "failed")];
  }
}

function at(name: string): Location {
  return { kind: "setting", name };
}

const LONGEST_CHAIN = 10;

async function judgeName(ask: DnsQuestions, name: string): Promise<readonly Finding[]> {
  let target = name;
  for (let hops = 0; hops < LONGEST_CHAIN; hops += 1) {
    const [next] = await ask.cname(target);
    if (next === undefined) break;
    target = next.toLowerCase().replace(/\.$/u, "");
  }
  const here = await ask.exists(target);
  if (!here)
    return [
      finding(target === name ? DNS_NOT_VERIFIED : DNS_DANGLING, at(name), target === name ? "no address" : target),
    ];
  // A name that nobody has made: when it resolves, they all do.
  const wild = await ask.exists(`glacis-${randomBytes(6).toString("hex")}.${name}`);
  return [
    ...((await hasCaa(ask, name)) ? [] : [finding(DNS_NO_CAA, at(name))]),
    ...(wild ? [finding(DNS_WILDCARD, at(name))] : []),
  ];
}

/** RFC 8659 section 3: the first record set on the way up counts; one without `issue` restricts nothing. */
async function hasCaa(ask: DnsQuestions, name: string): Promise<boolean> {
  for (let domain = name; domain.includes("."); domain = domain.slice(domain.indexOf(".") + 1)) {
    const records = await ask.caa(domain);
    if (records.length > 0) return records.some((record) => record.issue !== undefined);
  }
  return false;
}

async function judgeMail(ask: DnsQuestions, { domain, selectors }: MailInventory): Promise<readonly Finding[]> {
  const sends = selectors.length > 0;
  const findings: Finding[] = [];
  const add = (rule: Rule, name: string, problem: string | undefined): void => {
    if (problem !== undefined) findings.push(finding(rule, at(name), problem));
  };
  add(DNS_SPF, domain, await spfProblem(ask, domain, sends));
  for (const selector of selectors) {
    const name = `${selector}._domainkey.${domain}`;
    add(DNS_DKIM, name, await dkimProblem(ask, name));
  }
  add(DNS_DMARC, domain, await dmarcProblem(ask, domain, sends));
  return findings;
}

/**
 * What `inspectDns` has found, as a control.
 *
 * @param findings its findings; others are left out
 */
export function dnsHygiene(findings: readonly Finding[]): Control {
  const known = new Set(RULES.map(({ id }) => id));
  const ours = findings.filter(({ rule }) => known.has(rule.id));
  return { meta: META, rules: RULES, check: () => ours };
}
