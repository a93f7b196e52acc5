/** Tokens of other people's APIs, which never leave the backend (catalog oauth-token-confinement; RFC 9700, RFC 6749 section 10.3). */
import type { Control, ControlMeta } from "../core/control.ts";
import type { AuditEvent } from "../core/event.ts";
import type { IdentifiedFacts } from "../core/facts.ts";
import { finding, type Finding, type Rule } from "../core/finding.ts";
import type { FieldSealer } from "../core/keys.ts";
import { rejectUnknownOptions } from "../core/options.ts";
import type { Observation } from "../core/response.ts";
import { tokenKeeper } from "./oauth-token-renewal.ts";
import type { OauthTokenStore, TokenHolder } from "./oauth-token-store.ts";
import { ssoClient, type GivenTokens, type SsoFetch, type SsoProvider } from "./single-sign-on-provider.ts";
import { canParseUrl } from "../primitives/can-parse-url.ts";

const META: ControlMeta = {
  id: "oauth-token-confinement",
  title: "Access and refresh tokens stay on the backend, sealed",
  layer: "authentication",
  guide: ["A02", "A07"],
  owasp2021: ["A07", "A02", "A01", "A04"],
  owasp2025: ["A07", "A04", "A01", "A06"],
  asvs: ["v5.0.0-10.1.1"],
  cwe: ["CWE-522", "CWE-200"],
};

export const TOKENS_MEMORY_STORE: Rule = {
  id: "oauth-token-confinement/memory-store",
  severity: "warning",
  what: "Tokens of integrations live in the memory of one process.",
  why: "A restart loses them, and everybody must link every integration again.",
  fix: "Pass postgresOauthTokens(pool).",
};
export const TOKENS_IN_RESPONSE: Rule = {
  id: "oauth-token-confinement/in-response",
  severity: "error",
  what: "A response carries an access, refresh or ID token.",
  why: "What a browser holds, a script of any page there can read, keep and use from anywhere, for as long as it is good.",
  fix: "Call the API from the backend by tokens.fetch() and send the browser what came back, never the token.",
};

const LARGEST_BODY = 1_048_576;
const NAMED = /["'](?:access_token|refresh_token|id_token)["']\s*:\s*["'][^"']/u;
const SIGNED = /\beyJ[A-Za-z0-9_-]{8,4096}\.eyJ[A-Za-z0-9_-]{8,8192}\.[A-Za-z0-9_-]{16,}/u;
const IN_ADDRESS = /[?&#](?:access_token|refresh_token|id_token)=/u;

/** An API of somebody else's that is called for a user. */
export interface Integration {
  /** Who gives the tokens. Ask for the scopes of this integration and no others. */
  readonly provider: SsoProvider;
  /** Origins that may be sent the token, such as `https://graph.example.com`. */
  readonly resources: readonly string[];
}

export interface OauthTokenConfinementOptions {
  readonly store: OauthTokenStore;
  /** `fieldEncryption({ keys }).column({ table: "glacis_oauth_tokens", column: "sealed" })` */
  readonly sealer: FieldSealer;
  /** The guarded fetch: `layers.outbound.fetch`. */
  readonly fetch: SsoFetch;
  /** By the provider's id; undefined is no integration, and its tokens are not kept. */
  readonly integration: (id: string) => Integration | undefined | Promise<Integration | undefined>;
  /** Where a loss is told: `security.report`. */
  readonly report?: (event: AuditEvent) => void;
}

/** What became of a call. `relink_required`: there is no token that works, and only the user can give one. */
export type ConfinedAnswer =
  | { readonly kind: "answered"; readonly response: Response }
  | { readonly kind: "relink_required" };

export interface ConfinedTokens {
  readonly control: Control<IdentifiedFacts>;
  /** Keeps what a provider gave. `singleSignOn({ tokens })` calls it. */
  keep(holder: TokenHolder, given: GivenTokens, nowMs: number): Promise<void>;
  /**
   * Calls an API with the user's token, which is renewed first when it ends within a minute: of many calls at once one renews.
   *
   * @throws TypeError for an address that the integration does not list; what fetch throws
   */
  fetch(holder: TokenHolder, url: string, init?: RequestInit): Promise<ConfinedAnswer>;
  forget(holder: TokenHolder): Promise<void>;
  forgetAll(userId: string): Promise<void>;
}

const OPTIONS = ["store", "sealer", "fetch", "integration", "report"];

/**
 * Keeps tokens sealed, each held to its tenant, user and integration, and uses them here. No function answers with one.
 *
 * @throws TypeError on an unknown option, or without a sealer.
 * @example
 * const tokens = oauthTokenConfinement({ store: postgresOauthTokens(pool), sealer, fetch: layers.outbound.fetch, integration });
 */
export function oauthTokenConfinement(options: OauthTokenConfinementOptions): ConfinedTokens {
  rejectUnknownOptions("oauthTokenConfinement", options, OPTIONS);
  const { store, sealer, fetch, integration, report } = options;
  if (typeof sealer?.seal !== "function" || typeof sealer.open !== "function")
    throw new TypeError("oauthTokenConfinement() needs a sealer: whoever reads the database would have every token.");
  const keeper = tokenKeeper({ store, sealer, client: ssoClient(fetch, () => "", ""), report });

  return {
    control: {
      meta: META,
      rules: [TOKENS_MEMORY_STORE, TOKENS_IN_RESPONSE],
      check: ({ mode }) =>
        store.kind === "memory" && mode === "production"
          ? [finding(TOKENS_MEMORY_STORE, { kind: "setting", name: "oauthTokenConfinement.store" })]
          : [],
      observe: observeTokens,
    },
    async keep(holder, given, nowMs) {
      if ((await integration(holder.integration)) === undefined) return;
      await store.write(holder, await keeper.seal(holder, given, nowMs));
    },
    async fetch(holder, url, init = {}) {
      const known = await integration(holder.integration);
      if (known === undefined || !canParseUrl(url) || !known.resources.includes(new URL(url).origin))
        throw new TypeError("This address is none of the integration's resources; its token is not sent there.");
      const token = await keeper.usable(holder, known.provider);
      if (token === undefined) return { kind: "relink_required" };
      const headers = new Headers(init.headers);
      headers.set("authorization", `Bearer ${token.reveal()}`);
      // A redirect would carry the token to wherever it leads.
      return { kind: "answered", response: await fetch(url, { ...init, headers, redirect: "error" }) };
    },
    forget: async (holder) => store.remove(holder),
    forgetAll: async (userId) => store.removeAll(userId),
  };
}

/** A token of ours in what a browser gets: by its name in JSON or a script, by its look, or in the address of a redirect. */
function observeTokens({ url, headers, body = "" }: Observation): readonly Finding[] {
  const text = body.slice(0, LARGEST_BODY);
  const at = { kind: "response", url, header: undefined } as const;
  const location = headers.find(([name]) => name === "location")?.[1] ?? "";
  return [
    ...(NAMED.test(text) || SIGNED.test(text) ? [finding(TOKENS_IN_RESPONSE, at, "in the body")] : []),
    ...(IN_ADDRESS.test(location) ? [finding(TOKENS_IN_RESPONSE, { ...at, header: "location" })] : []),
  ];
}
