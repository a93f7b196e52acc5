/** Credentials in the commands of protocols and in a server's configuration: `AUTH x`, `USER a` and `PASS x`, `a1 LOGIN a x`. */
import type { HiddenPattern } from "./redact-pattern.ts";

/** In small letters and in capitals. */
function eitherCase(words: string): string {
  return String.raw`(?:${[words.toLowerCase(), words.toUpperCase()].join(" ").split(" ").join("|")})`;
}

/** What stands behind AUTH and is no credential: mechanisms of SASL, and what servers and sentences say. */
const MECHANISM = eitherCase(
  "plain login cram-md5 digest-md5 scram-sha-1 scram-sha-1-plus scram-sha-256 scram-sha-256-plus scram-sha-512 xoauth xoauth2 oauthbearer ntlm gssapi external anonymous tls ssl sasl",
);
const ANSWER = eitherCase(
  "ok fail failed failure error errors required refused denied rejected missing invalid expired disabled enabled success successful succeeded timeout timed service server module middleware provider user users token header check is was has not no with for by from to and or the a an in on of",
);
/** Where a command begins: a line, a prompt, or a quote. */
const PROMPT = String.raw`(?<=^|\n|[>:"'\x60] ?|[>:] )`;

const REDIS: HiddenPattern = {
  marks: [String.raw`auth[\s"]`, "requirepass|masterauth"],
  replacements: [
    // One word or two up to the end of the command.
    [
      new RegExp(
        String.raw`(${PROMPT}AUTH[ \t]{1,4}(?:(?!${MECHANISM}\b|${ANSWER}\b)[^\s"'\x60]{1,256}[ \t]{1,4})?)(?!(?:${MECHANISM}|${ANSWER})(?=\s|[.,;:"'\x60]|$)|\[redacted\])[^\s"'\x60]{1,1024}(?=["'\x60]?[ \t]*(?:\r?\n|$|["'\x60]))`,
        "gu",
      ),
      "$1[redacted]",
    ],
    // Anywhere, what is no word of a sentence.
    [
      new RegExp(
        String.raw`(\bAUTH[ \t]{1,4}(?:default[ \t]{1,4})?)(?!${MECHANISM}\b|\[redacted\])(?=[^\s"'\x60]{0,64}(?:\d|[!@#$%^&*]))[^\s"'\x60]{4,1024}`,
        "gu",
      ),
      "$1[redacted]",
    ],
    [
      new RegExp(
        String.raw`(\bAUTH[ \t]{1,4}(?:plain|login|xoauth2|oauthbearer)[ \t]{1,4})(?!(?:${MECHANISM}|${ANSWER})\b)[A-Za-z0-9+/]{4,}={0,2}`,
        "giu",
      ),
      "$1[redacted]",
    ],
    [/("AUTH"(?:,? ?"[^"\n]{1,256}")?,? ?")[^"\n]{1,1024}(?=")/giu, "$1[redacted]"],
    // As it goes over the wire, each word behind its length.
    [/(\bAUTH\r?\n(?:\$\d{1,4}\r?\n[^\r\n]{1,256}\r?\n)?\$\d{1,4}\r?\n)(?!\$\d)[^\r\n]{1,1024}/giu, "$1[redacted]"],
    [/(\b(?:requirepass|masterauth)["']?[ \t]{1,16}["']?)(?!\[redacted\])[^\s"']{1,1024}/giu, "$1[redacted]"],
  ],
};

const LOGIN: HiddenPattern = {
  marks: ["PASS |LOGIN |redis-cli|SETUSER "],
  mayStand: (text) => /PASS |LOGIN |redis-cli|SETUSER/u.test(text),
  replacements: [
    [/(\bUSER \S{1,256}(?:\r?\n(?:[^\n]{1,256}\n){0,2}?[^\n]{0,16}|\s{1,4})PASS )\S[^\r\n]{0,1024}/gu, "$1[redacted]"],
    [
      /(^|\n|[>:] )(PASS )(?![\w./-]{0,256}\.(?:test|spec)\b)(?=\S{1,1024}[ \t]*(?:\r?\n|$))(?=[^\s/]{1,1024}\s*)[^\s/]{1,1024}/gu,
      "$1$2[redacted]",
    ],
    [/(\b[A-Za-z]{0,4}\d{1,6} LOGIN "?[^\s"]{1,256}"? )\S{1,1024}/gu, "$1[redacted]"],
    [/(\bredis-cli\b[^\n|;]{0,200}? (?:-a|--pass)[ \t]{1,4}["']?)(?!-|\[redacted\])[^\s"']{1,1024}/gu, "$1[redacted]"],
    [/(\bSETUSER \S{1,256}[^\n]{0,400}? >)[^\s"']{1,1024}/gu, "$1[redacted]"],
  ],
};

export const COMMANDS: readonly HiddenPattern[] = [REDIS, LOGIN];
