/** The Forwarded header (RFC 7239): what each proxy on the way says about the hop before it. */

export interface ForwardedElement {
  /** The node as written, without quotes: an address perhaps with a port, `unknown`, or an obfuscated `_name`. */
  readonly for: string | undefined;
  readonly proto: string | undefined;
  readonly host: string | undefined;
}

/** A pair at the current position: token "=" ( token / quoted-string ), RFC 7239 section 4. */
const PAIR =
  /([!#$%&'*+.^_`|~\w-]+)=(?:([!#$%&'*+.^_`|~\w-]+)|"((?:[\t \x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t \x21-\x7e\x80-\xff])*)")/uy;
const OPTIONAL_SPACE = /[\t ]*/uy;

/**
 * Parses one header line. The caller bounds its length; time is linear in it.
 *
 * @returns the elements from left to right, or undefined when the line is not well-formed or names a parameter twice in one element
 */
export function parseForwarded(line: string): readonly ForwardedElement[] | undefined {
  const elements: ForwardedElement[] = [];
  let pairs = new Map<string, string>();
  let at = 0;

  function skip(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = at;
    const match = pattern.exec(line);
    if (match !== null) at = pattern.lastIndex;
    return match;
  }
  function close(): void {
    if (pairs.size === 0) return;
    elements.push({ for: pairs.get("for"), proto: pairs.get("proto"), host: pairs.get("host") });
    pairs = new Map();
  }

  for (;;) {
    skip(OPTIONAL_SPACE);
    const pair = skip(PAIR);
    if (pair !== null) {
      const name = (pair[1] as string).toLowerCase();
      if (pairs.has(name)) return undefined;
      pairs.set(name, pair[2] ?? (pair[3] as string).replaceAll(/\\(.)/gsu, "$1"));
      skip(OPTIONAL_SPACE);
    }
    const separator = line[at];
    if (separator === undefined || separator === ",") close();
    else if (separator !== ";") return undefined;
    if (separator === undefined) return elements.length === 0 ? undefined : elements;
    at += 1;
  }
}
