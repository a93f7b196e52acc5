import { readInfrastructure, type InfrastructureControl } from "../../packages/cli/src/infrastructure/template.ts";
import { withProject } from "./project-folder.ts";

/** Resources of a template by logical id: the type without its `AWS::`, and the properties. */
export type Resources = Readonly<Record<string, readonly [type: string, properties?: object]>>;

export function templateOf(resources: Resources): object {
  const entries = Object.entries(resources).map(([id, [type, properties = {}]]) => [
    id,
    { Type: `AWS::${type}`, Properties: properties },
  ]);
  return { Resources: Object.fromEntries(entries) };
}

/** What a control finds in one template: rule and detail. */
export function judgedTemplate(control: InfrastructureControl, resources: Resources): readonly string[] {
  return judgedStages(control, { "": resources });
}

/** The same over the templates of several stages. */
export function judgedStages(
  control: InfrastructureControl,
  stages: Readonly<Record<string, Resources>>,
): readonly string[] {
  const files = Object.entries(stages).map(([stage, resources]) => [
    `app${stage}.template.json`,
    templateOf(resources),
  ]);
  return withProject(Object.fromEntries(files) as Readonly<Record<string, object>>, (root) => {
    const targets = Object.keys(stages).map(
      (stage) => `${stage === "" ? "" : `${stage}=`}${root}/app${stage}.template.json`,
    );
    return control
      .judge(readInfrastructure(targets))
      .map(({ rule, detail }) => `${rule.id.split("/")[1]} ${detail ?? ""}`);
  });
}
