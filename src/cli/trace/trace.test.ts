import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type PlainSpan, plainResource, plainSpan } from '../../model/plain-span.ts';
import { noPaint } from '../text/paint.ts';
import { textWidth } from '../text/width.ts';
import { criticalPath } from './critical-path.ts';
import { gantt } from './gantt.ts';
import { type SpanNode, traceTree } from './trace-tree.ts';

interface Given {
  readonly id: number;
  readonly parent?: number;
  readonly from: number;
  readonly to: number;
  readonly service?: string;
  readonly error?: boolean;
}

const idOf = (id: number): string => id.toString(16).padStart(16, '0');

function span({ id, parent, from, to, service = 'a', error }: Given): PlainSpan {
  return plainSpan({
    traceId: '1'.padStart(32, '0'),
    spanId: idOf(id),
    parentSpanId: parent === undefined ? '' : idOf(parent),
    name: `s${id}`,
    startTimeUnixNano: 1_700_000_000_000_000_000n + BigInt(from) * 1_000_000n,
    endTimeUnixNano: 1_700_000_000_000_000_000n + BigInt(to) * 1_000_000n,
    statusCode: error === true ? 2 : 0,
    resource: plainResource({ attributes: [{ key: 'service.name', value: { type: 'string', value: service } }] }),
  });
}

const draw = (given: readonly Given[], rowsMax = Number.POSITIVE_INFINITY): string =>
  gantt(traceTree(given.map(span)), { width: 60, paint: noPaint, rowsMax });

/** Own stretches of the critical path by span, in ms. */
function path(given: readonly Given[]): Record<string, string> {
  const own = criticalPath(traceTree(given.map(span)).roots[0]!);
  return Object.fromEntries(
    [...own].map(([node, stretches]) => [
      node.span.name,
      stretches.map(({ from, to }) => `${from / 1e6}-${to / 1e6}`).join(' '),
    ]),
  );
}

test('a trace is drawn as its tree with bars in time', () => {
  const drawn = draw([
    { id: 1, from: 0, to: 100, service: 'shop' },
    { id: 2, parent: 1, from: 10, to: 60, service: 'books' },
    { id: 3, parent: 2, from: 20, to: 55, service: 'books', error: true },
    { id: 4, parent: 1, from: 70, to: 90, service: 'mail' },
    { id: 5, parent: 9, from: 40, to: 80, service: 'lost' },
  ]);
  assert.equal(
    drawn,
    `\
trace 00000000000000000000000000000001  shop s1
2023-11-14 22:13:20.000 UTC, 100ms, 5 spans, 4 services, 1 error, 1 span whose parent is missing
critical path: books 50ms (36%), lost 40ms (29%), shop 30ms (21%), mail 20ms (14%)

                           0               50ms        100ms
shop s1             100ms  ███▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒████▒▒▒▒▒▒████
├─ books s2          50ms     ████▒▒▒▒▒▒▒▒▒▒▒██
│  └─ ✗ books s3     35ms        ████████████
└─ mail s4           20ms                         ███████
? lost s5            40ms               █████████████
`.trimEnd(),
  );
});

test('the critical path is what ended last before each moment', () => {
  // One after another.
  assert.deepEqual(
    path([
      { id: 1, from: 0, to: 100 },
      { id: 2, parent: 1, from: 10, to: 40 },
      { id: 3, parent: 1, from: 50, to: 90 },
    ]),
    { s1: '90-100 40-50 0-10', s3: '50-90', s2: '10-40' },
  );
  // At the same time: the longer one decides, what still ran when it started does not.
  assert.deepEqual(
    path([
      { id: 1, from: 0, to: 100 },
      { id: 2, parent: 1, from: 10, to: 60 },
      { id: 3, parent: 1, from: 40, to: 90 },
    ]),
    { s1: '90-100 0-40', s3: '40-90' },
  );
  // A child that outlives its parent counts up to the parent's end.
  assert.deepEqual(
    path([
      { id: 1, from: 0, to: 50 },
      { id: 2, parent: 1, from: 20, to: 80 },
    ]),
    { s1: '0-20', s2: '20-50' },
  );
});

