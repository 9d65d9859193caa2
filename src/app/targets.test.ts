import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rolesOf } from './targets.ts';

test('Tempo’s targets are roles, and several may be named', () => {
  assert.deepEqual([...rolesOf('all')], ['write', 'read', 'backend', 'metrics']);
  assert.deepEqual([...rolesOf('distributor')], ['write']);
  assert.deepEqual([...rolesOf('query-frontend, querier')], ['read']);
  assert.deepEqual([...rolesOf('metrics-generator')], ['metrics']);
  assert.deepEqual([...rolesOf('read,backend')], ['read', 'backend']);
});

test('a target that does not exist is refused with those that do', () => {
  for (const target of ['', 'reader', 'read,', 'toString'])
    assert.throws(() => rolesOf(target), /unknown target .*there are: all, /, target);
});
