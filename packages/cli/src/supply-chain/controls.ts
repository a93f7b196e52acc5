import type { SupplyChainControl } from "./supply-chain-control.ts";

/** Every control that is judged on the project's files. */
export const SUPPLY_CHAIN_CONTROLS: readonly SupplyChainControl[] = [];
