import { rememberRevealed } from "./revealed.ts";

const SHOWN = "[secret]";

/**
 * A value that nothing prints: as text, in a template, as JSON, in a log or a stack it reads `[secret]`. It has no serialisation, so it cannot
 * reach a client by being part of what is sent; `reveal()` is the one way to it, and easy to search for. What was
 * revealed is hidden from logs and errors from then on, encoded or not.
 *
 * @example
 * const password = new Secret(process.env.SMTP_PASSWORD);
 * mailer.login(user, password.reveal());
 */
export class Secret<Value extends {}> {
  static {
    // Node's inspect and console ask for this registered symbol.
    Object.defineProperty(this.prototype, Symbol.for("nodejs.util.inspect.custom"), { value: () => SHOWN });
  }

  readonly #value: Value;

  /** @throws TypeError without a value: an unset variable is not a secret. */
  constructor(value: Value | null | undefined) {
    if (value === undefined || value === null || (value as unknown) === "")
      throw new TypeError("A Secret needs a value, and there is none.");
    this.#value = value;
    Object.freeze(this);
  }

  reveal(): Value {
    rememberRevealed(this.#value);
    return this.#value;
  }

  /** No `valueOf` and no `Symbol.toPrimitive` besides: `Buffer.from(secret)` throws instead of making a key of these eight characters. */
  toString(): string {
    return SHOWN;
  }

  toJSON(): string {
    return SHOWN;
  }
}
