import type { HeaderPair } from "./decision.ts";

/** What a handler has answered, as far as it can be given again. */
export interface SentResponse {
  readonly status: number;
  readonly headers: readonly HeaderPair[];
  readonly body: string;
}

/** Wants to keep a handler's answer. */
export interface ResponseKeeper {
  /** The control that it belongs to, for the log. */
  readonly control: string;
  /** The headers to keep, lower case. */
  readonly names: readonly string[];
  /** The longest body that is kept, in bytes. */
  readonly maxBytes: number;
  /** Called once, before the client sees the answer; with undefined when it is too long or no text. */
  readonly keep: (response: SentResponse | undefined) => Promise<void>;
}
