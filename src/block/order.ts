/**
 * From arrival order to the order of a fragment: traces by start time, then id; a trace's spans depth first.
 *
 *   1. count spans per trace, take each trace's lowest start        (all spans, one pass)
 *   2. sort the traces, scatter span rows into one run per trace    (all spans, one pass)
 *   3. sort each run by start, then span id, and drop what was sent twice
 *   4. find parents by span id, chain children, walk depth first    (`trace-tree.ts`)
 *
 * Times are doubles relative to a base near the data, exact within 104 days of it; farther ones (clocks at 0) only lose
 * the order of starts closer than their rounding, where the span id decides. Nothing is allocated per span.
 */
import type { SpanTableData } from '../model/span-table.ts';
import { sortByKey, sortScratch, sortTies } from './sort.ts';
import { runStart, SpanContent } from './span-content.ts';
import { TraceTree } from './trace-tree.ts';

export interface OrderedTable {
  readonly data: SpanTableData;
  readonly spanCount: number;
  readonly traceCount: number;
  readonly eventCount: number;
  readonly linkCount: number;
  /** What the times below count from, in ns. */
  readonly baseUnixNano: bigint;
  /** Row in `data` of each span in order. */
  readonly rows: Uint32Array;
  /** Index in `data` of each trace in order. */
  readonly traces: Uint32Array;
  /** First span of each trace; length traceCount + 1. */
  readonly traceFirstSpan: Uint32Array;
  readonly traceStart: Float64Array;
  /** Highest end of the trace's spans. */
  readonly traceEnd: Float64Array;
  /** The last span by start without a parent id, or -1. */
  readonly traceRoot: Int32Array;
  /** Start of each span in order. */
  readonly start: Float64Array;
  /** Position in order of the parent; -1 no parent id, -2 parent missing. */
  readonly parent: Int32Array;
  /** Spans in the subtree, itself included. */
  readonly subtreeSize: Uint32Array;
}

/** 2^20 high words are 52 days: times within it on either side of the base are exact as doubles. */
const NEAR_HIGH_WORDS = 1 << 20;
const BASE_SAMPLES_MAX = 1001;

/**
 * `baseUnixNano`: what times count from, near the data. Default: the lowest start that is not far from the others.
 * `firstSpan`: rows before it are left out.
 */
export function orderTable(data: SpanTableData, baseUnixNano?: bigint, firstSpan = 0): OrderedTable {
  const base =
    baseUnixNano === undefined
      ? chooseBase(data, firstSpan)
      : { low: Number(baseUnixNano & 0xffffffffn), high: Number(baseUnixNano >> 32n) };
  const byTrace = groupByTrace(data, base, firstSpan);
  const { traces, runEnd, rows: grouped, keys, traceStart, traceEnd } = byTrace;
  const traceCount = traces.length;
  const rows = new Uint32Array(grouped.length);
  const start = new Float64Array(grouped.length);
  const parent = new Int32Array(grouped.length);
  const subtreeSize = new Uint32Array(grouped.length);
  const traceFirstSpan = new Uint32Array(traceCount + 1);
  const traceRoot = new Int32Array(traceCount);

  let longest = 0;
  for (let t = 0; t < traceCount; t++) longest = Math.max(longest, runEnd[t]! - runStart(runEnd, t));
  const scratch = sortScratch(longest);
  const tree = new TraceTree(data, longest, { rows, start, parent, subtreeSize });
  const content = new SpanContent(data);
  const compareIds = (a: number, b: number) => compareWords(data.spanId, a, b, 2);

  let out = 0;
  for (let t = 0; t < traceCount; t++) {
    const from = runStart(runEnd, t);
    const range = { from, to: runEnd[t]! };
    sortByKey(grouped, keys, range, scratch);
    sortTies(grouped, keys, range, compareIds);
    const kept = dropDuplicates(data, content, grouped, keys, range);
    traceFirstSpan[t] = out;
    traceRoot[t] = tree.place(grouped, keys, from, kept - from, out);
    out += kept - from;
  }
  traceFirstSpan[traceCount] = out;

  return {
    data,
    spanCount: out,
    traceCount,
    ...countChildren(data, rows.subarray(0, out)),
    baseUnixNano: (BigInt(base.high) << 32n) | BigInt(base.low),
    rows: rows.subarray(0, out),
    traces,
    traceFirstSpan,
    traceStart,
    traceEnd,
    traceRoot,
    start: start.subarray(0, out),
    parent: parent.subarray(0, out),
    subtreeSize: subtreeSize.subarray(0, out),
  };
}

