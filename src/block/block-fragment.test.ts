import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RubatoError } from '../base/errors.ts';
import type { Fragment, ReadCost } from '../traceql/storage.ts';
import { buildBlockOf } from './build.ts';
import { ColumnCache } from './column-cache.ts';
import { liveFragment } from './live-fragment.ts';
import { expectedTraces } from './testing/expected.ts';
import { memoryBlock } from './testing/memory-block.ts';
import { type FragmentTrace, type PlainSpan, readFragment, tableOf } from './testing/plain-spans.ts';
import { randomSpans, randomTable } from './testing/random-table.ts';

const newCost = (): ReadCost => ({ requests: 0, bytes: 0, pages: 0 });

async function readAll(fragments: readonly Fragment[]): Promise<FragmentTrace[]> {
  const traces: FragmentTrace[] = [];
  for (const fragment of fragments) traces.push(...(await readFragment(fragment)));
  return traces;
}

test('a block gives back what went in, whatever the page and row group sizes', async () => {
  for (let seed = 1; seed <= 16; seed++) {
    const spans = randomSpans({ seed, traces: 1 + seed * 2, broken: seed % 3 !== 0 });
    const built = buildBlockOf(tableOf(spans), { pageRows: 1 + (seed % 50), rowGroupSpansMax: 1 + seed * 9 });
    const fragments = await memoryBlock(built).open();
    assert.deepEqual(await readAll(fragments), expectedTraces(spans), `seed ${seed}`);
  }
});

test('a block answers like the live fragment it was built from, array by array', async () => {
  const data = randomTable({ seed: 77, traces: 80 });
  const live = liveFragment('live', data);
  const [block] = await memoryBlock(buildBlockOf(data, { pageRows: 64 })).open();
  const cost = newCost();
  for (const fragment of [live, block!]) {
    await fragment.loadTraces(cost);
    await fragment.load(
      {
        fixed: ['start', 'duration', 'kind', 'status', 'resource', 'parent', 'subtreeSize', 'events', 'links'],
        columns: [],
      },
      0,
      fragment.traceCount,
      cost,
    );
  }
  for (const name of [
    'traceIds',
    'traceFirstSpan',
    'traceStart',
    'traceEnd',
    'traceRoot',
    'start',
    'duration',
    'kind',
    'status',
    'resource',
    'parent',
    'subtreeSize',
    'eventSpan',
    'eventTime',
    'linkSpan',
    'linkTraceId',
    'linkSpanId',
    'traceFirstEvent',
    'traceFirstLink',
    'baseUnixNano',
    'minStart',
    'maxEnd',
    'spanCount',
    'resourceCount',
  ] as const)
    assert.deepEqual(block![name], live[name], name);
});

test('keys beyond the limit of columns stay searchable as columns of their own', async () => {
  const spans = randomSpans({ seed: 5, traces: 60, rareKeys: 200 });
  const built = buildBlockOf(tableOf(spans), { attributeColumnsMax: 4, pageRows: 32, rowGroupSpansMax: 150 });
  const fragments = await memoryBlock(built).open();
  assert.deepEqual(await readAll(fragments), expectedTraces(spans));
  const live = liveFragment('live', tableOf(spans));
  for (const scope of ['span', 'resource', 'event'] as const) {
    const names = (list: readonly Fragment[]) =>
      new Set(list.flatMap((f) => f.columns(scope).map((column) => `${column.key} ${column.type}`)));
    assert.deepEqual(names(fragments), names([live]));
  }
});

test('columns() lists no column without values in its row group', async () => {
  const spans = randomSpans({ seed: 6, traces: 40, rareKeys: 300, broken: false });
  for (const fragment of await memoryBlock(buildBlockOf(tableOf(spans), { rowGroupSpansMax: 20 })).open()) {
    await fragment.loadTraces(newCost());
    const columns = fragment.columns('span');
    await fragment.load({ fixed: [], columns }, 0, fragment.traceCount, newCost());
    for (const column of columns) {
      const count = Array.from(column.codes).filter((code) => code !== 0).length;
      assert.ok(count > 0, column.key);
      assert.equal(column.valueCount, count);
    }
  }
});

test('loading a range of traces reads only their pages, and nothing twice', async () => {
  const spans = randomSpans({ seed: 9, traces: 400, broken: false });
  const block = memoryBlock(buildBlockOf(tableOf(spans), { pageRows: 100 }));
  const cost = newCost();
  const [fragment] = await block.open(undefined, cost);
  assert.deepEqual(block.reads.length, 1);
  await fragment!.loadTraces(cost);
  assert.deepEqual(cost.requests, 2);
  const request = { fixed: ['spanId'] as const, columns: [] };
  const before = cost.pages;
  await fragment!.load(request, 3, 5, cost);
  assert.equal(cost.pages - before, 1);
  await fragment!.load(request, 3, 5, cost);
  assert.equal(cost.pages - before, 1);
  await fragment!.load(request, 0, fragment!.traceCount, cost);
  assert.equal(cost.pages - before, Math.ceil(fragment!.spanCount / 100));
  assert.equal(cost.requests, block.reads.length);
  assert.equal(new Set(block.reads).size, block.reads.length);
});