test('the critical path covers every moment of its root exactly once', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ parent: fc.nat(30), from: fc.nat(100), length: fc.nat(100) }), { maxLength: 30 }),
      (made) => {
        const given: Given[] = [{ id: 1, from: 0, to: 100 }];
        for (const [i, { parent, from, length }] of made.entries())
          given.push({ id: i + 2, parent: 1 + (parent % (i + 1)), from, to: from + length });
        const stretches = [...criticalPath(traceTree(given.map(span)).roots[0]!).values()].flat();
        stretches.sort((a, b) => a.from - b.from);
        let covered = 0;
        for (const { from, to } of stretches) {
          assert.equal(from, covered);
          covered = to;
        }
        assert.equal(covered, 100e6);
      },
    ),
  );
});

test('any spans become a forest with each span once', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ id: fc.nat(12), parent: fc.option(fc.nat(12), { nil: undefined }) }), { minLength: 1 }),
      (made) => {
        const given = made.map(
          ({ id, parent }, i): Given => ({
            id: id + 1,
            ...(parent !== undefined && { parent: parent + 1 }),
            from: i,
            to: i + 5,
          }),
        );
        const { nodes } = traceTree(given.map(span));
        assert.equal(new Set(nodes).size, given.length);
        assert.equal(nodes.length, given.length);
        const drawn = draw(given);
        for (const line of drawn.split('\n').slice(4)) assert.ok(textWidth(line) <= 60, line);
      },
    ),
  );
});

test('a trace of ten thousand spans is folded around errors and the critical path', () => {
  const given: Given[] = [{ id: 1, from: 0, to: 20_000 }];
  for (let i = 2; i <= 10_000; i++)
    given.push({ id: i, parent: i <= 20 ? 1 : 2 + (i % 19), from: i, to: i + 1 + (i % 7), error: i === 7777 });
  given.push({ id: 20_000, parent: 1, from: 12_000, to: 19_000, service: 'slow' });
  const started = performance.now();
  const drawn = draw(given, 50);
  const took = performance.now() - started;
  assert.ok(took < 2000, `${took} ms`);
  const lines = drawn.split('\n');
  assert.ok(lines.length <= 5 + 2 * 50, `${lines.length} lines`);
  assert.match(drawn, /✗ a s7777/);
  assert.match(drawn, /slow s20000/);
  const folded = [...drawn.matchAll(/… ([\d,]+) spans? folded/g)].reduce(
    (sum, [, count]) => sum + Number(count!.replace(',', '')),
    0,
  );
  assert.equal(folded + 50, given.length);
  assert.equal(draw(given).split('\n').length, 5 + given.length);
});

test('a chain deeper than the terminal is wide keeps its bars', () => {
  const given = Array.from({ length: 2000 }, (_, i): Given => {
    return { id: i + 1, ...(i > 0 && { parent: i }), from: i, to: 4000 - i };
  });
  const lines = draw(given).split('\n').slice(5);
  assert.equal(lines.length, 2000);
  assert.match(lines.at(-1)!, /^1999┄.*█/);
});

test('a span that lists itself, and spans in a ring, are shown', () => {
  const drawn = draw([
    { id: 1, parent: 1, from: 0, to: 10 },
    { id: 2, parent: 3, from: 0, to: 10 },
    { id: 3, parent: 2, from: 1, to: 9 },
  ]);
  for (const name of ['s1', 's2', 's3']) assert.ok(drawn.includes(` ${name} `), name);
  const nodes: readonly SpanNode[] = traceTree([span({ id: 1, from: 5, to: 5 })]).nodes;
  assert.equal(nodes[0]!.end, 0);
});
