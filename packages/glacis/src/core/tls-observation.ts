/** What a probe saw of a server's TLS. */
export interface TlsObservation {
  /** The protocols that a handshake succeeded with, such as `TLSv1.3`. */
  readonly protocols: readonly string[];
  /** What the server chose when everything was offered, such as `TLSv1.3`. */
  readonly chosen: string | undefined;
  /** The suites of TLS 1.2 that it accepted and that are not forward-secret or not authenticated, by OpenSSL's names. */
  readonly weakSuites: readonly string[];
  readonly certificate: CertificateObservation | undefined;
}

export interface CertificateObservation {
  /** Why the chain is not trusted, as Node names it; undefined when it is. */
  readonly distrust: string | undefined;
  /** Whether it is for the name that was asked for. */
  readonly namesHost: boolean;
  readonly validFromMs: number;
  readonly validToMs: number;
  /** Such as `rsa`, `ec`, `ed25519`. */
  readonly keyType: string;
  /** The strength of the key: the modulus of RSA, the field of a curve. */
  readonly keyBits: number;
  /** The object identifier of the signature's algorithm. */
  readonly signature: string;
}
