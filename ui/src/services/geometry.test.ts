import assert from 'node:assert/strict';
import { test } from 'node:test';
import { discRadius, edgeLine, fitView, neighbourAt, ringDash, zoomView } from './geometry.ts';

const nodes = new Map([
  ['a', { x: 0, y: 0 }],
  ['b', { x: 200, y: -60 }],
  ['c', { x: 200, y: 60 }],
]);

test('a disc grows with the rate and is there without one', () => {
  assert.ok(discRadius(0, 0) > 0 && discRadius(0, 10) < discRadius(5, 10) && discRadius(5, 10) < discRadius(10, 10));
});

test('a ring shows its share, and the smallest share still', () => {
  assert.match(ringDash(10, 0), /^0\.0 /);
  assert.equal(Number(ringDash(10, 1e-9).split(' ')[0]), 3);
  assert.ok(Math.abs(Number(ringDash(10, 0.5).split(' ')[0]) - 31.4) < 0.1);
});

test('what is under the pointer stays there when the picture grows', () => {
  const view = zoomView({ x: 10, y: 20, scale: 1 }, 2, { x: 110, y: 120 });
  assert.deepEqual(view, { x: -90, y: -80, scale: 2 });
  assert.equal(zoomView(view, 1e9, { x: 0, y: 0 }).scale, 3);
});

test('fitting shows everything, in the middle', () => {
  const { x, y, scale } = fitView([...nodes.values()], { width: 400, height: 300 }, { width: 100, height: 60 });
  for (const point of nodes.values()) {
    assert.ok(point.x * scale + x >= 0 && point.x * scale + x <= 400);
    assert.ok(point.y * scale + y >= 0 && point.y * scale + y <= 300);
  }
  assert.deepEqual(fitView([], { width: 400, height: 300 }, { width: 1, height: 1 }), { x: 0, y: 0, scale: 1 });
});

test('arrow keys go to the nearest node of their direction', () => {
  assert.equal(neighbourAt('ArrowRight', 'a', nodes), 'b');
  assert.equal(neighbourAt('ArrowDown', 'b', nodes), 'c');
  assert.equal(neighbourAt('ArrowLeft', 'a', nodes), undefined);
});

test('lines lead forth, back below, and round for a service that calls itself', () => {
  const [a, b] = [nodes.get('a')!, nodes.get('b')!];
  assert.match(edgeLine(a, b, [10, 10]).path, /^M13 0C/);
  assert.ok(edgeLine(b, a, [10, 10]).label.y > 0);
  assert.ok(edgeLine(a, a, [10, 10]).label.y < -30);
});
