/** Every rule about a database, and the part of them that belongs to one control. */
import type { Finding, Rule } from "../../core/finding.ts";
import { ACCOUNT_RULES } from "./accounts.ts";
import { GRANT_RULES } from "./grants.ts";
import { KEY_RULES } from "./keys.ts";
import { OBJECT_RULES } from "./objects.ts";
import { POLICY_RULES } from "./policies.ts";
import { CAUSE_RULES } from "./policy-causes.ts";
import { HABIT_RULES } from "./policy-habits.ts";
import { REACH_RULES } from "./reach.ts";
import { ROLE_RULES } from "./roles.ts";
import { SERVER_RULES } from "./server.ts";
import { TABLE_RULES } from "./tables.ts";

export const UNREAD: Rule = {
  id: "database-exposure/posture-unread",
  severity: "error",
  what: "A part of the database could not be judged.",
  why: "An unanswered question about security counts as a no.",
  fix: "Read the reason in the detail; a role that does not exist is the usual one.",
};

export const POSTURE_RULES: readonly Rule[] = [
  UNREAD,
  ...ROLE_RULES,
  ...SERVER_RULES,
  ...GRANT_RULES,
  ...ACCOUNT_RULES,
  ...REACH_RULES,
  ...TABLE_RULES,
  ...POLICY_RULES,
  ...CAUSE_RULES,
  ...HABIT_RULES,
  ...OBJECT_RULES,
  ...KEY_RULES,
];

/** The rules of one control. @param id its catalog id */
export function rulesOf(id: string): readonly Rule[] {
  return POSTURE_RULES.filter((rule) => rule.id.startsWith(`${id}/`));
}

/** The findings of one control. */
export function findingsOf(id: string, posture: readonly Finding[]): readonly Finding[] {
  return posture.filter(({ rule }) => rule.id.startsWith(`${id}/`));
}
