import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { checkQuery } from '../../src/traceql/check.ts';
import { TraceQLError } from '../../src/traceql/error.ts';
import { parseQuery } from '../../src/traceql/parser.ts';
import { printQuery } from '../../src/traceql/print.ts';
import { stripPositions } from '../../src/traceql/testing/strip-positions.ts';

function linesOf(file: string): string[] {
  const text = readFileSync(path.join(import.meta.dirname, file), 'utf8');
  return text.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('#'));
}

test('valid queries parse, check, and print to text that means the same', () => {
  const queries = linesOf('valid.txt');
  assert.ok(queries.length > 50);
  for (const text of queries) {
    try {
      const query = checkQuery(parseQuery(text));
      assert.deepEqual(stripPositions(parseQuery(printQuery(query))), stripPositions(query));
    } catch (error) {
      assert.fail(`${text}\n${error}`);
    }
  }
});

test('invalid queries are refused for the reason given', () => {
  const lines = linesOf('invalid.txt');
  assert.ok(lines.length > 100);
  for (const line of lines) {
    const split = line.lastIndexOf('=> ');
    const text = line.slice(0, split).trimEnd();
    const expected = line.slice(split + 3);
    let message = 'it is accepted';
    try {
      checkQuery(parseQuery(text));
    } catch (error) {
      if (!(error instanceof TraceQLError)) throw error;
      message = error.message;
    }
    assert.ok(message.includes(expected), `${text}\n  expected: ${expected}\n  got:      ${message}`);
  }
});
