export { attackMatrix } from "./attack-matrix.ts";
export type { Answer, Ask, Send } from "./attack-matrix-client.ts";
export type { RouteCase, WaivedCase } from "./attack-matrix-cases.ts";
export type { AttackVerdict } from "./attack-matrix-judge.ts";
export type { AttackMatrixOptions } from "./attack-matrix-options.ts";
export {
  expectIsolation,
  IsolationError,
  matrixTable,
  type AttackCell,
  type AttackReport,
} from "./attack-matrix-report.ts";
export { sqlState, type SqlStateOptions, type StateTable } from "./attack-matrix-sql.ts";
export type { ApplicationState, Snapshot, StateRow } from "./attack-matrix-state.ts";
export type { LookAlikePerson, LookAlikeTenant, Side } from "./attack-matrix-world.ts";
export { sketchExchange, type RequestSketch } from "./exchange.ts";
export { bareLayers, stubControl } from "./layers.ts";
export {
  OBSERVATORY_ORIGIN,
  observatoryScore,
  type ObservatoryScore,
  type ObservatorySite,
  type ObservatoryTest,
} from "./observatory.ts";
export { sketchProof, type ProofSketch } from "./proof.ts";
export { sketchResponse, type ResponseSketch, type SketchedResponse } from "./response.ts";
