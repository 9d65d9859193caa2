/**
 * Blocks by the hundred: one minute of the demo's shop is made into a block, and again, moved into the past and with other
 * ids. Kept in bench/data (10 million spans: 250 MB) until the code that writes blocks changes; runs link them.
 */
import { createHash } from 'node:crypto';
import { existsSync, globSync, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { systemClock } from '../src/base/clock.ts';
import { SeededRng, systemRng } from '../src/base/random.ts';
import { newBlockId } from '../src/block/block-id.ts';
import { buildBlockOf } from '../src/block/build.ts';
import { type BlockMeta, ManifestStore } from '../src/block/manifest.ts';
import { blockFileKey } from '../src/block/manifest-keys.ts';
import { packIndexes } from '../src/block/pack-indexes.ts';
import type { SpanTableData } from '../src/model/span-table.ts';
import { LocalObjectStore } from '../src/objectstore/local.ts';
import { requestsOf, shopTraces, tableOf } from './traffic.ts';

const tenant = 'single-tenant';
const blockSeconds = 60;

/** Block `k` of the past. */
function variant(data: SpanTableData, k: number): SpanTableData {
  const moved = (words: Uint32Array, count: number): Uint32Array => {
    const out = words.slice(0, count * 2);
    const times = new BigUint64Array(out.buffer);
    for (let i = 0; i < count; i++) times[i]! -= BigInt(k * blockSeconds) * 1_000_000_000n;
    return out;
  };
  const renamed = (words: Uint32Array, count: number, width: number): Uint32Array => {
    const out = words.slice(0, count * width);
    for (let i = 0; i < out.length; i += width) if (out[i] !== 0 || out[i + 1] !== 0) out[i]! ^= k;
    return out;
  };
  return {
    ...data,
    traceIds: renamed(data.traceIds, data.traceCount, 4),
    spanId: renamed(data.spanId, data.spanCount, 2),
    parentId: renamed(data.parentId, data.spanCount, 2),
    start: moved(data.start, data.spanCount),
    end: moved(data.end, data.spanCount),
    eventTime: moved(data.eventTime, data.eventCount),
  };
}

export interface Blocks {
  readonly code: string;
  readonly blocks: (Omit<BlockMeta, 'minStartUnixNano' | 'maxEndUnixNano'> & { start: string; end: string })[];
  /** Some trace ids of the template, by which those of every block are known. */
  readonly traceIds: string[];
}

export const idOf = (templateId: string, k: number): string => {
  const bytes = Buffer.from(templateId, 'hex');
  bytes.writeUInt32LE((bytes.readUInt32LE(0) ^ k) >>> 0, 0);
  return bytes.toString('hex');
};

/** Of everything that decides what blocks look like. */
function codeHash(): string {
  const hash = createHash('sha256');
  const cwd = path.resolve(import.meta.dirname, '..');
  for (const file of globSync(
    ['bench/scale-blocks.ts', 'bench/traffic.ts', 'src/{block,cli/demo,model,parquet}/*.ts'],
    { cwd },
  ).sort())
    hash.update(readFileSync(path.join(cwd, file)));
  return hash.digest('hex');
}

/** Made once, and kept. */
export async function makeBlocks(count: number, spansPerBlock: number): Promise<{ root: string; made: Blocks }> {
  const root = path.join(import.meta.dirname, `data/scale-${spansPerBlock}`);
  const code = codeHash();
  const list = path.join(root, 'blocks.json');
  if (existsSync(list)) {
    const made = JSON.parse(readFileSync(list, 'utf8')) as Blocks;
    if (made.code === code && made.blocks.length >= count) return { root, made };
  }
  rmSync(root, { recursive: true, force: true });
  const template = tableOf(requestsOf(shopTraces(spansPerBlock))).share();
  const ids = Buffer.from(template.traceIds.slice(0, template.traceCount * 4).buffer);
  const traceIds = Array.from({ length: 500 }, (_, i) => {
    const at = ((i * 7919) % template.traceCount) * 16;
    return ids.toString('hex', at, at + 16);
  });
  const made: Blocks = { code, blocks: [], traceIds };
  for (let k = 0; k < count; k++) {
    const { parts, minStartUnixNano, maxEndUnixNano, ...summary } = buildBlockOf(variant(template, k));
    const id = newBlockId(1_700_000_000_000 + k, new SeededRng(k));
    for (const [file, bytes] of parts) {
      const target = path.join(root, 'files', blockFileKey(tenant, id, file));
      mkdirSync(path.dirname(target), { recursive: true });
      writeFileSync(target, Buffer.concat(bytes));
    }
    const times = { start: String(minStartUnixNano), end: String(maxEndUnixNano) };
    made.blocks.push({ id, ...summary, ...times, level: 0, createdUnixMs: 1_700_000_000_000 });
  }
  writeFileSync(list, JSON.stringify(made));
  return { root, made };
}

/** A data folder with the first blocks. */
export async function makeFolder(root: string, { blocks }: Blocks, count: number): Promise<string> {
  const folder = path.join(root, `run-${process.pid}`);
  rmSync(folder, { recursive: true, force: true });
  const used = blocks.slice(0, count);
  for (const { id, files } of used) {
    for (const file of Object.keys(files)) {
      const key = blockFileKey(tenant, id, file);
      const target = path.join(folder, 'data', key);
      mkdirSync(path.dirname(target), { recursive: true });
      linkSync(path.join(root, 'files', key), target);
    }
  }
  const options = { root: path.join(folder, 'data'), clock: systemClock, rng: systemRng };
  const store = await LocalObjectStore.open(options);
  const manifest = new ManifestStore(store, systemClock, systemRng);
  const add = used.map(({ start, end, ...meta }) => ({
    ...meta,
    minStartUnixNano: BigInt(start),
    maxEndUnixNano: BigInt(end),
  }));
  const state = await manifest.commit(tenant, () => ({ add }));
  await packIndexes({ store, manifest, clock: systemClock, rng: systemRng }, state);
  return folder;
}
