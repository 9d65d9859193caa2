/** Traces for tests, written as trees. */
import { placeRows, type Trace } from './trace.ts';

export interface MadeSpan {
  readonly name: string;
  readonly service?: string;
  readonly kind?: number;
  readonly start: number;
  readonly end: number;
  readonly error?: boolean;
  readonly orphan?: boolean;
  readonly children?: readonly MadeSpan[];
}

export function madeTrace(roots: readonly MadeSpan[]): Trace {
  const flat: MadeSpan[] = [];
  const sizes: number[] = [];
  const add = (span: MadeSpan): number => {
    const row = flat.push(span) - 1;
    let size = 1;
    for (const child of span.children ?? []) size += add(child);
    sizes[row] = size;
    return size;
  };
  for (const root of roots) add(root);
  const operations: { service: string; name: string; kind: number }[] = [];
  const codes = flat.map(({ name, service = 'shop', kind = 0 }) => {
    const at = operations.findIndex((known) => known.name === name && known.service === service && known.kind === kind);
    return at !== -1 ? at : operations.push({ service, name, kind }) - 1;
  });
  const subtree = Uint32Array.from(sizes);
  return {
    traceId: `${'0'.repeat(31)}1`,
    startUnixNano: 1_700_000_000_000_000_000n,
    spans: flat.length,
    totalSpans: flat.length,
    operations,
    attributes: [],
    start: Float64Array.from(flat, ({ start }) => start),
    duration: Float64Array.from(flat, ({ start, end }) => end - start),
    ...placeRows(subtree, (row) => flat[row]!.orphan === true),
    subtree,
    operation: Uint32Array.from(codes),
    status: Uint8Array.from(flat, ({ error }) => (error === true ? 2 : 0)),
    events: new Map(),
    links: new Map(),
    spanId: Uint8Array.from({ length: flat.length * 8 }, (_, i) => (i % 8 === 7 ? (i >> 3) + 1 : 0)),
  };
}

/** Names of rows, as a test reads them. */
export const namesOf = (trace: Trace, rows: Iterable<number>): string[] =>
  [...rows].map((row) => trace.operations[trace.operation[row]!]!.name);
