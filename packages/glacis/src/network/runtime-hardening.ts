/** The process itself: the rights it has, and whether anybody still repairs what it runs on (catalog `runtime-hardening`). */
import type { Control, ControlMeta, Deployment } from "../core/control.ts";
import { finding, type Finding, type Location, type Rule } from "../core/finding.ts";
import { flagNames } from "../primitives/deployment.ts";

const META: ControlMeta = {
  id: "runtime-hardening",
  title: "A maintained Node with few rights",
  layer: "network",
  guide: ["A05", "A06"],
  owasp2021: ["A05", "A06"],
  owasp2025: ["A02", "A03"],
  asvs: ["v5.0.0-15.2.1", "v5.0.0-15.2.5"],
  cwe: ["CWE-250", "CWE-1104"],
};

export const NODE_UNSUPPORTED: Rule = {
  id: "runtime-hardening/node-unsupported",
  severity: "error",
  what: "This Node version is older than what Glacis is tested on, or a line that was never meant to last.",
  why: "Known holes in the runtime itself stay open, under everything that stands on it.",
  fix: "Use Node 22 or 24.",
};
export const NODE_END_OF_LIFE: Rule = {
  id: "runtime-hardening/node-end-of-life",
  severity: "note",
  what: "Support for this Node line has ended.",
  why: "Holes that are found now are not repaired any more.",
  fix: "Use Node 22 or 24.",
};
export const RUNS_AS_ROOT: Rule = {
  id: "runtime-hardening/root",
  severity: "note",
  what: "The process runs as root.",
  why: "Whoever takes over the process owns the machine or the container, not only the application.",
  fix: "Start it as a user of its own, such as USER node in the Dockerfile; ports below 1024 belong to the proxy in front.",
};
export const HOLE_REOPENED: Rule = {
  id: "runtime-hardening/hole-reopened",
  severity: "error",
  what: "Node runs with --security-revert, which takes back the repair of a known hole.",
  why: "The hole is public, and so are the attacks on it.",
  fix: "Remove --security-revert from the start command and from NODE_OPTIONS, and mend what the repair has broken.",
};

const OLDEST = { major: 20, minor: 19 };
/** The day on which each long-term line ends, from the release schedule of the Node project. */
const LAST_DAY: ReadonlyMap<number, string> = new Map([
  [20, "2026-04-30"],
  [22, "2027-04-30"],
  [24, "2028-04-30"],
]);
const NEWEST_KNOWN = 24;

/**
 * Judges the running Node; nothing happens per request.
 *
 * @example
 * runtimeHardening();
 */
export function runtimeHardening(): Control {
  return {
    meta: META,
    rules: [NODE_UNSUPPORTED, NODE_END_OF_LIFE, RUNS_AS_ROOT, HOLE_REOPENED],
    check: (deployment) => [...judgeVersion(deployment), ...judgeRights(deployment), ...judgeFlags(deployment)],
  };
}

function judgeVersion({ nodeVersion, nowMs }: Deployment): readonly Finding[] {
  const at: Location = { kind: "environment", name: "Node" };
  const [major = Number.NaN, minor = Number.NaN] = nodeVersion.split(".").map(Number);
  if (major > NEWEST_KNOWN) return [];
  const lastDay = LAST_DAY.get(major);
  const tooOld = !(major > OLDEST.major || (major === OLDEST.major && minor >= OLDEST.minor));
  if (tooOld || lastDay === undefined) return [finding(NODE_UNSUPPORTED, at, nodeVersion)];
  const ended = nowMs >= Date.parse(`${lastDay}T24:00:00Z`);
  return ended ? [finding(NODE_END_OF_LIFE, at, `${nodeVersion}, support ended ${lastDay}`)] : [];
}

function judgeRights({ mode, userId }: Deployment): readonly Finding[] {
  return mode === "production" && userId === 0
    ? [finding(RUNS_AS_ROOT, { kind: "environment", name: "user id" }, "0")]
    : [];
}

function judgeFlags({ nodeOptions }: Deployment): readonly Finding[] {
  return flagNames(nodeOptions)
    .filter((flag) => flag === "--security-revert")
    .map((name) => finding(HOLE_REOPENED, { kind: "environment", name }));
}
