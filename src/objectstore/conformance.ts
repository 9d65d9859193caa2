/**
 * What every object store must do, as tests. `describeObjectStore(name, open)` registers them for one implementation;
 * `open` gives an empty store each time.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ErrorKind } from '../base/errors.ts';
import { isKind, type ListOptions, type ObjectStore } from './object-store.ts';

export function describeObjectStore(name: string, open: () => Promise<ObjectStore>): void {
  describe(`object store: ${name}`, () => {
    test('what was put is what is got, also in parts and empty', async () => {
      const store = await open();
      await store.put('a/one', bytesOf('hello'));
      await store.put('a/parts', [bytesOf('he'), bytesOf(''), bytesOf('llo')]);
      await store.put('a/empty', new Uint8Array(0));
      await store.put('a/no-parts', []);
      assert.equal(textOf(await store.get('a/one')), 'hello');
      assert.equal(textOf(await store.get('a/parts')), 'hello');
      assert.equal((await store.get('a/empty')).length, 0);
      assert.equal((await store.get('a/no-parts')).length, 0);
    });

    test('a body of several MiB in thousands of parts comes back whole', async () => {
      const store = await open();
      const parts: Uint8Array[] = [];
      for (let i = 0; i < 3000; i++) parts.push(new Uint8Array(1000).fill(i % 251));
      await store.put('big', parts);
      const got = await store.get('big');
      assert.equal(got.length, 3_000_000);
      for (let i = 0; i < 3000; i++) assert.equal(got[i * 1000 + (i % 1000)], i % 251);
    });

    test('a put replaces; what a reader already holds does not change', async () => {
      const store = await open();
      await store.put('k', bytesOf('first'));
      const first = await store.get('k');
      await store.put('k', bytesOf('second, longer'));
      assert.equal(textOf(first), 'first');
      assert.equal(textOf(await store.get('k')), 'second, longer');
    });

    test('bytes given and received belong to the caller', async () => {
      const store = await open();
      const body = bytesOf('body');
      await store.put('k', body);
      body.fill(0);
      const got = await store.get('k');
      assert.equal(textOf(got), 'body');
      got.fill(0);
      assert.equal(textOf(await store.get('k')), 'body');
    });

    test('put if absent refuses an existing key and leaves it as it was', async () => {
      const store = await open();
      await store.put('k', bytesOf('first'), { ifAbsent: true });
      await rejects(store.put('k', bytesOf('second'), { ifAbsent: true }), ErrorKind.conflict);
      assert.equal(textOf(await store.get('k')), 'first');
      await store.delete('k');
      await store.put('k', bytesOf('third'), { ifAbsent: true });
      assert.equal(textOf(await store.get('k')), 'third');
    });

    test('of many racing puts if absent exactly one wins, and its body is what is stored', async () => {
      const store = await open();
      for (let round = 0; round < 5; round++) {
        const key = `race/${round}`;
        const outcomes = await Promise.allSettled(
          Array.from({ length: 20 }, (_, i) => store.put(key, bytesOf(`racer ${i}`), { ifAbsent: true })),
        );
        const winners = outcomes.flatMap((outcome, i) => (outcome.status === 'fulfilled' ? [i] : []));
        assert.equal(winners.length, 1);
        for (const outcome of outcomes)
          if (outcome.status === 'rejected') assert.ok(isKind(outcome.reason, ErrorKind.conflict));
        assert.equal(textOf(await store.get(key)), `racer ${winners[0]}`);
      }
    });

    test('racing plain puts leave one of the bodies, whole', async () => {
      const store = await open();
      const bodies = Array.from({ length: 10 }, (_, i) => String(i).repeat(1000 + i));
      await Promise.all(bodies.map((body) => store.put('k', bytesOf(body))));
      assert.ok(bodies.includes(textOf(await store.get('k'))));
    });

    test('what does not exist is notFound; deleting it succeeds', async () => {
      const store = await open();
      await rejects(store.get('no/such'), ErrorKind.notFound);
      await rejects(store.getRange('no/such', 0, 1), ErrorKind.notFound);
      await rejects(store.getTail('no/such', 1), ErrorKind.notFound);
      await store.put('no', bytesOf('x'));
      await rejects(store.get('no/such'), ErrorKind.notFound);
      await store.delete('no/such');
      await store.delete('never');
      await store.put('folder/x', bytesOf('x'));
      await rejects(store.get('folder'), ErrorKind.notFound);
    });

    test('a range is exact or an error', async () => {
      const store = await open();
      await store.put('k', bytesOf('0123456789'));
      assert.equal(textOf(await store.getRange('k', 0, 3)), '012');
      assert.equal(textOf(await store.getRange('k', 7, 3)), '789');
      assert.equal(textOf(await store.getRange('k', 0, 10)), '0123456789');
      assert.equal((await store.getRange('k', 5, 0)).length, 0);
      await rejects(store.getRange('k', 8, 3), ErrorKind.invalid);
      await rejects(store.getRange('k', 11, 1), ErrorKind.invalid);
      await rejects(store.getRange('k', -1, 1), ErrorKind.invalid);
      await rejects(store.getRange('k', 0, 1.5), ErrorKind.invalid);
    });

    test('a tail is the last bytes with the size of the whole', async () => {
      const store = await open();
      await store.put('k', bytesOf('0123456789'));
      const tail = await store.getTail('k', 4);
      assert.equal(textOf(tail.bytes), '6789');
      assert.equal(tail.size, 10);
      const all = await store.getTail('k', 100);
      assert.equal(textOf(all.bytes), '0123456789');
      assert.equal(all.size, 10);
    });

    test('a listing is in the order of the keys, across folders, with sizes', async () => {
      const store = await open();
      const keys = ['a-b/x', 'a.b', 'a/c', 'a/b/d', 'a=/x', 'a0', 'b', 'a/b-c', 'aa/x', 'A/z'];
      for (const key of keys) await store.put(key, bytesOf(key));
      assert.deepEqual(await keysOf(store, ''), [...keys].sort());
      assert.deepEqual(await keysOf(store, 'a'), [...keys].filter((key) => key.startsWith('a')).sort());
      assert.deepEqual(await keysOf(store, 'a/'), ['a/b-c', 'a/b/d', 'a/c']);
      assert.deepEqual(await keysOf(store, 'a/b'), ['a/b-c', 'a/b/d']);
      assert.deepEqual(await keysOf(store, 'zzz/'), []);
      for await (const object of store.list('')) assert.equal(object.size, object.key.length);
    });

    test('a listing starts behind a key and ends at a limit', async () => {
      const store = await open();
      const keys = Array.from({ length: 150 }, (_, i) => `n/${String(i % 15).padStart(2, '0')}/${i}`);
      await Promise.all(keys.map((key) => store.put(key, bytesOf('x'))));
      const sorted = [...keys].sort();
      assert.deepEqual(await keysOf(store, 'n/', { startAfter: sorted[70]! }), sorted.slice(71));
      assert.deepEqual(await keysOf(store, 'n/', { startAfter: sorted[70]!, limit: 5 }), sorted.slice(71, 76));
      assert.deepEqual(
        await keysOf(store, 'n/', { startAfter: 'n/07' }),
        sorted.filter((key) => key > 'n/07'),
      );
      assert.deepEqual(
        await keysOf(store, 'n/', { startAfter: 'n/07/zzz' }),
        sorted.filter((key) => key > 'n/07/zzz'),
      );
      assert.deepEqual(await keysOf(store, 'n/', { startAfter: 'z' }), []);
      assert.deepEqual(await keysOf(store, 'n/', { limit: 100 }), sorted.slice(0, 100));
      assert.deepEqual(await keysOf(store, 'n/', { limit: 0 }), []);
    });

    test('with a delimiter each folder is listed once, and only while it holds something', async () => {
      const store = await open();
      for (const key of ['t/a/1', 't/a/2/x', 't/b/1', 't/c', 't/b-d/1', 'u/1']) await store.put(key, bytesOf('x'));
      assert.deepEqual(await keysOf(store, 't/', { delimiter: '/' }), ['t/a/', 't/b-d/', 't/b/', 't/c']);
      assert.deepEqual(await keysOf(store, 't/b', { delimiter: '/' }), ['t/b-d/', 't/b/']);
      assert.deepEqual(await keysOf(store, 't/', { delimiter: '/', startAfter: 't/a/' }), ['t/b-d/', 't/b/', 't/c']);
      assert.deepEqual(await keysOf(store, 't/', { delimiter: '/', limit: 1 }), ['t/a/']);
      await store.delete('t/a/1');
      await store.delete('t/b/1');
      assert.deepEqual(await keysOf(store, 't/', { delimiter: '/' }), ['t/a/', 't/b-d/', 't/c']);
      await store.delete('t/a/2/x');
      assert.deepEqual(await keysOf(store, 't/', { delimiter: '/' }), ['t/b-d/', 't/c']);
    });

    test('a deleted object is gone from reads and listings', async () => {
      const store = await open();
      await store.put('d/1', bytesOf('x'));
      await store.put('d/2', bytesOf('x'));
      await store.delete('d/1');
      await rejects(store.get('d/1'), ErrorKind.notFound);
      assert.deepEqual(await keysOf(store, ''), ['d/2']);
    });

    test('puts and deletes that race in one folder lose nothing', async () => {
      const store = await open();
      await Promise.all(
        Array.from({ length: 8 }, async (_, worker) => {
          for (let round = 0; round < 10; round++) {
            await store.put(`r/deep/${worker}-${round}`, bytesOf('x'));
            if (round > 0) await store.delete(`r/deep/${worker}-${round - 1}`);
          }
          if (worker !== 0) await store.delete(`r/deep/${worker}-9`);
        }),
      );
      assert.deepEqual(await keysOf(store, ''), ['r/deep/0-9']);
    });

    test('puts and deletes of one key can race: all succeed, and the last one decides', async () => {
      const store = await open();
      for (let round = 0; round < 10; round++) {
        const key = `r/${round}/k`;
        await Promise.all([1, 2, 3].flatMap((i) => [store.put(key, bytesOf(String(i))), store.delete(key)]));
        await store.delete(key);
        await rejects(store.get(key), ErrorKind.notFound);
        await store.put(key, bytesOf('last'));
        assert.equal(textOf(await store.get(key)), 'last');
      }
    });

    test('keys that could leave the store or mean two things are refused', async () => {
      const store = await open();
      const bad = [
        '',
        '/',
        '/a',
        'a/',
        'a//b',
        '.',
        '..',
        '../a',
        'a/../b',
        'a/./b',
        'a\\b',
        'a b',
        'a\0b',
        'é',
        'a~b',
        'a%2fb',
      ];
      bad.push('x'.repeat(300), `${'abcdefgh/'.repeat(200)}x`);
      for (const key of bad) {
        await rejects(store.put(key, bytesOf('x')), ErrorKind.invalid);
        await rejects(store.get(key), ErrorKind.invalid);
        await rejects(store.delete(key), ErrorKind.invalid);
      }
      await rejects(keysOf(store, '../'), ErrorKind.invalid);
      assert.deepEqual(await keysOf(store, ''), []);
    });

    test('every character that a key may have works', async () => {
      const store = await open();
      const key = "AZaz09/!-_.*'()=/.hidden/..two/x.";
      await store.put(key, bytesOf('x'));
      assert.equal(textOf(await store.get(key)), 'x');
      assert.deepEqual(await keysOf(store, "AZaz09/!-_.*'()=/"), [key]);
    });

    test('an aborted signal stops every operation', async () => {
      const store = await open();
      await store.put('k', bytesOf('x'));
      const signal = AbortSignal.abort();
      await rejects(store.put('k', bytesOf('y'), { signal }), ErrorKind.canceled);
      await rejects(store.get('k', signal), ErrorKind.canceled);
      await rejects(store.getRange('k', 0, 1, signal), ErrorKind.canceled);
      await rejects(store.getTail('k', 1, signal), ErrorKind.canceled);
      await rejects(store.delete('k', signal), ErrorKind.canceled);
      await rejects(keysOf(store, '', {}, signal), ErrorKind.canceled);
      assert.equal(textOf(await store.get('k')), 'x');
    });
  });
}

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

async function keysOf(
  store: ObjectStore,
  prefix: string,
  options?: ListOptions,
  signal?: AbortSignal,
): Promise<string[]> {
  const keys: string[] = [];
  for await (const object of store.list(prefix, options, signal)) keys.push(object.key);
  return keys;
}

async function rejects(promise: Promise<unknown>, kind: ErrorKind): Promise<void> {
  await assert.rejects(promise, (error: unknown) => {
    assert.ok(isKind(error, kind), `expected an error of kind ${kind}, got ${String(error)}`);
    return true;
  });
}
