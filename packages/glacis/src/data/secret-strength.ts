/** What a secret can be worth by its looks (catalog secrets-management). */

const PLACEHOLDER =
  /change.?(?:me|this|it)|replace.?(?:me|this)|(?:your|my|super|some|top).?(?:secret|key|password|token)|insecure|placeholder|keyboard.?cat|<[^>]+>|^\$\{|^\{\{|^\s*$/iu;
const PLACEHOLDER_WORDS: ReadonlySet<string> = new Set(
  "secret secretkey password passw0rd admin administrator root test testing default example dev development letmein qwerty postgres 123456 12345678 1234567890 abc123 xxx xxxx todo none null undefined".split(
    " ",
  ),
);

/** Whether a text is what examples, tutorials and templates hold where a secret belongs. */
export function isPlaceholder(secret: string): boolean {
  return PLACEHOLDER_WORDS.has(secret.toLowerCase().replaceAll(/[-_. ]/gu, "")) || PLACEHOLDER.test(secret);
}

/** The most that a text of this length over these symbols can hold: what repeats itself counts once. */
export function mostBits(secret: string): number {
  return periodOf(secret) * Math.log2(new Set(secret).size);
}

/** The length after which a text repeats itself, its own length when it does not: by the prefix function of Knuth, Morris and Pratt. */
function periodOf(text: string): number {
  const border = new Uint32Array(text.length);
  let matched = 0;
  for (let index = 1; index < text.length; index += 1) {
    while (matched > 0 && text[index] !== text[matched]) matched = border[matched - 1] ?? 0;
    if (text[index] === text[matched]) matched += 1;
    border[index] = matched;
  }
  return text.length - matched;
}