/** Traces [first, end) as a table of their own. */
export function sliceTable(table: OrderedTable, first: number, end: number): OrderedTable {
  if (first === 0 && end === table.traceCount) return table;
  const from = table.traceFirstSpan[first]!;
  const to = table.traceFirstSpan[end]!;
  const rows = table.rows.subarray(from, to);
  return {
    data: table.data,
    spanCount: to - from,
    traceCount: end - first,
    ...countChildren(table.data, rows),
    baseUnixNano: table.baseUnixNano,
    rows,
    traces: table.traces.subarray(first, end),
    traceFirstSpan: table.traceFirstSpan.subarray(first, end + 1).map((row) => row - from),
    traceStart: table.traceStart.subarray(first, end),
    traceEnd: table.traceEnd.subarray(first, end),
    traceRoot: table.traceRoot.subarray(first, end).map((row) => (row < 0 ? row : row - from)),
    start: table.start.subarray(from, to),
    parent: table.parent.subarray(from, to).map((row) => (row < 0 ? row : row - from)),
    subtreeSize: table.subtreeSize.subarray(from, to),
  };
}

function countChildren(data: SpanTableData, rows: Uint32Array): { eventCount: number; linkCount: number } {
  let eventCount = 0;
  let linkCount = 0;
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i]!;
    eventCount += data.eventEnd[row]! - runStart(data.eventEnd, row);
    linkCount += data.linkEnd[row]! - runStart(data.linkEnd, row);
  }
  return { eventCount, linkCount };
}

interface Words {
  readonly low: number;
  readonly high: number;
}

/**
 * The lowest start, but not one that lies more than 52 days before the middle of the data: one span with a clock at 0
 * must not cost all others their nanoseconds.
 */
function chooseBase({ start, spanCount }: SpanTableData, firstSpan: number): Words {
  const count = spanCount - firstSpan;
  if (count === 0) return { low: 0, high: 0 };
  const step = Math.max(1, Math.floor(count / BASE_SAMPLES_MAX));
  const sample = new Uint32Array(Math.ceil(count / step));
  for (let i = 0; i < sample.length; i++) sample[i] = start[(firstSpan + i * step) * 2 + 1]!;
  sample.sort();
  const floor = sample[sample.length >> 1]! - NEAR_HIGH_WORDS;
  let high = 0xffffffff;
  let low = 0xffffffff;
  for (let row = firstSpan; row < spanCount; row++) {
    const h = start[row * 2 + 1]!;
    if (h > high || h < floor) continue;
    const l = start[row * 2]!;
    if (h < high || l < low) {
      high = h;
      low = l;
    }
  }
  return { low, high };
}

interface TraceRuns {
  /** Source index of each trace that has spans, in order. */
  readonly traces: Uint32Array;
  readonly runEnd: Uint32Array;
  /** Span rows, one run per trace, in arrival order, with their starts. */
  readonly rows: Uint32Array;
  readonly keys: Float64Array;
  readonly traceStart: Float64Array;
  readonly traceEnd: Float64Array;
}

