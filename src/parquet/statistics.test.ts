import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { ColumnSchema } from './schema.ts';
import { BOUND_BYTES_MAX, Extremes } from './statistics.ts';
import { makeDictionary, type Value } from './test-support.ts';

function boundsOf(schema: Omit<ColumnSchema, 'name' | 'optional'>, values: readonly Value[]) {
  const full: ColumnSchema = { name: 'a', optional: true, ...schema };
  const { dictionary } = makeDictionary(full, values);
  const extremes = new Extremes(dictionary, full);
  for (let i = 0; i < dictionary.count; i++) extremes.add(i);
  return extremes.bounds();
}

const view = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
const strictUtf8 = new TextDecoder('utf-8', { fatal: true });

test('bounds of strings hold, are short and are UTF-8, whatever was cut', () => {
  const long = fc
    .array(fc.constantFrom('a', 'z', '\x7f', 'é', '߿', '中', '\uffff', '😀', '\u{10ffff}'), {
      minLength: 0,
      maxLength: 90,
      size: 'max',
    })
    .map((characters) => characters.join(''));
  fc.assert(
    fc.property(fc.array(long, { minLength: 1, maxLength: 5 }), (values) => {
      const bounds = boundsOf({ physical: 'byteArray', logical: 'string' }, values)!;
      const sorted = values.map((value) => Buffer.from(value)).sort(Buffer.compare);
      const [least, most] = [sorted[0]!, sorted.at(-1)!];
      assert.ok(Buffer.compare(bounds.min, least) <= 0);
      assert.ok(Buffer.compare(bounds.max, most) >= 0);
      assert.equal(bounds.minExact, Buffer.compare(bounds.min, least) === 0);
      assert.equal(bounds.maxExact, Buffer.compare(bounds.max, most) === 0);
      assert.ok(bounds.min.length <= BOUND_BYTES_MAX);
      strictUtf8.decode(bounds.min);
      strictUtf8.decode(bounds.max);
    }),
    { numRuns: 1000 },
  );
});

test('bounds of bytes that are not UTF-8 hold too', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 120, size: 'max' }), { minLength: 1, maxLength: 5 }), (values) => {
      const bounds = boundsOf({ physical: 'byteArray' }, values)!;
      for (const value of values) {
        assert.ok(Buffer.compare(bounds.min, value) <= 0);
        assert.ok(Buffer.compare(bounds.max, value) >= 0);
      }
    }),
    { numRuns: 1000 },
  );
});

test('a value that has no short upper bound stays whole', () => {
  const value = '\u{10ffff}'.repeat(40);
  const bounds = boundsOf({ physical: 'byteArray', logical: 'string' }, [value])!;
  assert.equal(bounds.maxExact, true);
  assert.equal(bounds.max.length, 160);
  assert.equal(bounds.minExact, false);
});

test('integers are ordered by sign or without, as the column says', () => {
  const signed = boundsOf({ physical: 'int64' }, [5n, -1n, 300n, 2n ** 40n])!;
  assert.equal(view(signed.min).getBigInt64(0, true), -1n);
  assert.equal(view(signed.max).getBigInt64(0, true), 2n ** 40n);
  const unsigned = boundsOf({ physical: 'int64', logical: 'uint64' }, [5n, -1n, 300n])!;
  assert.equal(view(unsigned.min).getBigUint64(0, true), 5n);
  assert.equal(view(unsigned.max).getBigUint64(0, true), 2n ** 64n - 1n);
  const words = boundsOf({ physical: 'int32', logical: 'uint32' }, [-2, 7])!;
  assert.equal(view(words.max).getUint32(0, true), 2 ** 32 - 2);
});

test('a range of integers has the bounds of its values one by one', () => {
  fc.assert(
    fc.property(fc.array(fc.integer(), { minLength: 2, maxLength: 60 }), (numbers) => {
      const words = Uint32Array.from(numbers.length % 2 === 0 ? numbers : [...numbers, 0]);
      for (const [physical, logical] of [
        ['int32', undefined],
        ['int32', 'uint32'],
        ['int64', undefined],
        ['int64', 'uint64'],
      ] as const) {
        const schema: ColumnSchema = { name: 'a', physical, optional: false, ...(logical ? { logical } : {}) };
        const count = words.length / (physical === 'int64' ? 2 : 1);
        const values = { count, bytes: new Uint8Array(words.buffer), offsets: new Uint32Array(0) };
        const one = new Extremes(values, schema);
        for (let i = 0; i < count; i++) one.add(i);
        const range = new Extremes(values, schema);
        range.addRange(0, count);
        assert.deepEqual(range.bounds(), one.bounds());
      }
    }),
  );
});

test('NaN is left out, and a zero bound covers both zeros', () => {
  const bounds = boundsOf({ physical: 'double' }, [Number.NaN, 0, Number.NaN])!;
  assert.ok(Object.is(view(bounds.min).getFloat64(0, true), -0));
  assert.ok(Object.is(view(bounds.max).getFloat64(0, true), 0));
  const negative = boundsOf({ physical: 'double' }, [-0, -5])!;
  assert.ok(Object.is(view(negative.max).getFloat64(0, true), 0));
  assert.equal(boundsOf({ physical: 'double' }, [Number.NaN]), undefined);
  assert.equal(boundsOf({ physical: 'double' }, []), undefined);
});
