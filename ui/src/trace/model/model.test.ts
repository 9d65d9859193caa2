import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { callTree, flameBoxes } from './call-tree.ts';
import { compareTrees } from './compare.ts';
import { criticalPath } from './critical-path.ts';
import { parseFilter, runFilter } from './filter.ts';
import { type MadeSpan, madeTrace, namesOf } from './made-trace.ts';
import { findFolds, foldOf, keptRows, type Shown, visibleRows } from './rows.ts';
import { statistics } from './statistics.ts';
import { clockSkew, corrected, selfTimes } from './times.ts';
import { nextError, rowOfSpan, spanIdText, type Trace, totalsOf } from './trace.ts';
import { intrinsicValues, operationValues } from './values.ts';

const shop = madeTrace([
  {
    name: 'checkout',
    service: 'web',
    start: 0,
    end: 100,
    children: [
      {
        name: 'charge',
        service: 'pay',
        start: 10,
        end: 60,
        children: [{ name: 'bank', start: 20, end: 50, error: true }],
      },
      { name: 'mail', start: 40, end: 95 },
    ],
  },
  { name: 'lost', start: 30, end: 35, orphan: true, children: [{ name: 'child', start: 31, end: 33 }] },
]);

function shownOf(trace: Trace, changes: Partial<Shown> = {}): Shown {
  const folds = findFolds(trace);
  return {
    trace,
    folds,
    unfolded: new Uint8Array(folds.length),
    collapsed: new Uint8Array(trace.spans),
    orphansCollapsed: false,
    ...changes,
  };
}

const anySpan = fc.letrec<{ span: MadeSpan }>((tie) => ({
  span: fc.record({
    name: fc.constantFrom('a', 'b'),
    service: fc.constantFrom('x', 'y'),
    start: fc.nat(100),
    end: fc.nat(100).map((n) => n + 100),
    children: fc.oneof({ maxDepth: 3 }, fc.constant([]), fc.array(tie('span'), { maxLength: 4 })),
  }),
})).span;
const anyTrace = fc.array(anySpan, { minLength: 1, maxLength: 3 }).map((roots) => madeTrace(sortedTree(roots)));

/** As storage has them. */
function sortedTree(spans: readonly MadeSpan[]): MadeSpan[] {
  return spans
    .map((span) => ({ ...span, children: sortedTree(span.children ?? []) }))
    .sort((a, b) => a.start - b.start);
}

test('parents and depths follow from subtree sizes', () => {
  assert.deepEqual([...shop.parent], [-1, 0, 1, 0, -2, 4]);
  assert.deepEqual([...shop.depth], [0, 1, 2, 1, 0, 1]);
});

test('totals count services, errors and orphans, and know the end', () => {
  assert.deepEqual(totalsOf(shop), { endNano: 100, services: 3, errors: 1, orphans: 1 });
});

test('a span is found by its id', () => {
  for (let row = 0; row < shop.spans; row++) assert.equal(rowOfSpan(shop, spanIdText(shop, row)), row);
  assert.equal(rowOfSpan(shop, 'ffffffffffffffff'), -1);
  assert.equal(rowOfSpan(shop, 'x'), -1);
});

test('self time is what no child covers, children that overlap counted once', () => {
  assert.deepEqual([...selfTimes(shop)], [15, 20, 30, 55, 3, 2]);
});

test('self times equal a count of uncovered instants', () => {
  fc.assert(
    fc.property(anyTrace, (trace) => {
      const self = selfTimes(trace);
      for (let row = 0; row < trace.spans; row++) {
        let uncovered = 0;
        for (let at = trace.start[row]!; at < trace.start[row]! + trace.duration[row]!; at++) {
          const covered = trace.parent.some(
            (parent, child) =>
              parent === row && trace.start[child]! <= at && at < trace.start[child]! + trace.duration[child]!,
          );
          if (!covered) uncovered++;
        }
        assert.equal(self[row], uncovered);
      }
    }),
    { numRuns: 50 },
  );
});

test('self times hold when siblings do not stand by start', () => {
  const trace = madeTrace([
    {
      name: 'a',
      start: 0,
      end: 100,
      children: [
        { name: 'b', start: 50, end: 80 },
        { name: 'c', start: 10, end: 70 },
      ],
    },
  ]);
  assert.deepEqual([...selfTimes(trace)], [30, 30, 60]);
});

