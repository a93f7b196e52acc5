import type { Deployment } from "./control.ts";
import { groupByRule, type Finding } from "./finding.ts";
import { judgeSecurity } from "./judge.ts";
import type { Security } from "./security.ts";

/** The application may not start in production: the message lists each finding with the correction. */
export class BootError extends Error {
  override readonly name = "BootError";
  readonly code = "unfit_for_production";
  readonly #findings: readonly Finding[];

  constructor(findings: readonly Finding[]) {
    const lines = groupByRule(findings).map(
      ({ rule, places }) => `  ${rule.id}  at ${places.join(", ")}\n          ${rule.what}\n          fix: ${rule.fix}`,
    );
    const count = findings.length === 1 ? "1 finding stands" : `${findings.length} findings stand`;
    super(
      `${count} between this configuration and production. Nothing listens until ${findings.length === 1 ? "it is" : "they are"} fixed:\n\n${lines.join("\n")}\n\n` +
        "The same list comes from: npx glacis check --deploy\n",
    );
    this.#findings = findings;
  }

  /** Behind a getter, because Node prints an uncaught error with its fields, and the message has said all of this already. */
  get findings(): readonly Finding[] {
    return this.#findings;
  }
}

/**
 * Refuses to start in production on a finding of severity error; waived findings pass. Elsewhere it does nothing, so that a laptop
 * starts without a certificate.
 *
 * @throws BootError listing rule ids, what is wrong and what to change.
 * @example
 * assertFit(security, currentDeployment());
 */
export function assertFit(security: Security, deployment: Deployment): void {
  if (deployment.mode !== "production" && security.layers.mode !== "production") return;
  const errors = judgeSecurity(security, deployment).standing.filter(({ rule }) => rule.severity === "error");
  if (errors.length > 0) throw new BootError(errors);
}
