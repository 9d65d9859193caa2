import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { BlockMeta, ManifestState } from '../../block/manifest.ts';
import { emptyState } from '../../block/manifest-state.ts';
import { type CompactionOptions, overlapSpans, planCompaction } from './compaction-plan.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
/** The beginning of an hour. */
const startMs = 1_700_002_800_000;

const options: CompactionOptions = {
  windowMs: hourMs,
  settleMs: 5 * minuteMs,
  inputsMin: 2,
  openInputsMin: 16,
  inputsMax: 64,
  spansMax: 2_000_000,
  tracesMax: 1_000_000,
  bytesMax: 1 << 30,
  overlapSpansMax: 1e9,
};

interface Sketch {
  /** After `startMs`. */
  readonly endMinute: number;
  readonly spans: number;
  readonly level?: number;
  /** Minutes that the block was written after its end. */
  readonly delay?: number;
}

let number = 0;
function block({ endMinute, spans, level = 0, delay = 0 }: Sketch): BlockMeta {
  const endMs = startMs + endMinute * minuteMs;
  return {
    id: `b${number++}`,
    minStartUnixNano: BigInt(endMs - 30_000) * 1_000_000n,
    maxEndUnixNano: BigInt(endMs) * 1_000_000n,
    spanCount: spans,
    traceCount: Math.ceil(spans / 30),
    sizeBytes: spans * 30,
    level,
    files: {},
    createdUnixMs: endMs + delay * minuteMs,
    rowGroups: Math.ceil(spans / 131_072),
  };
}

const stateOf = (blocks: readonly BlockMeta[]): ManifestState => ({
  ...emptyState('t'),
  blocks: new Map(blocks.map((b) => [b.id, b])),
});

const plan = (blocks: readonly BlockMeta[], atMinute: number, changed: Partial<CompactionOptions> = {}) =>
  planCompaction(stateOf(blocks), { ...options, ...changed }, startMs + atMinute * minuteMs).map((job) => job.inputs);

const every30s = (count: number, spans: number): BlockMeta[] =>
  Array.from({ length: count }, (_, i) => block({ endMinute: 0.5 + i / 2, spans }));

test('few blocks in an open window are left alone, many are put together once they are not young', () => {
  assert.deepEqual(plan(every30s(15, 30_000), 50), []);
  assert.deepEqual(plan(every30s(20, 30_000), 11), []);
  assert.equal(plan(every30s(20, 30_000), 15)[0]?.length, 20);
});

test('a load of two minutes is not compacted while its cost is measured', () => {
  const load = Array.from({ length: 30 }, (_, i) => block({ endMinute: i / 15, spans: 131_072 }));
  for (let minute = 2; minute < 5; minute += 0.25) assert.deepEqual(plan(load, minute), []);
});

test('enough spans for a full block are put together in an open window, however few the blocks', () => {
  const jobs = plan(every30s(17, 131_500), 20);
  assert.deepEqual(
    jobs.map((job) => job.length),
    [15],
  );
});

test('levels are not mixed while a window is open', () => {
  const blocks = [...every30s(15, 30_000), block({ endMinute: 8, spans: 100_000, level: 1 })];
  assert.deepEqual(plan(blocks, 20), []);
  assert.equal(plan(blocks, 70)[0]?.length, 16);
});

test('a closed window is put together, from two blocks on', () => {
  const blocks = [block({ endMinute: 10, spans: 5000 }), block({ endMinute: 40, spans: 9000 })];
  assert.deepEqual(plan(blocks, 64), []);
  assert.deepEqual(plan(blocks, 65), [blocks]);
});

test('a window that still gets blocks is open, however old its spans', () => {
  const blocks = every30s(6, 10_000).map((b) => ({ ...b, createdUnixMs: startMs + 600 * minuteMs }));
  assert.deepEqual(plan(blocks, 604), []);
  assert.equal(plan(blocks, 605)[0]?.length, 6);
});

test('a late small block does not have a large one rewritten', () => {
  const blocks = [block({ endMinute: 10, spans: 500 }), block({ endMinute: 40, spans: 900_000 })];
  assert.deepEqual(plan(blocks, 120), []);
});

test('blocks of different windows stay apart, and the newest window comes first', () => {
  const early = [block({ endMinute: 10, spans: 100 }), block({ endMinute: 20, spans: 100 })];
  const late = [block({ endMinute: 70, spans: 100 }), block({ endMinute: 80, spans: 100 })];
  assert.deepEqual(plan([...early, ...late], 300), [late, early]);
});

