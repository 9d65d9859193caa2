/**
 * Reading blocks of generated shop traces: opening, one column of everything, one trace with all columns, snapshots.
 *
 *   node bench/block-read.ts [traces = 24000] [blocks = 6]
 *
 * Needs the trace generator beside the project (../shared/tracegen). Files lie in memory.
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { buildBlockOf } from '../src/block/build.ts';
import { ColumnCache } from '../src/block/column-cache.ts';
import { compact } from '../src/block/compact.ts';
import { openBlock } from '../src/block/read-block.ts';
import { assembleSnapshot, findTrace, SnapshotCache } from '../src/block/snapshot.ts';
import type { StoredFragment } from '../src/block/stored-fragment.ts';
import { SpanTable } from '../src/model/span-table.ts';
import { OtlpScanner } from '../src/protocol/otlp/scan.ts';

const traces = Number(process.argv[2] ?? 24_000);
const blockCount = Number(process.argv[3] ?? 6);

const generator = path.resolve(import.meta.dirname, '../../shared/tracegen/tracegen.mjs');
if (!existsSync(generator)) {
  console.error(`SKIPPED: no trace generator at ${generator}`);
  process.exit(0);
}
const { batches } = (await import(generator)) as {
  batches(options: object): Iterable<{ bytes: Uint8Array; spans: number }>;
};
const newCost = () => ({ requests: 0, bytes: 0, pages: 0 });

type Files = ReadonlyMap<string, Buffer>;
const blocks: { id: string; files: Files; sizes: Readonly<Record<string, number>> }[] = [];

function build(table: SpanTable): void {
  const built = buildBlockOf(table.share());
  const files = new Map([...built.parts].map(([file, parts]) => [file, Buffer.concat(parts)]));
  blocks.push({ id: `block-${blocks.length}`, files, sizes: built.files });
}

let total = 0;
for (const { spans } of batches({ seed: 1, traces, baseNs: 1_700_000_000_000_000_000n })) total += spans;
let table = new SpanTable(1 << 17);
let scanner = new OtlpScanner(table);
for (const { bytes } of batches({ seed: 1, traces, baseNs: 1_700_000_000_000_000_000n })) {
  scanner.scan(bytes);
  if (table.spanCount < total / blockCount) continue;
  build(table);
  table = new SpanTable(1 << 17);
  scanner = new OtlpScanner(table);
}
if (table.spanCount > 0) build(table);

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

/** Lowest of several runs. */
async function time(name: string, runs: number, work: () => Promise<string>): Promise<void> {
  let best = Number.POSITIVE_INFINITY;
  let note = '';
  for (let i = 0; i < runs; i++) {
    const start = performance.now();
    note = await work();
    best = Math.min(best, performance.now() - start);
  }
  console.log(`${best.toFixed(2).padStart(9)} ms  ${name}: ${note}`);
}

console.log(`${total} spans in ${blocks.length} blocks`);
const budget = 1 << 30;
await time('open all blocks', 5, async () => {
  const cost = newCost();
  await openAll(new ColumnCache(budget), cost);
  return `${cost.requests} requests, ${cost.bytes} bytes`;
});
await time('one attribute of all spans, cold', 5, async () => {
  const cost = newCost();
  for (const fragment of await openAll(new ColumnCache(budget))) {
    await fragment.loadTraces(newCost());
    await fragment.load({ fixed: [], columns: fragment.columns('span', 'http.route') }, 0, fragment.traceCount, cost);
  }
  return `${cost.requests} requests, ${cost.bytes} bytes, ${cost.pages} pages`;
});
const warm = await openAll(new ColumnCache(budget));
const cache = new SnapshotCache();
await time('first snapshot', 1, async () => {
  const cost = newCost();
  const snapshot = await assembleSnapshot(warm, cache, cost);
  return `${cost.requests} requests, ${snapshot.fragments.length - warm.length} fragments of torn traces`;
});
await time('snapshot, warm', 20, async () => {
  const snapshot = await assembleSnapshot(warm, cache, newCost());
  return `${snapshot.fragments.length} fragments`;
});
const [some] = warm;
await some!.loadTraces(newCost());
const ids = Array.from({ length: 50 }, (_, i) => some!.traceIds.slice((i * 61 + 7) * 16, (i * 61 + 8) * 16));
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
for (const [name, cached] of [
  ['one trace with all columns, nothing cached but indexes', false],
  ['one trace with all columns, cached', true],
] as const) {
  let i = 0;
  await time(name, 50, async () => {
    const fragments = cached ? warm : await openAll(new ColumnCache(budget));
    const cost = newCost();
    const one = fragments.slice(0, 1);
    const found = await findTrace(one, ids[i++]!, cost);
    const { fragment, trace } = found!;
    const columns = scopes.flatMap((scope) => fragment.columns(scope));
    const fixed = ['start', 'duration', 'kind', 'name', 'resource', 'parentSpanId', 'events', 'links'] as const;
    await fragment.load({ fixed, columns }, trace, trace + 1, cost);
    return `${cost.requests} requests, ${cost.bytes} bytes, ${cost.pages} pages`;
  });
}
await time('compact all into one', 1, async () => {
  const cost = newCost();
  const summary = await compact(await openAll(new ColumnCache(64 << 20)), { write: () => undefined }, cost);
  return `${(summary.sizeBytes / summary.spanCount).toFixed(2)} bytes a span, ${cost.requests} requests`;
});
