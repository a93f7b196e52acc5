/** Which versions of an account were taken back, so that a link of one of them counts for nothing, whatever happens to the account later. */

/** From the first version that was taken back to the last one. */
export type UndoneSpan = readonly [from: number, to: number];

interface Lineage {
  readonly version: number;
  readonly undone?: readonly UndoneSpan[];
}

/** Django's mark for no password. Unlike null it says that nothing else signs in alone either until there is a new one. */
export const PASSWORD_VOID = "!";

const MOST_SPANS = 32;

/**
 * Whether the days of grace are over and the account's data is being removed, which nothing takes back any more. Until then an account that is to be
 * deleted has the password with which its owner asked for it.
 */
export function isBeingErased({
  status,
  passwordHash,
}: {
  readonly status: string;
  readonly passwordHash: string | null;
}): boolean {
  return status === "deleting" && passwordHash === null;
}

export function isUndone({ undone = [] }: Pick<Lineage, "undone">, version: number): boolean {
  return undone.some(([from, to]) => from <= version && version <= to);
}

/** The spans once everything after `version` is taken back. */
export function undoneAfter(account: Lineage, version: number): readonly UndoneSpan[] {
  const kept = (account.undone ?? []).filter(([from]) => from <= version);
  const spans: readonly UndoneSpan[] = version < account.version ? [...kept, [version + 1, account.version]] : kept;
  const [first, second, ...rest] = spans;
  // What lay between the two oldest counts no more either: too much is void rather than too little.
  return spans.length > MOST_SPANS && first && second ? [[first[0], second[1]], ...rest] : spans;
}
