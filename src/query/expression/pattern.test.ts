import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { RE2JS } from 're2js';
import { compilePattern } from './pattern.ts';
import { patternSize } from './pattern-size.ts';

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

test('a list in parentheses is a list', () => {
  for (const pattern of ['(a|b\\.c)', '(?:a|b\\.c)']) {
    assert.deepEqual(
      ['a', 'b.c', 'bxc', 'ab'].map((text) => compilePattern(pattern)(text)),
      [true, true, false, false],
    );
  }
  assert.throws(() => compilePattern('(a\\)'), { code: 'invalid_regex' });
});

test('matching takes time in proportion to the text, whatever the pattern', () => {
  const text = 'a'.repeat(100_000);
  const patterns = ['(a+)+b', '(a|aa)+b', '(a*)*b', '(.*)(.*)(.*)(.*)(.*)[0-9]', '(a?){50}a{50}b', '([a-z]+)*[0-9]'];
  for (const pattern of patterns) {
    const startMs = performance.now();
    assert.equal(compilePattern(pattern)(text), false);
    const tookMs = performance.now() - startMs;
    assert.ok(tookMs < 3000, `${pattern} took ${tookMs} ms`);
  }
});

test('automata that would be too large are refused before they are made', () => {
  const startMs = performance.now();
  const patterns = ['a{1000}'.repeat(1000), '(abc[def]{100}){999}'.repeat(9), '(a{9}|cd){100}'.repeat(500)];
  for (const pattern of patterns) {
    assert.throws(() => compilePattern(pattern), { kind: 'invalid', code: 'invalid_regex' }, pattern.slice(0, 50));
  }
  assert.ok(performance.now() - startMs < 200);
});

test('the size of an automaton is known beforehand, to a factor of four', () => {
  const patterns = [
    'a{1000}',
    '(ab|cd){2,30}',
    '[^]a-z\\]]{20}',
    '[[:alpha:]]{20}b',
    '\\pL{40}',
    '\\p{Greek}{3,}',
    'a{,3}',
  ]
    .concat(['\\x{10FFFF}{7}', 'x*y+z?', '((a{10}){10}){10}', 'abc|def|ghi', '\\{5}', '(?i)hello', '(?P<n>a){9}'])
    .concat(['(a|b|c|d|e)'.repeat(1000), 'a{0,500}b{500}']);
  for (const pattern of patterns) {
    const size = RE2JS.compile(pattern, RE2JS.DOTALL).programSize();
    const guess = patternSize(pattern);
    assert.ok(guess <= size * 4 + 10 && guess >= size / 4 - 10, `${pattern.slice(0, 50)}: ${guess} for ${size}`);
  }
});

test('a pattern is made once for many fragments', () => {
  const pattern = `(${'[ab]c'.repeat(2000)})`;
  compilePattern(pattern);
  const startMs = performance.now();
  for (let k = 0; k < 1000; k++) compilePattern(pattern);
  assert.ok(performance.now() - startMs < 100);
});
