/**
 * A trace as typed arrays, one entry per span, depth first: a subtree is the run of rows [row, row + subtree[row]).
 * Times are ns since the trace's start. Nothing here allocates per span but the arrays themselves.
 */
import type { OperationJson, TraceAttributeName } from '../../../../src/api/contract/index.ts';

export interface Trace {
  readonly traceId: string;
  readonly startUnixNano: bigint;
  readonly spans: number;
  /** More than `spans` when the server left some out. */
  readonly totalSpans: number;
  readonly operations: readonly OperationJson[];
  readonly attributes: readonly TraceAttributeName[];
  readonly start: Float64Array;
  readonly duration: Float64Array;
  /** Row of the parent; −1 for a root, −2 when the parent is missing. */
  readonly parent: Int32Array;
  readonly depth: Uint16Array;
  readonly subtree: Uint32Array;
  /** Index into `operations`. */
  readonly operation: Uint32Array;
  /** OTLP's: 0 unset, 1 ok, 2 error. */
  readonly status: Uint8Array;
  /** How many events and links a row has; rows without any are left out. */
  readonly events: ReadonlyMap<number, number>;
  readonly links: ReadonlyMap<number, number>;
  /** 8 bytes a row. */
  readonly spanId: Uint8Array;
}

export const statusError = 2;
export const noParent = -1;
export const missingParent = -2;

/** Depths beyond it are drawn alike. */
const depthMax = 0xffff;

/** Parents and depths from the sizes of subtrees. */
export function placeRows(
  subtree: Uint32Array,
  isOrphan: (row: number) => boolean,
): { parent: Int32Array; depth: Uint16Array } {
  const parent = new Int32Array(subtree.length);
  const depth = new Uint16Array(subtree.length);
  // The line of ancestors of the row at hand, by depth; ends[d] is where the subtree of the one at depth d ends.
  const line: number[] = [];
  const ends: number[] = [];
  let level = 0;
  for (let row = 0; row < subtree.length; row++) {
    while (level > 0 && ends[level - 1]! <= row) level--;
    parent[row] = level > 0 ? line[level - 1]! : isOrphan(row) ? missingParent : noParent;
    depth[row] = Math.min(level, depthMax);
    line[level] = row;
    ends[level] = row + subtree[row]!;
    level++;
  }
  return { parent, depth };
}

export function endOf(trace: Trace): number {
  const { start, duration } = trace;
  let end = 0;
  for (let row = 0; row < start.length; row++) {
    const at = start[row]! + duration[row]!;
    if (at > end) end = at;
  }
  return end;
}

const hexDigits = '0123456789abcdef';

export function spanIdText(trace: Trace, row: number): string {
  let text = '';
  for (let i = row * 8; i < row * 8 + 8; i++) {
    const byte = trace.spanId[i]!;
    text += hexDigits[byte >> 4]! + hexDigits[byte & 15]!;
  }
  return text;
}

/** Row of the span with this id (16 hex digits), or −1. */
export function rowOfSpan(trace: Trace, id: string): number {
  if (!/^[0-9a-f]{16}$/i.test(id)) return -1;
  const ids = trace.spanId;
  const wanted = Array.from({ length: 8 }, (_, i) => Number.parseInt(id.slice(i * 2, i * 2 + 2), 16));
  for (let row = 0; row < trace.spans; row++) {
    let i = 0;
    while (i < 8 && ids[row * 8 + i] === wanted[i]) i++;
    if (i === 8) return row;
  }
  return -1;
}

export const operationOf = (trace: Trace, row: number): OperationJson => trace.operations[trace.operation[row]!]!;

export interface Totals {
  readonly endNano: number;
  readonly services: number;
  readonly errors: number;
  readonly orphans: number;
}

export function totalsOf(trace: Trace): Totals {
  const services = new Set<string>();
  for (const { service } of trace.operations) services.add(service);
  let errors = 0;
  let orphans = 0;
  for (let row = 0; row < trace.spans; row++) {
    if (trace.status[row] === statusError) errors++;
    if (trace.parent[row] === missingParent) orphans++;
  }
  return { endNano: endOf(trace), services: services.size, errors, orphans };
}

/** The next row with an error behind `row` (or before it), around the end; −1 when there is none. */
export function nextError(trace: Trace, row: number, step: 1 | -1): number {
  return nextRow(trace.spans, row, step, (at) => trace.status[at] === statusError);
}

export function nextRow(spans: number, row: number, step: 1 | -1, isWanted: (row: number) => boolean): number {
  const from = row === -1 && step === -1 ? 0 : row;
  for (let i = 1; i <= spans; i++) {
    const at = (((from + step * i) % spans) + spans) % spans;
    if (isWanted(at)) return at;
  }
  return -1;
}
