export { apiKeyPattern } from "./api-key-format.ts";
export type { IssuedApiKey, NewApiKey } from "./api-key-issue.ts";
export {
  API_KEY_MIGRATION,
  API_KEY_TABLES,
  memoryApiKeys,
  postgresApiKeys,
  type ApiKeyRecord,
  type ApiKeyRotation,
  type ApiKeyStore,
  type ApiKeyUse,
} from "./api-key-store.ts";
export type { ApiKey } from "./api-key-view.ts";
export { apiKeys, type ApiKeys, type ApiKeysOptions } from "./api-keys.ts";
export type { BearerCredential } from "./bearer-credential.ts";
export {
  insertImportedAccounts,
  judgeImportedRow,
  type ImportedRow,
  type ImportOptions,
  type ImportOutcome,
  type ImportProblem,
  type ImportVerdict,
} from "./account-import.ts";
export type { Account, AccountChange, AccountEffects, AccountStatus, AccountStore } from "./account-store.ts";
export {
  AUTHENTICATION_MIGRATION,
  AUTHENTICATION_TABLES,
  memoryAuthentication,
  postgresAuthentication,
  type AuthenticationStore,
} from "./authentication-store.ts";
export { CSRF_FIELD } from "../primitives/csrf-field.ts";
export { csrf, type Csrf, type CsrfOptions } from "./csrf.ts";
export type { AuthenticationDatabase } from "./database.ts";
export { dpop, type Dpop, type DpopOptions } from "./dpop.ts";
export { enrolledFactors, type OfferedFactors } from "./enrolled-factors.ts";
export type { PendingSignIn, SessionUser, SignIn, SignInRefusal } from "./establish-session.ts";
export { dangerouslyProvedElsewhere } from "./external-proof.ts";
export { fixedKeys, publishedKeys, type KeyFetch, type KeySet, type PublishedKeysOptions } from "./jwt-keys.ts";
export type { JwtAlgorithm, JwtClaims, PublicKeys } from "./jwt-verification.ts";
export { jwt, type JwtIssuer, type JwtOptions } from "./jwt.ts";
export { machineIdentity, type MachineCredential, type MachineIdentityOptions } from "./machine-identity.ts";
export type { AccountDeletion, AccountExport } from "./flow-account-deletion.ts";
export type { AccountStatusChange } from "./flow-account-status.ts";
export type {
  FlowApplication,
  FlowBusy,
  FlowContext,
  FlowPaths,
  FlowRequest,
  FlowWait,
  Invitation,
  LinkInvalid,
  Newcomer,
  PasswordRejected,
} from "./flow-context.ts";
export type { EmailChange } from "./flow-email-change.ts";
export type { Invitations } from "./flow-invitation.ts";
export type { Notices } from "./flow-notice.ts";
export type { PasswordChange } from "./flow-password-change.ts";
export type { PasswordReset, ResetCompletion } from "./flow-password-reset.ts";
export type { Authenticators, FactorSettings } from "./flow-factors.ts";
export type { CodeMethod, SecondFactors } from "./flow-second-factor.ts";
export type { FirstAccount } from "./flow-setup.ts";
export type { CredentialsWrong, SignInOutcome } from "./flow-sign-in.ts";
export type { SignUp, SignUpRequest } from "./flow-sign-up.ts";
export { authenticationFlows, FLOW_PATHS, type AuthenticationFlowOptions, type AuthenticationFlows } from "./flows.ts";
export type { ClaimedJob, Job, JobStore } from "./job-store.ts";
export type { JobHandler, JobWorker } from "./job-worker.ts";
export type { MailFacts, MailKind, MailWords, SecurityChange } from "./mail-messages.ts";
export {
  outboxFiles,
  outboxMail,
  smtpMail,
  type MailMessage,
  type MailTransport,
  type OutboxMail,
  type OutboxMailOptions,
  type SmtpMailOptions,
} from "./mail-transport.ts";
export type { SsoRequirement } from "./idp-account-linking.ts";
export {
  ALTERNATE_SIGN_INS,
  authPathwayConsistency,
  SIGN_IN_PATHWAYS,
  type AuthPathwayConsistencyOptions,
  type OwnSignIn,
  type SignInPathway,
} from "./auth-pathway-consistency.ts";
export { canonicalIdentifier, newIdentifier } from "./identifier.ts";
export { mfaRequired, type MfaOptions, type MfaPolicy, type MfaSubject, type MfaVerdict } from "./mfa-required.ts";
export type { OneTimeLink, OneTimeLinkStore } from "./one-time-link-store.ts";
export { LINK_LIFETIMES_MS, oneTimeLinks, type LinkPurpose, type OneTimeLinks } from "./one-time-link.ts";
export { describeStoredHash, likenessOfHash, type StoredHashDescription } from "./password-hash-likeness.ts";
export {
  hashingLine,
  type Busy,
  type HashingLine,
  type HashingPlace,
  type HashingLineOptions,
  type Served,
} from "./password-hash-line.ts";
export {
  outOfBandCodes,
  type OutOfBandCodes,
  type OutOfBandCodesOptions,
  type OutOfBandSending,
  type OutOfBandUser,
} from "./out-of-band-codes.ts";
export {
  memoryOutOfBand,
  OUT_OF_BAND_MIGRATION,
  OUT_OF_BAND_TABLES,
  postgresOutOfBand,
  type OutOfBandStore,
  type SentCode,
} from "./out-of-band-store.ts";
export { probeOauthServer, type OauthServerProbe, type ProbeFetch } from "./oauth-server-probe.ts";
export { samlAssertions, type SamlAssertionsOptions, type SamlOptions } from "./saml-assertions.ts";
export {
  oauthTokenConfinement,
  type ConfinedAnswer,
  type ConfinedTokens,
  type Integration,
  type OauthTokenConfinementOptions,
} from "./oauth-token-confinement.ts";
export {
  memoryOauthTokens,
  OAUTH_TOKEN_MIGRATION,
  OAUTH_TOKEN_TABLES,
  postgresOauthTokens,
  type OauthTokenStore,
  type SealedTokens,
  type TokenHolder,
} from "./oauth-token-store.ts";
export {
  passwordHashing,
  type HashedPassword,
  type PasswordAccount,
  type PasswordHashing,
  type PasswordHashingOptions,
  type PasswordVerdict,
} from "./password-hashing.ts";
export {
  breachedPasswordRange,
  type BreachedPasswordRangeOptions,
  type BreachedPasswords,
  type RangeFetch,
} from "./password-policy-breached.ts";
export { djangoValidators, type DjangoValidatorsOptions } from "./password-policy-django.ts";
export { passwordFieldUx, type PasswordFieldUxOptions } from "./password-field-ux.ts";
export {
  passwordPolicy,
  type PasswordJudgement,
  type PasswordPolicy,
  type PasswordPolicyOptions,
} from "./password-policy.ts";
export type { PasswordContext, PasswordProblem, PasswordRule } from "./password-problem.ts";
export type { Factor, Proof, ProofMethod } from "./proof.ts";
export {
  memoryRecoveryCodes,
  postgresRecoveryCodes,
  RECOVERY_CODE_MIGRATION,
  type RecoveryCodeStore,
} from "./recovery-code-store.ts";
export { recoveryCodes, type RecoveryCodes, type RecoveryCodesOptions } from "./recovery-codes.ts";
export type { AuthenticationRoutesOptions } from "./route-context.ts";
export type { FieldError } from "./route-fields.ts";
export type { AccountView, AuthenticationPage, AuthenticationView, RenderPage } from "./route-pages.ts";
export { authenticationRoutes } from "./routes.ts";
export type { Responding } from "./session-cookies.ts";
export type { SessionView } from "./session-inventory.ts";
export type { LimitsByLevel, SessionLimits } from "./session-limits.ts";
export { memorySessions } from "./session-memory.ts";
export { postgresSessions, SESSION_MIGRATION, SESSION_TABLES } from "./session-postgres.ts";
export type { Membership, ReadMembership } from "./session-recognition.ts";
export type { PendingRecord, SessionRecord, SessionStore, SessionUse } from "./session-record.ts";
export {
  redisSessions,
  type IoRedisSessionClient,
  type NodeRedisSessionClient,
  type RedisSessionsOptions,
} from "./session-redis.ts";
export {
  sessions,
  signInEvent,
  type RevocationReason,
  type RevokeOptions,
  type SessionOptions,
  type Sessions,
} from "./session.ts";
export { stepUp, type StepUpOptions } from "./step-up.ts";
export { totpCode, totpStep, type TotpDigits } from "./totp-code.ts";
export { memoryTotp, postgresTotp, TOTP_MIGRATION, type TotpAttempt, type TotpStore } from "./totp-store.ts";
export type { FieldSealer } from "../core/keys.ts";
export { totp, type Totp, type TotpEnrolment, type TotpOptions } from "./totp.ts";
export type {
  PasskeyCreationOptions,
  PasskeyDescriptor,
  PasskeyRequestOptions,
  PasskeysOptions,
} from "./passkey-options.ts";
export { PASSKEY_MIGRATION, PASSKEY_TABLES, postgresPasskeys } from "./passkey-postgres.ts";
export { passkeyScript } from "./passkey-script.ts";
export { passwordRevealScript } from "./password-reveal-script.ts";
export {
  memoryPasskeys,
  type PasskeyChallenge,
  type PasskeyRecord,
  type PasskeyStore,
  type PasskeyUse,
} from "./passkey-store.ts";
export { passkeys, type Passkey, type Passkeys, type PasskeyUser } from "./passkeys.ts";
export { deviceCookie, type DeviceCookie, type KnownDevice } from "./device-cookie.ts";
export type { AuthenticatorState, ThrottledAccount } from "./sign-in-throttle-accounts.ts";
export type { AttemptCounter, Attempted, CounterState, Settlement } from "./sign-in-throttle-counter.ts";
export type { AttemptKind, AttemptLimit, ThrottleScope } from "./sign-in-throttle-lanes.ts";
export {
  postgresSignInThrottle,
  SIGN_IN_THROTTLE_MIGRATION,
  SIGN_IN_THROTTLE_TABLES,
  type PostgresSignInThrottleOptions,
} from "./sign-in-throttle-postgres.ts";
export {
  redisSignInThrottle,
  type IoRedisThrottleClient,
  type NodeRedisThrottleClient,
  type RedisSignInThrottleOptions,
} from "./sign-in-throttle-redis.ts";
export {
  memorySignInThrottle,
  type MemorySignInThrottle,
  type MemorySignInThrottleOptions,
  type SignInThrottleStore,
} from "./sign-in-throttle-store.ts";
export {
  signInThrottle,
  type AttemptTicket,
  type AttemptVerdict,
  type SignInAttempt,
  type SignInThrottle,
  type SignInThrottleOptions,
} from "./sign-in-throttle.ts";
export type { SsoIdentity } from "./single-sign-on-identity.ts";
export type { GivenTokens, SsoAssurance, SsoFetch, SsoOrganization, SsoProvider } from "./single-sign-on-provider.ts";
export {
  memorySingleSignOn,
  postgresSingleSignOn,
  SINGLE_SIGN_ON_MIGRATION,
  SINGLE_SIGN_ON_TABLES,
  type SingleSignOnStore,
  type SsoLink,
  type SsoTransaction,
  type LinkedIdentity,
} from "./single-sign-on-store.ts";
export { checkSsoProvider, singleSignOn, type SingleSignOn, type SingleSignOnOptions } from "./single-sign-on.ts";