test('the critical path covers every instant of a root once', () => {
  fc.assert(
    fc.property(anyTrace, (trace) => {
      const path = criticalPath(trace);
      let covered = 0;
      for (let i = 0; i < path.from.length; i++) covered += path.to[i]! - path.from[i]!;
      let roots = 0;
      for (let row = 0; row < trace.spans; row++) if (trace.parent[row]! < 0) roots += trace.duration[row]!;
      assert.equal(covered, roots);
    }),
  );
});

test('the critical path goes through the child that ends last', () => {
  const path = criticalPath(shop);
  const [first, end] = [path.first[0]!, path.end[0]!];
  const own = Array.from({ length: end - first }, (_, i) => [path.from[first + i], path.to[first + i]]);
  assert.deepEqual(own, [
    [95, 100],
    [0, 40],
  ]);
  assert.ok(path.end[3]! > path.first[3]!, 'mail delayed the end');
  assert.equal(path.end[1], path.first[1], 'charge still ran when mail began: it delayed nobody');
});

test('visible rows skip what is collapsed and give missing parents a row', () => {
  assert.deepEqual([...visibleRows(shownOf(shop))], [0, 1, 2, 3, -1, 4, 5]);
  assert.deepEqual(
    [...visibleRows(shownOf(shop, { collapsed: Uint8Array.of(0, 1, 0, 0, 0, 0) }))],
    [0, 1, 3, -1, 4, 5],
  );
  assert.deepEqual([...visibleRows(shownOf(shop, { orphansCollapsed: true }))], [0, 1, 2, 3, -1]);
});

test('only matches and what is above them stay', () => {
  const kept = keptRows(shop, Uint8Array.of(0, 0, 1, 0, 0, 0));
  assert.deepEqual([...visibleRows(shownOf(shop, { kept }))], [0, 1, 2]);
});

test('repeated siblings are one row until they are unfolded', () => {
  const gets = Array.from({ length: 84 }, (_, i) => ({ name: 'GET', start: i, end: i + 1, error: i === 5 }));
  const trace = madeTrace([
    { name: 'root', start: 0, end: 100, children: [...gets, { name: 'SET', start: 90, end: 91 }] },
  ]);
  const folds = findFolds(trace);
  assert.deepEqual(folds, [{ first: 1, count: 84, startNano: 0, endNano: 84, totalNano: 84, errors: 1 }]);
  assert.deepEqual([...visibleRows(shownOf(trace))], [0, -2, 85]);
  assert.equal(visibleRows(shownOf(trace, { unfolded: Uint8Array.of(1) })).length, 86);
  assert.equal(foldOf(folds, 84), 0);
  assert.equal(foldOf(folds, 85), -1);
  assert.equal(foldOf(folds, 0), -1);
});

test('every span is in sight when nothing is collapsed or folded', () => {
  fc.assert(
    fc.property(anyTrace, (trace) => {
      const rows = visibleRows(shownOf(trace, { folds: [], unfolded: new Uint8Array(0) }));
      assert.deepEqual(
        rows,
        Int32Array.from({ length: trace.spans }, (_, row) => row),
      );
    }),
  );
});

test('a service whose clock is behind is moved into its caller, and marked', () => {
  const trace = madeTrace([
    {
      name: 'call',
      service: 'a',
      start: 100,
      end: 200,
      children: [
        {
          name: 'serve',
          service: 'b',
          start: 40,
          end: 80,
          children: [{ name: 'query', service: 'b', start: 50, end: 60 }],
        },
      ],
    },
  ]);
  const skew = clockSkew(trace)!;
  assert.equal(skew.rows, 2);
  assert.deepEqual([...corrected(trace, skew).start], [100, 130, 140]);
  assert.equal(clockSkew(shop), undefined);
  assert.deepEqual([...selfTimes(corrected(trace, skew))], [60, 30, 10]);
});

test('the next error goes around the end', () => {
  assert.equal(nextError(shop, -1, 1), 2);
  assert.equal(nextError(shop, 2, 1), 2);
  assert.equal(nextError(shop, 4, 1), 2);
  assert.equal(nextError(shop, -1, -1), 2);
  assert.equal(nextError(madeTrace([{ name: 'fine', start: 0, end: 1 }]), -1, 1), -1);
});

