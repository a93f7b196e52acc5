export type { BlindIndex, BlindIndexOptions, BlindIndexPlace, BlindIndexValue } from "./blind-index.ts";
export {
  rotateColumn,
  type ColumnRotationOptions,
  type RotationDatabase,
  type RotationProgress,
} from "./column-rotation.ts";
export {
  shreddableFields,
  TenantShreddedError,
  type ShreddableFields,
  type ShreddableFieldsOptions,
} from "./crypto-shredding.ts";
export { djangoVerifier, type DjangoVerifier, type DjangoVerifierOptions } from "./django-signature.ts";
export { dataClassification, type PersonalDataControlOptions } from "./data-classification.ts";
export { databaseExposure } from "./database-exposure.ts";
export { DATABASE_RULES, databaseControls, databasePosture } from "./database-posture.ts";
export {
  DecryptError,
  fieldEncryption,
  type EncryptedColumn,
  type FieldEncryption,
  type FieldEncryptionOptions,
} from "./field-encryption.ts";
export type { FieldPlace } from "./field-place.ts";
export { keyRingFile, type KeyRingFileOptions } from "./key-file.ts";
export {
  KeysUnavailableError,
  kmsKeyRing,
  newKmsKey,
  type KmsClient,
  type KmsContext,
  type KmsKeysOptions,
} from "./key-kms.ts";
export { keyManagement, type KeyManagementOptions } from "./key-management.ts";
export { keyRing, newKey } from "./key-ring.ts";
export {
  personalData,
  type MappedTable,
  type PersonalDataMap,
  type PersonalDataOptions,
  type PersonalTable,
  type Retention,
  type SubjectLink,
} from "./personal-data.ts";
export { ErasureError, eraseSubject, sweepRetention, type ErasureStep, type EraseOptions } from "./personal-erasure.ts";
export {
  exportSubject,
  type ExportOptions,
  type PersonalDatabase,
  type SealedPlace,
  type SubjectExport,
  type SubjectId,
} from "./personal-export.ts";
export type { DataClass } from "./personal-names.ts";
export { personalDataPosture, type PersonalDataPostureOptions } from "./personal-posture.ts";
export type { PostureClient, PostureOptions } from "./posture/collect.ts";
export { randomToken } from "./random-token.ts";
export { responseShape, type Projected, type ResponseShape, type ResponseShapeOptions } from "./response-shape.ts";
export { environmentSecrets, type EnvironmentSecretsOptions } from "./secret-environment.ts";
export type { RotationListener } from "./secret-entry.ts";
export { fileSecrets, type FileSecretsOptions } from "./secret-file.ts";
export type { LiveSecret } from "./secret-live.ts";
export {
  SecretsMissingError,
  SecretsRefusedError,
  SecretsUnavailableError,
  type SecretProvider,
  type SecretVersion,
} from "./secret-provider.ts";
export { secretRotation, type SecretRotationOptions } from "./secret-rotation.ts";
export { sealedFileSecrets, sealSecrets, type SealedFileSecretsOptions } from "./secret-sealed-file.ts";
export {
  secretsManagerSecrets,
  type SecretsManagerClient,
  type SecretsManagerSecretsOptions,
} from "./secret-secrets-manager.ts";
export { ssmSecrets, type SsmClient, type SsmSecretsOptions } from "./secret-ssm.ts";
export { secretStore, type SecretRequest, type SecretStore, type SecretStoreOptions } from "./secret-store.ts";
export { retentionErasure } from "./retention-erasure.ts";
export { secretsManagement, type SecretsManagementOptions } from "./secrets-management.ts";
export { fieldEncryptionPosture, sealedFields, type SealedFieldsOptions } from "./sealed-fields.ts";
export { sensitiveUrls, type SensitiveUrlsOptions } from "./sensitive-urls.ts";
export { sealedColumn } from "./sealed-column.ts";
export { isSealed, type Sealed } from "./sealed-text.ts";
export {
  signer,
  type Signer,
  type SignerOptions,
  type SigningContext,
  type SignOptions,
  type VerifyOptions,
} from "./signed-value.ts";
export {
  postgresSingleUse,
  SINGLE_USE_MIGRATION,
  type PostgresSingleUseOptions,
  type SingleUseDatabase,
} from "./single-use-postgres.ts";
export { redisSingleUse, type RedisSingleUseOptions } from "./single-use-redis.ts";
export {
  memorySingleUse,
  singleUse,
  type SingleUse,
  type SingleUseOptions,
  type SingleUseStore,
} from "./single-use.ts";
export { systemDatabase, type SystemDatabase, type SystemDatabaseOptions } from "./system-scope.ts";
export type { TenantConnection } from "./tenant-connection.ts";
export {
  currentTenant,
  keepTenant,
  runAsTenant,
  TenantContextMissing,
  TenantIsolationError,
} from "./tenant-context.ts";
export { tenantIsolation } from "./tenant-isolation.ts";
export { postgresTenantKeys, type PostgresTenantKeysOptions, type TenantKeyStore } from "./tenant-key-store.ts";
export { tenantReferentialIntegrity } from "./tenant-referential-integrity.ts";
export type { TenantEmbedded, TenantPool } from "./tenant-wire.ts";
export { installTenantProof } from "./tenant-proof.ts";
export { tenantMigration, type TenantMigrationOptions } from "./tenant-migration.ts";
export type { TenantReference, TenantTable } from "./tenant-table.ts";
export { tenantDatabase, type TenantDatabase, type TenantDatabaseOptions, type TenantWorkOptions } from "./tenant.ts";
export { thirdPartySharing, type Processor } from "./third-party-sharing.ts";
export type { WebhookClaim, WebhookKey } from "./webhook-key.ts";
export { bodySignature, standardWebhooks, timestampedSignature, type WebhookScheme } from "./webhook-scheme.ts";
export {
  webhookSignature,
  type WebhookDelivery,
  type WebhookSignature,
  type WebhookSignatureOptions,
} from "./webhook-signature.ts";
export {
  newWebhookKeyPair,
  newWebhookSecret,
  webhookSigner,
  type WebhookHeaders,
  type WebhookKeyPair,
  type WebhookSigner,
  type WebhookSignerOptions,
} from "./webhook-signer.ts";
export {
  downloadLinks,
  STORAGE_IN_APPLICATION,
  STORAGE_OPEN_TO_OTHERS,
  STORAGE_PUBLIC,
  STORAGE_UNVERIFIED,
  type DownloadLinks,
  type DownloadLinksOptions,
  type DownloadTicket,
} from "./private-storage.ts";
export { localStorage, type LocalStorageOptions } from "./storage-local.ts";
export { s3Storage, type S3Client, type S3Storage, type S3StorageOptions } from "./storage-s3.ts";
export { StorageKeyError, type ByteRange, type Quarantine, type Storage } from "./storage.ts";
export {
  judgeSecrets,
  scanLine,
  scanText,
  SECRET_FOUND,
  SECRET_WAIVER_INVALID,
  SECRET_WAIVER_UNUSED,
  secretScanning,
  type SecretHit,
  type SecretWaiver,
} from "./secret-scanning.ts";
export { awsBackups, awsStores } from "./aws-description.ts";
export {
  BACKUP_NEAR,
  BACKUP_NOT_VERIFIED,
  BACKUP_PLAINTEXT,
  BACKUP_SHARED,
  BACKUP_SHORT,
  BACKUP_STALE,
  BACKUP_UNTESTED,
  backupEncryption,
  type BackupEncryptionOptions,
  type BackupFacts,
} from "./backup-encryption.ts";
export {
  encryptionAtRest,
  REST_NOT_VERIFIED,
  REST_PLAINTEXT,
  type EncryptionAtRestOptions,
  type StoreFacts,
  type StoreKind,
} from "./encryption-at-rest.ts";
