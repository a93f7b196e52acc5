import { describe, expect, it } from "vitest";
import { judged } from "../../../../test/support/supply-chain-judge.ts";
import { productionBuild } from "./production-build.ts";

const NODE = `node:24-slim@sha256:${"a".repeat(64)}`;
const IGNORE = ".git\n.env*\nnode_modules\n";
const GOOD = `# syntax=docker/dockerfile:1
FROM ${NODE} AS build
WORKDIR /app
COPY . .
RUN npm ci && npm run build && npm prune --omit=dev
FROM ${NODE}
ENV NODE_ENV=production
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
USER node
CMD ["node", "dist/main.js"]
`;

function judge(text: string, ignore: string | undefined = IGNORE): readonly string[] {
  return judged(productionBuild, { Dockerfile: text, ...(ignore !== "" && { ".dockerignore": ignore }) });
}
const rules = (text: string, ignore?: string): readonly string[] =>
  judge(text, ignore).map((line) => line.split(" ")[0] as string);

describe("an image", () => {
  it("that is small, pinned and unprivileged has no finding", () => {
    expect(judge(GOOD)).toEqual([]);
  });

  it.each([
    ["is pinned", GOOD.replaceAll(/@sha256:a+/gu, ""), ["unpinned-base", "unpinned-base"]],
    ["does not run as root", GOOD.replace("USER node\n", ""), ["root-user"]],
    ["does not run as 0", GOOD.replace("USER node", "USER 0:0"), ["root-user"]],
    ["says that it is production", GOOD.replace("ENV NODE_ENV=production\n", ""), ["no-node-env"]],
    ["holds no tools of development", GOOD.replace(" && npm prune --omit=dev", ""), ["dev-dependencies"]],
    [
      "holds no tools of development, in whatever folder",
      GOOD.replace(" && npm prune --omit=dev", "")
        .replace("WORKDIR /app", "WORKDIR /srv")
        .replace("COPY --from=build /app/node_modules ./node_modules", "COPY --from=build /srv/ ./"),
      ["dev-dependencies"],
    ],
    ["holds no secret", GOOD.replace("WORKDIR /app", "ENV API_TOKEN=abc123"), ["secret-in-image"]],
    ["holds no .env", GOOD.replace("COPY . .", "COPY .env.production /app/"), ["secret-in-image"]],
  ])("%s", (_, text, expected) => {
    expect(rules(text)).toEqual(expected);
  });

  it("takes secrets as names and examples, and a stage or a variable as its base", () => {
    expect(
      judge(GOOD.replace("WORKDIR /app", "ARG NPM_TOKEN\nENV API_TOKEN=$NPM_TOKEN\nCOPY .env.example /app/")),
    ).toEqual([]);
    expect(
      judge(`ARG BASE=${NODE}\nFROM \${BASE} AS base\nENV NODE_ENV=production\nUSER 1000\nFROM base\nRUN npm ci\n`),
    ).toEqual([]);
    expect(
      judge(
        "FROM gcr.io/distroless/nodejs24-debian13:nonroot@sha256:" + "a".repeat(64) + "\nENV NODE_ENV=production\n",
      ),
    ).toEqual([]);
  });

  it("leaves history and secrets out of what is copied", () => {
    expect(rules(GOOD, "")).toEqual(["unfiltered-context"]);
    expect(rules(GOOD, ".git\n")).toEqual(["unfiltered-context"]);
    expect(rules(GOOD, "*\n!src\n")).toEqual([]);
    expect(rules(GOOD.replace("COPY . .", "COPY src ./src"), "")).toEqual([]);
  });

  it("says where, over continued lines", () => {
    expect(
      judge(GOOD.replace(" && npm prune --omit=dev", "").replace("RUN npm ci && ", "RUN npm ci \\\n  && ")),
    ).toEqual(["dev-dependencies Dockerfile:5 npm ci    && npm run build"]);
  });
});

describe("an artifact", () => {
  it("has no public source maps", () => {
    expect(judged(productionBuild, { "vite.config.ts": "export default {\n  build: { sourcemap: true },\n}" })).toEqual(
      ["public-source-maps vite.config.ts:2"],
    );
    expect(judged(productionBuild, { "vite.config.ts": 'build: { sourcemap: "hidden" }' })).toEqual([]);
  });

  it("that is published lists its files", () => {
    const manifest = { name: "lib", version: "1.0.0" };
    expect(judged(productionBuild, { "package.json": manifest })).toEqual(["unlisted-files package.json:1"]);
    expect(judged(productionBuild, { "package.json": { ...manifest, files: ["dist"] } })).toEqual([]);
    expect(judged(productionBuild, { "package.json": { ...manifest, private: true } })).toEqual([]);
  });
});
