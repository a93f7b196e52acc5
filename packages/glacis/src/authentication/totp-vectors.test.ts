/** Recorded codes and verdicts: RFC 6238, and another framework's devices. */
import { Secret } from "otpauth";
import { describe, expect, it } from "vitest";
import { loadVectors } from "../../../../test/support/vectors.ts";
import { totpCode, totpStep, type TotpDigits } from "./totp-code.ts";
import { memoryTotp } from "./totp-store.ts";
import { totp } from "./totp.ts";

interface Case {
  readonly id: string;
  readonly kind: string;
  readonly label?: string;
  readonly device?: string;
  readonly settings?: Readonly<Record<string, unknown>>;
  readonly key_hex: string;
  readonly counter: number;
  readonly digits?: TotpDigits;
  readonly token: number;
  readonly time: number;
  readonly t: number;
  readonly stored_drift: number;
  readonly tolerance: number;
  readonly token_step_offset: number;
  readonly min_t_offset?: number;
  readonly verified: boolean;
  readonly steps: readonly { readonly t: number; readonly token: string; readonly verified: boolean }[];
}

const NOW = 1_700_000_010_000;
const SECRET = new Secret({ buffer: new TextEncoder().encode("12345678901234567890").buffer }).base32;
const cases = loadVectors<Case>("otp")?.cases ?? [];
const named = (kind: string, which: (one: Case) => boolean = () => true): [string, Case][] =>
  cases.filter((one) => one.kind === kind && which(one)).map((one) => [`${one.id} ${one.label ?? ""}`.trim(), one]);

/** An enrolled user whose last accepted step is known. The cases are about codes; what sealing is worth is tested elsewhere. */
function enrolled(driftSteps: 0 | 1, lastStep: number) {
  const store = memoryTotp();
  void store.offer("u", SECRET, NOW + 1);
  void store.confirm("u", SECRET, lastStep, NOW);
  return totp({ issuer: "Folio", store, driftSteps, sealer: { seal: (text) => text, open: (text) => text } });
}

describe.skipIf(cases.length === 0)("codes, by recorded cases", () => {
  it.each([...named("hotp"), ...named("totp")])("are the ones of %s", (_, one) => {
    const { buffer } = Uint8Array.from(Buffer.from(one.key_hex, "hex"));
    const step = one.kind === "hotp" ? one.counter : totpStep(one.time * 1000);
    if (one.kind === "totp") expect(step).toBe(one.t);
    expect(totpCode(new Secret({ buffer }).base32, step, one.digits ?? 6)).toBe(
      String(one.token).padStart(one.digits ?? 6, "0"),
    );
  });

  it.each(named("totp_verify"))("are judged as in %s, or there is a reason", async (_, one) => {
    const driftSteps = one.tolerance as 0 | 1;
    if (one.tolerance > 1) {
      // Two steps are a minute more for a stolen code; nobody can set that here.
      expect(() => enrolled(driftSteps, 0)).toThrow("driftSteps");
      return;
    }
    const step = totpStep(one.time * 1000);
    const last = one.min_t_offset === undefined ? -1 : step + one.min_t_offset - 1;
    const code = totpCode(SECRET, step + one.token_step_offset, 6);
    const proved = await enrolled(driftSteps, last).verify("u", code, one.time * 1000);
    // No drift is learnt from a code: a clock that strays is mended on the phone, and the window never moves.
    const without = one.stored_drift === 0 ? one.verified : Math.abs(one.token_step_offset) <= one.tolerance;
    expect(proved !== undefined).toBe(without);
  });

  const DEVICES = named("device_sequence", ({ device }) => device === "TOTPDevice");
  it.each(DEVICES)("in a row are judged as in %s, or there is a reason", async (_, one) => {
    const label = one.label ?? "";
    const wanted = Number(/tolerance (\d+)/u.exec(label)?.[1] ?? 1);
    if (wanted > 1) return expect(() => enrolled(wanted as 0 | 1, 0)).toThrow("driftSteps");
    const authenticator = enrolled(wanted as 0 | 1, -1);
    for (const [index, { t, token, verified }] of one.steps.entries()) {
      const proved = await authenticator.verify("u", textOf(token, label), NOW + t * 1000);
      const why = differenceOf(one, index);
      if (why === undefined) expect(proved !== undefined, `step ${index}`).toBe(verified);
      else expect(proved !== undefined, why).toBe(!verified);
    }
  });
});

/** The code that a step means, written as the case's label says. */
function textOf(token: string, label: string): string {
  const offset = /^code for step ([+-]\d+)/u.exec(token)?.[1];
  if (offset === undefined) return token === "wrong code" ? "not it" : token;
  const code = totpCode(SECRET, totpStep(NOW) + Number(offset), 6);
  if (!token.endsWith("formatted")) return code;
  if (/space inside/u.test(label)) return `${code.slice(0, 3)} ${code.slice(3)}`;
  if (/leading|before|around/u.test(label)) return ` ${code}`;
  if (/trailing|after/u.test(label)) return `${code} `;
  if (/arabic/u.test(label)) return [...code].map((digit) => String.fromCodePoint(0x660 + Number(digit))).join("");
  if (/full-?width/u.test(label))
    return [...code].map((digit) => String.fromCodePoint(0xff10 + Number(digit))).join("");
  if (/decimal/u.test(label)) return `${code}.0`;
  return `+${code}`;
}

function differenceOf({ label = "", steps }: Case, index: number): string | undefined {
  if (/token text: /u.test(label) && steps[index]?.verified === true)
    return "A code is six ASCII digits and nothing else: one spelling, one meaning.";
  if (/throttle/u.test(label) && steps[index]?.token.startsWith("code") && !steps[index].verified)
    return "How fast somebody may try is the sign-in throttle's to say, before a code is looked at.";
  if (/throttle 1,2,4,8/u.test(label) && index === steps.length - 1)
    return "The step was accepted before, as just said, and counts once.";
  return undefined;
}
