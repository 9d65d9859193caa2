/** What a manifest of many blocks costs, the store aside. */
import assert from 'node:assert/strict';
import { type Bench, type Figure, lowestMsAsync, runIfMain } from '../../bench/measure.ts';
import { systemClock } from '../base/clock.ts';
import { randomHex, SeededRng } from '../base/random.ts';
import { CountingObjectStore } from '../objectstore/counting.ts';
import { MemoryObjectStore } from '../objectstore/memory.ts';
import { type BlockMeta, checkpointEvery, ManifestStore } from './manifest.ts';
import { manifestKey } from './manifest-keys.ts';

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

export const bench: Bench = async (size) => {
  const blockCount = size === 'quick' ? 200 : 10_000;
  const store = new CountingObjectStore(new MemoryObjectStore());
  const manifests = new ManifestStore(store, systemClock, rng);
  const blocks = Array.from({ length: blockCount }, (_, i) => block(i));
  let state = await manifests.commit('t', () => ({ add: blocks }));
  while (state.version < 2 * checkpointEvery - 1) {
    const change = { add: [block(state.version)], cover: { writer: 'w', seq: state.version } };
    state = await manifests.commit('t', () => change, { known: state });
  }
  const figures: Figure[] = [];
  const measure = async (name: string, run: () => Promise<unknown>): Promise<void> => {
    const ms = await lowestMsAsync(size === 'quick' ? 2 : 7, () => {
      store.reset();
      return run();
    });
    figures.push({ name, value: ms, unit: 'ms' }, { name: `${name}, requests`, value: store.requestCount, unit: '' });
  };

  const checkpoint = await store.get(manifestKey('t', checkpointEvery));
  figures.push({ name: 'checkpoint', value: checkpoint.length / blockCount, unit: 'B/block' });
  await measure('load a checkpoint and 15 changes', async () => {
    assert.equal((await manifests.load('t')).blocks.size, state.blocks.size);
  });
  await measure('look for news that do not exist', () => manifests.load('t', state));
  await measure('commit one block', async () => {
    const change = { add: [block(state.version)] };
    state = await manifests.commit('t', () => change, { known: state });
  });
  return { figures };
};

await runIfMain(import.meta, bench);
