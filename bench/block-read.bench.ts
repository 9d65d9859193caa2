/**
 * Reading blocks of the generated shop traces beside the project: opening, one column of everything, one trace with all
 * columns, snapshots, compaction. Files lie in memory.
 */
import assert from 'node:assert/strict';
import { buildBlockOf } from '../src/block/build.ts';
import { ColumnCache } from '../src/block/column-cache.ts';
import { compact } from '../src/block/compact.ts';
import { openBlock } from '../src/block/read-block.ts';
import { assembleSnapshot, findTrace, SnapshotCache } from '../src/block/snapshot.ts';
import type { StoredFragment } from '../src/block/stored-fragment.ts';
import { SpanTable } from '../src/model/span-table.ts';
import { OtlpScanner } from '../src/protocol/otlp/scan.ts';
import { generatedBatches, missing } from '../test/support/shared.ts';
import { type Bench, type Figure, lowestMsAsync, runIfMain } from './measure.ts';

const blockCount = 6;
const cacheBytes = 1 << 30;

const newCost = () => ({ requests: 0, bytes: 0, pages: 0 });

type Files = ReadonlyMap<string, Buffer>;
const blocks: { id: string; files: Files; sizes: Readonly<Record<string, number>> }[] = [];

function build(table: SpanTable): void {
  const built = buildBlockOf(table.share());
  const files = new Map([...built.parts].map(([file, parts]) => [file, Buffer.concat(parts)]));
  blocks.push({ id: `block-${blocks.length}`, files, sizes: built.files });
}

async function openAll(cache: ColumnCache, cost = newCost()): Promise<StoredFragment[]> {
  const opened = await Promise.all(
    blocks.map(({ id, files, sizes }) =>
      openBlock(
        {
          blockId: id,
          sizes,
          cache,
          readRange: async (file, offset, length) => files.get(file)!.subarray(offset, offset + length),
        },
        cost,
      ),
    ),
  );
  return opened.flat();
}

const scopes = [
  'span',
  'spanField',
  'event',
  'eventField',
  'link',
  'linkField',
  'resource',
  'instrumentation',
] as const;

async function makeBlocks(traces: number): Promise<number> {
  const options = { seed: 1, traces, baseMs: 1_700_000_000_000 };
  let total = 0;
  for (const { spans } of await generatedBatches(options)) total += spans;
  let table = new SpanTable(1 << 17);
  let scanner = new OtlpScanner(table);
  for (const { bytes } of await generatedBatches(options)) {
    scanner.scan(bytes);
    if (table.spanCount < total / blockCount) continue;
    build(table);
    table = new SpanTable(1 << 17);
    scanner = new OtlpScanner(table);
  }
  if (table.spanCount > 0) build(table);
  return total;
}

export const bench: Bench = async (size) => {
  const skipped = missing('tracegen/tracegen.mjs');
  if (skipped !== false) return { figures: [], skipped };
  const total = await makeBlocks(size === 'quick' ? 300 : 24_000);
  const few = size === 'quick' ? 1 : 5;
  const many = size === 'quick' ? 2 : 50;
  const figures: Figure[] = [];
  /** The cost is that of the last run. */
  const measure = async (name: string, rounds: number, run: (cost: ReturnType<typeof newCost>) => Promise<void>) => {
    let cost = newCost();
    const ms = await lowestMsAsync(rounds, () => {
      cost = newCost();
      return run(cost);
    });
    figures.push({ name, value: ms, unit: 'ms' });
    if (cost.requests > 0)
      figures.push(
        { name: `${name}, reads`, value: cost.requests, unit: 'requests' },
        { name: `${name}, bytes read`, value: cost.bytes, unit: 'B' },
      );
  };

  await measure('open all blocks', few, async (cost) => {
    await openAll(new ColumnCache(cacheBytes), cost);
  });
  await measure('one attribute of all spans, cold', few, async (cost) => {
    for (const fragment of await openAll(new ColumnCache(cacheBytes))) {
      await fragment.loadTraces(newCost());
      await fragment.load({ fixed: [], columns: fragment.columns('span', 'http.route') }, 0, fragment.traceCount, cost);
    }
  });
  const warm = await openAll(new ColumnCache(cacheBytes));
  const cache = new SnapshotCache();
  await measure('first snapshot', 1, async (cost) => void (await assembleSnapshot(warm, cache, cost)));
  await measure('snapshot again', many, async (cost) => void (await assembleSnapshot(warm, cache, cost)));
  const [some] = warm;
  await some!.loadTraces(newCost());
  const ids = Array.from({ length: many }, (_, i) => {
    const trace = (i * 61 + 7) % some!.traceCount;
    return some!.traceIds.slice(trace * 16, trace * 16 + 16);
  });
  for (const cached of [false, true]) {
    let i = 0;
    await measure(`one trace with all columns, ${cached ? 'again' : 'nothing cached'}`, many, async (cost) => {
      const [one] = cached ? warm : await openAll(new ColumnCache(cacheBytes));
      const found = await findTrace([one!], ids[i++]!, cost);
      assert(found !== undefined);
      const { fragment, trace } = found;
      const columns = scopes.flatMap((scope) => fragment.columns(scope));
      const fixed = ['start', 'duration', 'kind', 'name', 'resource', 'parentSpanId', 'events', 'links'] as const;
      await fragment.load({ fixed, columns }, trace, trace + 1, cost);
    });
  }
  let compacted = { spanCount: 0, sizeBytes: 0 };
  await measure('compact all into one', 1, async (cost) => {
    compacted = await compact(await openAll(new ColumnCache(64 << 20)), { write: () => undefined }, cost);
  });
  assert.equal(compacted.spanCount, total);
  figures.push({ name: 'after compaction', value: compacted.sizeBytes / compacted.spanCount, unit: 'B/span' });
  return { figures };
};

await runIfMain(import.meta, bench);
