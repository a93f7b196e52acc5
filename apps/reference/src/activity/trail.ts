import { auditTrail, type AuditTrail } from "glacis/audit";

/**
 * What owners and admins can read of what was done. What stands in a document is its owner's: that it changed is recorded, what it says is not.
 */
export const trail: AuditTrail = auditTrail({
  resources: {
    document: { title: "personal", body: "personal", link: "personal", colleague: "internal", permission: "internal" },
    membership: { role: "internal" },
    webhook: { endpoint: "personal" },
  },
});