test('a whole trace is found in pieces of pages', async () => {
  const spans = randomSpans({ seed: 10, traces: 100 });
  const expected = expectedTraces(spans);
  const block = memoryBlock(buildBlockOf(tableOf(spans), { pageRows: 16 }));
  for (const t of [0, 1, 37, 99]) {
    const [fragment] = await block.open();
    assert.deepEqual(await readFragment(fragment!, t, t + 1), [expected[t]]);
  }
});

test('nothing of events is read for traces without events', async () => {
  const spans = randomSpans({ seed: 14, traces: 50, broken: false });
  const quiet = expectedTraces(spans)[20]!.traceId;
  const some = spans.map((span) => (span.traceId === quiet ? { ...span, events: [] } : span));
  const block = memoryBlock(buildBlockOf(tableOf(some)));
  const [fragment] = await block.open();
  assert.deepEqual(await readFragment(fragment!, 20, 21), [expectedTraces(some)[20]]);
  assert.ok(!block.reads.some((read) => read.startsWith('events')));
});

test('dictionaries alone can be read', async () => {
  const spans = randomSpans({ seed: 11, traces: 200 });
  const block = memoryBlock(buildBlockOf(tableOf(spans), { pageRows: 64 }));
  const [fragment] = await block.open();
  const cost = newCost();
  await fragment!.loadTraces(cost);
  const columns = fragment!.columns('span', 'http.route');
  const pages = cost.pages;
  await fragment!.load({ fixed: [], columns, dictionariesOnly: true }, 0, fragment!.traceCount, cost);
  assert.equal(cost.pages - pages, 1);
  assert.deepEqual([...columns[0]!.dictionary.strings()].sort(), ['', '/', '/a', '/b/:id', 'ü']);
});

test('many loads at once share reads', async () => {
  const spans = randomSpans({ seed: 12, traces: 100 });
  const block = memoryBlock(buildBlockOf(tableOf(spans), { pageRows: 50 }));
  const [fragment] = await block.open();
  const views = Array.from({ length: 8 }, () => fragment!.view());
  const results = await Promise.all(views.map((view) => readFragment(view)));
  const expected = expectedTraces(spans);
  for (const result of results) assert.deepEqual(result, expected);
  assert.equal(new Set(block.reads).size, block.reads.length);
});

test('a canceled load does not fail one that waits for the same page', async () => {
  const data = randomTable({ seed: 13, traces: 50 });
  const built = buildBlockOf(data);
  const controller = new AbortController();
  const block = memoryBlock(built);
  const [fragment] = await block.open();
  await fragment!.loadTraces(newCost());
  const request = { fixed: ['name', 'kind'] as const, columns: [] };
  const first = fragment!.view();
  const second = fragment!.view();
  await first.loadTraces(newCost());
  await second.loadTraces(newCost());
  const reads = block.reads.length;
  const canceled = first.load(request, 0, 50, newCost(), controller.signal);
  const waiting = second.load(request, 0, 50, newCost());
  assert.equal(block.reads.length, reads + 1);
  controller.abort();
  await assert.rejects(canceled, { kind: 'canceled' });
  await waiting;
  assert.equal(second.kind.length, second.spanCount);
});

test('what a query holds stays readable when the cache drops it; memory stays within the budget', async () => {
  const cache = new ColumnCache(80_000);
  const expected = new Map<string, FragmentTrace[]>();
  const views: Fragment[] = [];
  for (let seed = 20; seed < 25; seed++) {
    const spans = randomSpans({ seed, traces: 80 });
    const [fragment] = await memoryBlock(buildBlockOf(tableOf(spans)), `block-${seed}`).open(cache);
    expected.set(fragment!.id, expectedTraces(spans));
    views.push(fragment!);
  }
  for (const view of views) {
    assert.deepEqual(await readFragment(view), expected.get(view.id));
    assert.ok(cache.usedBytes <= 80_000, `${cache.usedBytes}`);
  }
  assert.equal(views[0]!.start.length, views[0]!.spanCount);
  for (const view of views) assert.deepEqual(await readFragment(view), expected.get(view.id));
});

test('damage to any byte is found, or is in bytes that are not read', async () => {
  const spans: PlainSpan[] = randomSpans({ seed: 31, traces: 12 });
  const built = buildBlockOf(tableOf(spans), { pageRows: 40 });
  const expected = expectedTraces(spans);
  let refused = 0;
  let checked = 0;
  for (const file of Object.keys(built.files)) {
    const size = built.files[file]!;
    const step = Math.max(1, Math.floor(size / 60));
    for (let at = 0; at < size; at += step) {
      const block = memoryBlock(built);
      block.files.get(file)![at]! ^= 1 << (at % 8);
      checked++;
      try {
        assert.deepEqual(await readAll(await block.open()), expected, `${file} byte ${at}`);
      } catch (error) {
        if (!(error instanceof RubatoError)) throw error;
        assert.equal(error.kind, 'corrupt', `${file} byte ${at}: ${error.message}`);
        refused++;
      }
    }
  }
  assert.ok(refused > checked / 3, `${refused} of ${checked}`);
});
