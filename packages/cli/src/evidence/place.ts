import { describeLocation, type Location } from "glacis";

/** Where a finding was, as it was printed; a shape of another version is shown as it is. */
export function describeEvidencePlace(at: unknown): string {
  const described = describeLocation(at as Location) as string | undefined;
  return described ?? JSON.stringify(at);
}
