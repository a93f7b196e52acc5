/** A stored password hash of any origin, read and ready to verify. */
export interface StoredHash {
  /** The name for reports, such as `pbkdf2_sha256`. */
  readonly algorithm: string;
  /** What one verification costs, in iterations of PBKDF2-HMAC-SHA256; an estimate that levels response times. */
  readonly work: number;
  readonly verify: (password: string) => Promise<boolean>;
}
