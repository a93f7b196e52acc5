/** The closed list of security events (catalog security-event-log; guide A09). docs/events.md is this table. */

export type EventSeverity = "info" | "warning" | "error" | "critical";

/**
 * Every event that there is. To add one is to add a line here and in docs/events.md; what stands in no line does not compile.
 *
 * By type and `event/status`: its severity, the usual one first; the fields that it may carry beside those of every event; what happened. Types and
 * fields are the guide's, so that its filter `{ $.event_type = "authentication" && $.status = "failed" }` works as written. Names follow the OWASP
 * logging vocabulary where it has one.
 */
export const EVENT_CATALOGUE = {
  authentication: {
    "authn_login_success/succeeded": "info | - | Somebody signed in.",
    "authn_login_fail/failed":
      "warning | login_hash | A password was wrong, the account is unknown or closed, or it belongs to no tenant.",
    "authn_login_fail_max/refused":
      "warning | login_hash | A sign-in was not judged: too many have failed, and it has to wait.",
    "authn_login_lock/refused":
      "error | login_hash | A way to sign in is closed until an administrator or the owner opens it again.",
    "authn_credential_stuffing/observed": "critical | count | One place tries many accounts.",
    "authn_password_spraying/observed": "critical | count | One password is tried on many accounts.",
    "authn_distributed_guessing/observed": "critical | count | One account is tried from many networks.",
    "authn_failure_surge/observed": "critical | count | Far more sign-ins fail than usual.",
    "authn_new_device/observed": "info | - | Somebody signed in from a browser that the account has not seen.",
    "authn_impossible_travel/observed":
      "critical | - | Two sign-ins of one user are too far apart for the time between them.",
    "authn_stored_hash_unreadable/failed":
      "error | - | A stored password hash cannot be read; nobody signs in with it.",
    "authn_totp_success/succeeded": "info | - | A one-time code was right.",
    "authn_totp_fail/failed": "warning | - | A one-time code was wrong, old or used before.",
    "authn_totp_enrolled/succeeded": "warning | - | An authenticator app was added.",
    "authn_totp_removed/succeeded": "warning | - | An authenticator app was removed.",
    "authn_passkey_success/succeeded": "info | - | A passkey answered rightly.",
    "authn_passkey_fail/failed":
      "warning critical | - | A passkey's answer was refused; a counter that went back is critical.",
    "authn_passkey_registered/succeeded": "warning | - | A passkey was added.",
    "authn_passkey_removed/succeeded": "warning | - | A passkey was removed.",
    "authn_factor_lacking/observed":
      "critical | - | Somebody whose role must have a second factor has removed the last one.",
    "authn_recovery_codes_created/succeeded": "warning | count | Recovery codes were made; the former ones are void.",
    "authn_recovery_code_used/succeeded": "warning | count | A recovery code was spent; count are left.",
    "authn_recovery_code_fail/failed": "warning | - | A recovery code was wrong or spent.",
    "authn_token_rejected/failed": "warning | resource_type resource_id | A bearer token or API key was refused.",
    "authn_sso_fail/failed":
      "warning | resource_type resource_id | A sign-in through an identity provider came to nothing.",
    "authn_oob_sent/succeeded": "info | - | A code went out over the telephone network.",
    "authn_oob_capped/refused":
      "warning | - | A code was not sent: too many were, or the number is of a country that is not named.",
    "authn_oob_undelivered/failed": "error | - | The telephone network did not take a code.",
    "authn_oob_used/succeeded": "info | - | A code from the telephone was right.",
    "authn_oob_fail/failed": "warning | - | A code from the telephone was wrong, too old, or for something else.",
    "authn_sso_logout/succeeded": "info | count | An identity provider ended sessions.",
    "authn_sso_logout_fail/failed": "warning | - | A logout token of an identity provider was refused.",
    "password_rule_fail/failed": "warning | - | A rule of the password policy failed; the password was refused.",
    "password_blocklist_unavailable/failed": "warning | - | The list of common passwords cannot be read.",
    "password_breach_check_degraded/failed": "warning | - | Breached passwords are not looked up for the moment.",
    "mtls_rejected/refused": "warning | - | A service's client certificate was refused.",
    "malicious_honeytoken/observed": "critical | - | Somebody used a credential that is bait.",
  },
  session: {
    "session_created/succeeded": "info | - | A session began.",
    "session_renewed/succeeded": "info | - | A session has a new token, as after a step-up.",
    "session_ended/succeeded": "info | - | Somebody signed out.",
    "session_revoked/succeeded":
      "info | count | Sessions were ended by the user, an administrator or a change of credentials.",
    "session_refused/refused": "warning | - | A sign-in got no session: a proof was spent, stale or overtaken.",
    "second_factor_required/observed": "info | - | The first factor was right; a second is asked for.",
    "enrolment_required/observed": "info | - | The first factor was right; a second has to be set up first.",
  },
  account: {
    "sign_up_requested/observed":
      "info | - | Somebody asked for an account; whether the address had one, nobody is told.",
    "user_created/succeeded": "info warning | - | An account was made.",
    "user_invited/succeeded": "info | - | Somebody was invited into a tenant.",
    "invitation_accepted/succeeded": "info | - | An invitation was taken up.",
    "invitation_revoked/succeeded": "info | - | An invitation was taken back.",
    "user_deleted/succeeded": "warning | - | An account and what belongs to it is gone.",
    "user_disabled/succeeded": "warning | - | An administrator closed an account.",
    "user_enabled/succeeded": "warning | - | An administrator opened an account again.",
    "user_deletion_scheduled/succeeded": "warning | - | The owner asked for the account to be deleted.",
    "user_deletion_cancelled/succeeded": "info | - | The owner keeps the account after all.",
    "user_data_exported/succeeded": "warning | - | The owner asked for a copy of the account's data.",
    "email_change_requested/observed": "warning | - | The owner asked for another address.",
    "email_changed/succeeded": "warning | - | An account has another address.",
    "authn_password_change/succeeded": "info | - | A password was changed by whoever knew the old one.",
    "authn_password_confirm_fail/failed": "warning | - | The password that a change asks for was wrong.",
    "password_reset_requested/observed": "info | - | Somebody asked for a link to set a password.",
    "authn_link_rejected/failed": "warning | - | A link from a mail was spent, void, expired or never made.",
    "authn_password_reset/succeeded": "warning | - | A password was set through a link.",
    "authn_account_disowned/succeeded":
      "critical | count | The owner said 'this was not me': everything that lets somebody in was taken back.",
    "authn_login_unlock/succeeded": "warning | - | The count of failed sign-ins of an account was forgotten by hand.",
    "authn_sso_linked/succeeded":
      "warning | resource_type resource_id | An account was linked with an identity of a provider.",
    "authn_sso_unlinked/succeeded": "warning | - | The owner unlinked an identity of a provider from an account.",
    "authn_sso_unlinked/refused": "info | - | The identity is the only way into the account, so it stays.",
    "authz_change/succeeded": "warning | action resource_type resource_id | Somebody's role or membership was changed.",
    "admin_action/succeeded":
      "warning | action resource_type resource_id count | An administrator acted in the Security Center.",
    "admin_action/refused":
      "warning | action resource_type resource_id | An administrator named somebody outside their reach.",
  },
  token: {
    "authn_token_created/succeeded": "info | resource_type resource_id | An API key was made.",
    "authn_token_revoked/succeeded": "info | resource_type resource_id count | API keys were ended.",
    "integration_token_lost/failed":
      "warning | - | A token of an integration is of no use any more; its user must link it anew.",
  },
  authorization_failure: {
    "authz_fail/refused":
      "info warning | action resource_type resource_id count | Access was refused; count says how many refusals of one actor are summed up.",
    "authz_undecided/failed":
      "critical | - | The application answered before an access rule had decided; the answer was withheld.",
    "authz_undecided/refused": "critical | - | A route without an access rule was asked for.",
    "authz.escalation_attempt/refused": "warning | - | Somebody tried to give out more rights than they have.",
    "support.visit_refused/refused":
      "warning | - | A support visit was refused: no consent, no fresh second factor, or no right.",
    "malicious_direct_reference/observed": "error | count resource_type | One actor tries ids one after another.",
  },
  tenant: {
    "tenant_cross_access/refused": "critical | action resource_type resource_id | A tenant reached for another's rows.",
    "tenant_setting_leaked/observed":
      "error | - | A database connection still carried a tenant or a caller; it was thrown away.",
    "tenant_bypass/observed": "warning | - | Code worked outside every tenant, for the reason in detail.",
    "transaction_conflict/refused": "warning | - | A transaction met another again and again, and was given up.",
    "read_only_write/refused": "error | - | A transaction that only reads tried to write; the database refused.",
    "safe_method_write/refused": "error | - | A GET tried to write; the database refused.",
  },
  data_access: {
    "admin_activity/observed": "info | action | A request reached the application's administration.",
    "data_not_found/failed": "info | action resource_type resource_id | An object was asked for that is not there.",
    "file_downloaded/succeeded": "info | resource_type resource_id | A file was handed out.",
    "personal_data_erased/succeeded": "info | resource_type resource_id count | Somebody's personal data was erased.",
    "admin_action/succeeded":
      "warning | action resource_type resource_id count | An administrator took events out of the Security Center.",
    "admin_action/refused": "warning | action resource_type resource_id | An export of events was refused.",
    "audit_trail_exported/succeeded": "warning | resource_type count | A tenant's audit trail was taken out as a file.",
    "malicious_honeytoken/observed":
      "critical | resource_type resource_id | A row or an account that is bait was touched.",
    "support.consent_given/succeeded": "info | - | A tenant lets support staff look for a while.",
    "support.consent_withdrawn/succeeded": "info | - | A tenant lets support staff look no more.",
    "support.visit_begun/succeeded": "warning | purpose | A member of staff sees what a user sees.",
    "support.visit_ended/succeeded": "info | - | A support visit is over.",
    "support.viewed/observed": "info | - | A member of staff opened a page during a visit.",
    "support.visit_refused/refused": "warning | - | A visit tried to change something, or to see what it may not.",
  },
  csrf: {
    "csrf_rejected/refused": "warning | - | A change was asked for from somewhere else than our own pages.",
  },
  csp_violation: {
    "csp_violation/refused":
      "warning | directive blocked document source line | A browser blocked something on our page.",
    "csp_violation/observed":
      "info | directive blocked document source line | A browser would block something under the policy that is tried out.",
  },
  rate_limit: {
    "excess_rate_limit_exceeded/refused":
      "warning | limit count | Requests were over a rate limit; count came since the last report.",
    "excess_rate_limit_exceeded/observed": "warning | limit count | Requests were over a rate limit that is tried out.",
    "sys_rate_limit_uncounted/refused": "warning | - | A request was refused because nobody could count it.",
    "sys_rate_limit_store_down/failed": "error | error | The store of a rate limit does not answer.",
    "sys_rate_limit_store_up/succeeded": "info | - | The store of a rate limit answers again.",
  },
  input_validation: {
    "input_validation_fail/refused":
      "info warning error | limit count action resource_type error | Input was malformed, too large or not what the route takes.",
    "input.canonicalization/refused": "warning | - | A path can be read in two ways.",
    "http.request_rejected/refused": "warning | - | A request line or header that no browser sends.",
    "http.request_incomplete/refused": "info | - | The client ended the connection in the middle of its request.",
    "http.framing_rejected/refused": "warning | - | Two readers would see two ends of the request: request smuggling.",
    "http.host_rejected/refused": "warning | - | The Host header is missing, malformed or not ours.",
    "http.method_rejected/refused": "warning | - | A method that is not served, or that overrides another.",
    "proxy.header_invalid/observed": "warning | - | A proxy's forwarded header does not parse; it was not believed.",
    "credential_in_url/refused": "warning | - | A query has a parameter named like a credential.",
    "sequence_fail/refused":
      "warning | resource_type | A step of a workflow came out of order, too fast or from somebody else.",
    "open_redirect/refused": "warning | - | A redirect would have led to another site.",
    "file.traversal/refused": "warning | - | A file name leads out of its folder.",
    "exec.rejected/refused": "warning | - | An argument of a command was refused.",
  },
  upload: {
    "upload_stored/succeeded":
      "info | resource_type resource_id count | A file was checked and stored; count is its bytes.",
    "upload_pending/succeeded":
      "warning | resource_type resource_id count | A file was stored, and waits in quarantine for its scan.",
    "upload_scan_overdue/observed":
      "error | resource_type resource_id count | A file waits for its scan for too long; count is in seconds.",
    "file_task_failed/failed": "error | error | Work on a stored file failed, and will be tried again.",
    "upload_validation/refused":
      "warning | limit | A file was refused: too large, of another kind than it says, or not allowed.",
    "upload_validation/failed": "error | limit | A file could not be checked, and was refused.",
    "malicious_upload/refused": "critical | limit | A file carries malware.",
    "download_refused/refused": "info warning | - | A file was not handed out.",
  },
  ssrf_blocked: {
    "egress.blocked/refused":
      "warning | blocked | The application was kept from calling an address that it must not call.",
  },
  transport: {
    "transport.insecure_request/refused": "info | - | A request came over plain HTTP.",
    "transport.cleartext_credential/observed": "warning | - | A credential came over plain HTTP: take it for stolen.",
    "transport.context_refused/refused":
      "info | - | A page of another site tried to load a response in a way that is not its purpose.",
    "sys_header_replaced/observed": "warning | - | A header of the application was replaced by the policy's.",
    "sys_cookie_tightened/observed":
      "warning | resource_type resource_id | A cookie of the application got the attributes that it lacked.",
    "sys_cookie_dropped/refused": "warning | resource_type resource_id | A cookie that is not registered was not sent.",
  },
  crypto: {
    "data_integrity_failure/failed":
      "critical | resource_type resource_id | A sealed field does not open: its bytes were changed, or stand in another row.",
    "tenant_key_destroyed/succeeded": "warning | - | A tenant's key was destroyed, and with it what it sealed.",
    "crypto_webhook_rejected/refused":
      "warning error | resource_type resource_id | A webhook's signature does not hold.",
    "password_hash_upgraded/succeeded": "info | - | A password was hashed anew with the present settings.",
  },
  secret: {
    "secret_rotated/succeeded": "info | resource_id | A secret has a new value.",
    "secret_refresh_failed/failed":
      "warning error | resource_id | A secret could not be read anew; the old value is used on.",
    "secret_stale/failed": "warning error | resource_id | A secret is older than it may be.",
    "secret_rotation_failed/failed": "error | resource_id | Code that uses a secret did not take its new value.",
  },
  config: {
    "proxy.header_missing/observed": "warning | - | A trusted proxy sends no forwarded header.",
    "proxy.header_unexpected/observed": "warning | - | Somebody sends forwarded headers, and no proxy is declared.",
    "proxy.address_shared/observed": "warning | - | Every client seems to have one address: a proxy is not declared.",
    "proxy.identity_header_dropped/observed":
      "warning | - | A header that says who somebody is came from outside, and was dropped.",
    "sys_seal_failed/failed": "critical | error | The routes do not pass the check at the start; nothing is served.",
  },
  audit_integrity: {
    "audit_log_segment/observed": "info | - | A file of the audit log begins.",
    "audit_log_repaired/observed": "warning | count | A line without an end was taken back after a crash.",
    "audit_log_altered/failed":
      "critical | resource_type resource_id count | The audit log does not verify; count is the first event concerned.",
    "audit_log_unreadable/failed": "error | error | The audit log cannot be read to be verified.",
    "audit_log_unwritable/failed": "critical | error | The audit log takes nothing.",
    "audit_events_lost/failed": "critical | count | The audit log lost events; count says how many.",
    "audit_anchor_failed/failed": "error critical | error | A checkpoint did not reach an anchor.",
    "log_events_unshipped/failed": "critical | count | Events never reached the collector: it was away for too long.",
    "archive_events_lost/failed": "error | count | The archive of the Security Center lost events.",
  },
  system: {
    "access_signal_unread/failed": "warning | action | A signal about where requests come from cannot be read.",
    "sys_control_failed/failed":
      "critical | action resource_type resource_id error | A security control failed; the request was refused.",
    "sys_error/failed": "error | error | The application failed; the client saw an opaque id.",
    "sys_code_generation_blocked/failed":
      "critical | error | Somebody tried to make the application run a text as code.",
    "http_client_error/failed": "info | error | The application answered with an error of the client's making.",
    "http_not_found/observed": "info | - | A path that is not there, or not with that method.",
    "malicious_excess_404/observed": "warning | count | One client searches for paths that are not there.",
    "malicious_honey_route/observed": "warning | - | A path was asked for that only scanners know.",
    "malicious_actor_held/observed":
      "error critical | action resource_type resource_id count limit | The attacks of one actor add up to so many points that it is slowed down or shut out for a while, or would be.",
    "malicious_actor_refused/refused": "warning | - | A request of an actor that is shut out for a while was refused.",
    "sys_detection_failed/failed": "error | error | A detector failed; traffic was not touched.",
    "sys_response_late/failed": "error | - | A handler did not begin to answer in time; the client got 503.",
    "sys_overload_began/refused": "warning | count | The process sheds load.",
    "sys_overload_ended/observed": "info | - | The process sheds load no more.",
    "sys_issuer_keys_unavailable/failed": "error | error | The keys of a token's issuer cannot be fetched.",
    "sys_api_key_use_unwritten/failed": "warning | resource_type | When an API key was last used could not be written.",
    "sys_job_failed/failed":
      "warning | resource_type count error | A mail or another job failed, and will be tried again.",
    "sys_job_dropped/failed": "error | resource_type count error | A job failed for the last time.",
    "sys_job_store_failed/failed": "error | error | The store of jobs does not answer.",
    "sys_alarm_raised/observed": "warning error critical info | resource_type resource_id | An alarm began to ring.",
    "sys_alarm_cleared/observed": "info | resource_type resource_id | An alarm is over.",
    "sys_alarm_without_data/observed": "info | resource_type resource_id | An alarm has too little data to say.",
    "sys_alarm_undelivered/failed":
      "error critical | resource_type resource_id action error | An alarm's message did not arrive.",
    "sys_alarm_receivers_tried/observed":
      "info error | count | Whoever is told of alarms was sent a test message; count says how many did not take it.",
    "sys_alarm_store_down/failed": "error | error | The alarms' state cannot be kept.",
    "sys_log_shipping_failed/failed": "error | error | The collector of the log does not take events; they wait.",
    "sys_log_shipping_resumed/succeeded":
      "info | count | The collector of the log takes events again; count still wait.",
    "sys_heartbeat/observed": "info | - | The alarms are evaluated; silence is an alarm of its own.",
  },
} as const;

type Catalogue = typeof EVENT_CATALOGUE;

/** The names are the guide's (A09). */
export type EventType = keyof Catalogue;

/** A line of the catalogue: `authentication/authn_login_fail/failed`. */
export type EventKey = { [Type in EventType]: `${Type}/${Extract<keyof Catalogue[Type], string>}` }[EventType];
