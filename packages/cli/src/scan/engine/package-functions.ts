/** Functions of packages that hand on what they are given, or draw what can be guessed. */
import { EVERY, KIND, TEXTUAL } from "./kinds.ts";
import { elementOf, newObject } from "./members.ts";
import { source, type Call } from "./run.ts";
import { through } from "./through.ts";
import { textOf, UNKNOWN, type Value } from "./value.ts";

export type Model = (call: Call) => Value;

/** What may become a secret, and should not. */
export const guessable: Model = ({ run, node, api }) => ({
  taints: source(run, node, `${api}()`, "random", EVERY & ~KIND.guess),
  type: "number",
});

/** pg-format quotes what stands for %L and %I, and puts in as it is what stands for %s. */
const sqlFormat: Model = (call) => {
  const places = [...(textOf(call.args[0]) ?? "%s%s%s").matchAll(/%%|%(?:(\d+)\$)?(?:-?\d*)([sIL])/gu)].filter(
    ([place]) => place !== "%%",
  );
  const plain = places.flatMap(([, at, kind], index) =>
    kind === "s" ? (call.args[Number(at ?? index + 1)] ?? []) : [],
  );
  return { ...through({ ...call, args: [...call.args.slice(0, 1), ...plain] }, TEXTUAL), type: "string" };
};

/** AngularJS */
const addressOfPage: Model = ({ run, node, api }) => ({
  taints: source(run, node, "address of the page", "browser", TEXTUAL),
  api: `${api}()`,
});

const heldState: Model = ({ args, run }) => {
  const pair = newObject(run, "array");
  pair.fields.set("0", args[0]?.closure === undefined ? (args[0] ?? UNKNOWN) : run.apply(args[0], []));
  return { ...pair, state: true };
};

export const PACKAGE_FUNCTIONS: Readonly<Record<string, Model>> = {
  "trustedTypes.createPolicy": ({ args }) => args[1] ?? UNKNOWN,
  ...Object.fromEntries(["search", "hash", "url", "absUrl"].map((name) => [`$location.${name}`, addressOfPage])),
  "rxjs.from": ({ args }) => elementOf(args[0] ?? UNKNOWN),
  "rxjs.of": ({ args }) => args[0] ?? UNKNOWN,
  "pg-format": sqlFormat,
  "pg-format.format": sqlFormat,
  "@angular/core.inject": ({ args }) => ({ taints: [], api: `${args[0]?.api ?? ""}()` }),
  "react.useState": heldState,
  "preact/hooks.useState": heldState,
  "preact/compat.useState": heldState,
  "lodash.random": guessable,
  "lodash/random": guessable,
  "lodash.sample": guessable,
  "lodash.sampleSize": guessable,
  "lodash.times": ({ args, run }) => ({
    ...newObject(run, "array"),
    element: run.apply(args[1] ?? UNKNOWN, [{ taints: [], type: "number" }]),
  }),
};
