/** The layers of defence, from outside in: the order in which a request meets them. */
export const LAYERS = ["network", "transport", "authentication", "authorization", "input", "data", "audit"] as const;

export type Layer = (typeof LAYERS)[number];
