/**
 * What the query engine needs from storage, declared by the language and satisfied structurally by live columns
 * (`block/live-fragment.ts`), stored blocks (`block/block-fragment.ts`) and arrays in tests.
 *
 * A fragment is an immutable set of traces as columns:
 *
 *   traces     0            1        2            ordered by start time, then by trace id
 *   spans      0 1 2 3 4    5 6      7 8 9        a trace's spans stand together, depth first:
 *                                                 a subtree is the run [row, row + subtreeSize[row])
 *   events     ordered by span row, then time     links: ordered by span row
 *   resources  a row is a distinct (resource, scope) pair; every span names one
 *
 * Siblings are ordered by start time, then span id. A span whose parent is not in the fragment starts a subtree of its
 * own. When one trace has several such tops they follow one another, true roots (no parent id) first.
 *
 * Within one snapshot every trace is whole: pieces that lie in several places have been put together, and the original
 * pieces are hidden (`hiddenTraces`). So a fragment can be evaluated alone and results only need concatenating.
 *
 * Reading is two steps: `columns()` and the fixed columns describe what exists (no I/O); `load()` makes the values of a
 * range of traces available; then typed arrays are read synchronously. Arrays cover the whole fragment and hold
 * meaningful values only for loaded rows. Nobody may write to them.
 */
import type { CodeArray, ColumnScope, TableColumnScope, ValueType } from '../model/columns.ts';

export type { CodeArray, ColumnScope, TableColumnScope, ValueType };

/** Distinct values of a column; may repeat a value when nearly all are different. Exactly one getter fits the type. */
export interface Dictionary {
  readonly type: ValueType;
  readonly size: number;
  /** Decoded once and kept. For `string`. */
  strings(): readonly string[];
  /** For `int`: exact. */
  ints(): BigInt64Array;
  /** For `int` (rounded to the nearest double) and `double`. */
  numbers(): Float64Array;
  /** For `bool`: 0 or 1. */
  bools(): Uint8Array;
  /** UTF-8 for `string`, AnyValue protobuf for `any`. Shared memory: do not keep or change. */
  bytes(index: number): Uint8Array;
  /** For `string`: the values that are equal to a text. Decodes none. */
  indicesOf(text: string): readonly number[];
}

/** One attribute key with one type. A key written with two types has two columns; a row then has a value in one of them. */
export interface Column {
  readonly scope: TableColumnScope | 'fixed';
  readonly key: string;
  readonly type: ValueType;
  /** 0 = the row has no value, otherwise 1 + index into the dictionary. Length: rows of the column's table. */
  readonly codes: CodeArray;
  readonly dictionary: Dictionary;
}

/** Names of columns every fragment has; see {@link Fragment} for their arrays. */
export type FixedColumn =
  | 'start'
  | 'duration'
  | 'kind'
  | 'status'
  | 'name'
  | 'statusMessage'
  | 'resource'
  | 'parent'
  | 'subtreeSize'
  | 'spanId'
  | 'parentSpanId'
  /** eventSpan, eventTime, eventName */
  | 'events'
  /** linkSpan, linkTraceId, linkSpanId */
  | 'links';

/** What to make available: fixed columns by name, attribute columns as returned by `columns()`. */
export interface LoadRequest {
  readonly fixed: readonly FixedColumn[];
  readonly columns: readonly Column[];
  /** Only dictionaries are needed (tag values). Default false. */
  readonly dictionariesOnly?: boolean;
}

/** Bytes and requests that reading cost, for the response's metrics. Fragments add to it. */
export interface ReadCost {
  requests: number;
  bytes: number;
  pages: number;
}

export interface Fragment {
  /** Stable while the content is the same: usable as a cache key. */
  readonly id: string;
  // Counts, and the times below, may be too wide before loadTraces(): there are then no more rows and no others.
  readonly spanCount: number;
  readonly traceCount: number;
  readonly eventCount: number;
  readonly linkCount: number;
  readonly resourceCount: number;
  /** Unix ns that `start` and the trace times count from. */
  readonly baseUnixNano: bigint;
  /** Lowest start and highest end of all traces, ns since baseUnixNano. */
  readonly minStart: number;
  readonly maxEnd: number;
  /** Stored bytes of everything in it, for `totalBlockBytes`. */
  readonly sizeBytes: number;