test('a sender whose clock is years ahead does not keep a block out of its window', () => {
  const ahead = { ...block({ endMinute: 10, spans: 100 }), maxEndUnixNano: 4_000_000_000_000_000_000n };
  assert.equal(plan([ahead, block({ endMinute: 20, spans: 100 })], 300)[0]?.length, 2);
});

test('inputs whose row groups overlap in time are bounded, those that follow one another are not', () => {
  const together = Array.from({ length: 12 }, () => block({ endMinute: 1, spans: 100_000 }));
  assert.equal(overlapSpans(together), 1_200_000);
  const jobs = plan(together, 120, { overlapSpansMax: 400_000 });
  assert.deepEqual(
    jobs.map((job) => job.length),
    [4, 4, 4],
  );
  const apart = Array.from({ length: 12 }, (_, i) => block({ endMinute: 1 + i, spans: 100_000 }));
  assert.equal(plan(apart, 120, { overlapSpansMax: 400_000 })[0]?.length, 12);
  assert.equal(overlapSpans([block({ endMinute: 1, spans: 1_048_576 })]), 131_072);
});

test('blocks that are to be avoided are', () => {
  const blocks = every30s(5, 1000);
  const jobs = planCompaction(stateOf(blocks), options, startMs + 120 * minuteMs, ({ id }) => id === blocks[2]!.id);
  assert.deepEqual(jobs[0]?.inputs, [...blocks.slice(0, 2), ...blocks.slice(3)]);
});

test('jobs are within their bounds and share nothing; done one after another they end with few blocks', () => {
  const sketch = fc.record({
    endMinute: fc.integer({ min: 0, max: 130 }),
    spans: fc.oneof(fc.integer({ min: 1, max: 2_000_000 }), fc.integer({ min: 1, max: 40_000 })),
    level: fc.integer({ min: 0, max: 3 }),
    delay: fc.integer({ min: -10, max: 200 }),
  });
  fc.assert(
    fc.property(fc.array(sketch, { maxLength: 60 }), fc.integer({ min: 0, max: 400 }), (sketches, minute) => {
      let blocks = sketches.map(block);
      const total = blocks.reduce((sum, b) => sum + b.spanCount, 0);
      for (let round = 0; ; round++) {
        assert.ok(round < 200, 'planning comes to an end');
        const jobs = plan(blocks, minute);
        const inputs = jobs.flat();
        assert.equal(new Set(inputs).size, inputs.length);
        for (const job of jobs) {
          assert.ok(job.length >= 2 && job.length <= options.inputsMax);
          assert.ok(job.reduce((sum, b) => sum + b.spanCount, 0) <= options.spansMax);
        }
        if (jobs.length === 0) break;
        blocks = blocks.filter((b) => !inputs.includes(b)).concat(jobs.map(merged));
      }
      assert.equal(
        blocks.reduce((sum, b) => sum + b.spanCount, 0),
        total,
      );
      // Everything is closed 4 windows later: per window at most a chain of blocks that grow by 4, beside full ones.
      if (minute < 340) return;
      const windows = Map.groupBy(blocks, (b) => Math.floor(Number(b.maxEndUnixNano / 1_000_000n) / hourMs));
      for (const left of windows.values()) {
        const small = left.filter((b) => b.spanCount < options.spansMax / 2).sort((a, b) => a.spanCount - b.spanCount);
        assert.ok(small.length <= 12, `${small.length} small blocks in a window`);
      }
    }),
    { numRuns: 200 },
  );
});

function merged(inputs: readonly BlockMeta[]): BlockMeta {
  const sum = (of: (b: BlockMeta) => number): number => inputs.reduce((total, b) => total + of(b), 0);
  const ends = inputs.map((b) => b.maxEndUnixNano).sort((a, b) => (a < b ? -1 : 1));
  const starts = inputs.map((b) => b.minStartUnixNano).sort((a, b) => (a < b ? -1 : 1));
  return {
    ...inputs[0]!,
    id: `b${number++}`,
    minStartUnixNano: starts[0]!,
    maxEndUnixNano: ends.at(-1)!,
    spanCount: sum((b) => b.spanCount),
    traceCount: sum((b) => b.traceCount),
    sizeBytes: sum((b) => b.sizeBytes),
    rowGroups: sum((b) => b.rowGroups),
    level: 1 + Math.max(...inputs.map((b) => b.level)),
    createdUnixMs: Math.max(...inputs.map((b) => b.createdUnixMs)),
  };
}
