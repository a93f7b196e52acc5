/** The first account of an installation, by a link for whoever runs it: there are no default accounts (catalog default-accounts; CWE-1392). */
import { randomUUID } from "node:crypto";
import type { UserId } from "../core/brand.ts";
import type { Control, ControlMeta } from "../core/control.ts";
import { newIdentifier } from "./identifier.ts";
import {
  accountEvent,
  refuseLink,
  linkTo,
  newJob,
  prepareHash,
  runNow,
  type FlowBusy,
  type FlowContext,
  type LinkInvalid,
  type Newcomer,
  type PasswordRejected,
} from "./flow-context.ts";
import { welcomeWith } from "./flow-sign-up.ts";
import type { Responding } from "./session-cookies.ts";

const META: ControlMeta = {
  id: "default-accounts",
  title: "No default accounts: the first one is made by a link that works once",
  layer: "authentication",
  guide: ["A05"],
  owasp2021: ["A07", "A05"],
  owasp2025: ["A07", "A02"],
  asvs: ["v5.0.0-6.3.2"],
  cwe: ["CWE-1392", "CWE-798", "CWE-1188"],
};

export interface FirstAccount {
  readonly control: Control;
  /** A link for fifteen minutes, to be shown on the console of whoever starts the application; undefined once there is any account. */
  open(nowMs: number): Promise<string | undefined>;
  isAlive(token: unknown, nowMs: number): Promise<boolean>;
  /** Makes the first account. `welcome` hears of it with `setup` in the profile. */
  complete(
    request: Responding,
    token: unknown,
    email: unknown,
    password: unknown,
    profile?: Newcomer["profile"],
  ): Promise<{ readonly kind: "created" | "address_malformed" } | LinkInvalid | PasswordRejected | FlowBusy>;
}

export function firstAccount(context: FlowContext): FirstAccount {
  const { store, links } = context;
  return {
    control: { meta: META, rules: [], check: () => [] },
    async open(nowMs) {
      if (await store.accounts.any()) return undefined;
      return linkTo(context, "setup", await links.mint("setup", "setup", nowMs));
    },
    isAlive: async (token, nowMs) => (await links.read("setup", token, nowMs)) !== undefined,
    async complete(request, token, email, password, profile = {}) {
      const nowMs = request.receivedAtMs;
      const link = await links.read("setup", token, nowMs);
      if (link === undefined || (await store.accounts.any())) return refuseLink(request, "setup");
      const address = newIdentifier(email);
      if (address === undefined) return { kind: "address_malformed" };
      const prepared = await prepareHash(context, password, address, Object.values(profile));
      if (prepared.kind !== "hashed") return prepared;
      const userId = randomUUID() as UserId;
      const job = newJob("welcome", { userId, email: address, profile: { ...profile, setup: "first account" } }, nowMs);
      const made = await store.accounts.create(
        {
          userId,
          email: address,
          verifiedAtMs: nowMs,
          passwordHash: prepared.encoded,
          status: "active",
          version: 1,
          createdAtMs: nowMs,
        },
        { spend: { id: link.id, purpose: link.purpose, nowMs }, jobs: [job] },
      );
      if (!made) return refuseLink(request, "setup");
      request.note(accountEvent("account/user_created/succeeded", { control: META.id, user_id: userId }));
      await runNow(context, job, welcomeWith(context));
      return { kind: "created" };
    },
  };
}
