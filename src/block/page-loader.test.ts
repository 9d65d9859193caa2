import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ColumnBuffer } from './column-buffer.ts';
import { planReads } from './page-loader.ts';

const plan = (ranges: readonly (readonly [string, number, number])[]) =>
  planReads(ranges.map(([file, offset, size], page) => ({ buffer: {} as ColumnBuffer, page, file, offset, size }))).map(
    ({ file, offset, length, segments }) => [file, offset, length, segments.length],
  );

test('pages close together are one read, far ones are not', () => {
  assert.deepEqual(
    plan([
      ['a', 70_000, 100],
      ['a', 0, 4000],
      ['a', 4000, 600],
      ['a', 500_000, 10],
    ]),
    [
      ['a', 0, 70_100, 3],
      ['a', 500_000, 10, 1],
    ],
  );
});

test('files are read apart, and long runs in pieces', () => {
  const mega = 1 << 20;
  assert.deepEqual(
    plan([
      ['b', 0, 10],
      ['a', 0, 5 * mega],
      ['a', 5 * mega, 5 * mega],
    ]),
    [
      ['a', 0, 5 * mega, 1],
      ['a', 5 * mega, 5 * mega, 1],
      ['b', 0, 10, 1],
    ],
  );
});

test('a page wanted twice is read once', () => {
  assert.deepEqual(
    plan([
      ['a', 8, 10],
      ['a', 8, 10],
    ]),
    [['a', 8, 10, 1]],
  );
});
