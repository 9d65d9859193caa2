/** Durations over time as a matrix of counts: a column an interval, a row a power of two. No DOM. */
import type { ExemplarJson, QueryRangeResponse } from '../../../src/api/contract/index.ts';
import { parseGoDuration } from '../../../src/traceql/duration.ts';

export interface Exemplar {
  readonly traceId: string;
  readonly atMs: number;
  readonly durationNano: number;
}

export interface Heat {
  /** Right edge of the first column, and the width of columns. */
  readonly firstMs: number;
  readonly stepMs: number;
  readonly columns: number;
  /** Row r holds durations in (2^(low + r - 1), 2^(low + r)] ns. */
  readonly low: number;
  readonly rows: number;
  /** counts[row * columns + column] */
  readonly counts: Float64Array;
  readonly countMax: number;
  readonly exemplars: readonly Exemplar[];
}

export function readHeat({ series }: QueryRangeResponse, stepMs: number): Heat | undefined {
  const bands = series.flatMap(({ labels, samples, exemplars }) => {
    const bound = labels?.find(({ key }) => key === '__bucket')?.value.doubleValue;
    return typeof bound === 'number' ? [{ row: Math.round(Math.log2(bound * 1e9)), samples, exemplars }] : [];
  });
  const filled = bands.filter(({ samples }) => samples.some(({ value }) => Number(value ?? 0) > 0));
  if (filled.length === 0) return undefined;
  const times = filled.flatMap(({ samples }) => samples.map(({ timestampMs }) => Number(timestampMs)));
  const firstMs = times.reduce((least, ms) => Math.min(least, ms));
  const lastMs = times.reduce((most, ms) => Math.max(most, ms));
  const columns = Math.round((lastMs - firstMs) / stepMs) + 1;
  const low = Math.min(...filled.map(({ row }) => row));
  const rows = Math.max(...filled.map(({ row }) => row)) - low + 1;
  const counts = new Float64Array(rows * columns);
  let countMax = 0;
  for (const { row, samples } of filled) {
    for (const { timestampMs, value } of samples) {
      const index = (row - low) * columns + Math.round((Number(timestampMs) - firstMs) / stepMs);
      counts[index]! += Number(value ?? 0);
      countMax = Math.max(countMax, counts[index]!);
    }
  }
  const exemplars = filled.flatMap(({ exemplars: list }) => (list ?? []).flatMap(readExemplar));
  return { firstMs, stepMs, columns, low, rows, counts, countMax, exemplars };
}

/** An exemplar's value is the count of its band; how long its span took stands in a label. */
function readExemplar({ labels, timestampMs }: ExemplarJson): Exemplar[] {
  const text = (name: string) => labels?.find(({ key }) => key === name)?.value.stringValue;
  const [traceId, duration] = [text('trace:id'), text('duration')];
  if (traceId === undefined || duration === undefined) return [];
  return [{ traceId, atMs: Number(timestampMs), durationNano: parseGoDuration(duration) }];
}

/** Left edge of the picture in ms. */
export const heatStartMs = ({ firstMs, stepMs }: Heat): number => firstMs - stepMs;

/** Column and row of a place given as parts of width and height from the lower left; undefined outside. */
export function cellAt(
  heat: Heat,
  x: number,
  y: number,
): { readonly column: number; readonly row: number } | undefined {
  if (x < 0 || x >= 1 || y < 0 || y >= 1) return undefined;
  return { column: Math.floor(x * heat.columns), row: Math.floor(y * heat.rows) };
}

/** ns at a height given as a part from below. */
export const durationAt = (heat: Heat, y: number): number => 2 ** (heat.low - 1 + y * heat.rows);

/** The height of a duration as a part from below, within the picture. */
export const heightOf = (heat: Heat, nano: number): number =>
  Math.max(0, Math.min(1, (Math.log2(nano) - heat.low + 1) / heat.rows));

/** How strongly a cell is coloured, 0 to 1: by the logarithm, so that a few slow spans beside many quick ones are seen. */
export function strength(count: number, countMax: number): number {
  return count <= 0 ? 0 : 0.14 + 0.86 * (Math.log1p(count) / Math.log1p(countMax));
}
