import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { RE2JS } from 're2js';
import { compilePattern } from './pattern.ts';

test('patterns are anchored at both ends and the dot matches newlines', () => {
  assert.equal(compilePattern('b')('abc'), false);
  assert.equal(compilePattern('a.*c')('a\nb\nc'), true);
  assert.equal(compilePattern('a.c')('a\nc'), true);
  assert.equal(compilePattern('')('a'), false);
  assert.equal(compilePattern('')(''), true);
});

test('pieces around .* do not overlap', () => {
  assert.equal(compilePattern('ab.*ba')('aba'), false);
  assert.equal(compilePattern('a.*b.*b')('ab'), false);
  assert.equal(compilePattern('a.*b.*b')('abb'), true);
});

test('escaped punctuation stands for itself, other escapes keep their meaning', () => {
  assert.equal(compilePattern('psp\\.example\\.com')('psp.example.com'), true);
  assert.equal(compilePattern('psp\\.example\\.com')('pspxexample.com'), false);
  assert.equal(compilePattern('\\d+')('123'), true);
});

test('what RE2 refuses is refused with an invalid error', () => {
  for (const pattern of ['[', 'a**', '(?=a)', '(']) {
    assert.throws(() => compilePattern(pattern), { kind: 'invalid', code: 'invalid_regex' });
  }
});

test('string searches answer as the automaton does', () => {
  const pattern = fc.array(fc.constantFrom('a', 'b', '.*', '|', '\\.', '.', '[ab]', '(a|b)', 'a+'), { maxLength: 6 });
  const text = fc.array(fc.constantFrom('a', 'b', '.', '\n'), { maxLength: 6 });
  fc.assert(
    fc.property(pattern, text, (parts, chars) => {
      const source = parts.join('');
      const value = chars.join('');
      assert.equal(compilePattern(source)(value), RE2JS.compile(source, RE2JS.DOTALL).testExact(value), source);
    }),
    { numRuns: 500 },
  );
});
