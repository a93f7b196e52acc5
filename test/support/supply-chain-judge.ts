import type { SupplyChainControl } from "../../packages/cli/src/supply-chain/supply-chain-control.ts";
import { readProject } from "../../packages/cli/src/supply-chain/project.ts";
import { withProject, type ProjectFiles } from "./project-folder.ts";

export const NOW_MS: number = Date.parse("2026-11-26T12:00:00Z");

/** What a control finds in a project on the disk: rule, place, and the detail where there is one. */
export function judged(control: SupplyChainControl, files: ProjectFiles, git = false): readonly string[] {
  const whole = { "package.json": { name: "app", private: true }, ...files };
  return withProject(
    whole,
    (root) =>
      control.judge(readProject(root), NOW_MS).map(({ rule, at, detail }) => {
        const place =
          at.kind === "source" ? `${at.file}:${at.line}` : at.kind === "package" ? `${at.name}@${at.version}` : at.kind;
        return `${rule.id.split("/")[1]} ${place}${detail === undefined ? "" : ` ${detail}`}`;
      }),
    git,
  );
}
