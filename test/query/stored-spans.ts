/**
 * Spans as the read role finds them: blocks written to an object store and listed in a manifest, live tables beside them.
 * How spans are dealt to the places is the test's choice; everything behind is the real thing.
 */
import { randomUUID } from 'node:crypto';
import { systemClock } from '../../src/base/clock.ts';
import { SeededRng } from '../../src/base/random.ts';
import { buildBlockOf } from '../../src/block/build.ts';
import { ColumnCache } from '../../src/block/column-cache.ts';
import { type BlockMeta, ManifestStore } from '../../src/block/manifest.ts';
import { blockFileKey } from '../../src/block/manifest-keys.ts';
import { openBlock } from '../../src/block/read-block.ts';
import type { PlainSpan } from '../../src/model/plain-span.ts';
import { SpanTable, type SpanTableData } from '../../src/model/span-table.ts';
import { MemoryObjectStore } from '../../src/objectstore/memory.ts';
import type { ObjectStore } from '../../src/objectstore/object-store.ts';
import { plainSpansToOtlp } from '../../src/protocol/otlp/encode-plain.ts';
import { OtlpScanner } from '../../src/protocol/otlp/scan.ts';
import { Reader } from '../../src/roles/read/reader.ts';

/** Where spans lie: each list is one block, or one live table. */
export interface Placement<Spans = readonly PlainSpan[]> {
  readonly blocks: readonly Spans[];
  readonly live: readonly Spans[];
}

export interface StoredOptions {
  /** Default: small enough that a block of some thousand spans has several. */
  readonly rowGroupSpansMax?: number;
  readonly columnCacheBytes?: number;
  readonly store?: ObjectStore;
}

export const tenant = 'single-tenant';

export function tableOf(spans: readonly PlainSpan[]): SpanTableData {
  const table = new SpanTable();
  new OtlpScanner(table).scan(plainSpansToOtlp(spans), { maxAttributeBytes: 0 });
  return table.share();
}

/** Places without spans are left out. */
export function storedSpans({ blocks, live }: Placement, options: StoredOptions = {}): Promise<Reader> {
  const tablesOf = (places: readonly (readonly PlainSpan[])[]): SpanTableData[] =>
    places.filter((spans) => spans.length > 0).map(tableOf);
  return storedTables({ blocks: tablesOf(blocks), live: tablesOf(live) }, options);
}

/** No table may be empty. */
export async function storedTables(
  { blocks, live }: Placement<SpanTableData>,
  options: StoredOptions = {},
): Promise<Reader> {
  const { store = new MemoryObjectStore(), rowGroupSpansMax = 4096, columnCacheBytes = 1 << 26 } = options;
  const manifest = new ManifestStore(store, systemClock, new SeededRng(1));
  const add: BlockMeta[] = [];
  for (const table of blocks) add.push(await storeBlock(store, table, rowGroupSpansMax));
  const { version } = await manifest.commit(tenant, () => ({ add }));
  const tables = live.map((data, k) => ({ id: `live ${k}`, writer: 'w', lastSeq: undefined, data }));
  const cache = new ColumnCache(columnCacheBytes);
  return new Reader({
    live: { live: async () => ({ manifestVersion: version, tables }) },
    manifest,
    openBlock: (owner, { id, files }, cost) =>
      openBlock(
        {
          blockId: id,
          sizes: files,
          readRange: (file, offset, length, signal) =>
            store.getRange(blockFileKey(owner, id, file), offset, length, signal),
          cache,
        },
        cost,
      ),
  });
}

async function storeBlock(store: ObjectStore, data: SpanTableData, rowGroupSpansMax: number): Promise<BlockMeta> {
  const { parts, ...summary } = buildBlockOf(data, { rowGroupSpansMax });
  const id = randomUUID();
  for (const [file, bytes] of parts) await store.put(blockFileKey(tenant, id, file), bytes);
  return { id, ...summary, level: 0, createdUnixMs: 0 };
}

/** Deals spans to `count` lists. `placeOf` gets each span's number within its trace, too. */
export function deal(
  spans: readonly PlainSpan[],
  count: number,
  placeOf: (span: PlainSpan, numberInTrace: number) => number,
): PlainSpan[][] {
  const lists: PlainSpan[][] = Array.from({ length: count }, () => []);
  const seen = new Map<string, number>();
  for (const span of spans) {
    const number = seen.get(span.traceId) ?? 0;
    seen.set(span.traceId, number + 1);
    lists[placeOf(span, number)]!.push(span);
  }
  return lists;
}

/** Whole traces, dealt to `count` lists by the time of their first span; each list spans about as many traces. */
export function dealByTime(spans: readonly PlainSpan[], count: number): PlainSpan[][] {
  const starts = new Map<string, bigint>();
  for (const { traceId, startTimeUnixNano } of spans) {
    const known = starts.get(traceId);
    if (known === undefined || startTimeUnixNano < known) starts.set(traceId, startTimeUnixNano);
  }
  const order = [...starts].sort((a, b) => (a[1] < b[1] ? -1 : 1)).map(([traceId]) => traceId);
  const places = new Map(order.map((traceId, k) => [traceId, Math.floor((k * count) / order.length)]));
  return deal(spans, count, ({ traceId }) => places.get(traceId)!);
}
