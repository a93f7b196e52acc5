import { safeFor } from "./members.ts";
import { passed, type Call } from "./run.ts";
import { deepTaints, mergeTaints, type Value } from "./value.ts";

/** All that goes in comes out, less the kinds it has become harmless for. */
export function through({ args, run, node, name, api }: Call, kinds = 0): Value {
  const taints = mergeTaints(...args.map((value) => deepTaints(value)));
  if (taints.length === 0) return { taints, api: `${api}()` };
  return passed(run, node, { taints: safeFor({ taints }, kinds).taints, api: `${api}()` }, `passes through ${name}()`);
}
