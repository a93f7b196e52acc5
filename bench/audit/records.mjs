/** Events as an application leaves them, of several kinds in turn. */
const KINDS = [
  {
    event_type: "data_access",
    status: "succeeded",
    severity: "info",
    event: "document_read",
    resource_type: "document",
  },
  { event_type: "authentication", status: "failed", severity: "warning", event: "authn_login_fail" },
  {
    event_type: "authorization_failure",
    status: "refused",
    severity: "warning",
    event: "authz_fail",
    reason: "forbidden",
  },
  { event_type: "session", status: "succeeded", severity: "info", event: "session_created" },
];

export function recordOf(index) {
  return {
    time: "2026-01-01T00:00:00.000Z",
    ...KINDS[index % KINDS.length],
    request_id: `01J${String(index).padStart(23, "0")}`,
    ip_address: `192.0.2.${index % 250}`,
    method: "GET",
    route: "/documents/:id",
    user_id: `user-${index % 500}`,
    tenant_id: `tenant-${index % 50}`,
  };
}
