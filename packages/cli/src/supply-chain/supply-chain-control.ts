/** What guards how the application comes to be, rather than a request: judged on the project's files. */
import type { ControlMeta, Finding, Rule } from "glacis";
import type { Project } from "./project.ts";

export interface SupplyChainControl {
  readonly meta: ControlMeta;
  readonly rules: readonly Rule[];
  readonly judge: (project: Project) => readonly Finding[];
}
