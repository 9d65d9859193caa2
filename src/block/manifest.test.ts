import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, test } from 'node:test';
import { ManualClock, systemClock } from '../base/clock.ts';
import { ErrorKind } from '../base/errors.ts';
import { SeededRng, systemRng } from '../base/random.ts';
import { CountingObjectStore } from '../objectstore/counting.ts';
import { FailingObjectStore, type FaultDecision, seededFaults } from '../objectstore/failing.ts';
import { LocalObjectStore } from '../objectstore/local.ts';
import { MemoryObjectStore } from '../objectstore/memory.ts';
import { isKind, type ObjectStore, unavailable } from '../objectstore/object-store.ts';
import { RetryingObjectStore } from '../objectstore/retrying.ts';
import { type BlockMeta, ManifestStore, trustMs, versionGraceMsMin } from './manifest.ts';
import { manifestKey } from './manifest-keys.ts';

const tenant = 'team-a';

function block(id: string): BlockMeta {
  return {
    id,
    minStartUnixNano: 1_700_000_000_123_456_789n,
    maxEndUnixNano: 1_700_000_060_987_654_321n,
    spanCount: 1000,
    traceCount: 100,
    sizeBytes: 26_000,
    level: 0,
    files: { 'spans.parquet': 20_000, 'traces.parquet': 6000 },
    createdUnixMs: 1_700_000_061_000,
    rowGroups: 3,
  };
}

interface Setup {
  readonly store: CountingObjectStore;
  readonly clock: ManualClock;
  readonly manifests: ManifestStore;
}

function setup(): Setup {
  const store = new CountingObjectStore(new MemoryObjectStore());
  const clock = new ManualClock();
  return { store, clock, manifests: new ManifestStore(store, clock, new SeededRng(1)) };
}

async function commitMany(manifests: ManifestStore, from: number, to: number): Promise<void> {
  let known = await manifests.load(tenant);
  for (let i = from; i <= to; i++) known = await manifests.commit(tenant, () => ({ add: [block(`b${i}`)] }), { known });
}

const ids = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, i) => `b${from + i}`).sort();

