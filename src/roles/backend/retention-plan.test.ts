import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BlockMeta, ManifestState } from '../../block/manifest.ts';
import { emptyState } from '../../block/manifest-state.ts';
import { planRetention } from './retention-plan.ts';

const hourMs = 3_600_000;
const nowMs = 1_700_000_000_000;

function block(id: string, endHoursAgo: number, changed: Partial<BlockMeta> = {}): BlockMeta {
  const endMs = nowMs - endHoursAgo * hourMs;
  return {
    id,
    minStartUnixNano: BigInt(endMs - hourMs) * 1_000_000n,
    maxEndUnixNano: BigInt(endMs) * 1_000_000n,
    spanCount: 1,
    traceCount: 1,
    sizeBytes: 100,
    level: 0,
    files: {},
    createdUnixMs: endMs + 30_000,
    rowGroups: 1,
    ...changed,
  };
}

const plan = (blocks: readonly BlockMeta[], retentionMs: number, retentionBytes = 0): string[] => {
  const state: ManifestState = { ...emptyState('t'), blocks: new Map(blocks.map((b) => [b.id, b])) };
  return planRetention(state, { retentionMs, retentionBytes }, nowMs).map(({ id }) => id);
};

test('blocks go when their last span is too old, and not before', () => {
  const blocks = [block('a', 5), block('b', 4), block('c', 3.99), block('d', 0)];
  assert.deepEqual(plan(blocks, 4 * hourMs), ['a']);
  assert.deepEqual(plan(blocks, 3.995 * hourMs), ['a', 'b']);
  assert.deepEqual(plan(blocks, 0), []);
});

test('spans with an old date are kept as long as others from when they came', () => {
  const imported = block('old', 24 * 365, { createdUnixMs: nowMs - hourMs });
  assert.deepEqual(plan([imported], 2 * hourMs), []);
  assert.deepEqual(plan([imported], 0.9 * hourMs), ['old']);
});

test('a date in the future does not keep a block for ever', () => {
  const ahead = block('ahead', -24 * 365, { createdUnixMs: nowMs - 5 * hourMs });
  assert.deepEqual(plan([ahead], 4 * hourMs), ['ahead']);
});

test('the oldest go when there are too many bytes', () => {
  const blocks = [block('new', 1), block('old', 3), block('mid', 2)];
  assert.deepEqual(plan(blocks, 0, 300), []);
  assert.deepEqual(plan(blocks, 0, 299), ['old']);
  assert.deepEqual(plan(blocks, 0, 150), ['old', 'mid']);
  assert.deepEqual(plan(blocks, 2.5 * hourMs, 150), ['old', 'mid']);
});
