import { withControls, type Layers } from "glacis";
import { overloadProtection } from "glacis/network";

/** The same layers, on a machine that runs other suites: it is late for reasons that no request here gave it. */
export function patient<Composition extends Layers>(layers: Composition): Composition {
  return withControls(layers, overloadProtection({ shedAtDelayMs: 30_000 }));
}
