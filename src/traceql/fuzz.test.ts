/** Whatever comes over the network: an answer or a TraceQLError, in time that grows with the text. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { checkMetrics, checkQuery } from './check.ts';
import { TraceQLError } from './error.ts';
import { parseTagFilter } from './lenient.ts';
import { parseAttribute, parseQuery } from './parser.ts';
import { printQuery } from './print.ts';
import { arbitraryQuery } from './testing/arbitrary-query.ts';
import { stripPositions } from './testing/strip-positions.ts';

function mayRefuse(run: () => void): void {
  try {
    run();
  } catch (error) {
    if (!(error instanceof TraceQLError)) throw error;
    assert.equal(error.kind, 'invalid');
    assert.ok(error.line >= 1 && error.column >= 1 && error.offset >= 0 && error.reason !== '');
  }
}

function digest(text: string): void {
  mayRefuse(() => {
    const query = parseQuery(text);
    assert.deepEqual(stripPositions(parseQuery(printQuery(query))), stripPositions(query));
    mayRefuse(() => checkQuery(query));
    mayRefuse(() => checkMetrics(query));
  });
  mayRefuse(() => parseAttribute(text));
  parseTagFilter(text);
}

const words = [
  ...'{ } ( ) [ ] . , | & ! - + * / % ^ = < > ~ " ` \' # : ; \\ && || >> << != =~ !~ >= <= !> &>> // /* */'.split(' '),
  ...['\n', ' ', '\u00a0', '\ufeff', '\u2028', '\0', '\ud800', '😀'],
  ...'true false nil ok error unset server by select coalesce count avg rate compare topk with duration name parent'.split(
    ' ',
  ),
  ...'quantile_over_time span. resource. span: event: trace: parent. .a span.b ."c d" minInt maxInt'.split(' '),
  ...'1 -1 .5 1e9 1e999 9223372036854775808 1s 1h30m 1d 5x 0x1 "x" `y` "\\x41" "\\q"'.split(' '),
  ...['{ .a = 1 }', '| count() > 1', '| rate()', '({ } | count() > 1)', 'with (a=true)'],
];

test('random text is parsed or refused', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 60 }), digest), { numRuns: 1000 });
});

test('random tokens are parsed or refused', () => {
  const soup = fc.array(fc.constantFrom(...words), { maxLength: 20 });
  fc.assert(
    fc.property(soup, fc.constantFrom('', ' '), (list, separator) => digest(list.join(separator))),
    { numRuns: 3000 },
  );
});

test('damaged queries are parsed or refused', () => {
  const damage = fc.record({ at: fc.nat(), length: fc.nat({ max: 5 }), insert: fc.constantFrom('', ...words) });
  fc.assert(
    fc.property(arbitraryQuery, fc.array(damage, { minLength: 1, maxLength: 3 }), (query, damages) => {
      let text = printQuery(query);
      for (const { at, length, insert } of damages) {
        const start = at % (text.length + 1);
        text = text.slice(0, start) + insert + text.slice(start + length);
      }
      digest(text);
    }),
    { numRuns: 1500 },
  );
});

test('time grows with the length of the text', () => {
  const shapes: Readonly<Record<string, (n: number) => string>> = {
    alternatives: (n) => `{ ${'.a = "x" || '.repeat(n)} .b }`,
    pipeline: (n) => `{ }${' | { .a + 1 = 2 }'.repeat(n)}`,
    parentheses: (n) => `{ ${'(.a) && '.repeat(n)} (.b) }`,
    'open parentheses': (n) => `{ ${'(.a && '.repeat(n)}`,
    'spaces and comments': (n) => `{ ${' /**/\n'.repeat(n)} }`,
    'open comments': (n) => `{ ${'/* '.repeat(n)}`,
    'long string': (n) => `{ .a = "${'\\n\\x41'.repeat(n)}" }`,
    'long name': (n) => `{ ."${'\\"a'.repeat(n)}" }`,
    'long number': (n) => `{ .a = ${'9'.repeat(n * 4)} }`,
    'long duration': (n) => `{ .a = ${'1s'.repeat(n)} }`,
    'long regex': (n) => `{ .a =~ "${'[[:a'.repeat(n)}" }`,
    'quotes missing': (n) => `{ ${'.a = " && '.repeat(n)}`,
    'blocks of sums': (n) => `{ ${`.a${' + .b'.repeat(100)} = 1 && `.repeat(n / 100)} .c }`,
    'span sets': (n) => `{ .a }${' || { .b }'.repeat(n)}`,
    'select list': (n) => `{ } | select(.a${', .b'.repeat(n)})`,
  };
  const run = (text: string) => {
    mayRefuse(() => printQuery(checkQuery(parseQuery(text))));
    parseTagFilter(text);
  };
  /** Least time of several runs, in ms. */
  const time = (text: string) => {
    let least = Number.POSITIVE_INFINITY;
    for (let round = 0; round < 5; round += 1) {
      const start = performance.now();
      run(text);
      least = Math.min(least, performance.now() - start);
    }
    return least;
  };
  for (const [name, shape] of Object.entries(shapes)) {
    let short = time(shape(1_000));
    let long = time(shape(10_000));
    // A quadratic step costs 100 times as much, every time; the allowance is for cold code. Other processes may take the
    // core away in every round of one measurement, so one that fails is made again.
    for (let again = 0; again < 3 && long >= 25 * short + 20; again += 1) {
      short = time(shape(1_000));
      long = time(shape(10_000));
    }
    assert.ok(long < 25 * short + 20, `${name}: ${short.toFixed(2)} ms became ${long.toFixed(2)} ms`);
    if (process.env['RUBATO_TIMES'])
      console.log(`${name}: ${short.toFixed(2)} ms, ten times as long ${long.toFixed(2)} ms`);
  }
});
