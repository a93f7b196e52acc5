/** The Security Center is itself a door: how strongly it is held, and whether what it shows is all there is (catalog admin-interface). */
import { ADMIN_INTERFACE_META } from "../authorization/admin-interface.ts";
import type { Control } from "../core/control.ts";
import { finding, type Finding, type Location, type Rule } from "../core/finding.ts";
import type { CenterSettings } from "./center-options.ts";

export const ONE_FACTOR: Rule = {
  id: "admin-interface/one-factor",
  severity: "error",
  what: "The Security Center opens for a password alone.",
  why: "Whoever learns one administrator's password reads every event, ends every session and unlocks every account.",
  fix: "Leave out level, which is then 2; and mfa.required for the roles that may come in.",
};
export const ARCHIVE_IN_MEMORY: Rule = {
  id: "admin-interface/archive-in-memory",
  severity: "warning",
  what: "The Security Center searches events in the memory of one process.",
  why: "A restart forgets them, and of several processes each shows its own part: what is missing looks like peace.",
  fix: "Pass eventArchive({ store: postgresEvents(pool) }).",
};
export const UNWATCHED: Rule = {
  id: "admin-interface/shows-no-alarms",
  severity: "note",
  what: "The Security Center shows no alarms, or not whether the audit log is whole.",
  why: "Whoever looks there believes that nothing rings.",
  fix: "Pass alarms: layers.watch.alarms and chain: layers.watch.chain to securityCenter().",
};

/** Judges a mounted Security Center; it stands on its routes. */
export function adminInterface({ level, archive, alarms, chain }: CenterSettings): Control {
  return {
    meta: ADMIN_INTERFACE_META,
    rules: [ONE_FACTOR, ARCHIVE_IN_MEMORY, UNWATCHED],
    check(): readonly Finding[] {
      return [
        ...(level < 2 ? [finding(ONE_FACTOR, setting("level"))] : []),
        ...(archive.store.kind === "memory" ? [finding(ARCHIVE_IN_MEMORY, setting("archive"))] : []),
        ...(alarms === undefined ? [finding(UNWATCHED, setting("alarms"))] : []),
        ...(chain === undefined ? [finding(UNWATCHED, setting("chain"))] : []),
      ];
    },
  };
}

const setting = (name: string): Location => ({ kind: "setting", name: `securityCenter.${name}` });
