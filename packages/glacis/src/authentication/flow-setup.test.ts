import { expect, it } from "vitest";
import { authenticationGround } from "../../../../test/support/authentication-ground.ts";
import { memoryAuthentication } from "./authentication-store.ts";
import { memorySessions } from "./session-memory.ts";
import { sessions } from "./session.ts";

const PASSWORD = "correct horse battery staple";

it("makes the first account by a link of fifteen minutes, once, and none after it", async () => {
  const ground = authenticationGround(memoryAuthentication(), sessions({ store: memorySessions() }));
  const { firstAccount, signIn } = ground.flows;
  const open = async () => new URL((await firstAccount.open(ground.clock.nowMs)) ?? "").searchParams.get("token");
  const late = await open();
  ground.clock.nowMs += 900_000;
  const ask = () => ground.browser().ask();
  expect(await firstAccount.complete(ask(), late, "root@example.com", PASSWORD)).toEqual({ kind: "link_invalid" });
  const token = await open();
  expect(await firstAccount.isAlive(token, ground.clock.nowMs)).toBe(true);
  expect(await firstAccount.complete(ask(), "A".repeat(43), "root@example.com", PASSWORD)).toEqual({
    kind: "link_invalid",
  });
  const tries = await Promise.all(
    Array.from({ length: 64 }, (_, index) => firstAccount.complete(ask(), token, `root${index}@example.com`, PASSWORD)),
  );
  const winner = tries.findIndex(({ kind }) => kind === "created");
  expect(tries.filter(({ kind }) => kind === "created")).toHaveLength(1);
  expect(await signIn(ask(), `root${winner}@example.com`, PASSWORD)).toMatchObject({ kind: "established" });
  expect(ground.welcomed).toMatchObject([{ profile: { setup: "first account" } }]);
  expect(await firstAccount.open(ground.clock.nowMs)).toBeUndefined();
});
