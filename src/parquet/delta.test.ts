import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { RubatoError } from '../base/errors.ts';
import { ByteSink } from './byte-sink.ts';
import { decodeByteStreamSplit, encodeByteStreamSplit } from './byte-stream-split.ts';
import { decodeDelta, encodeDelta } from './delta.ts';

function encode(words: Uint32Array, wordsPerValue: 1 | 2): Uint8Array {
  const sink = new ByteSink(1);
  encodeDelta(words, 0, words.length / wordsPerValue, wordsPerValue, sink);
  return sink.copy();
}

function decode(bytes: Uint8Array, count: number, wordsPerValue: 1 | 2): Uint32Array {
  const out = new Uint32Array(count * wordsPerValue);
  decodeDelta(bytes, 0, count, wordsPerValue, out, 0, 'test');
  return out;
}

const pairs = (values: readonly bigint[]): Uint32Array => new Uint32Array(BigInt64Array.from(values).buffer);

test('64-bit values come back whatever their differences', () => {
  const value = fc.oneof(
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    fc.bigInt({ min: -1000n, max: 1000n }),
    fc.constantFrom(-(2n ** 63n), 2n ** 63n - 1n, 0n, 2n ** 32n, -(2n ** 32n)),
  );
  fc.assert(
    fc.property(fc.array(value, { maxLength: 300, size: 'max' }), (values) => {
      const words = pairs(values);
      assert.deepEqual(decode(encode(words, 2), values.length, 2), words);
    }),
    { numRuns: 200 },
  );
});

test('increasing times with steps of every width come back', () => {
  for (let bits = 0n; bits < 63n; bits++) {
    const values: bigint[] = [];
    for (let i = 0n; i < 300n; i++) values.push(BigInt.asIntN(64, (i * 0x9e3779b97f4a7c15n) & ((1n << bits) - 1n)));
    const words = pairs(values);
    assert.deepEqual(decode(encode(words, 2), values.length, 2), words, `${bits} bits`);
  }
});

test('32-bit values come back and take no more than 32 bits a delta', () => {
  fc.assert(
    fc.property(fc.array(fc.integer(), { maxLength: 300, size: 'max' }), (values) => {
      const words = Uint32Array.from(values);
      const bytes = encode(words, 1);
      assert.deepEqual(decode(bytes, values.length, 1), words);
      assert.ok(bytes.length <= 16 + Math.ceil(values.length / 32) * 128 + Math.ceil(values.length / 128) * 10);
    }),
  );
});

// parquet-format Encodings.md, Example 2: 7, 5, 3, 1, 2, 3, 4, 5 has first value 7, minimum delta -2 and deltas less
// the minimum of 0, 0, 0, 3, 3, 3, 3 in two bits.
test('the example of the specification is encoded as it says', () => {
  assert.deepEqual(
    [...encode(Uint32Array.of(7, 5, 3, 1, 2, 3, 4, 5), 1)],
    [0x80, 1, 4, 8, 14, 3, 2, 0, 0, 0, 0b11000000, 0b00111111, 0, 0, 0, 0, 0, 0],
  );
});

test('any bytes decode or are refused', () => {
  const valid = encode(pairs(Array.from({ length: 200 }, (_, i) => BigInt(i * i) << BigInt(i % 50))), 2);
  const mutated = fc
    .array(fc.tuple(fc.nat({ max: valid.length - 1 }), fc.nat({ max: 255 })), { minLength: 1, maxLength: 4 })
    .map((changes) => {
      const bytes = valid.slice();
      for (const [at, byte] of changes) bytes[at] = byte;
      return bytes;
    });
  fc.assert(
    fc.property(fc.oneof(mutated, fc.uint8Array({ maxLength: 60 })), fc.boolean(), (bytes, wide) => {
      try {
        decode(bytes, 200, wide ? 2 : 1);
      } catch (error) {
        assert.ok(error instanceof RubatoError && error.kind === 'corrupt', String(error));
      }
    }),
    { numRuns: 3000 },
  );
});

test('a miniblock count that divides nothing is refused', () => {
  assert.throws(() => decode(Uint8Array.of(0x80, 1, 3, 2, 0), 2, 2), /miniblock/);
});

test('byte streams are split and joined', () => {
  fc.assert(
    fc.property(fc.array(fc.integer(), { maxLength: 40 }), (values) => {
      const words = Uint32Array.from(values.length % 2 === 0 ? values : [...values, 1]);
      for (const wordsPerValue of [1, 2]) {
        const count = words.length / wordsPerValue;
        const sink = new ByteSink(1);
        encodeByteStreamSplit(words, 0, count, wordsPerValue, sink);
        const flat = new Uint8Array(words.buffer);
        for (let i = 0; i < flat.length; i++) {
          const width = wordsPerValue * 4;
          assert.equal(sink.bytes[(i % width) * count + Math.floor(i / width)], flat[i]);
        }
        const out = new Uint32Array(words.length);
        decodeByteStreamSplit(sink.view(), 0, count, wordsPerValue, out, 0);
        assert.deepEqual(out, words);
      }
    }),
  );
});
