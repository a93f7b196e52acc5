/** The walk through a project: file after file, each module once, then whatever no call has reached. */

import type { SourceFile } from "../parse.ts";
import { namespaceOf } from "./modules.ts";
import type { Module, Observer } from "./run.ts";
import type { Value } from "./value.ts";
import { Walk, type Resolve } from "./walk.ts";

export interface Interpreter {
  /** Walks through a file, and through what it imports. */
  analyse(file: SourceFile): void;
  /** Walks through the functions of a file that no call of any file has reached. */
  finish(file: SourceFile): void;
}

export function createInterpreter(observer: Observer, resolve: Resolve): Interpreter {
  const modules = new Map<SourceFile, Value>();
  const shared = { observer, resolve, load, answers: new Map(), visited: new Set(), stack: new Set() };

  const walks = new Map<SourceFile, Walk>();

  function load(file: SourceFile): Value {
    const known = modules.get(file);
    if (known !== undefined) return known;
    const module: Module = { file, exports: new Map() };
    modules.set(file, { taints: [], type: "object", fields: module.exports });
    const walk = new Walk(module, shared);
    walks.set(file, walk);
    const namespace = namespaceOf(module.exports, walk.body());
    modules.set(file, namespace);
    walk.callbacks();
    return namespace;
  }

  return {
    analyse: (file) => void load(file),
    finish: (file) => {
      walks.get(file)?.rest();
      walks.delete(file);
    },
  };
}