test('statistics by service', () => {
  const groups = statistics(shop, selfTimes(shop), intrinsicValues(shop, 'service'));
  assert.deepEqual(
    groups.map(({ label, count, errors, total, self, p50, p95, max }) => [
      label,
      count,
      errors,
      total,
      self,
      p50,
      p95,
      max,
    ]),
    [
      ['shop', 4, 1, 92, 90, 5, 55, 55],
      ['pay', 1, 0, 50, 20, 50, 50, 50],
      ['web', 1, 0, 100, 15, 100, 100, 100],
    ],
  );
  const only = Uint8Array.of(0, 0, 1, 0, 0, 0);
  assert.deepEqual(
    statistics(shop, selfTimes(shop), operationValues(shop), only).map(({ label }) => label),
    ['shop › bank'],
  );
});

test('the call tree joins equal lines of calls and keeps all self time', () => {
  fc.assert(
    fc.property(anyTrace, (trace) => {
      const self = selfTimes(trace);
      const nodes = callTree(trace, self);
      assert.equal(
        nodes.reduce((sum, { count }) => sum + count, 0),
        trace.spans,
      );
      const weight = nodes.filter(({ parent }) => parent === -1).reduce((sum, node) => sum + node.weight, 0);
      assert.equal(
        weight,
        self.reduce((sum, each) => sum + each, 0),
      );
      for (const box of flameBoxes(nodes, -1, 0)) {
        assert.ok(box.left >= 0 && box.left + box.width <= 1 + 1e-9);
      }
    }),
  );
});

test('a flame graph of one node shows its line of callers over the whole width', () => {
  const nodes = callTree(shop, selfTimes(shop));
  const charge = nodes.findIndex(({ operation }) => operation.name === 'charge');
  const boxes = flameBoxes(nodes, charge, 0);
  assert.deepEqual(
    boxes.map(({ node, width }) => [nodes[node]!.operation.name, width]),
    [
      ['checkout', 1],
      ['charge', 1],
      ['bank', 0.6],
    ],
  );
});

test('two traces are compared by the line of operations', () => {
  const before = callTree(shop, selfTimes(shop));
  const slower = madeTrace([
    {
      name: 'checkout',
      service: 'web',
      start: 0,
      end: 300,
      children: [
        { name: 'charge', service: 'pay', start: 10, end: 260 },
        { name: 'fraud', start: 261, end: 270 },
      ],
    },
  ]);
  const compared = compareTrees(before, callTree(slower, selfTimes(slower)));
  const find = (name: string) => compared.find(({ operation }) => operation.name === name)!;
  assert.equal(find('charge').selfChange, 230);
  assert.equal(find('fraud').before, undefined);
  assert.equal(find('bank').after, undefined);
  assert.equal(compared[0]!.operation.name, 'checkout');
});

const nothing = { attribute: async () => [], find: async () => new Uint32Array() };

test('filters: texts, conditions, and what is neither', async () => {
  assert.equal(parseFilter('  '), undefined);
  assert.deepEqual(parseFilter('charge card'), { text: 'charge card' });
  assert.deepEqual(parseFilter('{ resource.service.name = "a && b" && duration>=1.5ms }'), {
    conditions: [
      { name: 'service', operator: '=', operand: 'a && b' },
      { name: 'duration', operator: '>=', operand: '1.5ms' },
    ],
  });
  assert.ok('problem' in parseFilter('{ what }')!);
  assert.ok('problem' in parseFilter('duration > soon')!);
  assert.ok('problem' in parseFilter('name =~ "("')!);
  const run = async (text: string) => {
    const matches = await runFilter(shop, parseFilter(text)!, nothing);
    return namesOf(
      shop,
      [...matches.keys()].filter((row) => matches[row] === 1),
    );
  };
  assert.deepEqual(await run('status = error'), ['bank']);
  assert.deepEqual(await run('{ service = shop && duration > 30ns }'), ['mail']);
  assert.deepEqual(await run('name =~ "ch.*" && service != web'), ['charge', 'child']);
});

test('a condition on an attribute looks at every column of that name', async () => {
  const columns = [
    { codes: Uint32Array.of(1, 2, 0, 0, 0, 0), values: [200, 500] },
    { codes: Uint32Array.of(0, 0, 1, 0, 0, 0), values: ['503'] },
  ];
  const source = { ...nothing, attribute: async () => columns };
  assert.deepEqual([...(await runFilter(shop, parseFilter('http.status_code >= 500')!, source))], [0, 1, 1, 0, 0, 0]);
  assert.deepEqual([...(await runFilter(shop, parseFilter('.x != 500')!, source))], [1, 0, 1, 0, 0, 0]);
});
