import { homedir } from "node:os";
import { isAbsolute, join, resolve } from "node:path";
import { applyWaivers, type Finding, type Waiver } from "glacis";
import { Option, type Command } from "commander";
import { advisories, auditable, type Advisory, type AdvisorySource } from "../audit/advisory.ts";
import { dependencyPaths } from "../audit/dependency-path.ts";
import { readKnownExploited } from "../audit/known-exploited.ts";
import { osvApi } from "../audit/osv-api.ts";
import { osvDatabase } from "../audit/osv-database.ts";
import { SEVERITY_LEVELS, type SeverityLevel } from "../audit/severity.ts";
import { EXIT } from "../outcome.ts";
import { printed, RENDERERS } from "../render/renderers.ts";
import { conclude, type Report } from "../report.ts";
import { SUPPLY_CHAIN_CONTROLS } from "../supply-chain/controls.ts";
import {
  advisoryWaivers,
  DEPENDENCY_AUDIT_META,
  judgeAdvisories,
  judgeAge,
  ADVISORIES_OLD,
} from "../supply-chain/dependency-audit.ts";
import { readProject, type Project } from "../supply-chain/project.ts";
import { readWaiversFile } from "../waivers-file.ts";

interface AuditOptions {
  readonly advisories: boolean;
  readonly database?: string;
  readonly osvApi: string;
  readonly knownExploited?: string;
  readonly failOn: SeverityLevel;
  readonly omit?: "dev";
  readonly deploy: boolean;
  readonly waivers: string;
  readonly format: string;
}

/** `glacis audit`: judges what the project depends on, and how it is installed, built and published. */
export function addAuditCommand(program: Command, finish: (exitCode: number) => void): void {
  program
    .command("audit")
    .description("look for known holes in the dependencies, and judge how they are installed, updated and built")
    .argument("[folder]", "the project", ".")
    .option("--database <path>", "advisories from a local export of OSV: a folder, a .zip or a .json")
    .option("--osv-api <url>", "advisories from a server that speaks OSV's protocol", "https://api.osv.dev")
    .option("--no-advisories", "judge the project's files alone and ask nobody about its dependencies")
    .option("--known-exploited <file>", "CISA's catalogue of holes that attackers use; those count as critical")
    .addOption(
      new Option("--fail-on <severity>", "the lowest severity of an advisory that fails")
        .choices([...SEVERITY_LEVELS])
        .default("low"),
    )
    .addOption(new Option("--omit <kind>", "leave out advisories for what only development needs").choices(["dev"]))
    .option("--deploy", "count warnings too, as before a deployment", false)
    .option("--waivers <file>", "findings to live with for a while", ".glacis-audit.json")
    .addOption(new Option("--format <name>", "how to print").choices(Object.keys(RENDERERS)).default("text"))
    .addHelpText("after", "\nExit code: 0 clean, 1 findings, 2 could not judge or could not ask for advisories.")
    .action(async (folder: string, options: AuditOptions) => {
      const project = readProject(resolve(folder));
      const waivers = readWaiversFile(
        isAbsolute(options.waivers) ? options.waivers : join(project.root, options.waivers),
      );
      const report = await audit(project, waivers, options, Date.now());
      process.stdout.write(printed(report, options.format));
      finish(report.clean ? EXIT.clean : EXIT.findings);
    });
}

async function audit(
  project: Project,
  waivers: readonly Waiver[],
  options: AuditOptions,
  nowMs: number,
): Promise<Report> {
  const { lockfile } = project;
  const known = await lookUp(project, options, nowMs);
  const findings = [...SUPPLY_CHAIN_CONTROLS.flatMap(({ judge }) => judge(project, nowMs)), ...known.findings];
  const resolved = advisoryWaivers(waivers, known.advisories);
  const controls = [{ meta: DEPENDENCY_AUDIT_META, rules: [ADVISORIES_OLD] }, ...SUPPLY_CHAIN_CONTROLS];
  const rules = [...controls.flatMap((control) => control.rules), ...resolved.rules];
  const packages = lockfile?.packages.size ?? 0;
  return conclude({
    command: "audit",
    subject: lockfile?.file ?? "package.json",
    circumstances: [`${packages} packages`, known.source ?? "advisories not asked for"],
    details: { lockfile: lockfile?.file, packages, source: known.source, advisories: known.advisories },
    nowMs,
    strict: options.deploy,
    ...applyWaivers(findings, resolved.waivers, rules, nowMs),
    controls,
  });
}

interface LookedUp {
  readonly findings: readonly Finding[];
  readonly advisories: readonly Advisory[];
  /** Undefined where nobody was asked. */
  readonly source: string | undefined;
}

async function lookUp({ lockfile }: Project, options: AuditOptions, nowMs: number): Promise<LookedUp> {
  if (!options.advisories || lockfile === undefined) return { findings: [], advisories: [], source: undefined };
  const exploited =
    options.knownExploited === undefined ? new Set<string>() : readKnownExploited(options.knownExploited);
  const paths = dependencyPaths(lockfile);
  const packages = auditable(lockfile.packages.values()).filter(
    ({ key }) => options.omit === undefined || paths.get(key)?.dev !== true,
  );
  const source = sourceOf(options);
  const answer = await source.recordsFor(packages);
  const found = advisories(packages, answer, paths, exploited);
  const findings = [
    ...judgeAdvisories(found, lockfile, options.failOn),
    ...judgeAge(source.name, answer.newestMs, nowMs),
  ];
  return { findings, advisories: found, source: source.name };
}

function sourceOf({ database, osvApi: url }: AuditOptions): AdvisorySource {
  if (database !== undefined) return osvDatabase(database);
  const caches = process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache");
  return osvApi({ url, cacheFolder: join(caches, "glacis", "osv") });
}