describe('manifest', () => {
  test('a tenant without commits has an empty state of version 0', async () => {
    const { manifests } = setup();
    const state = await manifests.load(tenant);
    assert.equal(state.version, 0);
    assert.equal(state.blocks.size + state.covered.size + state.removed.size, 0);
    assert.deepEqual(await manifests.listTenants(), []);
  });

  test('everything that was committed is loaded as it was, by deltas and through checkpoints', async () => {
    const { manifests, clock, store } = setup();
    for (let i = 1; i <= 40; i++) {
      await manifests.commit(tenant, () => ({ add: [block(`b${i}`)], cover: { writer: 'w', seq: i * 10 } }));
      const state = await new ManifestStore(store, clock, systemRng).load(tenant);
      assert.equal(state.version, i);
      assert.deepEqual([...state.blocks.keys()].sort(), ids(1, i));
      assert.deepEqual([...state.covered], [['w', i * 10]]);
      assert.deepEqual(state.blocks.get(`b${i}`), block(`b${i}`));
    }
  });

  test('removed blocks keep a tombstone with their files until they are collected', async () => {
    const { manifests, clock } = setup();
    await manifests.commit(tenant, () => ({ add: [block('b1'), block('b2')] }));
    await clock.advance(5000);
    const change = {
      add: [block('b3')],
      remove: [
        { id: 'b1', reason: 'compacted' },
        { id: 'b2', reason: 'compacted' },
      ],
    };
    await manifests.commit(tenant, () => change);
    const removedUnixMs = clock.nowMs();
    for (let i = 0; i < 20; i++) await manifests.commit(tenant, () => ({ add: [block(`c${i}`)] }));
    const state = await manifests.load(tenant);
    assert.equal(state.blocks.has('b1'), false);
    assert.deepEqual(state.removed.get('b1'), {
      id: 'b1',
      reason: 'compacted',
      removedUnixMs,
      files: ['spans.parquet', 'traces.parquet'],
    });
    const after = await manifests.commit(tenant, () => ({ collected: ['b1'] }));
    assert.deepEqual([...after.removed.keys()], ['b2']);
    assert.deepEqual([...(await manifests.load(tenant)).removed.keys()], ['b2']);
  });

  test('a change that does not fit the state is refused and nothing is written', async () => {
    const { manifests, store } = setup();
    await manifests.commit(tenant, () => ({ add: [block('b1')], cover: { writer: 'w', seq: 5 } }));
    await manifests.commit(tenant, () => ({ add: [block('b2')], remove: [{ id: 'b1', reason: 'retention' }] }));
    const puts = store.counts.put.requests;
    for (const change of [
      { add: [block('b2')] },
      { add: [block('b1')] },
      { add: [block('b3'), block('b3')] },
      { remove: [{ id: 'b1', reason: 'again' }] },
      { add: [block('b4')], cover: { writer: 'w', seq: 5 } },
      { add: [block('b4')], cover: { writer: 'w', seq: 3 } },
    ])
      await assert.rejects(
        manifests.commit(tenant, () => change),
        (error) => isKind(error, ErrorKind.conflict),
      );
    assert.equal(store.counts.put.requests, puts);
    assert.equal((await manifests.load(tenant)).version, 2);
  });

  test('a change that decides for nothing writes nothing', async () => {
    const { manifests, store } = setup();
    assert.equal((await manifests.commit(tenant, () => undefined)).version, 0);
    assert.equal((await manifests.commit(tenant, () => ({ add: [], remove: [] }))).version, 0);
    assert.equal(store.counts.put.requests, 0);
  });

  test('a load costs one listing and at most 16 gets, a poll one get, whatever came before', async () => {
    const { manifests, store, clock } = setup();
    let most = 0;
    for (let version = 1; version <= 50; version++) {
      await commitMany(manifests, version, version);
      store.reset();
      await new ManifestStore(store, clock, systemRng).load(tenant);
      assert.equal(store.counts.list.requests, 1);
      most = Math.max(most, store.counts.get.requests);
      assert.equal(store.requestCount, 1 + store.counts.get.requests);
    }
    assert.equal(most, 16);
    const known = await manifests.load(tenant);
    store.reset();
    assert.equal(await manifests.load(tenant, known), known);
    assert.equal(store.requestCount, 1);
    const other = new ManifestStore(store, clock, systemRng);
    await other.commit(tenant, () => ({ add: [block('new')] }));
    store.reset();
    assert.ok((await manifests.load(tenant, known)).blocks.has('new'));
    assert.equal(store.requestCount, 2);
  });

  test('a commit from a known state costs one get and one put', async () => {
    const { manifests, store } = setup();
    const known = await manifests.commit(tenant, () => ({ add: [block('b1')] }));
    store.reset();
    await manifests.commit(tenant, () => ({ add: [block('b2')] }), { known });
    assert.equal(store.counts.put.requests, 1);
    assert.equal(store.requestCount, 2);
  });

  test('a known state stays as it was while newer ones are built on it', async () => {
    const { manifests } = setup();
    const first = await manifests.commit(tenant, () => ({ add: [block('b1')] }));
    const second = await manifests.commit(tenant, () => ({ remove: [{ id: 'b1', reason: 'retention' }] }), {
      known: first,
    });
    assert.deepEqual([...first.blocks.keys()], ['b1']);
    assert.equal(second.blocks.size, 0);
  });

  test('the loser of a race decides again on what the winner left', async () => {
    const inner = new MemoryObjectStore();
    const fast = new ManifestStore(inner, systemClock, new SeededRng(1));
    const inputs = ['in-1', 'in-2'];
    const compaction = (output: string) => ({
      add: [block(output)],
      remove: inputs.map((id) => ({ id, reason: 'compacted' })),
    });
    await fast.commit(tenant, () => ({ add: inputs.map(block) }));
    const store: ObjectStore = new FailingObjectStore(inner, systemClock, () => undefined);
    store.put = async (...args) => {
      // Between the slow one's decision and its put.
      await fast.commit(tenant, (state) => (state.blocks.has('in-1') ? compaction('out-fast') : undefined));
      await inner.put(...args);
    };
    const asked: number[] = [];
    const state = await new ManifestStore(store, systemClock, new SeededRng(2)).commit(tenant, (now) => {
      asked.push(now.version);
      return now.blocks.has('in-1') ? compaction('out-slow') : undefined;
    });
    assert.deepEqual(asked, [1, 2]);
    assert.deepEqual([...state.blocks.keys()], ['out-fast']);
    assert.equal((await fast.load(tenant)).version, 2);
  });

  test('tenants are listed by their ids, whatever characters these have', async () => {
    const { manifests } = setup();
    const tenants = ['a', "!-_.*'()", '.hidden', 'dot.', 'single-tenant', 'wal', 'x'.repeat(150), '...'];
    for (const one of tenants) await manifests.commit(one, () => ({ add: [block('b')] }));
    assert.deepEqual((await manifests.listTenants()).sort(), [...tenants].sort());
    for (const bad of ['', '.', '..', 'a/b', 'a b', 'a=b', 'x'.repeat(151)])
      await assert.rejects(manifests.load(bad), (error) => isKind(error, ErrorKind.invalid));
  });

  test('a manifest of another tenant or version under this key is damage', async () => {
    const { manifests, store } = setup();
    await commitMany(manifests, 1, 2);
    const bytes = await store.get(manifestKey(tenant, 2));
    await store.put(manifestKey('other', 1), await store.get(manifestKey(tenant, 1)));
    await assert.rejects(manifests.load('other'), (error) => isKind(error, ErrorKind.corrupt));
    await store.put(manifestKey(tenant, 3), bytes);
    await assert.rejects(manifests.load(tenant), (error) => isKind(error, ErrorKind.corrupt));
  });

  test('every damaged bit and every truncation of a version is noticed', async () => {
    const { manifests, store, clock } = setup();
    await commitMany(manifests, 1, 1);
    const key = manifestKey(tenant, 1);
    const good = await store.get(key);
    const fresh = new ManifestStore(store, clock, systemRng);
    for (let at = 0; at < good.length; at++) {
      const bad = good.slice();
      bad[at]! ^= 1 << (at % 8);
      await store.put(key, bad);
      // Byte 4 says the format, and 17 may come one day.
      const kind = at === 4 ? ErrorKind.config : ErrorKind.corrupt;
      await assert.rejects(fresh.load(tenant), (error) => isKind(error, kind), `byte ${at}`);
      await store.put(key, good.subarray(0, at));
      await assert.rejects(fresh.load(tenant), (error) => isKind(error, ErrorKind.corrupt), `length ${at}`);
    }
  });

  test('a missing version is damage, not an older state', async () => {
    const { manifests, store, clock } = setup();
    await commitMany(manifests, 1, 20);
    await store.delete(manifestKey(tenant, 18));
    await assert.rejects(new ManifestStore(store, clock, systemRng).load(tenant), (error) =>
      isKind(error, ErrorKind.corrupt),
    );
  });
});

