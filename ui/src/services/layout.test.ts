import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { emptyLayout, freshLayout, type GraphShape, nodeBox, updateLayout } from './layout.ts';

const shapeOf = (nodes: readonly string[], ...edges: readonly [string, string][]): GraphShape => ({
  nodes,
  edges: edges.map(([from, to]) => ({ from, to, calls: 1 })),
});

const chain = shapeOf(['a', 'b', 'c'], ['a', 'b'], ['b', 'c'], ['a', 'c'], ['b', 'b']);

test('calls go from left to right, also when services call each other', () => {
  const { nodes, edges } = freshLayout(chain);
  assert.ok(nodes.get('a')!.x < nodes.get('b')!.x && nodes.get('b')!.x < nodes.get('c')!.x);
  assert.equal(edges.size, 3);
  const circle = freshLayout(shapeOf(['a', 'b'], ['a', 'b'], ['b', 'a']));
  assert.notEqual(circle.nodes.get('a')!.x, circle.nodes.get('b')!.x);
});

test('what is known stays where it is; a new node stands behind its caller, free of others', () => {
  const before = freshLayout(chain);
  assert.equal(updateLayout(shapeOf(['c', 'a']), before), before);
  const more = shapeOf(['a', 'b', 'c', 'd', 'e'], ['a', 'b'], ['b', 'c'], ['b', 'd'], ['e', 'a']);
  const after = updateLayout(more, before);
  for (const [node, point] of before.nodes) assert.deepEqual(after.nodes.get(node), point);
  assert.ok(after.nodes.get('d')!.x > after.nodes.get('b')!.x);
  assert.ok(after.nodes.get('e')!.x < after.nodes.get('a')!.x);
});

test('no two nodes overlap, whatever comes when', () => {
  const names = fc.uniqueArray(fc.constantFrom(...'abcdefghijklmnop'), { minLength: 1 });
  const pairs = fc.array(fc.tuple(fc.constantFrom(...'abcdefghijklmnop'), fc.constantFrom(...'abcdefghijklmnop')));
  fc.assert(
    fc.property(fc.array(names, { minLength: 1, maxLength: 4 }), pairs, (steps, edges) => {
      let layout = emptyLayout;
      for (const nodes of steps) {
        const known = edges.filter(([from, to]) => nodes.includes(from) && nodes.includes(to));
        layout = updateLayout(shapeOf(nodes, ...known), layout);
        const points = nodes.map((node) => layout.nodes.get(node)!);
        points.forEach((a, i) => {
          for (const b of points.slice(i + 1))
            assert.ok(Math.abs(a.x - b.x) >= nodeBox.width || Math.abs(a.y - b.y) >= nodeBox.height);
        });
      }
    }),
    { numRuns: 50 },
  );
});
