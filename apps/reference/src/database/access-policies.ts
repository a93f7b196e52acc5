/** Every access policy that the database enforces too, beside those that keep tenants apart: these narrow what a person may do inside one. */
import { rowSecurity, type EnforcedPolicy } from "glacis/authorization";
import { attachmentPolicy } from "../attachments/policy.ts";
import { documentPolicy, ROW_SECURITY, sharePolicy } from "../documents/policy.ts";

export const ACCESS_POLICIES = [documentPolicy, sharePolicy, attachmentPolicy] as const;

/** For the comparison with a live database. */
export const ENFORCED_POLICIES: readonly EnforcedPolicy[] = ACCESS_POLICIES.map((policy) => ({
  policy,
  options: ROW_SECURITY,
}));

export const ROW_POLICIES: string = ACCESS_POLICIES.map((policy) => rowSecurity(policy, ROW_SECURITY).sql).join("");
