/** The `traces` table of a row group, read as a whole. */
import { corrupt } from '../base/errors.ts';
import type { ReadCost } from '../traceql/storage.ts';
import type { BlockSource } from './block-source.ts';
import type { ColumnBuffer } from './column-buffer.ts';
import { CodesBuffer, FixedBuffer, Int32Buffer, Int64Buffer, localRows } from './column-buffers.ts';
import type { FixedName } from './layout.ts';
import { loadPages } from './page-loader.ts';

export interface TraceArrays {
  readonly ids: Uint8Array;
  /** Length: traces + 1, as the two below. */
  readonly firstSpan: Uint32Array;
  readonly firstEvent: Uint32Array;
  readonly firstLink: Uint32Array;
  /** Exact Unix ns: low and high word. */
  readonly startWords: Uint32Array;
  /** ns since the base. */
  readonly start: Float64Array;
  readonly end: Float64Array;
  readonly root: Int32Array;
  readonly rootName: CodesBuffer;
  readonly rootService: CodesBuffer;
  readonly byteLength: number;
}

/** Rows of earlier row groups, by which row numbers in the file and in the row group differ. */
export interface FirstRows {
  readonly spans: number;
  readonly events: number;
  readonly links: number;
  readonly resources: number;
}

export interface TraceTable {
  readonly source: BlockSource;
  readonly rowGroup: number;
  readonly first: FirstRows;
  readonly base: { low: number; high: number };
}

export async function readTraces(table: TraceTable, cost: ReadCost, signal?: AbortSignal): Promise<TraceArrays> {
  const { source, rowGroup, first, base } = table;
  const { rows } = source.description.rowGroups[rowGroup]!;
  const place = (name: FixedName<'traces'>) => source.chunk('traces', rowGroup, name)!;
  const numbers = (name: FixedName<'traces'>, firstInFile: number, count: number) =>
    new Int32Buffer(place(name), localRows(place(name).where, firstInFile, count));

  const ids = new FixedBuffer(place('trace_id'));
  const start = new Int64Buffer(place('start_unix_nano'));
  const duration = new Int64Buffer(place('duration_nano'));
  const root = new Int32Buffer(place('root_span'));
  const rootName = new CodesBuffer(place('root_name'), 'string');
  const rootService = new CodesBuffer(place('root_service'), 'string');
  // A trace without events has the number of the next event, which may be behind the last.
  const firstSpan = numbers('first_span', first.spans, rows.spans);
  const firstEvent = numbers('first_event', first.events, rows.events + 1);
  const firstLink = numbers('first_link', first.links, rows.links + 1);
  const all: ColumnBuffer[] = [ids, start, duration, root, rootName, rootService, firstSpan, firstEvent, firstLink];
  await loadPages(
    all.map((buffer) => ({ buffer, rows: [0, rows.traces], dictionaryOnly: false })),
    { readRange: source.readRange, cost, signal },
  );

  for (let t = 0; t < root.values.length; t++) {
    const row = root.values[t]!;
    root.values[t] = row < 0 ? -1 : row - first.spans;
  }
  const times = traceTimes(start.words, duration.words, base);
  return {
    ids: ids.bytes,
    firstSpan: withEnd(firstSpan, rows.spans),
    firstEvent: withEnd(firstEvent, rows.events),
    firstLink: withEnd(firstLink, rows.links),
    startWords: start.words,
    ...times,
    root: root.values,
    rootName,
    rootService,
    byteLength: rows.traces * 68 + rootName.dictionary.byteLength + rootService.dictionary.byteLength,
  };
}

function traceTimes(
  startWords: Uint32Array,
  durationWords: Uint32Array,
  base: { low: number; high: number },
): { start: Float64Array; end: Float64Array } {
  const start = new Float64Array(startWords.length / 2);
  const end = new Float64Array(start.length);
  for (let t = 0; t < start.length; t++) {
    const low = startWords[t * 2]!;
    const high = startWords[t * 2 + 1]!;
    start[t] = (high - base.high) * 4294967296 + (low - base.low);
    const endLow = low + durationWords[t * 2]!;
    const endHigh = (high + durationWords[t * 2 + 1]! + (endLow > 0xffffffff ? 1 : 0)) >>> 0;
    end[t] = (endHigh - base.high) * 4294967296 + ((endLow >>> 0) - base.low);
  }
  return { start, end };
}

/** First rows that ascend, with the end behind them. @throws RubatoError corrupt */
function withEnd({ values, place }: Int32Buffer, end: number): Uint32Array {
  const out = new Uint32Array(values.length + 1);
  out.set(values);
  out[values.length] = end;
  if (values.length > 0 && values[0] !== 0) throw corrupt(place.where, `starts with row ${values[0]}`);
  for (let i = 0; i < values.length; i++)
    if (out[i]! > out[i + 1]!) throw corrupt(place.where, `row ${i}: not in order`);
  return out;
}
