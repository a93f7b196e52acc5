import { databaseExposure } from "./database-exposure.ts";
import { ddosProtection } from "./ddos-protection.ts";
import { environmentSeparation } from "./environment-separation.ts";
import { iamLeastPrivilege } from "./iam-least-privilege.ts";
import { networkLeastPrivilege } from "./network-least-privilege.ts";
import { noSsh } from "./no-ssh.ts";
import { originLockdown } from "./origin-lockdown.ts";
import type { InfrastructureControl } from "./template.ts";
import { wafAttached } from "./waf-attached.ts";

/** Every control that is judged on templates, from outside in. */
export const INFRASTRUCTURE_CONTROLS: readonly InfrastructureControl[] = [
  wafAttached,
  ddosProtection,
  originLockdown,
  networkLeastPrivilege,
  databaseExposure,
  iamLeastPrivilege,
  noSsh,
  environmentSeparation,
];
