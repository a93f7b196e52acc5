/** That no recorded case is passed over in silence: each kind is driven by a suite, or what stands in its place is said here. */
import { describe, expect, it } from "vitest";
import { loadVectors } from "../../../../test/support/vectors.ts";
import { judgeImportedRow } from "./account-import.ts";

interface Case {
  readonly id: string;
  readonly kind?: string;
  readonly fn?: string;
  readonly encoded?: string;
  readonly algorithm?: string | null;
  readonly usable?: boolean;
}

const DRIVEN = "driven";
const WRITER = "writes formats of Django's, and nothing here does; every hash of them is replaced at the next sign-in";
const COOKIE =
  "sets a life for one session: here limits belong to assurance levels, and a browser is never told how long (session-life.test.ts)";

/** By file and kind; `""` is a case without one. */
const ACCOUNTS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  passwords: {
    "": DRIVEN,
    quick_ratio: DRIVEN,
    exceeds_maximum_length_ratio: DRIVEN,
    value_parts: DRIVEN,
    identifier_ci_compare: DRIVEN,
  },
  hashes: {
    verify: DRIVEN,
    verify_password: DRIVEN,
    identify: DRIVEN,
    is_usable: DRIVEN,
    must_update: WRITER,
    must_update_salt: WRITER,
    encode_error: WRITER,
    make_password: WRITER,
  },
  sessions: {
    session_key_assignment: DRIVEN,
    lifecycle: DRIVEN,
    expiry: COOKIE,
    middleware: COOKIE,
  },
  reset_tokens: {
    check: DRIVEN,
    make: "makes signed tokens; here a token is random and only its hash is kept, so that each of these is refused, which is driven",
    uidb64_decode: "names a user in the link; here the link names nobody",
    uidb64_encode: "names a user in the link; here the link names nobody",
    session_auth_hash:
      "ties sessions to the password's hash; here a change ends them in the store (flow-password-reset.test.ts)",
  },
  csrf: {
    "": DRIVEN,
    mask: "masks one secret anew for each page; here a token is a MAC over its own random part, the session and the origin",
    unmask: "as mask",
    matches: "as mask",
    format: "as mask",
    lifecycle: "keeps the secret in a cookie and rotates it at sign-in; here the session is in the MAC (csrf.test.ts)",
  },
  otp: {
    hotp: DRIVEN,
    totp: DRIVEN,
    totp_verify: DRIVEN,
    device_sequence: DRIVEN,
    otp_required:
      "decides by a device on the request; here a session has a level, and stepUp asks for it (step-up.test.ts)",
  },
  axes: {
    auth_sequence: DRIVEN,
    login_sequence: DRIVEN,
    iso8601_cooloff: "writes a waiting time for people; here it is the seconds of Retry-After",
    check: "finds settings of axes; here an option that is none throws",
  },
};

const kindOf = ({ kind, fn }: Case): string => kind ?? fn ?? "";

describe.each(Object.entries(ACCOUNTS))("the recorded cases of %s", (name, kinds) => {
  const cases = loadVectors<Case>(name)?.cases ?? [];

  it.skipIf(cases.length === 0)("are all accounted for", () => {
    expect([...new Set(cases.map(kindOf))].toSorted()).toEqual(Object.keys(kinds).toSorted());
  });
});

/** Django goes by the beginning alone and refuses unsalted digests by name; here an algorithm is named where the whole hash can be read. */
function algorithmHere({ encoded = "", algorithm = null }: Case): string | null {
  if (/^(?:md5\$\$)?[0-9a-f]{32}$/u.test(encoded)) return "md5";
  const digest = encoded.split("$").at(-1) ?? "";
  return encoded.includes("$") && digest.length >= SHORTEST_DIGEST ? algorithm : null;
}
/** Of MD5 in hexadecimal; what is shorter has been cut. */
const SHORTEST_DIGEST = 27;

describe("recorded hashes", () => {
  const cases = loadVectors<Case>("hashes")?.cases ?? [];
  const imported = (hash: string | undefined) =>
    judgeImportedRow({ email: "ada@example.com", hash, active: true }, { nowMs: 0 });

  it.each(cases.filter(({ kind }) => kind === "identify").map((one) => [one.id, one] as const))(
    "are of the algorithm that %s says",
    (_, one) => {
      const verdict = imported(one.encoded);
      const found = verdict.kind === "account" ? (verdict.algorithm ?? null) : null;
      expect(found).toBe(algorithmHere(one));
    },
  );

  it.each(
    cases
      .filter(({ kind, encoded }) => kind === "is_usable" && encoded?.startsWith("!"))
      .map((one) => [one.id, one] as const),
  )("that are marked as no password, as in %s, make an account without one", (_, { encoded, usable }) => {
    const verdict = imported(encoded);
    expect(verdict.kind === "account" && verdict.account.passwordHash).toBeNull();
    expect(usable).toBe(false);
  });
});
