export { sketchExchange, type RequestSketch } from "./exchange.ts";
export { bareLayers, stubControl } from "./layers.ts";
export {
  OBSERVATORY_ORIGIN,
  observatoryScore,
  type ObservatoryScore,
  type ObservatorySite,
  type ObservatoryTest,
} from "./observatory.ts";
export { sketchResponse, type ResponseSketch, type SketchedResponse } from "./response.ts";
