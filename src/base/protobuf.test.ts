import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BinaryReader, BinaryWriter } from '@bufbuild/protobuf/wire';
import fc from 'fast-check';
import { RubatoError } from './errors.ts';
import { ProtoReader, ProtoWriter } from './protobuf.ts';

test('the writer writes what protobuf-es writes', () => {
  fc.assert(
    fc.property(
      fc.record({
        uint: fc.maxSafeNat(),
        int: fc.integer(),
        int64: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
        fixed32: fc.nat(0xffff_ffff),
        fixed64: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
        double: fc.double(),
        bool: fc.boolean(),
        text: fc.string({ unit: 'grapheme', maxLength: 300 }),
        bytes: fc.uint8Array({ maxLength: 300 }),
      }),
      (v) => {
        const theirs = new BinaryWriter();
        theirs.tag(1, 0).uint64(v.uint).tag(2, 0).int32(v.int).tag(3, 0).int64(v.int64);
        theirs.tag(4, 5).fixed32(v.fixed32).tag(5, 1).fixed64(v.fixed64).tag(6, 1).double(v.double);
        theirs
          .tag(7, 0)
          .bool(v.bool)
          .tag(8, 2)
          .fork()
          .tag(16, 2)
          .string(v.text)
          .join()
          .tag(536_870_911, 2)
          .bytes(v.bytes);
        const ours = new ProtoWriter(1);
        ours.uint(1, v.uint);
        ours.int(2, v.int);
        ours.int64(3, v.int64);
        ours.fixed32(4, v.fixed32);
        ours.fixed64(5, v.fixed64);
        ours.double(6, v.double);
        ours.bool(7, v.bool);
        ours.message(8, () => ours.string(16, v.text));
        ours.bytes(536_870_911, v.bytes);
        assert.deepEqual(Buffer.from(ours.finish()), Buffer.from(theirs.finish()));

        const reader = new ProtoReader(ours.finish());
        const read: unknown[] = [];
        while (reader.next()) {
          switch (reader.field) {
            case 1:
              read.push(Number(reader.uint64()));
              break;
            case 2:
              read.push(reader.int32());
              break;
            case 3:
              read.push(reader.int64());
              break;
            case 4:
              read.push(reader.fixed32());
              break;
            case 5:
              read.push(reader.fixed64());
              break;
            case 6:
              read.push(reader.double());
              break;
            case 7:
              read.push(reader.bool());
              break;
            case 8: {
              const inner = reader.message();
              assert(inner.next());
              read.push(inner.string());
              assert(!inner.next());
              break;
            }
            default:
              read.push(new Uint8Array(reader.bytes()));
          }
        }
        // Text that is no well-formed UTF-16 does not survive UTF-8.
        assert.deepEqual(read, Object.values({ ...v, text: v.text.toWellFormed() }));
      },
    ),
  );
});

test('a message longer than 127 bytes pushes its content up', () => {
  for (const size of [0, 127, 128, 16_383, 16_384, 300_000]) {
    const writer = new ProtoWriter();
    writer.message(1, () => writer.message(2, () => writer.bytes(3, new Uint8Array(size).fill(7))));
    const theirs = new BinaryReader(writer.finish());
    theirs.tag();
    theirs.uint32();
    theirs.tag();
    theirs.uint32();
    theirs.tag();
    assert.deepEqual(theirs.bytes(), new Uint8Array(size).fill(7));
    assert.equal(theirs.pos, theirs.len);
  }
});

test('unknown fields are skipped', () => {
  const writer = new ProtoWriter();
  writer.int64(1, -1n);
  writer.fixed64(2, 1n);
  writer.string(3, 'x');
  writer.fixed32(4, 1);
  writer.uint(5, 42);
  const reader = new ProtoReader(writer.finish());
  const seen: number[] = [];
  while (reader.next()) {
    seen.push(reader.field);
    if (reader.field === 5) assert.equal(reader.uint32(), 42);
    else reader.skip();
  }
  assert.deepEqual(seen, [1, 2, 3, 4, 5]);
});

test('a byte order mark is part of the text', () => {
  const writer = new ProtoWriter();
  writer.string(1, '\ufeffa');
  const reader = new ProtoReader(writer.finish());
  assert(reader.next());
  assert.equal(reader.string(), '\ufeffa');
});

test('damage is refused and says where', () => {
  const cases: [number[], RegExp][] = [
    [[0x0a, 5, 1], /byte 2: 5 bytes expected, 1 left/],
    [[0x0a, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1], /bytes expected, 0 left/],
    [[0x08, 0x80], /byte 2: varint is cut off/],
    [[0x08, ...Array<number>(11).fill(0xff)], /varint is longer than 10 bytes/],
    [[0x09, 1, 2], /8 bytes expected, 2 left/],
    [[0x0d, 1, 2], /4 bytes expected, 2 left/],
    [[0x0b], /byte 0: group/],
    [[0x0f], /byte 0: wire type 7/],
    [[0x02, 0], /byte 0: field number 0/],
    [[255, 255, 255, 255, 127], /byte 0: field number/],
  ];
  for (const [bytes, message] of cases) {
    const reader = new ProtoReader(Uint8Array.from(bytes));
    assert.throws(
      () => {
        while (reader.next()) reader.skip();
      },
      (error) => error instanceof RubatoError && error.code === 'invalid_protobuf' && message.test(error.message),
      String(message),
    );
  }
  const reader = new ProtoReader(Uint8Array.of(0x08, 1));
  reader.next();
  assert.throws(() => reader.string(), /field 1 has wire type 0, expected 2/);
});
