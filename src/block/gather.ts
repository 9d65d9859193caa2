/** Fixed columns of a fragment, gathered from a table in the order of its spans. */

import type { OrderedTable } from './order.ts';
import type { ChildRows } from './table-columns.ts';

/** Ids of `width` words in another order, as bytes. */
export function gatherIds(words: Uint32Array, source: Uint32Array, width: 2 | 4): Uint8Array {
  const out = new Uint32Array(source.length * width);
  for (let i = 0; i < source.length; i++) {
    const from = source[i]! * width;
    for (let w = 0; w < width; w++) out[i * width + w] = words[from + w]!;
  }
  return new Uint8Array(out.buffer);
}

/** Half of all 64-bit numbers; a duration from here on (292 years) is that of a wrong clock and counts as 0. */
const DURATION_NANO_MAX = 2 ** 63;

export function durations({ data: { start, end }, rows }: OrderedTable): Float64Array {
  const out = new Float64Array(rows.length);
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i]!;
    const ns = (end[row * 2 + 1]! - start[row * 2 + 1]!) * 4294967296 + (end[row * 2]! - start[row * 2]!);
    out[i] = ns > 0 && ns < DURATION_NANO_MAX ? ns : 0;
  }
  return out;
}

export function splitKindStatus({ data, rows }: OrderedTable): { kind: Uint8Array; status: Uint8Array } {
  const kind = new Uint8Array(rows.length);
  const status = new Uint8Array(rows.length);
  for (let i = 0; i < rows.length; i++) {
    const both = data.kindStatus[rows[i]!]!;
    kind[i] = both & 15;
    status[i] = both >>> 4;
  }
  return { kind, status };
}

export function eventTimes({ data, rows }: OrderedTable, events: ChildRows): Float64Array {
  const { eventTime, start } = data;
  const out = new Float64Array(events.source.length);
  for (let i = 0; i < out.length; i++) {
    const event = events.source[i]!;
    const row = rows[events.span[i]!]!;
    out[i] = (eventTime[event * 2 + 1]! - start[row * 2 + 1]!) * 4294967296 + (eventTime[event * 2]! - start[row * 2]!);
  }
  return out;
}

/** Value id of each trace's root name; 0 without a root. */
export function rootNames({ data, rows, traceRoot }: OrderedTable): Uint32Array {
  const ids = new Uint32Array(traceRoot.length);
  for (let t = 0; t < ids.length; t++) {
    const root = traceRoot[t]!;
    if (root >= 0) ids[t] = data.name[rows[root]!]!;
  }
  return ids;
}

/** Value id of the string `service.name` of each trace's root; 0 when it has none. */
export function rootServices({ data, rows, traceRoot }: OrderedTable): Uint32Array {
  const ids = new Uint32Array(traceRoot.length);
  const column = data.columns.findIndex(
    (c) => c.scope === 'resource' && c.key === 'service.name' && c.type === 'string',
  );
  if (column < 0) return ids;
  const ofResource = new Uint32Array(data.resourceCount);
  let from = 0;
  for (let r = 0; r < ofResource.length; r++) {
    for (let i = from; i < data.resourceAttrEnd[r]!; i++) {
      const id = data.resourceAttrs[i]!;
      if (data.valueColumn[id] === column) ofResource[r] = id;
    }
    from = data.resourceAttrEnd[r]!;
  }
  for (let t = 0; t < ids.length; t++) {
    const root = traceRoot[t]!;
    if (root >= 0) ids[t] = ofResource[data.resource[rows[root]!]!]!;
  }
  return ids;
}
