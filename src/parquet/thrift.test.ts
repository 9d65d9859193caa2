import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { RubatoError } from '../base/errors.ts';
import { ByteSink } from './byte-sink.ts';
import { ThriftReader, ThriftType, ThriftWriter } from './thrift.ts';

function written(write: (writer: ThriftWriter) => void): Uint8Array {
  const sink = new ByteSink(1);
  const writer = new ThriftWriter(sink);
  writer.begin();
  write(writer);
  writer.end();
  return sink.copy();
}

test('fields of all types come back', () => {
  fc.assert(
    fc.property(
      fc.integer(),
      fc.nat({ max: 2 ** 52 - 1 }),
      fc.boolean(),
      fc.string(),
      fc.nat({ max: 40 }),
      (a, b, c, d, n) => {
        const bytes = written((writer) => {
          writer.i32(1, a);
          writer.i64(20, b);
          writer.bool(21, c);
          writer.begin(22);
          writer.string(1, d);
          writer.end();
          writer.list(23, ThriftType.i64, n);
          for (let i = 0; i < n; i++) writer.i64Element(i);
        });
        const reader = new ThriftReader(bytes, 0, 'test');
        reader.begin();
        assert.equal(reader.next(), 1);
        assert.equal(reader.i32(), a);
        assert.equal(reader.next(), 20);
        assert.equal(reader.size(), b);
        assert.equal(reader.next(), 21);
        assert.equal(reader.bool(), c);
        assert.equal(reader.next(), 22);
        reader.expectStruct();
        const outer = reader.begin();
        assert.equal(reader.next(), 1);
        assert.equal(reader.string(), d.toWellFormed());
        assert.equal(reader.next(), 0);
        reader.end(outer);
        assert.equal(reader.next(), 23);
        assert.equal(reader.list(ThriftType.i64), n);
        for (let i = 0; i < n; i++) assert.equal(reader.sizeElement(), i);
        assert.equal(reader.next(), 0);
        assert.equal(reader.at, bytes.length);
      },
    ),
  );
});

test('fields of every type can be passed over', () => {
  const bytes = Uint8Array.from([
    0x11, 0x12, 0x13, 5, 0x14, 0x80, 1, 0x15, 2, 0x16, 3, 0x17, 0, 0, 0, 0, 0, 0, 0, 0, 0x18, 2, 65, 66,
    // a list of two bools, a set of one i32, a map of one binary to an empty struct, a struct with a bool, an i32
    0x19, 0x21, 1, 2, 0x1a, 0x15, 4, 0x1b, 1, 0x8c, 1, 65, 0, 0x1c, 0x11, 0, 0x15, 14, 0,
  ]);
  const reader = new ThriftReader(bytes, 0, 'test');
  reader.begin();
  for (let id = 1; id <= 12; id++) {
    assert.equal(reader.next(), id);
    reader.skip();
  }
  assert.equal(reader.next(), 13);
  assert.equal(reader.i32(), 7);
  assert.equal(reader.next(), 0);
});

test('errors name the byte in the file', () => {
  const reader = new ThriftReader(Uint8Array.of(0x18, 100), 0, 'footer', 5000);
  reader.begin();
  reader.next();
  assert.throws(() => reader.binary(), /footer, byte 5002: a string runs past the end/);
});

test('nesting without end is refused', () => {
  const reader = new ThriftReader(new Uint8Array(100_000).fill(0x1c), 0, 'test');
  reader.begin();
  reader.next();
  assert.throws(() => reader.skip(), /nested too deeply/);
});

test('any bytes can be passed over or are refused', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
      const reader = new ThriftReader(bytes, 0, 'test');
      try {
        reader.begin();
        while (reader.next() !== 0) reader.skip();
        assert.ok(reader.at <= bytes.length);
      } catch (error) {
        assert.ok(error instanceof RubatoError && error.kind === 'corrupt', String(error));
      }
    }),
    { numRuns: 3000 },
  );
});
