import type { Control } from "./control.ts";
import { rejectUnknownOptions } from "./options.ts";
import type { Layers } from "./security.ts";

const LAYER_NAMES: readonly (keyof Layers)[] = [
  "mode",
  "origin",
  "interpretation",
  "environment",
  "network",
  "transport",
  "authenticate",
  "authentication",
  "authorization",
  "body",
  "server",
  "endpoints",
  "audit",
  "controlTimeoutMs",
];

const OPTIONAL_NAMES = ["waivers", "refusalPage"];

/** Controls that an application may hold several of, each for something else. */
const REPEATABLE = new Set([
  "intrusion-detection",
  "overload-protection",
  "path-traversal",
  "rate-limit",
  "ssrf-guard",
]);

/** What a preset hands to handlers beside the layers. */
const TOOL_NAMES = ["sessions", "csrf", "accounts", "outbound", "watch"];

/**
 * Refuses a composition that could not do its work.
 *
 * @throws TypeError naming what is missing, unknown or mounted twice.
 */
export function validateLayers(layers: Layers): void {
  rejectUnknownOptions("glacis", layers, [...LAYER_NAMES, ...OPTIONAL_NAMES, ...TOOL_NAMES]);
  if (layers.waivers !== undefined && !Array.isArray(layers.waivers)) {
    throw new TypeError("waivers must be a list of { id, reason, owner, expires }.");
  }
  for (const name of LAYER_NAMES) {
    if (layers[name] === undefined)
      throw new TypeError(`glacis() needs "${name}". Start from saas(), which sets every layer.`);
  }
  if (!(layers.controlTimeoutMs > 0)) throw new TypeError("controlTimeoutMs must be greater than zero.");
  const slots = {
    environment: layers.environment,
    network: layers.network,
    transport: layers.transport,
    authentication: layers.authentication,
    authorization: layers.authorization,
  };
  const seen = new Map<string, string>();
  for (const [slot, controls] of Object.entries(slots)) {
    for (const control of controls as readonly Control<never>[]) {
      const id = control?.meta?.id;
      if (typeof id !== "string") throw new TypeError(`The layer "${slot}" holds something that is not a control.`);
      if (seen.has(id) && !REPEATABLE.has(id)) {
        throw new TypeError(`The control "${id}" is mounted twice, in "${seen.get(id)}" and in "${slot}". Keep one.`);
      }
      seen.set(id, slot);
    }
  }
}
