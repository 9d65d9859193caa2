/** The folder store on a file system that loses power, fills up, and fails at any step. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ManualClock } from '../base/clock.ts';
import { ErrorKind, RubatoError } from '../base/errors.ts';
import { SeededRng } from '../base/random.ts';
import { type FileOperation, fileError, SimulatedFileSystem } from '../fs/simulated-file-system.ts';
import { describeObjectStore } from './conformance.ts';
import { LocalObjectStore } from './local.ts';
import { isKind } from './object-store.ts';

const clock = new ManualClock();
let opened = 0;

function open(fileSystem: SimulatedFileSystem, temporaryAgeMsMax?: number): Promise<LocalObjectStore> {
  const rng = new SeededRng(opened++);
  return LocalObjectStore.open({
    root: '/data/rubato',
    clock,
    rng,
    fileSystem,
    ...(temporaryAgeMsMax !== undefined && { temporaryAgeMsMax }),
  });
}

async function keysOf(store: LocalObjectStore): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of store.list('')) keys.push(key);
  return keys;
}

const bodyOf = (key: string): Uint8Array => new TextEncoder().encode(`${key} `.repeat(50));

describeObjectStore('local on the simulated file system', () => open(new SimulatedFileSystem()));

class PowerFailure extends Error {}

interface Outcome {
  /** Keys of puts that resolved, and of deletes that did. */
  readonly put: Set<string>;
  readonly deleted: Set<string>;
  readonly tried: Set<string>;
}

/** Puts of all kinds, in new and old folders, some at the same time, and deletes that empty folders. */
async function work(store: LocalObjectStore, outcome: Outcome): Promise<void> {
  const put = async (key: string, ifAbsent: boolean): Promise<void> => {
    outcome.tried.add(key);
    await store.put(key, bodyOf(key), { ifAbsent });
    outcome.put.add(key);
  };
  const remove = async (key: string): Promise<void> => {
    outcome.put.delete(key);
    await store.delete(key);
    outcome.deleted.add(key);
  };
  await put('wal/w/1', false);
  await Promise.all([put('wal/w/2', false), put('wal/w/3', false), put('tenants/t/manifest/1', true)]);
  await Promise.all([put('tenants/t/blocks/b/spans', false), put('tenants/t/blocks/b/traces', false)]);
  await put('tenants/t/manifest/2', true);
  await remove('wal/w/1');
  await Promise.all([remove('wal/w/2'), remove('wal/w/3'), put('wal/w/4', false)]);
  await remove('wal/w/4');
  await put('wal/w/5', false);
}

/** Runs the work until the power fails before the given operation; undefined when there are not so many. */
async function workUntil(
  operationIndex: number,
  syncLies: boolean,
): Promise<[SimulatedFileSystem, Outcome] | undefined> {
  let operations = 0;
  let failed = false;
  const fileSystem = new SimulatedFileSystem({
    syncLies,
    before: () => {
      if (operations++ >= operationIndex) {
        failed = true;
        throw new PowerFailure();
      }
    },
  });
  const outcome: Outcome = { put: new Set(), deleted: new Set(), tried: new Set() };
  try {
    await work(await open(fileSystem), outcome);
  } catch (error) {
    assert.ok(error instanceof RubatoError, String(error));
    // Whatever ran beside the first to fail comes to its end too.
    for (let turn = 0; turn < 50; turn++) await Promise.resolve();
  }
  return failed ? [fileSystem, outcome] : undefined;
}

