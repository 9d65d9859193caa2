import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from '../../base/clock.ts';
import { MemoryObjectStore } from '../../objectstore/memory.ts';
import { TenantOverrides } from './tenant-overrides.ts';
import { UserLimitsStore } from './user-limits-store.ts';
import { UserOverrides } from './user-overrides.ts';

function process(store: MemoryObjectStore) {
  const overrides = new TenantOverrides({});
  const errors: object[] = [];
  const user = new UserOverrides({
    store: new UserLimitsStore(store),
    overrides,
    pollIntervalMs: 60_000,
    checkConflicts: false,
    clock: new ManualClock(),
    log: { error: (fields) => errors.push(fields) },
  });
  return { overrides, user, errors };
}

const free = { skipConflictCheck: false };
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

test('of two who saw the same version one wins and the other is told', async () => {
  const store = new MemoryObjectStore();
  const limits = new UserLimitsStore(store);
  const tries = await Promise.allSettled(Array.from({ length: 8 }, (_, n) => limits.write('t', { n }, 0)));
  assert.equal(tries.filter(({ status }) => status === 'fulfilled').length, 1);
  for (const outcome of tries)
    if (outcome.status === 'rejected') assert.equal((outcome.reason as { code: string }).code, 'version_mismatch');
  assert.equal((await limits.read('t')).version, 1);
});

test('old versions go, and a writer who slept through many of them is told', async () => {
  const store = new MemoryObjectStore();
  const limits = new UserLimitsStore(store);
  for (let version = 0; version < 40; version++) await limits.write('.t', { version }, version);
  const keys: string[] = [];
  for await (const { key } of store.list('overrides/')) keys.push(key);
  assert.equal(keys.length, 16);
  assert.deepEqual(await limits.read('.t'), { version: 40, limits: { version: 39 } });
  assert.deepEqual([...(await limits.versions())], [['.t', 40]]);

  /** Lists what was there long ago, once. */
  let stale = true;
  const sleeper = Object.assign(Object.create(store) as MemoryObjectStore, {
    put: store.put.bind(store),
    get: store.get.bind(store),
    delete: store.delete.bind(store),
    async *list(...args: Parameters<MemoryObjectStore['list']>) {
      if (stale) {
        stale = false;
        yield { key: 'overrides/=2Et/overrides.0000000003.json', size: 1 };
      } else yield* store.list(...args);
    },
  });
  await assert.rejects(new UserLimitsStore(sleeper).write('.t', {}, 3), { code: 'version_mismatch' });
});

test('limits of a bucket of Tempo are version 1', async () => {
  const store = new MemoryObjectStore();
  await store.put('overrides/t/overrides.json', bytes('{"forwarders":["f"]}'));
  const { user, overrides } = process(store);
  await user.load();
  assert.deepEqual(overrides.of('t'), { forwarders: ['f'] });
  assert.equal(await user.set('t', { forwarders: [] }, '1', free), '2');
  assert.deepEqual(overrides.of('t'), { forwarders: [] });
});

test('what one process sets the others find, also that it is gone', async () => {
  const store = new MemoryObjectStore();
  const [one, other] = [process(store), process(store)];
  await one.user.set('t', { forwarders: ['a'] }, '0', free);
  await other.user.load();
  assert.deepEqual(other.overrides.of('t'), { forwarders: ['a'] });
  await other.user.delete('t', '1');
  await one.user.load();
  assert.deepEqual(one.overrides.of('t'), {});
  await assert.rejects(one.user.get('t', 'api'), { kind: 'notFound' });
  await assert.rejects(one.user.delete('t', '2'), { kind: 'notFound' });
});

test('a damaged object of one tenant does not keep the others from being loaded', async () => {
  const store = new MemoryObjectStore();
  await store.put('overrides/bad/overrides.0000000001.json', bytes('{'));
  await store.put('overrides/odd/overrides.0000000001.json', bytes('{"unknown":1}'));
  await store.put('overrides/good/overrides.0000000001.json', bytes('{"forwarders":["f"]}'));
  const { user, overrides, errors } = process(store);
  await user.load();
  assert.deepEqual(overrides.of('good'), { forwarders: ['f'] });
  assert.deepEqual([user.reloadFailures, errors.length], [2, 2]);
});

test('patches at the same time all take effect', async () => {
  const store = new MemoryObjectStore();
  const { user } = process(store);
  await Promise.all(
    ['a', 'b', 'c'].map((key) => user.patch('t', { cost_attribution: { dimensions: { [key]: '' } } }, free)),
  );
  const { limits, version } = await user.get('t', 'api');
  assert.deepEqual(limits, { cost_attribution: { dimensions: { a: '', b: '', c: '' } } });
  assert.equal(version, '3');
});
