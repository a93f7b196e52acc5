import { Stack, Tags, type App, type StackProps } from "aws-cdk-lib";
import { alarms } from "./alarms.ts";
import { database } from "./database.ts";
import { edge } from "./edge.ts";
import type { Environment } from "./environments.ts";
import { backups, files } from "./files.ts";
import { stageKey } from "./keys.ts";
import { logs } from "./logs.ts";
import { network } from "./network.ts";
import { service } from "./service.ts";

/** Everything that one stage of Folio stands on, in the region of the stage. */
export class FolioStack extends Stack {
  constructor(app: App, environment: Environment, breakGlass: boolean, props: StackProps) {
    const { stage } = environment;
    super(app, `folio-${stage}`, { ...props, terminationProtection: true });
    Tags.of(this).add("folio:stage", stage);
    const key = stageKey(this, stage);
    const ground = network(this, key, environment, breakGlass);
    const kept = {
      database: database(this, key, stage, ground),
      files: files(this, key, ground),
      logs: logs(this, key, stage),
    };
    backups(this, key, stage, kept.database, kept.files);
    alarms(this, key, kept.logs.events, environment.alarmMail);
    const running = service(this, { key, environment, network: ground, breakGlass, ...kept });
    edge(this, environment, ground, running, kept.logs);
  }
}