describe('power failure', () => {
  test('at every step: acknowledged objects are there and whole, others are whole or absent, deleted ones stay deleted', async () => {
    let steps = 0;
    for (; ; steps++) {
      const result = await workUntil(steps, false);
      if (result === undefined) break;
      const [fileSystem, outcome] = result;
      for (let seed = 0; seed < 6; seed++) {
        const store = await open(fileSystem.crash(new SeededRng(steps * 100 + seed)), 0);
        const keys = await keysOf(store);
        for (const key of outcome.put) assert.ok(keys.includes(key), `step ${steps}: ${key} was acknowledged`);
        for (const key of outcome.deleted) assert.ok(!keys.includes(key), `step ${steps}: ${key} was deleted`);
        for (const key of keys) {
          assert.ok(outcome.tried.has(key));
          assert.deepEqual(await store.get(key), bodyOf(key), `step ${steps}: ${key} is whole`);
        }
        // The store goes on as if nothing had happened, a second crash included.
        await store.put('wal/w/after', bodyOf('after'));
      }
    }
    assert.ok(steps > 60, `${steps} steps`);
  });

  test('with a disk that lies about syncing content objects are torn, so the test above can fail', async () => {
    let torn = 0;
    const [fileSystem, outcome] = (await workUntil(80, true))!;
    for (let seed = 0; seed < 20; seed++) {
      const store = await open(fileSystem.crash(new SeededRng(seed)), 0);
      for (const key of outcome.put) if (Buffer.compare(await store.get(key), bodyOf(key)) !== 0) torn++;
    }
    assert.ok(torn > 0);
  });

  test('leftovers are invisible, and go when the store is opened, unless they may be in use', async () => {
    let syncs = 0;
    const before = (operation: FileOperation): void => {
      if (operation === 'rename' && syncs++ === 0) throw new PowerFailure();
      // The failed put cannot clean up either.
      if (operation === 'unlink') throw new PowerFailure();
    };
    const nowMs = (): number => clock.nowMs();
    const fileSystem = new SimulatedFileSystem({ before, nowMs });
    const store = await open(fileSystem);
    await assert.rejects(store.put('a/b', bodyOf('a/b')));
    assert.deepEqual(await keysOf(store), []);
    const temporaries = '/data/rubato/~temporary';
    assert.equal((await fileSystem.readDirectory(temporaries)).length, 1);
    await clock.advance(60_000);
    const rng = new SeededRng(1);
    await fileSystem.syncDirectory(temporaries);
    const later = fileSystem.crash(rng);
    await open(later);
    assert.equal((await later.readDirectory(temporaries)).length, 1);
    await clock.advance(15 * 60_000);
    await open(later);
    assert.equal((await later.readDirectory(temporaries)).length, 0);
  });
});

describe('a failing disk', () => {
  test('a full disk is an error of its own, leaves no half object, and the store goes on when there is room again', async () => {
    const fileSystem = new SimulatedFileSystem({ spaceBytes: 1000 });
    const store = await open(fileSystem);
    await store.put('a/1', new Uint8Array(600));
    await assert.rejects(
      store.put('a/2', new Uint8Array(600)),
      (error) => error instanceof RubatoError && error.kind === ErrorKind.unavailable && error.code === 'disk_full',
    );
    assert.deepEqual(await keysOf(store), ['a/1']);
    assert.equal((await fileSystem.readDirectory('/data/rubato/~temporary')).length, 0);
    const roomy = await open(fileSystem.crash(new SeededRng(1)));
    await roomy.put('a/2', new Uint8Array(600));
    assert.deepEqual(await keysOf(roomy), ['a/1', 'a/2']);
  });

  test('any operation of a put that fails makes the put fail as unavailable, and the next put works', async () => {
    for (const ifAbsent of [false, true]) {
      for (let failing = 0; ; failing++) {
        let operations = 0;
        let armed = false;
        const fileSystem = new SimulatedFileSystem({
          before: (operation, file) => {
            if (armed && operations++ === failing) throw fileError(operation === 'unlink' ? 'EPERM' : 'EIO', file);
          },
        });
        const store = await open(fileSystem);
        armed = true;
        const outcome = await store.put('new/folder/k', bodyOf('k'), { ifAbsent }).then(
          () => undefined,
          (error: unknown) => error,
        );
        if (outcome === undefined) {
          assert.ok(failing > 8, `${failing} operations`);
          break;
        }
        assert.ok(isKind(outcome, ErrorKind.unavailable), String(outcome));
        armed = false;
        await store.put('new/folder/k', bodyOf('again'));
        assert.deepEqual(await store.get('new/folder/k'), bodyOf('again'));
        assert.deepEqual(await keysOf(store), ['new/folder/k']);
      }
    }
  });

  test('a sync of a folder that runs already does not count for names that came later', async () => {
    const syncing: PromiseWithResolvers<void>[] = [];
    class SlowSync extends SimulatedFileSystem {
      override async syncDirectory(directory: string): Promise<void> {
        // The disk looks at the folder first and takes its time afterwards.
        await super.syncDirectory(directory);
        if (!directory.endsWith('/wal/w')) return;
        const gate = Promise.withResolvers<void>();
        syncing.push(gate);
        await gate.promise;
      }
    }
    const fileSystem = new SlowSync();
    const store = await open(fileSystem);
    const turns = async (): Promise<void> => {
      for (let turn = 0; turn < 100; turn++) await Promise.resolve();
    };
    const first = store.put('wal/w/1', bodyOf('1'));
    await turns();
    const others = [2, 3, 4].map((i) => store.put(`wal/w/${i}`, bodyOf(String(i))));
    await turns();
    assert.equal(syncing.length, 1);
    syncing[0]!.resolve();
    await first;
    await turns();
    assert.equal(syncing.length, 2, 'the three others share one sync');
    syncing[1]!.resolve();
    await Promise.all(others);
    assert.deepEqual((await keysOf(await open(fileSystem.crash(new SeededRng(9))))).length, 4);
  });
});
