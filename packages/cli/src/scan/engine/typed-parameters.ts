/** What the type of a parameter says about what is passed for it. */
import type { Run } from "./run.ts";
import type { Value } from "./value.ts";

/** `constructor(private readonly users: UserService)`: a container makes one and passes it. */
export function injected(run: Run, typeName: string, parameter: string): Value | undefined {
  if (parameter !== "TSParameterProperty" && !/(?:Service|Repository|Client|Gateway|Store|Provider)$/u.test(typeName))
    return undefined;
  const cell = run.environment.lookup(typeName);
  const known = cell && run.state.read(cell);
  return known?.class === undefined ? undefined : run.construct(known, []);
}

/** An instance of a class that is imported by name: `private readonly db: Pool`. */
export function typedValue(run: Run, typeName: string): Value | undefined {
  const [first = "", ...others] = typeName.split(".");
  const cell = run.environment.lookup(first);
  const known = cell && run.state.read(cell);
  if (known?.api === undefined || known.class !== undefined) return undefined;
  return { taints: [], api: `${[known.api, ...others].join(".")}()`, typeName };
}
