/** How long work waits for the event loop, judged over short windows. */
import { monitorEventLoopDelay, performance, type IntervalHistogram } from "node:perf_hooks";

/** 0 keeps up, 1 is late, 2 is very late. */
export type DelayLevel = 0 | 1 | 2;

export interface DelayThresholds {
  readonly lateMs: number;
  readonly veryLateMs: number;
}

/**
 * Turns one measured delay per window into a level. It rises when two windows in a row say so: one long garbage collection, or a process that
 * has just started, is not overload. It falls only below half of what it takes to rise, so that it does not flicker at the threshold.
 */
export function delayLevels({ lateMs, veryLateMs }: DelayThresholds): (delayMs: number) => DelayLevel {
  let level: DelayLevel = 0;
  let previous: DelayLevel = 0;
  return (delayMs) => {
    const reached: DelayLevel = delayMs > veryLateMs ? 2 : delayMs > lateMs ? 1 : 0;
    const sustained: DelayLevel = reached < previous ? reached : previous;
    previous = reached;
    if (sustained > level) level = sustained;
    else if (delayMs < lateMs / 2) level = 0;
    else if (level === 2 && delayMs < veryLateMs / 2) level = 1;
    return level;
  };
}

/**
 * The share of a window that the loop must have been at work for its delay to count. A process that is late although it has little to do is
 * starved by its neighbours or was suspended; refusing its few requests would help nobody.
 */
const BUSY_SHARE = 0.8;
const WINDOW_MS = 500;
const RESOLUTION_MS = 20;

export interface DelayMonitor {
  /** The level of the last complete window. */
  readonly level: DelayLevel;
  /** The 99th percentile of the last complete window, in milliseconds; zero when the loop was mostly idle. */
  readonly delayMs: number;
  start(): void;
  stop(): void;
}

/**
 * Watches the event loop of this process. Sampling happens in node itself; JavaScript runs twice a second. Neither keeps the process alive.
 */
export function delayMonitor(thresholds: DelayThresholds): DelayMonitor {
  const judge = delayLevels(thresholds);
  let histogram: IntervalHistogram | undefined;
  let timer: NodeJS.Timeout | undefined;
  let level: DelayLevel = 0;
  let delayMs = 0;
  return {
    get level() {
      return level;
    },
    get delayMs() {
      return delayMs;
    },
    start() {
      if (histogram !== undefined) return;
      const measured = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
      measured.enable();
      histogram = measured;
      let before = performance.eventLoopUtilization();
      timer = setInterval(() => {
        const now = performance.eventLoopUtilization();
        const busy = performance.eventLoopUtilization(now, before).utilization >= BUSY_SHARE;
        before = now;
        // A sample is the time between two ticks, the wanted interval included.
        delayMs = busy ? Math.max(0, measured.percentile(99) / 1e6 - RESOLUTION_MS) : 0;
        measured.reset();
        level = judge(delayMs);
      }, WINDOW_MS);
      timer.unref();
    },
    stop() {
      histogram?.disable();
      histogram = undefined;
      clearInterval(timer);
      level = 0;
    },
  };
}
