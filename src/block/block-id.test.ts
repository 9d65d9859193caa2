import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SeededRng } from '../base/random.ts';
import { blockIdUnixMs, newBlockId } from './block-id.ts';

test('an id is a UUID of version 7 that tells when it was made', () => {
  const rng = new SeededRng(1);
  const ids = Array.from({ length: 200 }, (_, i) => newBlockId(1_700_000_000_000 + i * 1000, rng));
  assert.equal(new Set(ids).size, 200);
  assert.deepEqual(ids, ids.toSorted(), 'later ids are behind earlier ones');
  for (const [i, id] of ids.entries()) {
    assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    assert.equal(blockIdUnixMs(id), 1_700_000_000_000 + i * 1000);
  }
});

test('other names tell no time', () => {
  for (const name of ['', 'block-1', 'c9bf9e57-1685-4c89-bafb-ff5af830be8a', '018bcfe5-6800-7000-7000-000000000000'])
    assert.equal(blockIdUnixMs(name), undefined);
});
