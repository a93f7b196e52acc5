/**
 * Writes the templates of one stage into `cdk.out`, offline. `FOLIO_STAGE` is `staging` or `production`; `FOLIO_BREAK_GLASS=on` opens ECS Exec.
 * Fails where the validator of the CDK or cdk-nag finds something that nobody has acknowledged.
 */
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { App, Validations } from "aws-cdk-lib";
import { AwsSolutionsChecks } from "cdk-nag";
import { readEnvironments, STAGES } from "./environments.ts";
import { FolioStack } from "./folio-stack.ts";
import { EdgeStack } from "./web-acl.ts";

const FLAGS = createRequire(import.meta.url)("aws-cdk-lib/recommended-feature-flags.json") as Record<string, unknown>;

export interface AppOptions {
  readonly stage: string | undefined;
  readonly environmentsFile: string;
  readonly breakGlass?: boolean;
  readonly outdir?: string;
}

/** @throws TypeError for a stage that there is not, and for what the environments lack */
export function appOf({ stage, environmentsFile, breakGlass = false, outdir }: AppOptions): App {
  const environments = readEnvironments(environmentsFile);
  const environment = environments.get(stage as (typeof STAGES)[number]);
  if (environment === undefined) throw new TypeError(`Set FOLIO_STAGE to ${STAGES.join(" or ")}.`);
  const app = new App({
    analyticsReporting: false,
    ...(outdir !== undefined && { outdir }),
    postCliContext: { ...FLAGS, "@aws-cdk/core:validateAgainstDefaultRules": true },
  });
  const { account, region } = environment;
  new EdgeStack(app, environment.stage, { env: { account, region: "us-east-1" } });
  new FolioStack(app, environment, breakGlass, { env: { account, region } });
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
  return app;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const variables = process.env;
  appOf({
    stage: variables["FOLIO_STAGE"],
    environmentsFile:
      variables["FOLIO_ENVIRONMENTS"] ?? fileURLToPath(new URL("../environments.json", import.meta.url)),
    breakGlass: variables["FOLIO_BREAK_GLASS"] === "on",
    outdir: fileURLToPath(new URL("../cdk.out", import.meta.url)),
  }).synth();
}
