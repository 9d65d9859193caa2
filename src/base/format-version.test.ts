import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ErrorKind, RubatoError } from './errors.ts';
import { checkFormat } from './format-version.ts';

const kindOf = (found: unknown): string => {
  try {
    checkFormat('a/b at 4', 'thing', found, 3);
    return 'known';
  } catch (error) {
    assert.ok(error instanceof RubatoError);
    return error.code === 'newer_format' ? error.code : error.kind;
  }
};

test('a later format is told from damage', () => {
  assert.equal(kindOf(3), 'known');
  for (const later of [4, 255]) assert.equal(kindOf(later), 'newer_format');
  for (const damaged of [0, 2, -1, 3.5, '3', '4', undefined, null, Number.NaN, {}])
    assert.equal(kindOf(damaged), ErrorKind.corrupt, String(damaged));
});
