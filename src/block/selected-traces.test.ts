import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { buildBlockOf } from './build.ts';
import { ColumnCache } from './column-cache.ts';
import type { StoredFragment } from './stored-fragment.ts';
import { expectedTraces } from './testing/expected.ts';
import { memoryBlock } from './testing/memory-block.ts';
import { type FragmentTrace, readFragment, tableOf } from './testing/plain-spans.ts';
import { randomSpans } from './testing/random-table.ts';

const newCost = () => ({ requests: 0, bytes: 0, pages: 0 });

interface Opened {
  readonly fragments: readonly StoredFragment[];
  readonly expected: readonly FragmentTrace[];
}

async function openRandom(seed: number, pageRows: number, cacheBytes: number): Promise<Opened> {
  const spans = randomSpans({ seed, traces: 40, broken: seed % 2 === 0, rareKeys: seed % 3 === 0 ? 40 : 0 });
  const built = buildBlockOf(tableOf(spans), { pageRows, rowGroupSpansMax: 150, attributeColumnsMax: 12 });
  const fragments = await memoryBlock(built).open(new ColumnCache(cacheBytes));
  return { fragments, expected: expectedTraces(spans) };
}

test('picked traces are the same as in the whole fragment, in any order of reading', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.nat(30),
      fc.integer({ min: 1, max: 80 }),
      fc.constantFrom(1 << 30, 1 << 10),
      fc.array(fc.array(fc.nat(), { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 4 }),
      fc.boolean(),
      async (seed, pageRows, cacheBytes, wanted, loadedBefore) => {
        const { fragments, expected } = await openRandom(seed, pageRows, cacheBytes);
        const starts: number[] = [];
        let traces = 0;
        for (const fragment of fragments) {
          starts.push(traces);
          traces += fragment.traceCount;
        }
        for (const numbers of wanted) {
          const which = numbers[0]! % fragments.length;
          const fragment = fragments[which]!;
          if (loadedBefore) await fragment.view().loadTraces(newCost());
          const rows = [...new Set(numbers.map((n) => n % fragment.traceCount))].sort((a, b) => a - b);
          const picked = await fragment.pick(rows, newCost());
          assert.equal(picked.fragment.traceCount, rows.length);
          assert.deepEqual(
            await readFragment(picked.fragment),
            rows.map((row) => expected[starts[which]! + row]),
          );
        }
      },
    ),
    { numRuns: 40 },
  );
});

test('picked traces can be read while others read the whole fragment', async () => {
  const { fragments, expected } = await openRandom(5, 16, 1 << 30);
  const first = fragments[0]!;
  const [whole, ...single] = await Promise.all([
    readFragment(first.view()),
    ...Array.from({ length: 10 }, async (_, trace) => {
      const picked = await first.pick([trace], newCost());
      return readFragment(picked.fragment);
    }),
  ]);
  assert.deepEqual(whole, expected.slice(0, first.traceCount));
  single.forEach((traces, i) => {
    assert.deepEqual(traces, [expected[i]]);
  });
});

test('a picked trace reads each file once at most, and nothing of small tables', async () => {
  const spans = randomSpans({ seed: 8, traces: 200 });
  const block = memoryBlock(buildBlockOf(tableOf(spans), { pageRows: 16 }));
  const [fragment] = await block.open();
  block.reads.length = 0;
  const cost = newCost();
  const picked = await fragment!.pick([7], cost);
  await readFragment(picked.fragment);
  const files = block.reads.map((read) => read.split(':')[0]);
  assert.deepEqual(
    files.filter((file) => file !== 'events.parquet'),
    ['traces.parquet', 'spans.parquet'],
  );
  assert.ok(files.length <= 3, files.join());
});