describe('removal of old manifest versions', () => {
  test('versions before a checkpoint older than the grace period go, and nothing else', async () => {
    const { manifests, store, clock } = setup();
    await commitMany(manifests, 1, 40);
    assert.equal(await manifests.removeOldVersions(tenant, 0), 0);
    await clock.advance(versionGraceMsMin + 1);
    await commitMany(manifests, 41, 50);
    assert.equal(await manifests.removeOldVersions(tenant, 0), 31);
    const versions: string[] = [];
    for await (const { key } of store.list(`tenants/${tenant}/manifest/`)) versions.push(key);
    assert.equal(versions[0], manifestKey(tenant, 32));
    assert.equal(versions.length, 19);
    assert.equal((await new ManifestStore(store, clock, systemRng).load(tenant)).blocks.size, 50);
  });

  test('a reader that slept through a removal sees the newest state, not its own as the newest', async () => {
    const { manifests, store, clock } = setup();
    await commitMany(manifests, 1, 10);
    const sleeper = new ManifestStore(store, clock, systemRng);
    const known = await sleeper.load(tenant);
    await commitMany(manifests, 11, 32);
    await clock.advance(versionGraceMsMin + 1);
    await manifests.removeOldVersions(tenant, 0);
    assert.equal((await sleeper.load(tenant, known)).version, 32);
  });

  for (const sleptFrom of [0, 10, 14, 15, 30, 31]) {
    test(`a committer that sleeps between its check at version ${sleptFrom} and its put does not fork the chain`, async () => {
      const { manifests, store, clock } = setup();
      await commitMany(manifests, 1, sleptFrom);
      let asleep = true;
      const nap = Promise.withResolvers<void>();
      const slow: ObjectStore = new FailingObjectStore(store, clock, () => undefined);
      const put = slow.put.bind(slow);
      slow.put = async (...args) => {
        if (asleep) await nap.promise;
        asleep = false;
        return put(...args);
      };
      const sleeper = new ManifestStore(slow, clock, new SeededRng(3));
      const asked: number[] = [];
      const committed = sleeper.commit(tenant, (state) => {
        asked.push(state.version);
        return { add: [block('late')] };
      });
      await new Promise((resolve) => setTimeout(resolve, 20));
      await commitMany(manifests, sleptFrom + 1, 40);
      await clock.advance(versionGraceMsMin + 1);
      await manifests.removeOldVersions(tenant, 0);
      nap.resolve();
      for (let i = 0; i < 50; i++) {
        await new Promise((resolve) => setTimeout(resolve, 1));
        await clock.advance(50);
      }
      assert.equal((await committed).version, 41);
      assert.deepEqual(asked, [sleptFrom, 40]);
      const state = await new ManifestStore(store, clock, systemRng).load(tenant);
      assert.equal(state.version, 41);
      assert.equal(state.blocks.size, 41);
    });
  }

  test('trust ends well before versions may be removed', () => {
    assert.ok(trustMs * 2 <= versionGraceMsMin);
  });
});

