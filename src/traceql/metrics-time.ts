/**
 * How a metrics range query's time range and step become intervals.
 *
 *   asked           start=100 ……………………… end=125                     step 10
 *   aligned    90 ──┬── 100 ──┬── 110 ──┬── 120 ──┬── 130
 *              range│ sample  │ sample  │ sample  │ sample
 *              start│ at 100  │ at 110  │ at 120  │ at 130
 *
 * An interval is open on the left and closed on the right; its sample carries the time of its right edge. So that a
 * span at exactly `start` is counted too, one interval stands before it. All numbers are Unix nanoseconds.
 */

const second = 1_000_000_000n;
const millisecond = 1_000_000n;

/** Samples that a range is divided into when no step is asked for. */
const autoSamples = 240n;
/** Auto steps are multiples of the largest of these that they reach. */
const autoUnits = [3600n, 300n, 60n, 15n, 5n, 1n].map((seconds) => seconds * second);
const autoStepShort = 50n * millisecond;

export interface StepRange {
  readonly startUnixNano: bigint;
  readonly endUnixNano: bigint;
  /** > 0 */
  readonly stepNano: bigint;
}

const floorTo = (value: bigint, step: bigint): bigint => value - (((value % step) + step) % step);

/**
 * The range widened to whole steps since the epoch, with one interval before the first. With `endIsClamped` (the end
 * was moved back because newer data is not complete yet) the end is rounded down instead.
 */
export function alignRange(range: StepRange, endIsClamped = false): StepRange {
  const { startUnixNano, endUnixNano, stepNano } = range;
  const end = floorTo(endUnixNano, stepNano);
  return {
    startUnixNano: floorTo(startUnixNano, stepNano) - stepNano,
    endUnixNano: end === endUnixNano || endIsClamped ? end : end + stepNano,
    stepNano,
  };
}

/** The step to use when none is asked for, by the length of the range. */
export function autoStep(rangeNano: bigint): bigint {
  const exact = rangeNano / autoSamples;
  if (rangeNano < 60n * second) {
    const steps = (exact + autoStepShort - 1n) / autoStepShort;
    return steps > 0n ? steps * autoStepShort : autoStepShort;
  }
  const unit = autoUnits.find((candidate) => exact >= candidate);
  return unit === undefined ? second : floorTo(exact, unit);
}

/** Number of samples of an aligned range. */
export function intervalCount(range: StepRange): number {
  const span = range.endUnixNano - range.startUnixNano;
  return Number((span + range.stepNano - 1n) / range.stepNano);
}

/** The smallest step that a range may have so that it makes at most `intervalsMax` intervals. */
export function smallestStep(rangeNano: bigint, intervalsMax: number): bigint {
  const most = BigInt(intervalsMax);
  return (rangeNano + most - 1n) / most;
}
