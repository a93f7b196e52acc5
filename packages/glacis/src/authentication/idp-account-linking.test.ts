import { describe, expect, it } from "vitest";
import { Secret } from "../core/secret.ts";
import { sketchExchange } from "../testing/exchange.ts";
import { sketchProof } from "../testing/proof.ts";
import { idpAccountLinking, type SsoRequirement } from "./idp-account-linking.ts";
import { memorySessions } from "./session-memory.ts";
import { sessions } from "./session.ts";
import { checkSsoProvider } from "./single-sign-on.ts";
import type { SsoProvider } from "./single-sign-on-provider.ts";

const NOW = Date.parse("2026-11-26T12:00:00Z");
const provider: SsoProvider = {
  id: "acme",
  tenantId: "acme",
  issuer: "https://idp.example",
  clientId: "folio",
  clientSecret: new Secret("a secret of the client"),
  domains: ["acme.example"],
};
const judged = (rest: Partial<SsoProvider>) =>
  idpAccountLinking([{ ...provider, ...rest }])
    .check({} as never)
    .map(({ rule }) => rule.id.split("/")[1]);

describe("a provider", () => {
  it.each([
    "https://accounts.google.com",
    "https://login.microsoftonline.com/common/v2.0",
    "https://login.microsoftonline.com/organizations/v2.0",
    "https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0",
    "https://appleid.apple.com",
  ])("of everybody is none of one tenant's, unless it names the organisation: %s", (issuer) => {
    expect(judged({ issuer })).toEqual(["shared-issuer"]);
    expect(judged({ issuer, organization: { claim: "hd", value: "acme.example" } })).toEqual([]);
  });

  it("of one tenant is fine", () => {
    const tenant = "https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/v2.0";
    for (const issuer of [tenant, "https://acme.okta.example", "https://accounts.google.com.acme.example"])
      expect(judged({ issuer })).toEqual([]);
  });

  it("speaks for domains that somebody can own", () => {
    expect(judged({ domains: ["GMAIL.com"] })).toEqual(["public-domain"]);
    for (const domain of ["@acme.example", "*.acme.example", "192.0.2.1", "acme", ""])
      expect(judged({ domains: [domain] })).toEqual(["domain-malformed"]);
  });

  it("is judged as a tenant sets it up, and refused as a whole where it is none", () => {
    const rules = checkSsoProvider({ ...provider, issuer: "https://accounts.google.com", maxAgeSeconds: 90_000 });
    expect(rules.map(({ rule }) => rule.id)).toEqual([
      "idp-account-linking/shared-issuer",
      "federated-logout/max-age-too-long",
    ]);
    expect(() => checkSsoProvider({ ...provider, issuer: "http://idp.example" })).toThrow(/issuer/u);
    expect(() => checkSsoProvider({ ...provider, organization: { claim: "hd", value: "" } })).toThrow(/organization/u);
  });
});

describe("a tenant whose people come through its own provider", () => {
  const ada = { userId: "ada", tenantId: "acme", roles: ["member"] };
  async function signIn(
    ssoRequired: SsoRequirement | undefined,
    ...methods: readonly ("password" | "single_sign_on")[]
  ) {
    const session = sessions({ store: memorySessions(), ...(ssoRequired && { ssoRequired }) });
    const proofs = methods.map((method) => sketchProof({ userId: "ada", method, provedAtMs: NOW }));
    const outcome = await session.establish(sketchExchange({ nowMs: NOW }), proofs, ada);
    return outcome.kind === "refused" ? outcome.cause : outcome.kind;
  }
  const acme: SsoRequirement = ({ tenantId, roles }) => tenantId === "acme" && !roles.includes("owner");

  it("lets a password open nothing", async () => {
    expect(await signIn(acme, "password")).toBe("single_sign_on_required");
    expect(await signIn(acme, "single_sign_on")).toBe("established");
    expect(await signIn(() => false, "password")).toBe("established");
    expect(await signIn(undefined, "password")).toBe("established");
  });

  it("is asked for when the answer is unclear, and nobody is let in when there is none", async () => {
    for (const odd of [undefined, 0, "no", null])
      expect(await signIn(() => odd as never, "password")).toBe("single_sign_on_required");
    await expect(signIn(() => Promise.reject(new Error("down")), "password")).rejects.toThrow("down");
  });
});
