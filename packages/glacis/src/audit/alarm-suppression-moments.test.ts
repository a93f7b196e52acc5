/** What keeps a composite quiet at one moment, by the text of the CloudWatch user guide ("Suppressing composite alarm actions"). */
import { describe, expect, it } from "vitest";
import { suppression, type Suppression } from "./alarm-suppression.ts";
import type { AlarmState } from "./alarm.ts";

const SUPPRESSOR = { alarm: "Maintenance", waitSeconds: 120, extensionSeconds: 180 };
const NOW = 1_000_000;
const rings: Suppression = { by: "Alarm", alarm: "Maintenance", untilMs: 0 };
const waits = (untilMs: number): Suppression => ({ by: "WaitPeriod", alarm: "Maintenance", untilMs });
const lingers = (untilMs: number): Suppression => ({ by: "ExtensionPeriod", alarm: "Maintenance", untilMs });

type Moment = readonly [
  title: string,
  suppressorState: AlarmState,
  changes: boolean,
  before: Suppression | undefined,
  expected: Suppression | undefined,
];

const MOMENTS: readonly Moment[] = [
  ["has nothing to tell without a change, though the suppressor rings", "ALARM", false, undefined, undefined],
  ["keeps a change quiet while the suppressor rings", "ALARM", true, undefined, rings],
  ["lets a change wait while the suppressor is quiet", "OK", true, undefined, waits(NOW + 120_000)],
  ["lets a change wait while the suppressor has no data", "INSUFFICIENT_DATA", true, undefined, waits(NOW + 120_000)],
  ["goes on waiting", "OK", false, waits(NOW + 1), waits(NOW + 1)],
  ["tells when the wait is over", "OK", false, waits(NOW), undefined],
  ["is quiet from the moment in which the suppressor rings", "ALARM", false, waits(NOW), rings],
  ["waits anew after another change", "OK", true, waits(NOW + 1), waits(NOW + 120_000)],
  ["stays quiet while the suppressor rings on", "ALARM", false, rings, rings],
  ["extends when the suppressor falls silent", "OK", false, rings, lingers(NOW + 180_000)],
  ["extends when the suppressor loses its data", "INSUFFICIENT_DATA", false, rings, lingers(NOW + 180_000)],
  ["goes on extending", "OK", false, lingers(NOW + 1), lingers(NOW + 1)],
  ["tells when the extension is over", "OK", false, lingers(NOW), undefined],
  ["is quiet again when the suppressor rings in the extension", "ALARM", false, lingers(NOW + 1), rings],
  ["waits, and no longer extends, after a change in the extension", "OK", true, lingers(NOW + 1), waits(NOW + 120_000)],
  ["tells what another suppressor has kept quiet", "OK", false, { ...rings, alarm: "Other" }, undefined],
];

describe("a composite with a suppressor", () => {
  it.each(MOMENTS)("%s", (_, suppressorState, changes, before, expected) => {
    expect(suppression(SUPPRESSOR, { atMs: NOW, suppressorState, changes, before })).toEqual(expected);
  });

  it("has no period of no length", () => {
    const bare = { ...SUPPRESSOR, waitSeconds: 0, extensionSeconds: 0 };
    const at = (changes: boolean, before?: Suppression): Suppression | undefined =>
      suppression(bare, { atMs: NOW, suppressorState: "OK", changes, before });
    expect([at(true), at(false, rings), at(true, rings)]).toEqual([undefined, undefined, undefined]);
  });
});
