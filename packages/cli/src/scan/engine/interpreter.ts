/** The walk through a project: file after file, each module once, then whatever no call has reached. */

import type { SourceFile } from "../parse.ts";
import { namespaceOf } from "./modules.ts";
import type { Module, Observer } from "./run.ts";
import type { Value } from "./value.ts";
import { Walk, type Resolve, type Views } from "./walk.ts";

export interface Interpreter {
  /** Walks through a file, and through what it imports. */
  analyse(file: SourceFile): void;
  /** Files that import others before those that they import: whoever is asked there is no longer a stranger's. */
  importersFirst(files: readonly SourceFile[]): readonly SourceFile[];
  /** Walks through the functions of a file that no call of any file has reached. */
  finish(file: SourceFile): void;
}

export function createInterpreter(observer: Observer, resolve: Resolve, views: Views = () => []): Interpreter {
  const modules = new Map<SourceFile, Value>();
  const shared = { observer, resolve, views, load, answers: new Map(), visited: new Set(), stack: new Set() };

  /** Modules that are known and not yet walked through. */
  const entered = new Map<SourceFile, Module>();
  const walks = new Map<SourceFile, Walk>();

  function enter(file: SourceFile): Module {
    const module: Module = { file, exports: new Map() };
    entered.set(file, module);
    modules.set(file, { taints: [], type: "object", fields: module.exports });
    return module;
  }

  function load(file: SourceFile): Value {
    const known = modules.get(file);
    return known ?? walk(enter(file));
  }

  function walk(module: Module): Value {
    const { file } = module;
    entered.delete(file);
    const through = new Walk(module, shared);
    walks.set(file, through);
    const namespace = namespaceOf(module.exports, through.body());
    modules.set(file, namespace);
    through.callbacks();
    return namespace;
  }

  /** What a file imports comes before it, without recursion: chains of imports may be long. */
  function loadInOrder(first: SourceFile): void {
    const pending: { readonly file: SourceFile; readonly imports: SourceFile[] }[] = [];
    const visit = (file: SourceFile): void => {
      if (modules.has(file)) return;
      enter(file);
      pending.push({ file, imports: importsOf(file, resolve) });
    };
    visit(first);
    for (let last = pending.at(-1); last !== undefined; last = pending.at(-1)) {
      const next = last.imports.pop();
      if (next !== undefined) visit(next);
      else {
        pending.pop();
        const module = entered.get(last.file);
        if (module !== undefined) walk(module);
      }
    }
  }

  return {
    analyse: loadInOrder,
    importersFirst: (files) => {
      const places = new Map([...walks.keys()].map((file, index) => [file, index]));
      return files.toSorted((left, right) => (places.get(right) ?? 0) - (places.get(left) ?? 0));
    },
    finish: (file) => {
      walks.get(file)?.rest();
      walks.delete(file);
    },
  };
}

function importsOf(file: SourceFile, resolve: Resolve): SourceFile[] {
  return file.program.body
    .flatMap((statement) => {
      const from = "source" in statement && statement.source !== null ? statement.source.value : undefined;
      return from === undefined ? [] : (resolve(file, from) ?? []);
    })
    .toReversed();
}
