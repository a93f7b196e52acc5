import { artifactProvenance } from "./artifact-provenance.ts";
import { ciHardening } from "./ci-hardening.ts";
import { dependencyHygiene } from "./dependency-hygiene.ts";
import { dependencyLockfile } from "./dependency-lockfile.ts";
import { installHardening } from "./install-hardening.ts";
import { productionBuild } from "./production-build.ts";
import { registryIntegrity } from "./registry-integrity.ts";
import { sbom } from "./sbom.ts";
import { sourceIntegrity } from "./source-integrity.ts";
import type { SupplyChainControl } from "./supply-chain-control.ts";
import { updateAutomation } from "./update-automation.ts";

/** Every control that is judged on the project's files. */
export const SUPPLY_CHAIN_CONTROLS: readonly SupplyChainControl[] = [
  dependencyLockfile,
  sbom,
  registryIntegrity,
  installHardening,
  dependencyHygiene,
  updateAutomation,
  ciHardening,
  sourceIntegrity,
  artifactProvenance,
  productionBuild,
];
