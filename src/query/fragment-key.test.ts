import assert from 'node:assert/strict';
import { test } from 'node:test';
import { liveFragment } from '../block/live-fragment.ts';
import { randomTable } from '../block/testing/random-table.ts';
import { fragmentKey } from './fragment-key.ts';

test('a fragment with other hidden traces has another key', () => {
  const fragment = liveFragment('one', randomTable({ seed: 1, traces: 5, broken: false }));
  const keys = [
    undefined,
    Uint8Array.of(1, 0, 0, 0, 0),
    Uint8Array.of(0, 1, 0, 0, 0),
    Uint8Array.of(1, 1, 0, 0, 0),
    Uint8Array.of(0, 0, 0, 0, 0),
  ].map((hidden) => fragmentKey(fragment.view(hidden)));
  assert.equal(new Set(keys).size, keys.length);
  assert.equal(fragmentKey(fragment.view(Uint8Array.of(1, 0, 0, 0, 0))), keys[1]);
});
