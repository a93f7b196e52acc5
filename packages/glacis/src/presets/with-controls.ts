import type { Control } from "../core/control.ts";
import type { Layers } from "../core/security.ts";

const SLOTS = ["environment", "network", "transport", "authentication", "authorization"] as const;

/**
 * Replaces controls by value: each given control takes the place of the mounted one with the same id, and a new one is added at the end of its
 * own layer.
 *
 * @throws TypeError for a new control whose layer has no slot, such as `input`: put it where it must run.
 * @example
 * glacis(withControls(saas(options), hsts({ maxAgeSeconds: 300, rampUntil: "2027-03-01" })));
 */
export function withControls<Composition extends Layers>(
  layers: Composition,
  ...controls: readonly Control[]
): Composition {
  return controls.reduce(withControl, layers);
}

function withControl<Composition extends Layers>(layers: Composition, control: Control): Composition {
  const { id, layer } = control.meta;
  const slot = SLOTS.find((name) => layers[name].some(({ meta }) => meta.id === id));
  if (slot !== undefined) {
    if (layers[slot].filter(({ meta }) => meta.id === id).length > 1) {
      throw new TypeError(
        `"${id}" is mounted several times in "${slot}"; withControls() cannot tell which you mean. Write the slot yourself.`,
      );
    }
    return { ...layers, [slot]: layers[slot].map((mounted) => (mounted.meta.id === id ? control : mounted)) };
  }
  const own = SLOTS.find((name) => name === layer);
  if (own === undefined) {
    throw new TypeError(
      `withControls() does not know where "${id}" of the layer "${layer}" should run. Add it to a slot of the layers yourself.`,
    );
  }
  return { ...layers, [own]: [...layers[own], control] };
}
