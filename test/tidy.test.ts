import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { projectFiles, read, ROOT } from "./support/repository.ts";

/** What no tool checks: that code, tests and documents speak of the same things. */

const files = projectFiles();
const sources = files.filter((file) => /^packages\/[^/]+\/src\/.*\.ts$/u.test(file) && !file.endsWith(".test.ts"));
/** Pairs of programs for the scan are Markdown too, and nobody reads them as documents. */
const documents = files.filter((file) => file.endsWith(".md") && !file.startsWith("packages/cli/src/scan/cases/"));

interface ControlFile {
  readonly file: string;
  readonly id: string;
}

const controlFiles: readonly ControlFile[] = sources.flatMap((file) => {
  const id = /\bControlMeta = \{\s*id: "([^"]+)"/u.exec(read(file))?.[1];
  return id === undefined || file.includes("/testing/") ? [] : [{ file, id }];
});

const RULE_ID = /\bid: "([a-z0-9-]+\/[a-z0-9-]+)"/gu;
const ruleIds: readonly string[] = sources
  .filter((file) => !file.includes("/testing/"))
  .flatMap((file) =>
    read(file)
      // An example in a docstring or in a fix is no rule of its own.
      .split("\n")
      .filter((line) => /^\s*id: /u.test(line))
      .flatMap((line) => [...line.matchAll(RULE_ID)].map((match) => match[1] as string)),
  );

/** Controls that stand for several entries of the catalogue at once, and what those are. */
const COMBINED: Readonly<Record<string, readonly string[]>> = {
  "request-shape": ["http-request-smuggling", "http-methods"],
  cookies: ["cookie-secure-prefix", "cookie-httponly", "cookie-samesite"],
  session: [
    "session-token",
    "session-fixation",
    "session-timeout",
    "session-termination",
    "session-revocation-triggers",
    "session-inventory",
    "step-up-auth",
  ],
  csrf: ["login-csrf"],
  composition: ["deploy-check"],
  scan: ["static-analysis"],
  "security-txt": ["security-documentation"],
  waiver: ["deploy-check"],
};

describe("controls", () => {
  it("are found at all", () => {
    expect(controlFiles.length).toBeGreaterThan(15);
    expect(ruleIds.length).toBeGreaterThan(40);
  });

  it("each stand in a file with a test beside it and a page of documentation", () => {
    const lacking = controlFiles.flatMap(({ file, id }) => [
      ...(existsSync(join(ROOT, file.replace(/(?:-rules)?\.ts$/u, ".test.ts"))) ? [] : [`${file} has no test`]),
      ...(files.includes(`docs/controls/${id}.md`) ? [] : [`docs/controls/${id}.md is missing`]),
    ]);
    expect(lacking).toEqual([]);
  });

  it("have ids that no other control has", () => {
    const ids = controlFiles.map(({ id }) => id);
    expect(ids.filter((id, index) => ids.indexOf(id) !== index)).toEqual([]);
  });
});

