import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { RE2JS } from 're2js';
import { checkRegexSyntax } from './regex-syntax.ts';

function accepted(check: (pattern: string) => unknown, pattern: string): boolean {
  try {
    check(pattern);
    return true;
  } catch {
    return false;
  }
}

test('what an engine takes is not refused', () => {
  const piece = fc.constantFrom(
    ...[
      'a',
      '.',
      '\\d',
      '\\pL',
      '\\Q(\\E',
      '[a-z]',
      '[^]a]',
      '[[:alpha:]\\]]',
      '(',
      ')',
      '(?:',
      '(?i)',
      '(?P<n>',
      '(?i:',
    ],
    ...['*', '+?', '??', '{2,3}', '|', '^', '$', '\\', '[', ']', '\\1', '(?=', '\\x{41}', '-', ':]'],
  );
  let taken = 0;
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 6 }), (pieces) => {
      const pattern = pieces.join('');
      if (!accepted((text) => RE2JS.compile(text), pattern)) return;
      taken += 1;
      checkRegexSyntax(pattern);
    }),
    { numRuns: 2000 },
  );
  assert.ok(taken > 100, `${taken}`);
});

test('obvious mistakes are refused', () => {
  for (const pattern of [
    '(',
    ')',
    '[',
    'a)',
    '(a',
    '*',
    '+a',
    '(?',
    'a**',
    'a\\',
    '(?=a)',
    '(?<!a)',
    '(a)\\1',
    '(?x)',
    '[]',
    '(|*)',
  ])
    assert.ok(!accepted(checkRegexSyntax, pattern), pattern);
});
