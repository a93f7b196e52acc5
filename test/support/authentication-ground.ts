import { randomUUID } from "node:crypto";
import type { AuditEvent } from "../../packages/glacis/src/core/event.ts";
import type { UserId } from "../../packages/glacis/src/core/brand.ts";
import type { Exchange } from "../../packages/glacis/src/core/exchange.ts";
import {
  AUTHENTICATION_MIGRATION,
  memoryAuthentication,
  postgresAuthentication,
  type AuthenticationStore,
} from "../../packages/glacis/src/authentication/authentication-store.ts";
import type { Account } from "../../packages/glacis/src/authentication/account-store.ts";
import {
  authenticationFlows,
  type AuthenticationFlows,
  type AuthenticationFlowOptions,
} from "../../packages/glacis/src/authentication/flows.ts";
import type { MailMessage } from "../../packages/glacis/src/authentication/mail-transport.ts";
import { hashingLine } from "../../packages/glacis/src/authentication/password-hash-line.ts";
import { passwordHashing, type HashedPassword } from "../../packages/glacis/src/authentication/password-hashing.ts";
import { passwordPolicy } from "../../packages/glacis/src/authentication/password-policy.ts";
import { memorySignInThrottle } from "../../packages/glacis/src/authentication/sign-in-throttle-store.ts";
import { signInThrottle } from "../../packages/glacis/src/authentication/sign-in-throttle.ts";
import { keyRing, newKey } from "../../packages/glacis/src/data/key-ring.ts";
import { memorySessions } from "../../packages/glacis/src/authentication/session-memory.ts";
import { SESSION_MIGRATION, postgresSessions } from "../../packages/glacis/src/authentication/session-postgres.ts";
import { sessions, type Sessions } from "../../packages/glacis/src/authentication/session.ts";
import { sketchExchange, type RequestSketch } from "../../packages/glacis/src/testing/exchange.ts";
import { testDatabase } from "./services.ts";

export const ORIGIN = "https://app.example.com";
/** What the library takes at least, and of that what takes the least time. */
export const passwords = passwordHashing({
  memoryKiB: 7168,
  passes: 5,
  line: hashingLine({ concurrency: 2, waiting: 64 }),
});

const hashes = new Map<string, Promise<HashedPassword>>();

/** Accounts that are made with one password share its hash: how it comes about is not what their tests are about. */
function hashOf(password: string): Promise<HashedPassword> {
  const hash = hashes.get(password) ?? passwords.hash(password);
  hashes.set(password, hash);
  return hash;
}

/** A browser: keeps the cookies that answers set. */
export interface TestBrowser {
  ask(sketch?: RequestSketch): Exchange;
  keep(exchange: Exchange): void;
}

let browsers = 0;

export function browser(now: () => number): TestBrowser {
  const jar = new Map<string, string>();
  browsers += 1;
  // Of an address and a network of its own: one client's failures are not another's.
  const client = `10.${(browsers >> 8) & 255}.${browsers & 255}.7`;
  return {
    ask(sketch = {}) {
      const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join("; ");
      return sketchExchange({
        method: "POST",
        nowMs: now(),
        client,
        ...sketch,
        headers: { ...(cookie !== "" && { cookie }), ...sketch.headers },
      });
    },
    keep(exchange) {
      for (const [name, line] of exchange.responseHeaders ?? []) {
        if (name !== "set-cookie") continue;
        const [pair = "", ...attributes] = line.split("; ");
        const at = pair.indexOf("=");
        if (attributes.includes("Max-Age=0")) jar.delete(pair.slice(0, at));
        else jar.set(pair.slice(0, at), pair.slice(at + 1));
      }
    },
  };
}

export interface SignedIn {
  readonly browser: TestBrowser;
  /** A request whose session has been recognised. */
  ask(sketch?: RequestSketch): Promise<Exchange>;
}

export interface AuthenticationGround {
  readonly store: AuthenticationStore;
  readonly sessions: Sessions;
  readonly flows: AuthenticationFlows;
  readonly mails: MailMessage[];
  readonly reported: AuditEvent[];
  /** Switch it on, and no mail goes out. */
  readonly outage: { mail: boolean; application: boolean };
  /** Who belongs where, as the application knows it. */
  readonly members: Map<string, { readonly tenantId: string; readonly roles: readonly string[] }>;
  readonly welcomed: { readonly userId: string; readonly profile: Readonly<Record<string, string>> }[];
  readonly clock: { nowMs: number };
  browser(): TestBrowser;
  account(details?: Partial<Account>, password?: string): Promise<Account>;
  /** Somebody who is signed in, and his browser; the mails of it are delivered. */
  signIn(account: Account, password?: string): Promise<SignedIn>;
  /** Lets the worker do what waits, and returns the mails of it. */
  deliver(): Promise<readonly MailMessage[]>;
}