describe('racing commits', () => {
  const committers = 12;
  const commitsEach = 5;

  /** Each committer adds its own blocks and counts up a shared writer's seq, which shows any lost update. */
  async function race(store: (i: number) => ObjectStore, seed: number): Promise<ManifestStore> {
    await Promise.all(
      Array.from({ length: committers }, async (_, i) => {
        const manifests = new ManifestStore(store(i), systemClock, new SeededRng(seed * 100 + i));
        for (let round = 0; round < commitsEach; round++) {
          const id = `b${i}-${round}`;
          await manifests.commit(tenant, (state) => {
            assert.equal(state.blocks.has(id), false, 'a commit that worked is not asked for again');
            return { add: [block(id)], cover: { writer: 'shared', seq: (state.covered.get('shared') ?? 0) + 1 } };
          });
        }
      }),
    );
    return new ManifestStore(store(0), systemClock, new SeededRng(seed));
  }

  async function assertUnion(manifests: ManifestStore): Promise<void> {
    const state = await manifests.load(tenant);
    const expected = Array.from(
      { length: committers * commitsEach },
      (_, i) => `b${i % committers}-${Math.floor(i / committers)}`,
    );
    assert.deepEqual([...state.blocks.keys()].sort(), expected.sort());
    assert.equal(state.covered.get('shared'), committers * commitsEach);
    assert.equal(state.version, committers * commitsEach);
  }

  test('over memory exactly the union results', async () => {
    const store = new MemoryObjectStore();
    await assertUnion(await race(() => store, 1));
  });

  test('over a folder shared by several store instances exactly the union results', async (t) => {
    const root = mkdtempSync(path.join(tmpdir(), 'rubato-manifest-'));
    t.after(() => rmSync(root, { recursive: true }));
    const stores = await Promise.all(
      [0, 1, 2].map(() => LocalObjectStore.open({ root, clock: systemClock, rng: systemRng })),
    );
    await assertUnion(await race((i) => stores[i % stores.length]!, 2));
  });

  for (const seed of [1, 2, 3, 4]) {
    test(`over a store with faults exactly the union results (seed ${seed})`, async () => {
      const inner = new MemoryObjectStore();
      const faults = { errorBefore: 0.05, errorAfter: 0.15, tornRead: 0.02, latencyMsMax: 3 };
      const decide = seededFaults(new SeededRng(seed), faults);
      const failing = new FailingObjectStore(inner, systemClock, decide);
      const retrying = (i: number): ObjectStore =>
        new RetryingObjectStore(failing, { clock: systemClock, rng: new SeededRng(i), firstWaitMs: 2, triesMax: 16 });
      await race(retrying, seed);
      await assertUnion(new ManifestStore(inner, systemClock, systemRng));
    });
  }

  test('a commit whose answer is lost is recognised, without a retrying store too', async () => {
    const inner = new MemoryObjectStore();
    let failures = 3;
    const decide: FaultDecision = (operation) =>
      operation === 'put' && failures-- > 0 ? { error: 'after' } : undefined;
    const manifests = new ManifestStore(
      new FailingObjectStore(inner, systemClock, decide),
      systemClock,
      new SeededRng(1),
    );
    for (let i = 1; i <= 4; i++) await manifests.commit(tenant, () => ({ add: [block(`b${i}`)] }));
    const state = await new ManifestStore(inner, systemClock, systemRng).load(tenant);
    assert.equal(state.version, 4);
    assert.deepEqual([...state.blocks.keys()], ids(1, 4));
  });

  test('a put that takes effect only after its error is recognised when it gets in the way of the retry', async () => {
    const inner = new MemoryObjectStore();
    let late: (() => Promise<void>) | undefined;
    const store: ObjectStore = new FailingObjectStore(inner, systemClock, () => undefined);
    store.put = async (...args) => {
      if (late === undefined) {
        late = () => inner.put(...args);
        throw unavailable('timeout', 'no answer');
      }
      // The first put arrives just before the second.
      const first = late;
      late = async () => {};
      await first();
      await inner.put(...args);
    };
    const manifests = new ManifestStore(store, systemClock, new SeededRng(1));
    const asked: number[] = [];
    const state = await manifests.commit(tenant, ({ version }) => {
      asked.push(version);
      return { add: [block('b1')] };
    });
    assert.deepEqual(asked, [0, 0]);
    assert.equal(state.version, 1);
    assert.equal((await manifests.load(tenant)).version, 1);
  });

  test('a store that stays down makes the commit fail as unavailable after a bounded number of tries', async () => {
    const inner = new MemoryObjectStore();
    const clock = new ManualClock();
    const decide: FaultDecision = (operation) => (operation === 'put' ? { error: 'before' } : undefined);
    const manifests = new ManifestStore(new FailingObjectStore(inner, clock, decide), clock, new SeededRng(1));
    const failed = assert.rejects(
      manifests.commit(tenant, () => ({ add: [block('b1')] })),
      (error) => isKind(error, ErrorKind.unavailable),
    );
    let over = false;
    void failed.finally(() => (over = true));
    while (!over) {
      await new Promise((resolve) => setTimeout(resolve, 0));
      await clock.advance(1000);
    }
    await failed;
  });
});
