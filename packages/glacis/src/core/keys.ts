/** A key for one purpose, derived from a master key; its id is the master key's. */
export interface DerivedKey {
  readonly id: string;
  readonly bytes: Uint8Array;
}

/** The key to make new values with, and every key that old values may still carry. */
export interface DerivedKeys {
  readonly current: DerivedKey;
  readonly all: readonly DerivedKey[];
}

/** Hands out keys by purpose: two purposes never share a key, so a value made for one never verifies for another. */
export interface KeySource {
  readonly ids: readonly string[];
  /** What keys have been handed out for in this process so far, where the source says. */
  readonly purposes?: readonly string[];
  derive(purpose: string): DerivedKeys;
}

/** Seals text for the database. A column of `fieldEncryption()` fits as it is. */
export interface FieldSealer {
  seal(plaintext: string, place: { readonly tenantId: string; readonly row: string }): string | Promise<string>;
  /** @throws when the text is not what was sealed for that place */
  open(sealed: string, place: { readonly tenantId: string; readonly row: string }): string | Promise<string>;
}
