import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { type CachedObject, chunkBytes, DiskCache } from './disk-cache.ts';

const folders: string[] = [];
after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

function newFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'rubato-cache-'));
  folders.push(folder);
  return folder;
}

function open(folder: string, bytesMax = 1 << 30, clock = { ms: Date.now() }): DiskCache {
  return new DiskCache({ folder, bytesMax, nowMs: () => clock.ms });
}

interface TestObject extends CachedObject {
  readonly content: Buffer;
  readonly fetched: (readonly [offset: number, length: number])[];
}

function testObject(key: string, size: number): TestObject {
  const content = Buffer.alloc(size);
  for (let i = 0; i < size; i++) content[i] = (i * 31 + (i >> 8) + key.length) & 255;
  const fetched: (readonly [number, number])[] = [];
  return {
    key,
    size,
    content,
    fetched,
    fetch: async (offset, length) => {
      fetched.push([offset, length]);
      return new Uint8Array(content.subarray(offset, offset + length));
    },
  };
}

function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name));
}

test('any ranges in any order are the bytes of the object', async () => {
  const size = 4 * chunkBytes + 1234;
  const object = testObject('o', size);
  const range = fc.tuple(fc.nat(size - 1), fc.nat(size)).map(([from, length]) => {
    return [from, Math.min(length, size - from)] as const;
  });
  await fc.assert(
    fc.asyncProperty(fc.array(range, { minLength: 1, maxLength: 6 }), async (ranges) => {
      const cache = open(newFolder());
      for (const [from, length] of ranges) {
        const got = await cache.read(object, from, length);
        assert.ok(object.content.subarray(from, from + length).equals(got), `${from}+${length}`);
        await cache.idle();
      }
    }),
    { numRuns: 25, seed: 4 },
  );
});

test('what was read once is not fetched again, also by another process and in other ranges', async () => {
  const folder = newFolder();
  const object = testObject('o', 3 * chunkBytes);
  const cache = open(folder);
  await cache.read(object, 10, 2 * chunkBytes);
  await cache.idle();
  assert.deepEqual(object.fetched, [[0, 3 * chunkBytes]]);
  const other = open(folder);
  await other.read(object, chunkBytes + 5, 100);
  await other.read(object, 0, object.size);
  assert.equal(object.fetched.length, 1);
  assert.equal(other.counters.hits, 4);
});

test('only what is missing is fetched, neighbours in one piece', async () => {
  const cache = open(newFolder());
  const object = testObject('o', 6 * chunkBytes - 7);
  await cache.read(object, 2 * chunkBytes, 1);
  await cache.idle();
  await cache.read(object, 0, object.size);
  assert.deepEqual(object.fetched.slice(1), [
    [0, 2 * chunkBytes],
    [3 * chunkBytes, 3 * chunkBytes - 7],
  ]);
});

test('damaged, cut and foreign files are noticed and replaced', async () => {
  const folder = newFolder();
  const object = testObject('o', 100);
  for (const damage of [
    (file: string) => truncateSync(file, 50),
    (file: string) => truncateSync(file, 0),
    (file: string) => writeFileSync(file, readFileSync(file).fill(0, 20, 21)),
    (file: string) => {
      const other = newFolder();
      const foreign = testObject('p', 100);
      const filled = open(other);
      return filled
        .read(foreign, 0, 100)
        .then(() => filled.idle())
        .then(() => writeFileSync(file, readFileSync(filesIn(other)[0]!)));
    },
  ]) {
    const cache = open(folder);
    await cache.read(object, 0, 100);
    await cache.idle();
    await damage(filesIn(folder)[0]!);
    const again = open(folder);
    assert.ok(object.content.equals(await again.read(object, 0, 100)));
    assert.equal(again.counters.damaged, 1);
    await again.idle();
  }
});

test('the folder may be deleted while it is in use', async () => {
  const folder = newFolder();
  const object = testObject('o', 2 * chunkBytes);
  const cache = open(folder);
  await cache.read(object, 0, object.size);
  await cache.idle();
  rmSync(folder, { recursive: true });
  assert.ok(object.content.equals(await cache.read(object, 0, object.size)));
  await cache.idle();
  assert.ok(object.content.equals(await cache.read(object, 0, object.size)));
  assert.equal(object.fetched.length, 2);
});

test('what lies below one prefix can be found and removed, also what another process wrote', async () => {
  const folder = newFolder();
  const [a, b] = [testObject('tenants/x*/a/file', 2 * chunkBytes), testObject('tenants/x*/b/file', 100)];
  const cache = open(folder);
  for (const object of [a, b]) await cache.read(object, 0, object.size);
  await cache.idle();
  const other = open(folder);
  await other.idle();
  assert.deepEqual((await other.prefixes()).sort(), ['tenants/x*/a', 'tenants/x*/b']);
  await other.remove('tenants/x*/a');
  assert.deepEqual(await other.prefixes(), ['tenants/x*/b']);
  assert.equal(filesIn(folder).length, 1);
  assert.ok(other.counters.storedBytes < 300);
  await cache.read(a, 0, 1);
  assert.equal(a.fetched.length, 2);
  assert.equal(b.fetched.length, 1);
});

test('a folder that cannot be written is no error', async () => {
  const folder = newFolder();
  const file = path.join(folder, 'file');
  writeFileSync(file, '');
  const cache = open(path.join(file, 'below'));
  const object = testObject('o', 100);
  assert.ok(object.content.equals(await cache.read(object, 0, 100)));
  await cache.idle();
  assert.equal(cache.counters.notKept, 1);
});

test('what was used longest ago goes first, and the budget holds, also for a folder that was fuller', async () => {
  const folder = newFolder();
  const cache = open(folder, 4 * (chunkBytes + 100));
  const objects = Array.from({ length: 4 }, (_, i) => testObject(`o${i}`, chunkBytes));
  for (const object of objects) {
    await cache.read(object, 0, 1);
    await cache.idle();
  }
  await cache.read(objects[0]!, 0, 1);
  await cache.read(testObject('new', chunkBytes), 0, 1);
  await cache.idle();
  assert.equal(cache.counters.evictions, 1);
  await cache.read(objects[0]!, 0, 1);
  await cache.read(objects[1]!, 0, 1);
  await cache.idle();
  assert.deepEqual(
    objects.map(({ fetched }) => fetched.length),
    [1, 2, 1, 1],
  );
  const smaller = open(folder, chunkBytes + 100);
  await smaller.idle();
  assert.equal(filesIn(folder).length, 1);
  assert.ok(smaller.counters.storedBytes <= chunkBytes + 100);
});

test('bytes that were handed out belong to the caller', async () => {
  const cache = open(newFolder());
  const object = testObject('o', 100);
  for (let round = 0; round < 3; round++) {
    const got = await cache.read(object, 0, 100);
    assert.ok(object.content.equals(got));
    got.fill(0);
    await cache.idle();
  }
});

test('an error of the fetch is the error of the read, and nothing of it is kept', async () => {
  const cache = open(newFolder());
  const object = testObject('o', 100);
  const failing = { ...object, fetch: () => Promise.reject(new Error('no store')) };
  await assert.rejects(cache.read(failing, 0, 10), /no store/);
  assert.ok(object.content.subarray(0, 10).equals(await cache.read(object, 0, 10)));
});
