import assert from 'node:assert/strict';
import { test } from 'node:test';
import { instant, presetLabel, resolveRange, zoomed } from './range.ts';

const now = 1_700_000_000_000;

test('relative and absolute instants are understood, nothing else', () => {
  assert.deepEqual(
    ['now', 'now-90m', String(now), '2023-11-14T22:13:20Z', 'yesterday'].map((t) => instant(t, now)),
    [now, now - 5_400_000, now, now, undefined],
  );
});

test('a range that makes no sense becomes one that does', () => {
  assert.deepEqual(resolveRange('nonsense', '', now), { fromMs: now - 1_800_000, toMs: now });
  const { fromMs, toMs } = resolveRange('now', 'now-5m', now);
  assert.ok(fromMs < toMs);
  assert.equal(presetLabel('', ''), 'Last 30 min');
});

test('a range grows and shrinks around its middle, and does not pass now', () => {
  const range = { fromMs: now - 7_200_000, toMs: now - 3_600_000 };
  assert.deepEqual(zoomed(range, 0.5, now), { fromMs: now - 6_300_000, toMs: now - 4_500_000 });
  assert.deepEqual(zoomed(range, 2, now), { fromMs: now - 9_000_000, toMs: now - 1_800_000 });
  assert.deepEqual(zoomed({ fromMs: now - 60_000, toMs: now }, 2, now), { fromMs: now - 120_000, toMs: now });
  assert.deepEqual(zoomed({ fromMs: now - 1000, toMs: now }, 0.1, now), { fromMs: now - 1000, toMs: now });
});
