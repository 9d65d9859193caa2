/** What a manifest of many blocks costs, the store aside: `node src/block/manifest.bench.ts [blocks]`. */
import { systemClock } from '../base/clock.ts';
import { randomHex, SeededRng } from '../base/random.ts';
import { CountingObjectStore } from '../objectstore/counting.ts';
import { MemoryObjectStore } from '../objectstore/memory.ts';
import { type BlockMeta, checkpointEvery, ManifestStore } from './manifest.ts';
import { manifestKey } from './manifest-keys.ts';

const blockCount = Number(process.argv[2] ?? 10_000);
const rng = new SeededRng(1);
const startNano = 1_700_000_000_000_000_000n;

function block(i: number): BlockMeta {
  const minStartUnixNano = startNano + BigInt(i) * 60_000_000_000n + BigInt(rng.uint32());
  const [spans, traces] = [20_000_000 + (rng.uint32() % 1_000_000), 90_000 + (rng.uint32() % 10_000)];
  const files: Record<string, number> = {
    index: rng.uint32() % 500_000,
    'spans.parquet': spans,
    'traces.parquet': traces,
  };
  for (const name of ['resources', 'events', 'links']) files[`${name}.parquet`] = rng.uint32() % 100_000;
  return {
    id: randomHex(rng, 16),
    minStartUnixNano,
    maxEndUnixNano: minStartUnixNano + 60_000_000_000n,
    spanCount: 500_000 + (rng.uint32() % 100_000),
    traceCount: 20_000 + (rng.uint32() % 1000),
    sizeBytes: spans + traces,
    level: i % 4,
    files,
    createdUnixMs: 1_700_000_000_000 + i * 60_000,
    rowGroups: 5,
  };
}

const store = new CountingObjectStore(new MemoryObjectStore());
const manifests = new ManifestStore(store, systemClock, rng);
const blocks = Array.from({ length: blockCount }, (_, i) => block(i));
let state = await manifests.commit('t', () => ({ add: blocks }));
while (state.version < 2 * checkpointEvery - 1) {
  const change = { add: [block(state.version)], cover: { writer: 'w', seq: state.version } };
  state = await manifests.commit('t', () => change, { known: state });
}

async function measure(name: string, run: () => Promise<void>): Promise<void> {
  let bestMs = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 7; round++) {
    store.reset();
    const start = performance.now();
    await run();
    bestMs = Math.min(bestMs, performance.now() - start);
  }
  console.log(`${name.padEnd(44)} min ${bestMs.toFixed(2).padStart(7)} ms, ${store.requestCount} requests`);
}

const checkpoint = await store.get(manifestKey('t', checkpointEvery));
console.log(`${blockCount} blocks: checkpoint ${checkpoint.length} bytes`);
await measure('load: checkpoint and 15 deltas', async () => void (await manifests.load('t')));
await measure('poll without news', async () => void (await manifests.load('t', state)));
await measure('commit of one block (every 16th a checkpoint)', async () => {
  const change = { add: [block(state.version)] };
  state = await manifests.commit('t', () => change, { known: state });
});
