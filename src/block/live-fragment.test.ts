import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SpanTable } from '../model/span-table.ts';
import { liveFragment } from './live-fragment.ts';
import { expectedTraces } from './testing/expected.ts';
import { type PlainSpan, readFragment, TableFiller, tableOf } from './testing/plain-spans.ts';
import { randomSpans } from './testing/random-table.ts';

const cost = () => ({ requests: 0, bytes: 0, pages: 0 });

test('a live fragment answers what the spans say, in order, for any spans', async () => {
  for (let seed = 1; seed <= 60; seed++) {
    const spans = randomSpans({ seed, traces: 1 + (seed % 20), broken: seed % 3 !== 0 });
    const fragment = liveFragment('live', tableOf(spans));
    assert.deepEqual(await readFragment(fragment), expectedTraces(spans), `seed ${seed}`);
  }
});

test('the order of arrival does not matter', async () => {
  for (let seed = 100; seed < 130; seed++) {
    const spans = randomSpans({ seed, traces: 5 });
    const one = await readFragment(liveFragment('a', tableOf(spans)));
    const other = await readFragment(liveFragment('b', tableOf(spans.toReversed())));
    assert.deepEqual(other, one, `seed ${seed}`);
  }
});

test('rows appended after sharing are not seen', async () => {
  const spans = randomSpans({ seed: 7, traces: 30 });
  const filler = new TableFiller();
  for (const span of spans.slice(0, 40)) filler.add(span);
  const fragment = liveFragment('live', filler.table.share());
  for (const span of spans.slice(40)) filler.add(span);
  assert.deepEqual(await readFragment(fragment), expectedTraces(spans.slice(0, 40)));
});

test('rows that were rolled back leave no trace, no resource and no value', async () => {
  const spans = randomSpans({ seed: 8, traces: 4 });
  const filler = new TableFiller();
  for (const span of spans) filler.add(span);
  const mark = filler.table.mark();
  const refused = randomSpans({ seed: 9, traces: 3 });
  for (const span of refused)
    filler.add({ ...span, attrs: { 'span/string/secret': '00' }, resource: { 'resource/string/secret': '00' } });
  filler.table.rollback(mark);
  const fragment = liveFragment('live', filler.table.share());
  assert.deepEqual(await readFragment(fragment), expectedTraces(spans));
  assert.deepEqual(fragment.columns('span', 'secret'), []);
  assert.deepEqual(fragment.columns('resource', 'secret'), []);
});

test('an empty table is an empty fragment', async () => {
  const fragment = liveFragment('live', new SpanTable().share());
  assert.equal(fragment.traceCount, 0);
  assert.deepEqual(await readFragment(fragment), []);
});

test('a key of two types is two columns; fields are found under their own scope', async () => {
  const fragment = liveFragment('live', tableOf(randomSpans({ seed: 3, traces: 60 })));
  assert.deepEqual(
    fragment
      .columns('span', 'mixed')
      .map((column) => column.type)
      .sort(),
    ['double', 'int', 'string'],
  );
  assert.equal(fragment.columns('spanField', 'traceState').length, 1);
  assert.equal(fragment.columns('span', 'traceState').length, 0);
});

test('one wrong clock costs the others no precision', async () => {
  const span = randomSpans({ seed: 4, traces: 1, broken: false })[0]!;
  const near: PlainSpan[] = Array.from({ length: 5 }, (_, i) => ({
    ...span,
    traceId: String(i).padStart(32, '1'),
    start: span.start + BigInt(i),
  }));
  const fragment = liveFragment('live', tableOf([...near, { ...span, traceId: '9'.repeat(32), start: 0n }]));
  await fragment.load({ fixed: ['start'], columns: [] }, 0, fragment.traceCount, cost());
  assert.deepEqual([...fragment.start.subarray(1)], [0, 1, 2, 3, 4]);
  assert.equal(fragment.startUnixNano(0), 0n);
});

test('a view hides traces without changing the fragment', async () => {
  const fragment = liveFragment('live', tableOf(randomSpans({ seed: 5, traces: 3 })));
  const hidden = fragment.view(Uint8Array.of(0, 1, 0));
  assert.equal((await readFragment(hidden)).length, 2);
  assert.equal((await readFragment(fragment)).length, 3);
});

test('a million spans of one trace, with one id or in one chain, are ordered in seconds', () => {
  const count = 1_000_000;
  for (const shape of ['chain', 'star', 'same id'] as const) {
    const table = new SpanTable(count);
    const id = Buffer.alloc(16, 1);
    const name = table.value(table.column('spanField', 'name', 'string'), id, 0, 1);
    for (let i = 0; i < count; i++) {
      const row = table.reserveSpan();
      table.trace[row] = table.traceIndex(id, 0);
      table.spanId[row * 2] = shape === 'same id' ? 7 : i + 1;
      table.parentId[row * 2] = i === 0 ? 0 : shape === 'chain' ? i : shape === 'star' ? 1 : 7;
      table.start[row * 2] = (count - i) >>> 0;
      table.name[row] = name;
      table.spanCount++;
    }
    const started = performance.now();
    const fragment = liveFragment('live', table.share());
    assert.equal(fragment.spanCount, count);
    assert.ok(performance.now() - started < 5000, `${shape} took ${performance.now() - started} ms`);
  }
});
