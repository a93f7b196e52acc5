import { afterAll, describe, expect, it } from "vitest";
import { testDatabase } from "../../../../test/support/services.ts";
import { memoryOneTimeLinks, ONE_TIME_LINK_MIGRATION, postgresOneTimeLinks } from "./one-time-link-store.ts";
import { LINK_LIFETIMES_MS, oneTimeLinks, type LinkPurpose } from "./one-time-link.ts";

const database = await testDatabase("one_time_links");
await database?.pool.query(ONE_TIME_LINK_MIGRATION);
await database?.pool.query(ONE_TIME_LINK_MIGRATION);
afterAll(() => database?.drop());
const stores = [
  ["memory", memoryOneTimeLinks()] as const,
  ...(database === undefined ? [] : [["Postgres", postgresOneTimeLinks(database.pool)] as const]),
];

describe.each(stores)("one-time links in %s", (_, store) => {
  const links = oneTimeLinks(store);

  it("give back their subject and detail once, and may be looked at before", async () => {
    const token = await links.mint("password_reset", "ada", 1000, { version: 3 });
    expect(token).toMatch(/^[A-Za-z0-9_-]{43}$/u);
    expect(await links.read("password_reset", token, 1000)).toMatchObject({ subject: "ada", detail: { version: 3 } });
    expect(await links.redeem("password_reset", token, 1000)).toMatchObject({ subject: "ada", detail: { version: 3 } });
    expect(await links.redeem("password_reset", token, 1000)).toBeUndefined();
    expect(await links.read("password_reset", token, 1000)).toBeUndefined();
  });

  it("are redeemed by one of 64 who try at once", async () => {
    const token = await links.mint("invitation", "raced", 1);
    const tries = await Promise.all(Array.from({ length: 64 }, () => links.redeem("invitation", token, 2)));
    expect(tries.filter((one) => one !== undefined)).toHaveLength(1);
  });

  it("leave one alive of 64 that are made for one subject at once", async () => {
    const tokens = await Promise.all(Array.from({ length: 64 }, () => links.mint("password_reset", "flooded", 1)));
    const alive = await Promise.all(tokens.map((token) => links.read("password_reset", token, 2)));
    expect(alive.filter((one) => one !== undefined)).toHaveLength(1);
  });

  it.each(Object.entries(LINK_LIFETIMES_MS) as [LinkPurpose, number][])(
    "for %s end to the millisecond",
    async (purpose, lifetimeMs) => {
      const token = await links.mint(purpose, "timed", 5000);
      expect(await links.read(purpose, token, 5000 + lifetimeMs - 1)).toBeDefined();
      expect(await links.redeem(purpose, token, 5000 + lifetimeMs)).toBeUndefined();
    },
  );

  it("serve no other purpose, and outlive the voiding of another subject or purpose", async () => {
    const token = await links.mint("email_change", "purposeful", 1);
    expect(await links.redeem("password_reset", token, 2)).toBeUndefined();
    await links.void(["password_reset", "sign_up"], "purposeful");
    await links.void(["email_change"], "somebody else");
    expect(await links.read("email_change", token, 2)).toBeDefined();
    await links.void(["email_change"], "purposeful");
    expect(await links.redeem("email_change", token, 2)).toBeUndefined();
  });

  it("refuse whatever is no token of theirs without a fault", async () => {
    const token = await links.mint("password_reset", "odd", 1);
    const odd = [undefined, null, 1, [], [token], {}, "", "\0", "\ud800", `${token}=`, ` ${token}`, token.slice(1)];
    for (const one of [...odd, "A".repeat(43), "é".repeat(43), "A".repeat(1_000_000)])
      expect(await links.redeem("password_reset", one, 2)).toBeUndefined();
    expect(await links.read("password_reset", token, 2)).toBeDefined();
  });

  it("are forgotten by a sweep once they are over", async () => {
    const token = await links.mint("setup", "swept", 1);
    await store.sweep(1 + LINK_LIFETIMES_MS.setup);
    expect(await links.read("setup", token, 2)).toBeUndefined();
  });
});

it("keeps no token at rest", async () => {
  if (database === undefined) return;
  const token = await oneTimeLinks(postgresOneTimeLinks(database.pool)).mint("password_reset", "rest", 1);
  const { rows } = await database.pool.query("select row_to_json(l)::text as text from glacis_one_time_links l");
  expect(rows.length).toBeGreaterThan(0);
  expect(rows.map(({ text }: { text: string }) => text).join("")).not.toContain(token);
});
