/**
 * What writers left behind becomes live again: segments whose rows are not in blocks yet are scanned into tables, which
 * are visible at once and go to the builder. Segments that every tenant has in blocks are deleted. A crash leaves no
 * damaged segment, since one appears whole or not at all; a disk that rots or lies can. It is set aside under `damaged/`
 * and reported with its reason, and everything else is replayed.
 */
import type { ManifestStore } from '../../block/manifest.ts';
import type { SpanTable } from '../../model/span-table.ts';
import type { ObjectStore } from '../../objectstore/object-store.ts';
import { EntryFlag } from '../../wal/segment-codec.ts';
import { segmentKey } from '../../wal/segment-keys.ts';
import { listWriters, readSegments, type SkippedSegment, type StoredSegment } from '../../wal/segment-reader.ts';
import type { LiveTable } from './live-table.ts';
import type { Writer, WriterLog } from './writer.ts';

export interface ReplayOptions {
  readonly store: ObjectStore;
  readonly manifest: ManifestStore;
  readonly writer: Writer;
  /** Not replayed: its segments are those of this process. */
  readonly ownWriterId: string;
  readonly attributeBytesMax: (tenant: string) => number;
  readonly blockSpansMax: number;
  /** Hears of rows that it has not counted yet, also of those that are in blocks already. */
  readonly metrics?: ReplayMetrics | undefined;
  readonly log: WriterLog;
}

export interface ReplayedRows {
  readonly tenant: string;
  readonly tableId: string;
  readonly table: SpanTable;
  readonly from: number;
  readonly to: number;
}

export interface ReplayMetrics {
  isCounted(writer: string, seq: number): boolean;
  replayed(rows: ReplayedRows): void;
  /** All rows of a segment have been told. @param receivedMs when the segment was made */
  segmentReplayed(writer: string, seq: number, receivedMs: number): Promise<void>;
  /** Segments may go when this resolves. */
  checkpoint(): Promise<void>;
}

export interface ReplayResult {
  readonly segments: number;
  readonly spans: number;
  readonly skipped: readonly SkippedSegment[];
}

/** Resolves when every acknowledged span is visible again; blocks of them may still be in the making. */
export async function replay(options: ReplayOptions): Promise<ReplayResult> {
  const { store, manifest, writer, log } = options;
  const covered = new Map<string, ReadonlyMap<string, number>>();
  for (const tenant of await manifest.listTenants()) {
    const state = await manifest.load(tenant);
    covered.set(tenant, state.covered);
    writer.knowManifest(tenant, state);
  }
  let segments = 0;
  let spans = 0;
  const skipped: SkippedSegment[] = [];
  for (const dead of await listWriters(store)) {
    if (dead === options.ownWriterId) continue;
    const adopted = new Adoption(dead, options);
    for await (const segment of readSegments(store, dead, 0, (bad) => skipped.push(bad))) {
      segments++;
      spans += await adopted.add(segment, (tenant) => covered.get(tenant)?.get(dead) ?? 0);
    }
    await adopted.finish();
  }
  for (const bad of skipped) {
    log.warn(
      { key: bad.key, reason: bad.reason },
      'a damaged segment was set aside; its requests are lost unless it is repaired',
    );
    await store.put(`damaged/${bad.key}`, await store.get(bad.key));
    await store.delete(bad.key);
  }
  return { segments, spans, skipped };
}

/** The tables that one dead writer's segments become. */
class Adoption {
  readonly #dead: string;
  readonly #options: ReplayOptions;
  readonly #tables = new Map<string, { table: LiveTable; seqs: number[] }>();
  #lastSeq = 0;
  /** Segments that every tenant has in blocks. */
  readonly #unneeded: number[] = [];

  constructor(dead: string, options: ReplayOptions) {
    this.#dead = dead;
    this.#options = options;
  }

  /** Returns the number of spans that are live again. */
  async add(segment: StoredSegment, coveredSeq: (tenant: string) => number): Promise<number> {
    const seq = segment.header.seq;
    this.#lastSeq = seq;
    let spans = 0;
    let needed = false;
    const metrics = this.#options.metrics?.isCounted(this.#dead, seq) === false ? this.#options.metrics : undefined;
    for (const { tenant, body, flags } of segment.entries) {
      // The same cut that was made when the request came in.
      const maxAttributeBytes = this.#options.attributeBytesMax(tenant);
      const counted = (flags & EntryFlag.noGenerateMetrics) === 0 ? metrics : undefined;
      if (seq <= coveredSeq(tenant)) {
        if (counted !== undefined) this.#countOnly(counted, tenant, body, maxAttributeBytes);
        continue;
      }
      needed = true;
      let live = this.#tables.get(tenant);
      if (live === undefined) {
        live = { table: this.#options.writer.newTable(tenant, this.#dead), seqs: [] };
        this.#tables.set(tenant, live);
      }
      if (live.seqs.at(-1) !== seq) live.seqs.push(seq);
      const from = live.table.table.spanCount;
      spans += live.table.scanner.scan(body, { maxAttributeBytes }).spans;
      const { id: tableId, table } = live.table;
      counted?.replayed({ tenant, tableId, table, from, to: table.spanCount });
    }
    await metrics?.segmentReplayed(this.#dead, seq, segment.header.createdUnixMs);
    if (!needed) this.#unneeded.push(seq);
    for (const [tenant, { table }] of this.#tables) {
      if (table.table.spanCount >= this.#options.blockSpansMax) await this.#hand(tenant);
    }
    return spans;
  }

  async finish(): Promise<void> {
    if (this.#unneeded.length > 0) await this.#options.metrics?.checkpoint();
    for (const seq of this.#unneeded) await this.#options.store.delete(segmentKey(this.#dead, seq));
    for (const tenant of [...this.#tables.keys()]) await this.#hand(tenant);
  }

  /** Rows that are in a block, but not in the metrics. */
  #countOnly(metrics: ReplayMetrics, tenant: string, body: Uint8Array, maxAttributeBytes: number): void {
    const { id: tableId, table, scanner } = this.#options.writer.newTable(tenant, this.#dead);
    scanner.scan(body, { maxAttributeBytes });
    metrics.replayed({ tenant, tableId, table, from: 0, to: table.spanCount });
  }

  async #hand(tenant: string): Promise<void> {
    const { table, seqs } = this.#tables.get(tenant)!;
    this.#tables.delete(tenant);
    await this.#options.writer.adopt({ tenant, table, lastSeq: this.#lastSeq, seqs });
  }
}
