import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type RecentQuery, readRecent, readSaved, withRecent } from './saved-queries.ts';

test('a query that is run again moves up, and the oldest are forgotten', () => {
  let recent: readonly RecentQuery[] = [];
  for (let index = 0; index < 40; index++) recent = withRecent(recent, { q: `{ .a = ${index} }`, atMs: index });
  assert.equal(recent.length, 30);
  recent = withRecent(recent, { q: '{ .a = 20 }', atMs: 99 });
  assert.deepEqual(recent[0], { q: '{ .a = 20 }', atMs: 99 });
  assert.equal(recent.filter(({ q }) => q === '{ .a = 20 }').length, 1);
});

test('what the browser kept is read with care', () => {
  assert.deepEqual(readSaved({ name: 'n', q: '{ }', columns: ['name', 5], sort: 'spans', more: 1 }), {
    name: 'n',
    q: '{ }',
    columns: ['name'],
    sort: 'spans',
  });
  assert.deepEqual(readSaved({ name: 'n', q: '' }), { name: 'n', q: '', columns: [], sort: 'start' });
  for (const item of [null, 1, 'text', {}, { name: 'n' }, []]) assert.equal(readSaved(item), undefined);
  assert.equal(readRecent({ q: 1, atMs: 2 }), undefined);
  assert.deepEqual(readRecent({ q: 'x', atMs: 2 }), { q: 'x', atMs: 2 });
});
