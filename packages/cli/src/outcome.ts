/** What the exit code says; scripts depend on it. */
export const EXIT = { clean: 0, findings: 1, cannotCheck: 2 } as const;

/** The question could not be answered: what happened, why that matters, what to do. Exit code 2, never 0. */
export class CannotCheck extends Error {
  override readonly name = "CannotCheck";

  constructor(what: string, why: string, fix: string) {
    super(`glacis: ${what}\n  why: ${why}\n  fix: ${fix}`);
  }
}
