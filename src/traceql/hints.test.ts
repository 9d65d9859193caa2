import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readHints } from './hints.ts';
import { parseQuery } from './parser.ts';

test('hints of a known name and type count, the first of each', () => {
  const cases: readonly (readonly [string, object])[] = [
    ['most_recent=true', { mostRecent: true }],
    ['most_recent=1', { mostRecent: false }],
    ['most_recent="x", most_recent=true, most_recent=false', { mostRecent: true }],
    ['exemplars=false', { mostRecent: false, exemplars: false }],
    ['exemplars=5', { mostRecent: false, exemplars: 5 }],
    ['exemplars=0.5, unheard_of=1', { mostRecent: false }],
    [
      'sample=true, span_sample=0.1, trace_sample=1',
      { mostRecent: false, sample: true, spanSample: 0.1, traceSample: 1 },
    ],
    ['sample=false, span_sample=1.5, trace_sample=0', { mostRecent: false }],
  ];
  for (const [text, hints] of cases) assert.deepEqual(readHints(parseQuery(`{ } with (${text})`).hints), hints, text);
});
