import { mailsIn } from "../../src/outbox/mails.ts";
import type { Folio } from "./folio.ts";

/** Waits for the newest mail to an address whose subject says this, and returns the path that its link leads to. */
export async function mailedPath(folio: Folio, to: string, subject: string): Promise<string> {
  const until = Date.now() + 15_000;
  for (;;) {
    const mails = await mailsIn(folio.settings.mailFolder);
    const mail = mails.find((one) => one.to.includes(to) && one.subject.includes(subject));
    const link = mail?.text.split(/\s+/u).find((word) => word.startsWith(`${folio.settings.origin}/`));
    if (link !== undefined) return link.slice(folio.settings.origin.length);
    if (Date.now() > until) throw new Error(`No mail came to ${to}: ${mails.map((one) => one.subject).join(", ")}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

export function tokenIn(path: string): string {
  return new URLSearchParams(path.slice(path.indexOf("?"))).get("token") ?? "";
}

export interface NewAccount {
  readonly email: string;
  readonly password: string;
  readonly workspace?: string;
  readonly name?: string;
}

/** Signs up and opens the link of the mail, as JSON. @returns a client that is signed in */
export async function signUp(folio: Folio, { email, password, workspace = "Workspace", name = "Name" }: NewAccount) {
  const client = folio.client();
  const asked = await client.ask("/sign-up", { method: "POST", json: { email, password, workspace, name } });
  if (asked.status !== 202) throw new Error(`sign-up: ${asked.status} ${asked.text}`);
  const token = tokenIn(await mailedPath(folio, email, "Confirm your address"));
  const confirmed = await client.ask("/sign-up/confirm", { method: "POST", json: { token, password } });
  if (confirmed.status !== 200) throw new Error(`confirmation: ${confirmed.status} ${confirmed.text}`);
  return client;
}
