/**
 * The numbers of traces and spans as a block stores them. 64-bit differences are exact modulo 2^64, so that times come back
 * bit by bit whatever clients sent: negative durations, clocks at 0, ends at the last nanosecond.
 */
import { codeArray } from './dictionary.ts';
import type { OrderedTable } from './order.ts';
import type { CodedColumn } from './table-columns.ts';

export interface TraceNumbers {
  /** Lowest start and highest end of each trace: low and high word. */
  readonly startWords: Uint32Array;
  readonly durationWords: Uint32Array;
  readonly spanCount: Int32Array;
  readonly errorCount: Int32Array;
  readonly minStart: bigint;
  readonly maxEnd: bigint;
}

const STATUS_ERROR = 2;

export function traceNumbers({ data, rows, traceFirstSpan, traceCount }: OrderedTable): TraceNumbers {
  const { start, end, kindStatus } = data;
  const startWords = new Uint32Array(traceCount * 2);
  const durationWords = new Uint32Array(traceCount * 2);
  const spanCount = new Int32Array(traceCount);
  const errorCount = new Int32Array(traceCount);
  let minLow = 0xffffffff;
  let minHigh = 0xffffffff;
  let maxLow = 0;
  let maxHigh = 0;
  for (let t = 0; t < traceCount; t++) {
    let startLow = 0xffffffff;
    let startHigh = 0xffffffff;
    let endLow = 0;
    let endHigh = 0;
    let errors = 0;
    for (let i = traceFirstSpan[t]!; i < traceFirstSpan[t + 1]!; i++) {
      const at = rows[i]! * 2;
      if (start[at + 1]! < startHigh || (start[at + 1] === startHigh && start[at]! < startLow)) {
        startLow = start[at]!;
        startHigh = start[at + 1]!;
      }
      if (end[at + 1]! > endHigh || (end[at + 1] === endHigh && end[at]! > endLow)) {
        endLow = end[at]!;
        endHigh = end[at + 1]!;
      }
      if (kindStatus[rows[i]!]! >>> 4 === STATUS_ERROR) errors++;
    }
    startWords[t * 2] = startLow;
    startWords[t * 2 + 1] = startHigh;
    const low = endLow - startLow;
    durationWords[t * 2] = low;
    durationWords[t * 2 + 1] = endHigh - startHigh - (low < 0 ? 1 : 0);
    spanCount[t] = traceFirstSpan[t + 1]! - traceFirstSpan[t]!;
    errorCount[t] = errors;
    if (startHigh < minHigh || (startHigh === minHigh && startLow < minLow)) {
      minLow = startLow;
      minHigh = startHigh;
    }
    if (endHigh > maxHigh || (endHigh === maxHigh && endLow > maxLow)) {
      maxLow = endLow;
      maxHigh = endHigh;
    }
  }
  const minStart = (BigInt(minHigh) << 32n) | BigInt(minLow);
  const maxEnd = (BigInt(maxHigh) << 32n) | BigInt(maxLow);
  return { startWords, durationWords, spanCount, errorCount, minStart, maxEnd };
}

export interface SpanNumbers {
  readonly trace: Int32Array;
  /** Rows back to the parent; 0 for a root, -1 when the parent is missing. */
  readonly parentDistance: Int32Array;
  /** The parent id where it is not 0 and not the id of the parent row. */
  readonly unlinkedParents: CodedColumn;
  /** Since the trace's start. */
  readonly startOffsetWords: Uint32Array;
  readonly durationWords: Uint32Array;
  /** 1 + OTLP number. */
  readonly kindCodes: Uint8Array;
  readonly statusCodes: Uint8Array;
}

export function spanNumbers(table: OrderedTable, traces: TraceNumbers): SpanNumbers {
  const { data, rows, traceFirstSpan, traceCount } = table;
  const { start, end, kindStatus } = data;
  const count = rows.length;
  const trace = new Int32Array(count);
  const startOffsetWords = new Uint32Array(count * 2);
  const durationWords = new Uint32Array(count * 2);
  const kindCodes = new Uint8Array(count);
  const statusCodes = new Uint8Array(count);
  for (let t = 0; t < traceCount; t++) {
    const traceLow = traces.startWords[t * 2]!;
    const traceHigh = traces.startWords[t * 2 + 1]!;
    for (let i = traceFirstSpan[t]!; i < traceFirstSpan[t + 1]!; i++) {
      const row = rows[i]!;
      const startLow = start[row * 2]!;
      const startHigh = start[row * 2 + 1]!;
      trace[i] = t;
      const offsetLow = startLow - traceLow;
      startOffsetWords[i * 2] = offsetLow;
      startOffsetWords[i * 2 + 1] = startHigh - traceHigh - (offsetLow < 0 ? 1 : 0);
      const durationLow = end[row * 2]! - startLow;
      durationWords[i * 2] = durationLow;
      durationWords[i * 2 + 1] = end[row * 2 + 1]! - startHigh - (durationLow < 0 ? 1 : 0);
      const both = kindStatus[row]!;
      kindCodes[i] = (both & 15) + 1;
      statusCodes[i] = (both >>> 4) + 1;
    }
  }
  return { trace, ...parentNumbers(table), startOffsetWords, durationWords, kindCodes, statusCodes };
}

function parentNumbers({ data, rows, parent }: OrderedTable): Pick<SpanNumbers, 'parentDistance' | 'unlinkedParents'> {
  const { parentId, spanId } = data;
  const parentDistance = new Int32Array(rows.length);
  const unlinked: number[] = [];
  for (let i = 0; i < rows.length; i++) {
    const p = parent[i]!;
    parentDistance[i] = p >= 0 ? i - p : p === -1 ? 0 : -1;
    if (p === -1) continue;
    const id = rows[i]! * 2;
    const named = p >= 0 ? rows[p]! * 2 : -1;
    if (named < 0 || parentId[id] !== spanId[named] || parentId[id + 1] !== spanId[named + 1]) unlinked.push(i);
  }
  const codeOf = new Map<number, Map<number, number>>();
  const ids: number[] = [];
  const codes = codeArray(rows.length, unlinked.length);
  for (const i of unlinked) {
    const low = parentId[rows[i]! * 2]!;
    const high = parentId[rows[i]! * 2 + 1]!;
    let byLow = codeOf.get(high);
    if (byLow === undefined) codeOf.set(high, (byLow = new Map()));
    let code = byLow.get(low);
    if (code === undefined) {
      code = ids.push(low, high) / 2;
      byLow.set(low, code);
    }
    codes[i] = code;
  }
  const bytes = new Uint8Array(Uint32Array.from(ids).buffer);
  return {
    parentDistance,
    unlinkedParents: { codes, dictionary: { count: ids.length / 2, bytes, offsets: new Uint32Array(0) } },
  };
}
