export { sketchExchange, type RequestSketch } from "./exchange.ts";
export { bareLayers, stubControl } from "./layers.ts";
