import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { outboxMail } from "glacis/authentication";
import { afterAll, describe, expect, it } from "vitest";
import { mailsIn } from "./mails.ts";

const folder = mkdtempSync(join(tmpdir(), "folio-mails-"));
afterAll(() => rmSync(folder, { recursive: true }));

describe("mailsIn", () => {
  it.each([
    ["of letters", "a".repeat(43)],
    ["that goes on with dashes where its line is broken", "-".repeat(43)],
    ["that looks like an encoded byte", "3D".repeat(21)],
  ])("shows a link whole whose token is one %s", async (_, token) => {
    const link = `https://localhost:3000/reset-password?token=${token}`;
    const html = `<p><a href="${link}">Choose a new password</a> – within the hour</p>`;
    await outboxMail({ folder }).send({
      to: "ada@alpha.test",
      subject: "Choose a new password",
      text: `Choose:\n\n${link}\n`,
      html,
    });
    const [mail] = await mailsIn(folder);
    expect(mail).toMatchObject({ to: "ada@alpha.test", subject: "Choose a new password" });
    expect(mail?.text.split(/\s+/u)).toContain(link);
    expect(mail?.text).not.toContain("<p>");
  });
});