describe("rules", () => {
  it("have ids that no other rule has", () => {
    expect(ruleIds.filter((id, index) => ruleIds.indexOf(id) !== index)).toEqual([]);
  });

  it("each have one heading in docs/controls, and each heading a rule", () => {
    const headings = documents
      .filter((file) => file.startsWith("docs/controls/"))
      .flatMap((file) => [...read(file).matchAll(/^#{2,4} `?([a-z0-9-]+\/[a-z0-9-]+)`?$/gmu)].map((match) => match[1]));
    expect(new Set(headings)).toEqual(new Set(ruleIds));
    expect(headings).toHaveLength(ruleIds.length);
  });
});

describe("the catalogue", () => {
  const catalogue = join(ROOT, "../shared/catalog.json");
  const here = existsSync(catalogue);
  if (!here) process.stderr.write(`\nSKIPPED: the catalogue of controls is not here (${catalogue}).\n`);

  it.runIf(here)("knows every control and the first half of every rule id", () => {
    const { controls } = JSON.parse(readFileSync(catalogue, "utf8")) as {
      readonly controls: { readonly id: string }[];
    };
    const known = new Set(controls.map(({ id }) => id));
    const named = [...controlFiles.map(({ id }) => id), ...ruleIds.map((id) => id.split("/")[0] as string)];
    const unknown = [...new Set(named)].filter((id) => !known.has(id) && COMBINED[id] === undefined);
    expect(unknown).toEqual([]);
    expect(
      Object.values(COMBINED)
        .flat()
        .filter((id) => !known.has(id)),
    ).toEqual([]);
  });

  it.runIf(here)("is mapped to files and tests, every control once and those with a file of their own to it", () => {
    const { controls } = JSON.parse(readFileSync(catalogue, "utf8")) as {
      readonly controls: { readonly id: string; readonly layer: string }[];
    };
    const rows = read("docs/catalogue.md")
      .split("\n")
      .filter((line) => line.startsWith("| ") && !/^\| (?:-|control)/u.test(line))
      .map((line) => line.split("|").map((cell) => cell.trim()));
    const idOf = (cell = ""): string => /^\[([a-z0-9-]+)\]/u.exec(cell)?.[1] ?? cell;
    expect(rows.map(([, id, layer]) => `${idOf(id)} ${layer}`)).toEqual(
      controls.map(({ id, layer }) => `${id} ${layer}`),
    );
    const wrong = rows.filter(([, id, , where = "", shown = ""]) => {
      if (where.startsWith("planned: ")) return where.length < 30 || shown !== "–";
      const paths = [...`${where} ${shown}`.matchAll(/`([^`]+)`/gu)].map((match) => match[1] as string);
      const own = controlFiles.find((control) => control.id === idOf(id))?.file;
      return (
        paths.length === 0 ||
        paths.some((path) => !existsSync(join(ROOT, path))) ||
        (own !== undefined && !paths.includes(own))
      );
    });
    expect(wrong).toEqual([]);
  });
});

describe("files", () => {
  it("leave no work for later", () => {
    const marker = new RegExp(["TO", "DO"].join("") + "|" + ["FIX", "ME"].join("") + "|\\bXXX\\b", "u");
    const text = files.filter(
      (file) => /\.(?:ts|js|mjs|md|json|ya?ml|sql)$/u.test(file) && file !== "package-lock.json",
    );
    expect(text.filter((file) => marker.test(read(file)))).toEqual([]);
  });

  it("export by name and one by one", () => {
    expect(sources.filter((file) => /^export \*/mu.test(read(file)))).toEqual([]);
  });

  it("of the library ask canParseUrl whether text is an address, for the reason that stands there", () => {
    const library = sources.filter((file) => file.startsWith("packages/glacis/"));
    expect(library.length).toBeGreaterThan(100);
    expect(library.filter((file) => read(file).includes("URL.canParse("))).toEqual([]);
  });
});

describe("documents", () => {
  it("show TypeScript that compiles", async () => {
    const snippets = documents.flatMap((file) =>
      [...read(file).matchAll(/^```ts\n(.*?)^```$/gmsu)].map((match) => ({
        name: `${file.replaceAll("/", "__")}.line-${read(file).slice(0, match.index).split("\n").length}.ts`,
        code: match[1] as string,
      })),
    );
    expect(snippets.length).toBeGreaterThan(10);
    expect(await compile(snippets)).toBe("");
  }, 120_000);

  it("link to files that exist", () => {
    const broken = documents.flatMap((file) =>
      [...read(file).matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)/gu)]
        .map((match) => new URL(match[1] as string, new URL(file, "file:///")).pathname.slice(1))
        .filter((target) => !existsSync(join(ROOT, target)))
        .map((target) => `${file}: ${target}`),
    );
    expect(broken).toEqual([]);
  });

  it("map the guide to files that exist", () => {
    const rows = read("docs/guide-map.md")
      .split("\n")
      .filter((line) => line.startsWith("| ") && !/^\| (?:-|Guide)/u.test(line));
    expect(rows.length).toBeGreaterThan(20);
    const wrong = rows.filter((row) => {
      const where = row.split("|").at(-2)?.trim() ?? "";
      if (where === "planned") return false;
      const paths = [...where.matchAll(/`([^`]+)`/gu)].map((match) => match[1] as string);
      return paths.length === 0 || paths.some((path) => !existsSync(join(ROOT, path)));
    });
    expect(wrong).toEqual([]);
  });
});

async function compile(snippets: readonly { readonly name: string; readonly code: string }[]): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "glacis-snippets-"));
  try {
    symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"), "dir");
    writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
    for (const { name, code } of snippets) writeFileSync(join(folder, name), code);
    const source = (path: string): string[] => [join(ROOT, "packages/glacis/src", path)];
    const compilerOptions = {
      target: "es2023",
      lib: ["es2023", "es2024.string", "dom", "dom.iterable"],
      module: "nodenext",
      moduleDetection: "force",
      strict: true,
      noUncheckedIndexedAccess: true,
      rewriteRelativeImportExtensions: true,
      skipLibCheck: true,
      noEmit: true,
      types: ["node"],
      paths: {
        glacis: source("index.ts"),
        "glacis/accounts": source("presets/accounts.ts"),
        "glacis/express": source("adapters/express.ts"),
        "glacis/fastify": source("adapters/fastify.ts"),
        "glacis/hono": source("adapters/hono.ts"),
        "glacis/*": source("*/index.ts"),
      },
    };
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["*.ts"] }));
    return await new Promise((resolve) => {
      const tsc = join(ROOT, "node_modules/.bin/tsc");
      execFile(tsc, ["-p", folder, "--pretty", "false"], { cwd: folder }, (error, stdout, stderr) =>
        resolve(error === null ? "" : stdout + stderr),
      );
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
