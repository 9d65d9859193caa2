/**
 * One span table of one tenant on its way from the wire to a block:
 *
 *   open     takes spans; rows become visible when the segment that holds them is durable
 *   frozen   ends with a whole segment (`lastSeq`), takes no more spans, waits for the builder
 *   covered  its block is in the manifest; readers no longer see the table
 *
 * Freezing at a segment's end is what lets a manifest say "everything of this writer up to segment n is in blocks".
 */
import { assert } from '../../base/assert.ts';
import type { BlockMeta } from '../../block/manifest.ts';
import type { SpanTableData, TableMark } from '../../model/span-table.ts';
import { SpanTable } from '../../model/span-table.ts';
import { OtlpScanner } from '../../protocol/otlp/scan.ts';
import { LiveTraces } from './live-traces.ts';

/** What a reader gets of a table: references to its arrays, and which segments it stands for. */
export interface LiveTableView {
  readonly id: string;
  readonly writer: string;
  /** Undefined while the table is open. A manifest that covers this segment of the writer has its rows in blocks. */
  readonly lastSeq: number | undefined;
  readonly data: SpanTableData;
  /** Of a table that others may cover in part: where the rows of each segment end, in the order of seq. */
  readonly segments?: { readonly seqs: readonly number[]; readonly ends: readonly number[] };
}

export class LiveTable {
  readonly id: string;
  readonly tenant: string;
  /** Whose segments the rows come from: this process, or a dead one that was adopted. */
  readonly writer: string;
  readonly table: SpanTable;
  readonly scanner: OtlpScanner;
  readonly openedUnixMs: number;
  /** The block its rows are in, once its files are durable. */
  block: BlockMeta | undefined;
  #lastSeq: number | undefined;
  #published: TableMark;
  /** Kept for tenants whose live traces are limited. */
  #traces: LiveTraces | undefined;
  /** Marks that become visible with a segment, in order. */
  #pending: { seq: number; mark: TableMark }[] = [];

  constructor(options: {
    id: string;
    tenant: string;
    writer: string;
    nowUnixMs: number;
    spans: number;
    /** The tenant's table before, which is frozen. */
    before?: SpanTable | undefined;
  }) {
    this.id = options.id;
    this.tenant = options.tenant;
    this.writer = options.writer;
    this.openedUnixMs = options.nowUnixMs;
    this.table = new SpanTable(options.spans, options.before);
    this.scanner = new OtlpScanner(this.table);
    this.#published = this.table.mark();
  }

  get lastSeq(): number | undefined {
    return this.#lastSeq;
  }

  get frozen(): boolean {
    return this.#lastSeq !== undefined;
  }

  get publishedSpans(): number {
    return this.#published.spanCount;
  }

  /** The rows up to here belong to segment `seq`. */
  appended(seq: number): void {
    const last = this.#pending.at(-1);
    assert(!this.frozen && (last === undefined || last.seq <= seq), 'rows join an open table in the order of segments');
    if (last?.seq === seq) last.mark = this.table.mark();
    else this.#pending.push({ seq, mark: this.table.mark() });
  }

  /** Whether the traces of the rows from here on may join; false when there would be more than `tracesMax`. */
  admitTraces(fromSpan: number, tracesMax: number): boolean {
    this.#traces ??= new LiveTraces(this.table, fromSpan);
    return this.#traces.admit(this.table, fromSpan, this.table.spanCount, tracesMax);
  }

  /** Makes visible what segments up to `seq` hold. True when that changed anything. */
  publish(seq: number): boolean {
    let changed = false;
    while (this.#pending.length > 0 && this.#pending[0]!.seq <= seq) {
      this.#published = this.#pending.shift()!.mark;
      changed = true;
    }
    return changed;
  }

  /** Makes all rows visible: for rows that come from durable segments. */
  publishAll(): void {
    this.#pending = [];
    this.#published = this.table.mark();
  }

  /** Forgets rows whose segments failed: none of them was acknowledged. */
  dropPending(): void {
    this.#pending = [];
    this.#traces = undefined;
    this.table.rollback(this.#published);
  }

  freeze(lastSeq: number): void {
    assert(!this.frozen, 'a table is frozen once');
    this.#lastSeq = lastSeq;
  }

  /** All rows of a frozen table are visible: its block can be built. */
  get settled(): boolean {
    return this.frozen && this.#pending.length === 0;
  }

  view(): LiveTableView {
    const { id, writer, lastSeq } = this;
    return { id, writer, lastSeq, data: this.table.share(this.#published) };
  }
}
