import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { Cell, calculate, compareStrings, compareValues, literalValue, resultOf } from './value.ts';

const int = (value: bigint) => literalValue({ type: 'int', value });
const float = (value: number) => literalValue({ type: 'float', value });

function calculated(op: Parameters<typeof calculate>[0], a: ReturnType<typeof int>, b: ReturnType<typeof int>) {
  const out = new Cell();
  calculate(op, a, b, out);
  return resultOf(out);
}

test('strings order as their UTF-8 bytes do, also where UTF-16 orders otherwise', () => {
  assert.ok(compareStrings('\uffee', '\u{1f600}') < 0);
  assert.ok('\uffee' > '\u{1f600}');
  const text = fc.string({ unit: 'binary', maxLength: 4 });
  fc.assert(
    fc.property(text, text, (a, b) => {
      assert.equal(Math.sign(compareStrings(a, b)), Buffer.compare(Buffer.from(a), Buffer.from(b)));
    }),
  );
});

test('ints are exact over the whole int64 range', () => {
  const max = (1n << 63n) - 1n;
  assert.equal(compareValues('=', int(max), int(max - 1n)), false);
  assert.equal(compareValues('>', int(max), int(max - 1n)), true);
  assert.deepEqual(calculated('+', int(1n << 53n), int(1n)), { type: 'int', value: (1n << 53n) + 1n });
  assert.deepEqual(calculated('*', int(3_037_000_499n), int(3_037_000_499n)), {
    type: 'int',
    value: 9_223_372_030_926_249_001n,
  });
  assert.deepEqual(calculated('+', int(max), int(1n)), { type: 'int', value: -(1n << 63n) });
});

test('int arithmetic agrees with bigint arithmetic', () => {
  const near = fc.oneof(fc.bigInt({ min: -(1n << 63n), max: (1n << 63n) - 1n }), fc.bigInt({ min: -9n, max: 9n }));
  fc.assert(
    fc.property(near, near, (a, b) => {
      assert.deepEqual(calculated('+', int(a), int(b)), { type: 'int', value: BigInt.asIntN(64, a + b) });
      assert.deepEqual(calculated('-', int(a), int(b)), { type: 'int', value: BigInt.asIntN(64, a - b) });
      assert.deepEqual(calculated('*', int(a), int(b)), { type: 'int', value: BigInt.asIntN(64, a * b) });
      if (b === 0n) return;
      assert.deepEqual(calculated('/', int(a), int(b)), { type: 'int', value: BigInt.asIntN(64, a / b) });
      assert.deepEqual(calculated('%', int(a), int(b)), { type: 'int', value: a % b });
    }),
  );
});

test('powers are computed the right way round and become floats when they leave int64', () => {
  assert.deepEqual(calculated('^', int(3n), int(2n)), { type: 'int', value: 9n });
  assert.deepEqual(calculated('^', int(10n), int(30n)), { type: 'float', value: 1e30 });
  assert.deepEqual(calculated('^', int(2n), int(-1n)), { type: 'float', value: 0.5 });
});

test('an int divided by zero is nil, a float is not', () => {
  assert.deepEqual(calculated('/', int(1n), int(0n)), { type: 'nil' });
  assert.deepEqual(calculated('%', int(1n), int(0n)), { type: 'nil' });
  assert.deepEqual(calculated('/', float(1), int(0n)), { type: 'float', value: Number.POSITIVE_INFINITY });
});

test('values of different kinds never compare, numbers of different types do', () => {
  const string = literalValue({ type: 'string', value: '1' });
  for (const op of ['=', '!=', '<', '>='] as const) assert.equal(compareValues(op, int(1n), string), false);
  assert.equal(compareValues('=', int(4n), float(4)), true);
  assert.equal(compareValues('>', literalValue({ type: 'duration', value: 5 }), float(4.5)), true);
  const nil = literalValue({ type: 'nil' });
  assert.equal(compareValues('=', nil, nil), false);
});
