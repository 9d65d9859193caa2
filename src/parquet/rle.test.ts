import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { RubatoError } from '../base/errors.ts';
import { ByteSink } from './byte-sink.ts';
import { countPresent, spreadToBytes, spreadToShorts, spreadToWords } from './levels.ts';
import { decodeHybridToBytes, decodeHybridToWords, encodeHybrid } from './rle.ts';

function encode(values: readonly number[], width: number): Uint8Array {
  const words = new Uint32Array(values.length + 8).fill(0xffffffff);
  words.set(values);
  const sink = new ByteSink(1);
  encodeHybrid(words, values.length, width, sink);
  return sink.copy();
}

function decode(bytes: Uint8Array, width: number, count: number): number[] {
  const words = new Uint32Array(count + 8);
  decodeHybridToWords(bytes, 0, bytes.length, width, count, words, 'test');
  return [...words.subarray(0, count)];
}

/** Runs and loose values, as columns have them. */
const runsOf = (width: number): fc.Arbitrary<number[]> => {
  const max = width === 32 ? 0xffffffff : 2 ** width - 1;
  return fc
    .array(fc.tuple(fc.nat({ max }), fc.oneof(fc.constant(1), fc.nat({ max: 70 }))), { maxLength: 40 })
    .map((runs) => runs.flatMap(([value, length]) => new Array<number>(length).fill(value)));
};

test('values of every width come back, as runs and as literals', () => {
  for (let width = 0; width <= 32; width++) {
    fc.assert(
      fc.property(runsOf(width), (values) => {
        const bytes = encode(values, width);
        assert.deepEqual(decode(bytes, width, values.length), values);
        if (width > 8) return;
        const out = new Uint8Array(values.length + 8);
        decodeHybridToBytes(bytes, 0, bytes.length, width, values.length, out, 'test');
        assert.deepEqual([...out.subarray(0, values.length)], values);
      }),
      { numRuns: 30 },
    );
  }
});

// parquet-format Encodings.md: "the numbers 0 through 7" packed with 3 bits are 10001000 11000110 11111010.
test('eight literals are packed as the specification shows', () => {
  assert.deepEqual([...encode([0, 1, 2, 3, 4, 5, 6, 7], 3)], [3, 0b10001000, 0b11000110, 0b11111010]);
});

test('a long run takes a header and one value', () => {
  assert.deepEqual([...encode(new Array(1000).fill(300), 9)], [0xd0, 0x0f, 0x2c, 0x01]);
});

test('a run of zero bits has no value bytes', () => {
  assert.deepEqual([...encode(new Array(5).fill(0), 0)], [10]);
});

test('any bytes decode to values below the width or are refused, in bounded time', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), fc.nat({ max: 40 }), fc.nat({ max: 300 }), (bytes, width, count) => {
      try {
        const values = decode(bytes, width, count);
        assert.ok(values.every((value) => value < 2 ** width));
      } catch (error) {
        assert.ok(error instanceof RubatoError && error.kind === 'corrupt', String(error));
      }
    }),
    { numRuns: 3000 },
  );
});

test('a run claims no more values than are wanted', () => {
  assert.deepEqual(decode(Uint8Array.of(0xfe, 0xff, 0xff, 0xff, 0x0f, 7), 3, 4), [7, 7, 7, 7]);
});

test('levels spread indices over the rows that have a value', () => {
  fc.assert(
    fc.property(runsOf(1), (levels) => {
      const bytes = encode(levels, 1);
      const present = levels.filter((level) => level === 1).length;
      assert.equal(countPresent(bytes, levels.length, 'test'), present);
      const indices = Uint32Array.from({ length: present + 1 }, (_, i) => i % 200);
      let next = 0;
      const want = levels.map((level) => (level === 1 ? (next++ % 200) + 1 : 0));
      const at = 3;
      for (const [out, spread] of [
        [new Uint8Array(levels.length + 6).fill(9), spreadToBytes.bind(undefined, Uint8Array.from(indices))],
        [new Uint16Array(levels.length + 6).fill(9), spreadToShorts.bind(undefined, indices)],
        [new Uint32Array(levels.length + 6).fill(9), spreadToWords.bind(undefined, indices)],
      ] as const) {
        (spread as (levels: Uint8Array, rows: number, out: unknown, at: number) => void)(bytes, levels.length, out, at);
        assert.deepEqual([...out], [9, 9, 9, ...want, 9, 9, 9]);
      }
    }),
  );
});
