import type { Deployment, Mode } from "../core/control.ts";

/**
 * The mode that the environment declares. Production is assumed unless something says otherwise in so many words: a forgotten variable must
 * not open the developer's door (catalog `debug-off`).
 */
export function modeOf(variables: Readonly<Record<string, string | undefined>>): Mode {
  const declared = variables["GLACIS_ENV"] ?? variables["NODE_ENV"];
  return declared === "development" || declared === "test" ? declared : "production";
}

/** This process, as `check` judges it. */
export function currentDeployment(mode: Mode = modeOf(process.env)): Deployment {
  const variables = new Map(
    Object.entries(process.env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const])),
  );
  const fromVariable = (process.env["NODE_OPTIONS"] ?? "").split(/\s+/u).filter((flag) => flag !== "");
  return {
    mode,
    nodeVersion: process.versions.node,
    variables,
    nodeOptions: [...process.execArgv, ...fromVariable],
    nowMs: Date.now(),
  };
}
