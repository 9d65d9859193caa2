import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type BuiltBlock, buildBlockOf } from './build.ts';
import { type CompactOptions, compact } from './compact.ts';
import { liveFragment } from './live-fragment.ts';
import { mergeTraces } from './merge.ts';
import type { StoredFragment } from './stored-fragment.ts';
import { expectedTraces } from './testing/expected.ts';
import { memoryBlock } from './testing/memory-block.ts';
import { type FragmentTrace, type PlainSpan, readFragment, tableOf } from './testing/plain-spans.ts';
import { random, randomSpans } from './testing/random-table.ts';

const newCost = () => ({ requests: 0, bytes: 0, pages: 0 });

/** Spans dealt to `parts` lists at random, some to two of them. */
function deal(seed: number, spans: readonly PlainSpan[], parts: number): PlainSpan[][] {
  const r = random(seed);
  const dealt: PlainSpan[][] = Array.from({ length: parts }, () => []);
  for (const span of spans) {
    r.pick(dealt).push(span);
    if (r.chance(0.1)) r.pick(dealt).push(span);
  }
  return dealt.filter((part) => part.length > 0);
}

/** Every second part as a block of several row groups, the others live. */
async function fragmentsOf(parts: readonly PlainSpan[][]): Promise<StoredFragment[]> {
  const fragments: StoredFragment[] = [];
  for (const [i, part] of parts.entries()) {
    if (i % 2 === 0) fragments.push(liveFragment(`live-${i}`, tableOf(part)));
    else {
      const built = buildBlockOf(tableOf(part), { pageRows: 16, rowGroupSpansMax: 60, attributeColumnsMax: 8 });
      fragments.push(...(await memoryBlock(built, `block-${i}`).open()));
    }
  }
  return fragments;
}

async function compacted(
  fragments: readonly StoredFragment[],
  options: Omit<CompactOptions, 'write'> = {},
): Promise<BuiltBlock> {
  const parts = new Map<string, Uint8Array[]>();
  const write: CompactOptions['write'] = (chunks) => {
    for (const { file, bytes } of chunks) parts.set(file, [...(parts.get(file) ?? []), bytes]);
  };
  return { ...(await compact(fragments, { ...options, write }, newCost())), parts };
}

async function readAll(fragments: readonly StoredFragment[]): Promise<FragmentTrace[]> {
  const traces: FragmentTrace[] = [];
  for (const fragment of fragments) traces.push(...(await readFragment(fragment)));
  return traces;
}

const byId = (traces: readonly FragmentTrace[]): FragmentTrace[] =>
  traces.toSorted((a, b) => (a.traceId < b.traceId ? -1 : 1));

test('traces put together from pieces are as if they had never been apart', async () => {
  for (let seed = 1; seed <= 6; seed++) {
    const spans = randomSpans({ seed, traces: 12 });
    const fragments = await fragmentsOf(deal(seed, spans, 4));
    const pieces = fragments.map((fragment) => ({
      fragment,
      traces: Array.from({ length: fragment.traceCount }, (_, t) => t),
    }));
    const table = await mergeTraces(pieces, newCost());
    const merged = await readFragment(liveFragment('merged', table.share()));
    assert.deepEqual(merged, expectedTraces(spans), `seed ${seed}`);
    const other = await mergeTraces(pieces.toReversed(), newCost());
    assert.deepEqual(await readFragment(liveFragment('merged', other.share())), merged, `seed ${seed}`);
  }
});

test('only the traces asked for are copied', async () => {
  const spans = randomSpans({ seed: 20, traces: 30 });
  const expected = expectedTraces(spans);
  const fragment = liveFragment('live', tableOf(spans));
  const table = await mergeTraces([{ fragment, traces: [2, 3, 17] }], newCost());
  const merged = await readFragment(liveFragment('merged', table.share()));
  assert.deepEqual(merged, [expected[2], expected[3], expected[17]]);
});

test('compaction keeps every span once, in order, whatever the order of its inputs', async () => {
  for (let seed = 30; seed < 34; seed++) {
    const spans = randomSpans({ seed, traces: 40 });
    const fragments = await fragmentsOf(deal(seed, spans, 5));
    const options = { rowGroupSpansMax: 50, pageRows: 16, attributeColumnsMax: 10 };
    const built = await compacted(fragments, options);
    assert.ok(built.rowGroups > 1);
    const traces = await readAll(await memoryBlock(built).open());
    assert.deepEqual(byId(traces), byId(expectedTraces(spans)), `seed ${seed}`);
    const starts = traces.map((trace) => trace.start).filter((start) => typeof start === 'bigint');
    assert.deepEqual(starts, starts.toSorted(), 'traces are in order of start');
    const other = await compacted(fragments.toReversed(), options);
    for (const [file, bytes] of memoryBlock(built).files)
      assert.ok(memoryBlock(other).files.get(file)!.equals(bytes), `${file} depends on the order of the inputs`);
  }
});

test('compacting one block again changes nothing', async () => {
  const spans = randomSpans({ seed: 50, traces: 60 });
  const once = await compacted(await memoryBlock(buildBlockOf(tableOf(spans))).open());
  const twice = await compacted(await memoryBlock(once).open());
  for (const [file, bytes] of memoryBlock(once).files)
    assert.ok(memoryBlock(twice).files.get(file)!.equals(bytes), file);
});

test('compaction stops when it is told to', async () => {
  const fragment = liveFragment('live', tableOf(randomSpans({ seed: 51, traces: 5 })));
  await assert.rejects(compacted([fragment], { signal: AbortSignal.abort() }), { kind: 'canceled' });
});
