/** Who must prove a second factor, and how strong it must be (NIST SP 800-63B-4 section 2.2; ASVS 5 section 6.3.3; guide A07). */
import type { Control, ControlMeta } from "../core/control.ts";
import { finding, type Rule } from "../core/finding.ts";
import type { IdentifiedFacts } from "../core/facts.ts";
import { rejectUnknownOptions } from "../core/options.ts";
import { assuranceOf, type Proof, type ProofMethod } from "./proof.ts";

const META: ControlMeta = {
  id: "mfa-required",
  title: "MFA required by policy, phishing-resistant option always offered",
  layer: "authentication",
  guide: ["A07", "checklist: Multi-factor authentication for sensitive operations"],
  owasp2021: ["A07"],
  owasp2025: ["A07"],
  asvs: ["v5.0.0-6.3.3"],
  cwe: ["CWE-308", "CWE-287"],
};

const MFA_OPTIONAL: Rule = {
  id: "mfa-required/optional",
  severity: "warning",
  what: "Nobody is made to have a second factor; only those who chose one are asked for it.",
  why: "A password that was phished or used elsewhere too is then the whole key to an account, an administrator's included.",
  fix: 'Set mfa.required to "everyone", or to the roles that must have one.',
};
const MFA_NO_SOURCE: Rule = {
  id: "mfa-required/no-source",
  severity: "error",
  what: "A second factor is required, and nothing says which factors an account has.",
  why: "Everybody is sent to enrol and nobody can finish signing in.",
  fix: "Give mfa.enrolled, which answers with the methods that an account has.",
};

/** Who a policy decides about. */
export interface MfaSubject {
  readonly userId: string;
  readonly tenantId: string;
  readonly roles: readonly string[];
}

export interface MfaOptions {
  /**
   * Who must have a second factor, whether they chose one or not: everyone, the holders of some roles, or whoever your function says, such as the
   * people of a tenant whose administrator switched it on. Anybody who has one is asked for it in any case.
   */
  readonly required?: "everyone" | readonly string[] | ((subject: MfaSubject) => boolean | Promise<boolean>);
  /** Roles that must sign in with a passkey: administrators, who are worth phishing. */
  readonly phishingResistant?: readonly string[];
  /** The second factors that an account has. The library's own factors bring this function along. */
  readonly enrolled?: (subject: MfaSubject) => readonly ProofMethod[] | Promise<readonly ProofMethod[]>;
}

/** What a policy says about what has been shown so far. */
export type MfaVerdict =
  | { readonly kind: "enough" }
  | { readonly kind: "second_factor_required" | "enrolment_required"; readonly methods: readonly ProofMethod[] };

export interface MfaPolicy {
  readonly control: Control<IdentifiedFacts>;
  /** Judges the proofs of one user. A source that fails throws, and nobody is let in. */
  judge(subject: MfaSubject, proofs: readonly Proof[]): Promise<MfaVerdict>;
  /** Whether somebody must have a second factor, or a passkey, and has none. */
  lacks(subject: MfaSubject): Promise<boolean>;
}

const ENOUGH: MfaVerdict = { kind: "enough" };
const SECOND: readonly ProofMethod[] = ["totp", "passkey"];

/**
 * The policy that every sign-in is held to. Adding a factor or a role never lets anybody in with less.
 *
 * @throws TypeError on an unknown option.
 * @example
 * const mfa = mfaRequired({ required: ["owner", "admin"], enrolled });
 */
export function mfaRequired(options: MfaOptions = {}): MfaPolicy {
  rejectUnknownOptions("mfaRequired", options, ["required", "phishingResistant", "enrolled"]);
  const { required, phishingResistant = [], enrolled } = options;
  const holds = requirement(required);
  const strict = new Set(phishingResistant);
  const isStrict = ({ roles }: MfaSubject): boolean => roles.some((role) => strict.has(role));
  async function methodsOf(subject: MfaSubject): Promise<readonly ProofMethod[]> {
    const methods = enrolled === undefined ? [] : await enrolled(subject);
    if (!Array.isArray(methods)) throw new TypeError("mfa.enrolled must answer with a list of methods.");
    return methods as readonly ProofMethod[];
  }

  return {
    control: {
      meta: META,
      rules: [MFA_OPTIONAL, MFA_NO_SOURCE],
      check() {
        const at = { kind: "setting", name: "mfa" } as const;
        if (enrolled === undefined) return required === undefined ? [] : [finding(MFA_NO_SOURCE, at)];
        return required === undefined ? [finding(MFA_OPTIONAL, at)] : [];
      },
    },
    async judge(subject, proofs) {
      const methods = await methodsOf(subject);
      const needsKey = isStrict(subject);
      if (needsKey && proofs.some((one) => one.phishingResistant) && assuranceOf(proofs) >= 2) return ENOUGH;
      if (!needsKey && assuranceOf(proofs) >= 2) return ENOUGH;
      const useful = methods.filter((method) => !needsKey || method === "passkey");
      if (useful.length > 0) return { kind: "second_factor_required", methods: notYet(useful, proofs) };
      // What he has he shows first: whoever has stolen the password alone must not add a passkey to it.
      if (needsKey && methods.length > 0 && assuranceOf(proofs) < 2)
        return { kind: "second_factor_required", methods: notYet(methods, proofs) };
      if (needsKey) return { kind: "enrolment_required", methods: ["passkey"] };
      return (await holds(subject)) ? { kind: "enrolment_required", methods: SECOND } : ENOUGH;
    },
    async lacks(subject) {
      const methods = await methodsOf(subject);
      if (isStrict(subject)) return !methods.includes("passkey");
      return methods.length === 0 && (await holds(subject));
    },
  };
}

function requirement(required: MfaOptions["required"]): (subject: MfaSubject) => boolean | Promise<boolean> {
  if (required === undefined) return () => false;
  if (required === "everyone") return () => true;
  if (typeof required === "function") {
    // Anything but a clear no is a yes: the answer that asks for more.
    return async (subject) => {
      const answer: unknown = await required(subject);
      return answer !== false;
    };
  }
  if (!Array.isArray(required) || required.length === 0 || required.some((role) => typeof role !== "string")) {
    throw new TypeError('mfa.required is "everyone", a list of roles, or a function.');
  }
  const roles = new Set(required);
  return (subject) => subject.roles.some((role) => roles.has(role));
}

/** Who began with his only second factor goes on with the password. */
function notYet(methods: readonly ProofMethod[], proofs: readonly Proof[]): readonly ProofMethod[] {
  const left = methods.filter((method) => proofs.every((one) => one.method !== method));
  return left.length > 0 ? left : ["password"];
}