const keys = keyRing(newKey("k1"));

/** The flows over real stores, with a mailbox in place of the post. */
export function authenticationGround(
  store: AuthenticationStore,
  session: Sessions,
  options: Partial<AuthenticationFlowOptions> = {},
): AuthenticationGround {
  const mails: MailMessage[] = [];
  const reported: AuditEvent[] = [];
  const outage = { mail: false, application: false };
  const members: AuthenticationGround["members"] = new Map();
  const welcomed: AuthenticationGround["welcomed"] = [];
  const clock = { nowMs: Date.now() };
  const flows = authenticationFlows({
    origin: ORIGIN,
    name: "Folio",
    store,
    sessions: session,
    passwords,
    policy: passwordPolicy(),
    throttle: signInThrottle({
      keys,
      store: memorySignInThrottle(),
      now: () => clock.nowMs,
      client: { failures: 10_000, minutes: 15 },
      network: { failures: 10_000, minutes: 15 },
    }),
    application: {
      async membership(userId) {
        return members.get(userId);
      },
      async welcome({ userId, profile }) {
        if (outage.application) throw new Error("The application's database does not answer.");
        welcomed.push({ userId, profile });
        members.set(userId, { tenantId: `tenant-of-${userId}`, roles: ["owner"] });
      },
      async invitationStands({ invitedBy }) {
        return invitedBy === undefined || members.has(invitedBy);
      },
      async joined({ userId, tenantId, roles }) {
        if (outage.application) throw new Error("The application's database does not answer.");
        members.set(userId, { tenantId, roles });
      },
      exportData: async (userId) => ({ documents: [`of ${userId}`] }),
      async erase(userId) {
        members.delete(userId);
      },
    },
    mail: {
      kind: "other",
      async send(message) {
        if (outage.mail) throw new Error("The mail server does not answer.");
        mails.push(message);
      },
    },
    report: (event) => void reported.push(event),
    now: () => clock.nowMs,
    ...options,
  });
  const deliver = async (): Promise<readonly MailMessage[]> => {
    const before = mails.length;
    await flows.worker.drain();
    return mails.slice(before);
  };
  return {
    store,
    sessions: session,
    flows,
    mails,
    reported,
    outage,
    members,
    welcomed,
    clock,
    browser: () => browser(() => clock.nowMs),
    async account(details = {}, password = "correct horse battery staple") {
      const hashed = await hashOf(password);
      if (hashed.kind !== "hashed") throw new Error("The test's password was not hashed.");
      const userId = (details.userId ?? randomUUID()) as UserId;
      const account: Account = {
        userId,
        email: `${userId}@example.com`,
        verifiedAtMs: 1,
        passwordHash: hashed.encoded,
        status: "active",
        version: 1,
        createdAtMs: 1,
        ...details,
      };
      members.set(userId, { tenantId: "acme", roles: ["member"] });
      if (!(await store.accounts.create(account))) throw new Error("The test's account is taken.");
      return account;
    },
    deliver,
    async signIn(account, password = "correct horse battery staple") {
      const own = browser(() => clock.nowMs);
      const request = own.ask();
      const { kind } = await flows.signIn(request, account.email, password);
      if (kind !== "established") throw new Error(`The test's sign-in ended with ${kind}.`);
      own.keep(request);
      await deliver();
      return {
        browser: own,
        async ask(sketch) {
          const exchange = own.ask(sketch);
          const identity = await session.authenticate(exchange);
          exchange.principal = identity.principal;
          exchange.session = identity.session;
          return exchange;
        },
      };
    },
  };
}

/** The token in a mail's link. */
export function tokenIn(message: MailMessage | undefined): string {
  const link = /https:\/\/\S+/u.exec(message?.text ?? "")?.[0] ?? "";
  return new URL(link).searchParams.get("token") ?? "";
}

/** The stores to run a suite over: memory, and Postgres where it answers. */
export async function authenticationStores(suite: string) {
  const database = await testDatabase(suite);
  await database?.pool.query(AUTHENTICATION_MIGRATION + SESSION_MIGRATION);
  const memory = { store: memoryAuthentication(), sessions: sessions({ store: memorySessions() }) };
  const shared = database && {
    store: postgresAuthentication(database.pool),
    sessions: sessions({ store: postgresSessions(database.pool) }),
  };
  return {
    database,
    stores: [["memory", memory] as const, ...(shared === undefined ? [] : [["Postgres", shared] as const])],
  };
}
