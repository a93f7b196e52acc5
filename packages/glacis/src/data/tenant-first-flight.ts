/** The first flight of a transaction: it may go by names, because it can be repeated where a pooler has lost them. */
import { lostName, planIsOutdated } from "../primitives/prepared-statements.ts";
import { prepared, preparedWhenFrequent } from "./tenant-names.ts";
import type { Flight, Statement, Wire } from "./tenant-wire.ts";

/** Where statements go by names. */
export interface Naming {
  /** Everywhere, nowhere, or where it can be taken back. */
  readonly prepare: boolean | "where safe";
  /** Until a pooler has lost one. */
  readonly names: { areKept: boolean };
}

export const ROLLBACK: Statement = { text: "rollback", values: [], plain: true };

export interface FirstFlight {
  readonly entering: Statement;
  /** Its plan would be kept for nothing. */
  readonly rare: boolean;
  readonly statement: Statement;
  readonly ending: readonly Statement[];
}

/**
 * The first flight of a transaction, which alone can be repeated: until it has succeeded, nothing was done. So it may go by names that a pooler
 * could have lost.
 *
 * @returns besides the flight, whether the connection holds a plan that no longer fits the schema
 */
export async function takeOff(
  { prepare, names }: Naming,
  wire: Wire,
  opening: readonly Statement[],
  { entering, rare, statement, ending }: FirstFlight,
): Promise<Flight & { readonly outdated?: boolean }> {
  const named = rare ? entering : prepared(entering);
  if (prepare === true) return wire.send([...opening, named, prepared(statement), ...ending]);
  const unnamed = (): Promise<Flight> => wire.send([...opening, entering, statement, ...ending]);
  if (!wire.atomic || prepare === false || !names.areKept) return unnamed();
  const flight = await wire.send([...opening, named, preparedWhenFrequent(statement), ...ending]);
  const error = flight.failure?.error;
  const outdated = planIsOutdated(error);
  if (lostName(error)) names.areKept = false;
  else if (!outdated) return flight;
  if (opening.length > 0) await wire.send([ROLLBACK]);
  return { ...(await unnamed()), outdated };
}
