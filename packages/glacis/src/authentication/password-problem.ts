/** Whom a new password is for. */
export interface PasswordContext {
  readonly email?: string;
  readonly name?: string;
  /** What else somebody would guess first: the tenant's name, the product's. */
  readonly words?: readonly string[];
  /** A second factor stands behind every sign-in of the account: the shorter minimum holds. */
  readonly secondFactor?: boolean;
  /** Attributes by Django's names, such as `username` and `first_name`, for `djangoValidators`. */
  readonly attributes?: Readonly<Record<string, unknown>>;
}

/** Why a password is refused. Nothing of the password stands in it. */
export interface PasswordProblem {
  /** For programs, such as `password_too_short`. */
  readonly code: string;
  /** For people: what to do. */
  readonly message: string;
  readonly limit?: number;
}

/** One more demand on a new password. */
export interface PasswordRule {
  /** For the log, should it throw. */
  readonly name: string;
  /** It asks for kinds of characters, which NIST SP 800-63B-4 forbids: `check` reports it. */
  readonly composition?: boolean;
  /** What it throws refuses the password. */
  readonly judge: (
    password: string,
    about: PasswordContext,
  ) => PasswordProblem | undefined | Promise<PasswordProblem | undefined>;
}
