import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkMetrics, checkQuery } from '../../traceql/check.ts';
import { parseQuery } from '../../traceql/parser.ts';
import { traceqlDocs } from './docs/traceql.ts';

test('every query in the documents is one', () => {
  let count = 0;
  for (const [name, text] of Object.entries(traceqlDocs)) {
    for (const [, code = ''] of text.matchAll(/`(\{ [^`]*)`/g)) {
      // Shown as wrong, or with a word in place of a part.
      if (code === '{ condition }' || code === '{ } | count()') continue;
      const query = parseQuery(code);
      assert.doesNotThrow(
        () => (query.metrics === undefined ? checkQuery(query) : checkMetrics(query)),
        `${name}: ${code}`,
      );
      count++;
    }
  }
  assert.ok(count >= 12, `${count} queries`);
});