function groupByTrace(data: SpanTableData, base: Words, firstSpan: number): TraceRuns {
  const { spanCount, trace, start, end } = data;
  const counts = new Uint32Array(data.traceCount);
  const lowest = new Float64Array(data.traceCount).fill(Number.POSITIVE_INFINITY);
  const highest = new Float64Array(data.traceCount).fill(Number.NEGATIVE_INFINITY);
  const arrivalStart = new Float64Array(spanCount);
  for (let row = firstSpan; row < spanCount; row++) {
    const t = trace[row]!;
    const s = (start[row * 2 + 1]! - base.high) * 4294967296 + (start[row * 2]! - base.low);
    const e = (end[row * 2 + 1]! - base.high) * 4294967296 + (end[row * 2]! - base.low);
    arrivalStart[row] = s;
    counts[t]!++;
    if (s < lowest[t]!) lowest[t] = s;
    if (e > highest[t]!) highest[t] = e;
  }

  let used = 0;
  const all = new Uint32Array(data.traceCount);
  for (let t = 0; t < data.traceCount; t++) if (counts[t] !== 0) all[used++] = t;
  const traces = all.subarray(0, used);
  const traceStart = new Float64Array(used);
  for (let i = 0; i < used; i++) traceStart[i] = lowest[traces[i]!]!;
  const range = { from: 0, to: used };
  sortByKey(traces, traceStart, range, sortScratch(used));
  sortTies(traces, traceStart, range, (a, b) => compareWords(data.traceIds, a, b, 4));

  const traceEnd = new Float64Array(used);
  const runEnd = new Uint32Array(used);
  // `counts` turns into the next free place of each trace's run.
  let place = 0;
  for (let i = 0; i < used; i++) {
    const t = traces[i]!;
    traceEnd[i] = highest[t]!;
    const count = counts[t]!;
    counts[t] = place;
    place += count;
    runEnd[i] = place;
  }
  const rows = new Uint32Array(spanCount - firstSpan);
  const keys = new Float64Array(spanCount - firstSpan);
  for (let row = firstSpan; row < spanCount; row++) {
    const at = counts[trace[row]!]!++;
    rows[at] = row;
    keys[at] = arrivalStart[row]!;
  }
  return { traces, runEnd, rows, keys, traceStart, traceEnd };
}

/**
 * Drops spans of a sorted run that say exactly the same as another one. Spans that share id and start but differ are put
 * in an order that does not depend on arrival. Returns the new end of the run.
 */
function dropDuplicates(
  data: SpanTableData,
  content: SpanContent,
  rows: Uint32Array,
  keys: Float64Array,
  range: { from: number; to: number },
): number {
  const { spanId } = data;
  let out = range.from;
  for (let i = range.from; i < range.to; ) {
    let end = i + 1;
    while (end < range.to && keys[end] === keys[i] && sameId(spanId, rows[end]!, rows[i]!)) end++;
    if (end - i > 1) {
      const byContent = Array.from(rows.subarray(i, end), (row) => ({ row, key: content.key(row) }));
      byContent.sort((a, b) => a.key - b.key);
      let kept: { row: number; key: number } | undefined;
      for (const span of byContent) {
        if (kept !== undefined && kept.key === span.key && content.equal(kept.row, span.row)) continue;
        kept = span;
        keys[out] = keys[i]!;
        rows[out++] = span.row;
      }
    } else {
      keys[out] = keys[i]!;
      rows[out++] = rows[i]!;
    }
    i = end;
  }
  return out;
}

const sameId = (ids: Uint32Array, a: number, b: number): boolean =>
  ids[a * 2] === ids[b * 2] && ids[a * 2 + 1] === ids[b * 2 + 1];

/** Order of ids as byte strings. */
export function compareWords(words: Uint32Array, a: number, b: number, width: number): number {
  for (let i = 0; i < width; i++) {
    const x = words[a * width + i]!;
    const y = words[b * width + i]!;
    if (x !== y) return bigEndian(x) - bigEndian(y);
  }
  return 0;
}

/** A word as it is in memory, with its first byte as the highest. */
export const bigEndian = (w: number): number =>
  ((w << 24) | ((w & 0xff00) << 8) | ((w >>> 8) & 0xff00) | (w >>> 24)) >>> 0;
