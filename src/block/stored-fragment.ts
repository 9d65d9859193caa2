/** What the fragments of this folder can do beyond the port; merging and snapshots need it. */
import type { Column, Fragment, LoadRequest, ReadCost } from '../traceql/storage.ts';
import type { TraceIndex } from './trace-index.ts';

export interface StoredColumn extends Column {
  /** Rows of the fragment that have a value. */
  readonly valueCount: number;
}

/** Traces of a fragment, by their numbers there (ascending). */
export interface StoredTraces {
  readonly fragment: StoredFragment;
  readonly traces: readonly number[];
}

export interface StoredFragment extends Fragment {
  /** The block or live table it is part of. */
  readonly sourceId: string;
  /** Over a table in memory. Others are blocks and never change. */
  readonly isLive: boolean;

  /**
   * The same fragment for another query: what it loads stays readable for as long as somebody holds the view, even when
   * the cache has dropped it. `hiddenTraces`: see the port.
   */
  view(hiddenTraces?: Uint8Array): StoredFragment;

  /** Where a trace id may be. No I/O. */
  readonly traceIndex: TraceIndex;

  /**
   * Some traces (ascending, one at least), most likely in a fragment of their own, of which nothing else is ever read. Its
   * traces are loaded.
   */
  pick(traces: readonly number[], cost: ReadCost, signal?: AbortSignal): Promise<StoredTraces>;

  columns(scope: Parameters<Fragment['columns']>[0], key?: string): readonly StoredColumn[];

  /** Like load(), for several runs of traces at once: [first, end) pairs, ascending. */
  loadRanges(request: LoadRequest, ranges: readonly number[], cost: ReadCost, signal?: AbortSignal): Promise<void>;

  /** Exact Unix ns as low and high word. Need what `startUnixNano`, `endUnixNano` and `eventUnixNano` need. */
  startWords(spanRow: number, out: Uint32Array, at: number): void;
  endWords(spanRow: number, out: Uint32Array, at: number): void;
  eventWords(eventRow: number, out: Uint32Array, at: number): void;
}
