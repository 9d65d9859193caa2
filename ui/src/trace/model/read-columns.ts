/** The server's columns of a trace (docs/format/trace-columns.md) → typed arrays. */
import type { TraceAttributeHead, TraceColumnsHead, TraceFindHead } from '../../../../src/api/contract/index.ts';
import { decodeSections, fromZigzag, readUints } from '../../../../src/base/sections.ts';
import { placeRows, type Trace } from './trace.ts';
import type { Values } from './values.ts';

const statusMask = 3;
const orphanFlag = 4;

/** @throws RubatoError when the bytes are not whole */
export function readTrace(bytes: Uint8Array): Trace {
  const { head, section } = decodeSections<TraceColumnsHead>(bytes);
  const { spans } = head;
  const subtree = new Uint32Array(spans);
  const start = new Float64Array(spans);
  const duration = new Float64Array(spans);
  const operation = new Uint32Array(spans);
  readUints(section('subtree'), subtree);
  readUints(section('start'), start);
  readUints(section('duration'), duration);
  readUints(section('operation'), operation);
  const flags = section('flags');
  const status = new Uint8Array(spans);
  for (let row = 0; row < spans; row++) status[row] = flags[row]! & statusMask;
  const { parent, depth } = placeRows(subtree, (row) => (flags[row]! & orphanFlag) !== 0);
  for (let row = 0; row < spans; row++) {
    const above = parent[row]!;
    start[row] = fromZigzag(start[row]!) + (above < 0 ? 0 : start[above]!);
  }
  return {
    traceId: head.traceId,
    startUnixNano: BigInt(head.startUnixNano),
    spans,
    totalSpans: head.totalSpans,
    operations: head.operations,
    attributes: head.attributes,
    start,
    duration,
    parent,
    depth,
    subtree,
    operation,
    status,
    events: readCounts(section('events')),
    links: readCounts(section('links')),
    spanId: section('spanId'),
  };
}

function readCounts(bytes: Uint8Array): Map<number, number> {
  let values = 0;
  for (const byte of bytes) if (byte < 128) values++;
  const pairs = new Float64Array(values);
  readUints(bytes, pairs);
  const counts = new Map<number, number>();
  let row = 0;
  for (let i = 0; i + 1 < pairs.length; i += 2) {
    row += pairs[i]!;
    counts.set(row, pairs[i + 1]!);
  }
  return counts;
}

export function readAttribute(bytes: Uint8Array): Values {
  const { head, section } = decodeSections<TraceAttributeHead>(bytes);
  const codes = new Uint32Array(head.spans);
  readUints(section('codes'), codes);
  return { codes, values: head.values };
}

/** Rows that were found, and of how many. */
export function readFound(bytes: Uint8Array): { readonly rows: Uint32Array; readonly spans: number } {
  const { head, section } = decodeSections<TraceFindHead>(bytes);
  const rows = new Uint32Array(head.rows);
  readUints(section('rows'), rows);
  for (let i = 1; i < rows.length; i++) rows[i]! += rows[i - 1]!;
  return { rows, spans: head.spans };
}
