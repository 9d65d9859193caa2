import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { JsonWriter } from './json-writer.ts';

const written = (write: (writer: JsonWriter) => void): string => {
  const writer = new JsonWriter(1);
  write(writer);
  return writer.finish().toString('utf8');
};

const anyText = fc.string({ unit: 'binary', maxLength: 200 });

test('a string reads back as what it was', () => {
  fc.assert(fc.property(anyText, (text) => assert.equal(JSON.parse(written((w) => w.string(text))), text)));
});

test('UTF-8 bytes give the same JSON as their string', () => {
  fc.assert(
    fc.property(anyText, (text) => {
      assert.equal(
        written((w) => w.stringBytes(Buffer.from(text))),
        written((w) => w.string(text)),
      );
    }),
  );
});

test('bytes that are not UTF-8 and lone surrogates become U+FFFD', () => {
  assert.equal(
    written((w) => w.stringBytes(Buffer.from([0x61, 0xff, 0x22]))),
    '"a\ufffd\\""',
  );
  assert.equal(
    written((w) => w.string('a\ud800b')),
    '"a\ufffdb"',
  );
});

test('quotes, backslashes and control characters are escaped', () => {
  assert.equal(
    written((w) => w.string('"\\\n\r\t\b\f\u0000\u001f\u007f')),
    '"\\"\\\\\\n\\r\\t\\b\\f\\u0000\\u001f\u007f"',
  );
});

test('base64 and hex are those of Node', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      assert.equal(
        written((w) => w.base64(bytes)),
        `"${Buffer.from(bytes).toString('base64')}"`,
      );
      assert.equal(
        written((w) => w.hex(bytes)),
        `"${Buffer.from(bytes).toString('hex')}"`,
      );
    }),
  );
});

test('whole numbers are exact up to 2^53', () => {
  fc.assert(
    fc.property(fc.maxSafeInteger(), (value) => {
      assert.equal(
        written((w) => w.integer(value)),
        String(value),
      );
    }),
  );
  for (const value of [0, 9, 10, 99, 100, 999_999, 1_000_000, 2 ** 53 - 1])
    assert.equal(
      written((w) => w.integer(value)),
      String(value),
    );
});

test('a time from seconds and nanoseconds is exact', () => {
  const nano = fc.integer({ min: -(2 ** 50), max: 2 ** 50 });
  fc.assert(
    fc.property(fc.integer({ min: 2 ** 21, max: 2 ** 33 }), nano, (seconds, part) => {
      const exact = BigInt(seconds) * 1_000_000_000n + BigInt(part);
      assert.equal(
        written((w) => w.unixNano(seconds, part)),
        `"${exact}"`,
      );
    }),
  );
  assert.equal(
    written((w) => w.unixNano(0, 7)),
    '"7"',
  );
});

test('doubles are the shortest form, and what is no number is a string', () => {
  const cases: [number, string][] = [
    [0.1, '0.1'],
    [-0, '-0'],
    [1e21, '1e+21'],
    [Number.NaN, '"NaN"'],
    [Number.POSITIVE_INFINITY, '"Infinity"'],
    [Number.NEGATIVE_INFINITY, '"-Infinity"'],
  ];
  for (const [value, text] of cases)
    assert.equal(
      written((w) => w.double(value)),
      text,
    );
});

test('what was taken is not overwritten by what comes after', () => {
  const writer = new JsonWriter(4);
  writer.raw('first');
  const taken = writer.take();
  writer.raw('other');
  assert.equal(taken.toString(), 'first');
  assert.equal(writer.finish().toString(), 'other');
});
