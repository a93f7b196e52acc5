import { express4Build, express5Build } from "./express.ts";
import { fastifyBuild } from "./fastify.ts";
import { honoBuild } from "./hono.ts";

/** Every framework that the one suite runs over. */
export const BUILDS = {
  "express 5": express5Build,
  "express 4": express4Build,
  "fastify 5": fastifyBuild,
  "hono 4": honoBuild,
};
