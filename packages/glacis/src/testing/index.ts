export { sketchExchange, type RequestSketch } from "./exchange.ts";
export { bareLayers, stubControl } from "./layers.ts";
export { sketchResponse, type ResponseSketch, type SketchedResponse } from "./response.ts";
