import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from '../base/clock.ts';
import { SeededRng } from '../base/random.ts';
import { MemoryObjectStore } from '../objectstore/memory.ts';
import { decodePack, encodePack, readPack } from './index-pack.ts';
import { type BlockMeta, isNamed, type ManifestState, ManifestStore } from './manifest.ts';
import { blockFileKey } from './manifest-keys.ts';
import { packIndexes } from './pack-indexes.ts';

const tenant = 't';
const newCost = () => ({ requests: 0, bytes: 0, pages: 0 });

class World {
  readonly store = new MemoryObjectStore();
  readonly clock = new ManualClock(1_700_000_000_000);
  readonly rng = new SeededRng(1);
  readonly manifest = new ManifestStore(this.store, this.clock, this.rng);
  #blocks = 0;

  async add(count: number): Promise<ManifestState> {
    const add: BlockMeta[] = [];
    for (let i = 0; i < count; i++) {
      const id = `block-${this.#blocks++}`;
      const index = Buffer.from(`index of ${id}`);
      await this.store.put(blockFileKey(tenant, id, 'index'), index);
      add.push({
        id,
        minStartUnixNano: BigInt(this.#blocks),
        maxEndUnixNano: BigInt(this.#blocks),
        spanCount: 1,
        traceCount: 1,
        sizeBytes: index.length,
        level: 0,
        files: { index: index.length },
        createdUnixMs: 0,
        rowGroups: 1,
      });
    }
    return this.manifest.commit(tenant, () => ({ add }));
  }

  remove(ids: readonly string[]): Promise<ManifestState> {
    return this.manifest.commit(tenant, () => ({ remove: ids.map((id) => ({ id, reason: 'test' })) }));
  }

  pack(state: ManifestState): Promise<ManifestState> {
    return packIndexes(this, state);
  }
}

const packed = ({ blocks }: ManifestState): number => [...blocks.values()].filter((block) => block.packId).length;

test('a pack gives back what went in', () => {
  const indexes = new Map([
    ['a', Buffer.from('12345')],
    ['b', Buffer.alloc(0)],
    ['c', Buffer.alloc(100, 7)],
  ]);
  const bytes = encodePack(indexes);
  assert.deepEqual(
    [...decodePack(bytes, 'pack')].map(([id, index]) => [id, Buffer.from(index)]),
    [...indexes],
  );
  for (const at of [0, 4, 9, 14, 20]) {
    const damaged = Uint8Array.from(bytes);
    damaged[at]! ^= 4;
    assert.throws(() => decodePack(damaged, 'pack'), { kind: 'corrupt' });
  }
});

test('blocks are packed when there are enough, and every index can be read from the pack that the manifest names', async () => {
  const world = new World();
  let state = await world.add(15);
  assert.equal(await world.pack(state), state, 'fifteen are too few');
  state = await world.pack(await world.add(1));
  assert.equal(packed(state), 16);
  for (let i = 0; i < 20; i++) state = await world.pack(await world.add(16));
  assert.equal(packed(state), 336);
  assert.ok(state.packs.size <= 336 / 64 + 1, `${state.packs.size} packs`);
  const fresh = await world.manifest.load(tenant);
  assert.deepEqual(fresh, state, 'as the manifest tells it');
  for (const pack of state.packs.values()) {
    const indexes = await readPack(world.store, tenant, pack, newCost());
    for (const { id, packId } of state.blocks.values())
      if (packId === pack.id) assert.equal(Buffer.from(indexes.get(id)!).toString(), `index of ${id}`);
  }
});

test('a pack without blocks is removed and its object named until it is collected', async () => {
  const world = new World();
  let state = await world.pack(await world.add(16));
  const [id] = state.packs.keys();
  const blocks = [...state.blocks.keys()];
  state = await world.remove(blocks.slice(1));
  assert.deepEqual([...state.packs.keys()], [id]);
  state = await world.remove(blocks.slice(0, 1));
  assert.equal(state.packs.size, 0);
  assert.deepEqual(state.removed.get(id!)?.files, ['pack']);
  assert.ok(isNamed(state, id!));
  state = await world.manifest.commit(tenant, () => ({ collected: [id!] }));
  assert.ok(!isNamed(state, id!));
});

test('blocks that go while they are packed do not matter', async () => {
  const world = new World();
  const before = await world.add(16);
  const gone = [...before.blocks.keys()].slice(0, 5);
  await world.remove(gone);
  const state = await world.pack(before);
  assert.equal(state.blocks.size, 11);
  assert.equal(packed(state), 11);
});

test('when all are gone nothing is committed', async () => {
  const world = new World();
  const before = await world.add(16);
  const { version } = await world.remove([...before.blocks.keys()]);
  assert.equal((await world.pack(before)).version, version);
});
