import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RubatoError } from '../base/errors.ts';
import { buildBlockOf } from './build.ts';
import { openIndex } from './index-file.ts';
import { memoryBlock } from './testing/memory-block.ts';
import { randomTable } from './testing/random-table.ts';
import { wordsOf } from './trace-id-set.ts';
import { hashOfId, TraceIndex } from './trace-index.ts';

/** Ids that differ only in one of their words, as those of old tracers do. */
const words = (count: number, word: number): Uint32Array => {
  const ids = new Uint32Array(count * 4);
  for (let i = 0; i < count; i++) ids[i * 4 + word] = i + 1;
  return ids;
};

test('every trace is found under its hash, hardly any other', () => {
  for (const count of [1, 1000, 70_000]) {
    for (const word of [0, 3]) {
      const ids = words(count, word);
      const index = TraceIndex.of(ids);
      let others = 0;
      for (let row = 0; row < count; row++) {
        const rows = index.rowsOf(hashOfId(ids.subarray(row * 4, row * 4 + 4)));
        assert.ok(rows.includes(row));
        others += rows.length - 1;
      }
      assert.ok(others < 10, `${others} wrong hits of ${count}`);
    }
  }
});

test('the hash is the one that stored blocks have', () => {
  const id = Buffer.from('000102030405060708090a0b0c0d0e0f', 'hex');
  assert.equal(hashOfId(wordsOf(id)), 0x43cbc26e);
});

test('an index comes back from its bytes, wherever they stand', async () => {
  const data = randomTable({ seed: 3, traces: 90 });
  const block = memoryBlock(buildBlockOf(data, { rowGroupSpansMax: 100 }));
  const stored = block.files.get('index')!;
  const fragments = await block.open();
  for (const shift of [0, 1, 4, 8]) {
    const copy = new Uint8Array(stored.length + shift);
    copy.set(stored, shift);
    const index = openIndex(copy.subarray(shift), 'index');
    assert.equal(index.rowGroups.length, fragments.length);
    for (const [i, fragment] of fragments.entries()) {
      const view = fragment.view();
      await view.loadTraces({ requests: 0, bytes: 0, pages: 0 });
      const expected = TraceIndex.of(wordsOf(view.traceIds));
      assert.deepEqual(index.traces[i], expected);
    }
    assert.ok(index.details().layout.spans.columns.length > 0);
  }
});

test('no damaged byte of an index goes unnoticed', () => {
  const stored = memoryBlock(buildBlockOf(randomTable({ seed: 4, traces: 5 }))).files.get('index')!;
  for (let at = 0; at < stored.length; at += 7) {
    const damaged = Uint8Array.from(stored);
    damaged[at]! ^= 0x10;
    assert.throws(
      () => openIndex(damaged, 'index'),
      (error) => error instanceof RubatoError && error.kind === 'corrupt',
    );
  }
  for (const length of [0, 4, 11, 100, stored.length - 1])
    assert.throws(() => openIndex(Uint8Array.from(stored.subarray(0, length)), 'index'), { kind: 'corrupt' });
});
