import assert from 'node:assert/strict';
import { test } from 'node:test';
import { zstdCompressSync } from 'node:zlib';
import { decompressFrame } from './zstd.ts';

const textOf = (length: number): Buffer => Buffer.from(Array.from({ length }, (_, i) => (i * i) % 251));

test('frames of any size come back, one after the other', () => {
  for (const size of [0, 1, 100, 300_000, 5_000_000, 7]) {
    const plain = textOf(size);
    const body = decompressFrame(zstdCompressSync(plain), size);
    assert.ok(body !== undefined && plain.equals(body), `${size} bytes`);
  }
});

test('a damaged frame gives nothing, and the next one is read as if nothing had happened', () => {
  const plain = textOf(10_000);
  const good = zstdCompressSync(plain);
  const cut = good.subarray(0, good.length - 5);
  const long = Buffer.concat([good, Buffer.of(1)]);
  const noise = Buffer.from(good);
  noise.fill(0xa5, 8, 40);
  for (const bad of [cut, long, noise, Buffer.alloc(0), Buffer.from('no frame')]) {
    assert.equal(decompressFrame(bad, plain.length), undefined);
    assert.ok(plain.equals(decompressFrame(good, plain.length)!));
  }
  assert.equal(decompressFrame(good, plain.length - 1), undefined);
  assert.equal(decompressFrame(good, plain.length + 1), undefined);
  assert.ok(plain.equals(decompressFrame(good, plain.length)!));
});