  /** Makes the arrays of the `traces` table below available (small; kept once read). */
  loadTraces(cost: ReadCost, signal?: AbortSignal): Promise<void>;
  /** 16 bytes each. */
  readonly traceIds: Uint8Array;
  /** First span row of each trace; length traceCount + 1. */
  readonly traceFirstSpan: Uint32Array;
  /** First event and first link of each trace; length traceCount + 1. */
  readonly traceFirstEvent: Uint32Array;
  readonly traceFirstLink: Uint32Array;
  /** Lowest span start, ns since baseUnixNano; ascending. */
  readonly traceStart: Float64Array;
  /** Highest span end. */
  readonly traceEnd: Float64Array;
  /** Row of the last span (by start) without parent id, or -1. Its name and service are the trace's root name and service. */
  readonly traceRoot: Int32Array;
  /** A `string` column over traces; code 0 when no root was received. */
  readonly traceRootName: Column;
  readonly traceRootService: Column;
  /** 1 for traces that this snapshot reads elsewhere; undefined when none. */
  readonly hiddenTraces: Uint8Array | undefined;

  /**
   * All columns of a scope, or those of one key (one per type). Empty when there are none. No I/O. Field scopes give the
   * rarely set OTLP fields (trace state, flags, dropped counts …), which are not attributes.
   */
  columns(scope: TableColumnScope, key?: string): readonly Column[];

  /**
   * Makes the requested columns readable for traces [firstTrace, endTrace); those over resources are read whole. Requires
   * loadTraces. Cheap when already loaded. May replace codes and dictionaries, by larger ones: take them after it.
   */
  load(request: LoadRequest, firstTrace: number, endTrace: number, cost: ReadCost, signal?: AbortSignal): Promise<void>;

  /** ns since baseUnixNano; exact within 104 days of it. */
  readonly start: Float64Array;
  /** Exact. */
  startUnixNano(spanRow: number): bigint;
  /** ns; 0 when the span ends before it starts. */
  readonly duration: Float64Array;
  /** Exact. Needs `start` and `duration` loaded. */
  endUnixNano(spanRow: number): bigint;
  /** OTLP numbers: 0 unspecified, 1 internal, 2 server, 3 client, 4 producer, 5 consumer. */
  readonly kind: Uint8Array;
  /** OTLP numbers: 0 unset, 1 ok, 2 error. */
  readonly status: Uint8Array;
  /** `string` columns over spans; statusMessage has code 0 where it is empty. */
  readonly name: Column;
  readonly statusMessage: Column;
  /** Row in `resources`. */
  readonly resource: Uint32Array;
  /** Row of the parent span; -1 root (no parent id); -2 the parent is not in this fragment. */
  readonly parent: Int32Array;
  /** Number of rows in the subtree, itself included. */
  readonly subtreeSize: Uint32Array;
  /** 8 bytes each, as on the wire. */
  readonly spanId: Uint8Array;
  /** 8 bytes each; zeros when there is none. */
  readonly parentSpanId: Uint8Array;

  /** Span row of each event, ascending. */
  readonly eventSpan: Uint32Array;
  /** ns since the span's start; may be negative. */
  readonly eventTime: Float64Array;
  /** Exact. Needs `start` and `events` loaded. */
  eventUnixNano(eventRow: number): bigint;
  readonly eventName: Column;

  readonly linkSpan: Uint32Array;
  /** 16 bytes each. */
  readonly linkTraceId: Uint8Array;
  /** 8 bytes each. */
  readonly linkSpanId: Uint8Array;

  /** `string` columns over resources. */
  readonly scopeName: Column;
  readonly scopeVersion: Column;
}

/** Everything a query sees: each span exactly once, fixed for the snapshot's life. */
export interface Snapshot {
  readonly fragments: readonly Fragment[];
  /** Blocks and live tables behind it, before pieces were put together. */
  readonly blockCount: number;
  /** Changes whenever the answer to any query could change. */
  readonly version: string;
}

export interface SnapshotRequest {
  readonly tenant: string;
  /** Unix ns, both 0n for all time. Fragments outside may be left out; a trace that overlaps the range is always whole. */
  readonly startUnixNano: bigint;
  readonly endUnixNano: bigint;
  /** Only this trace is wanted (16 bytes): a hint that storage may use to return just the fragments that hold it. */
  readonly traceId?: Uint8Array;
}

export interface TraceStorage {
  snapshot(request: SnapshotRequest, cost: ReadCost, signal?: AbortSignal): Promise<Snapshot>;
}
