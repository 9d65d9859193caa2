import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { RubatoError } from '../../base/errors.ts';
import { BinaryReader } from './binary-reader.ts';
import { CompactReader } from './compact-reader.ts';
import {
  binaryCall,
  bool,
  compactCall,
  encodeBinary,
  encodeCompact,
  i32,
  i64,
  oldBinaryCall,
  string,
  struct,
  type ThriftValue,
  type TypeName,
} from './testing/encode-thrift.ts';
import { type ThriftReader, ThriftType, thriftDepthMax } from './thrift-reader.ts';

const protocols = [
  { name: 'binary', encode: encodeBinary, open: (bytes: Uint8Array) => new BinaryReader(bytes) },
  { name: 'compact', encode: encodeCompact, open: (bytes: Uint8Array) => new CompactReader(bytes) },
];

/** A random value of a type, a few levels deep. */
function randomValue(type: TypeName, depth: number): fc.Arbitrary<ThriftValue> {
  switch (type) {
    case 'bool':
      return fc.boolean().map((value) => ({ type, value }));
    case 'byte':
      return fc.integer({ min: -128, max: 127 }).map((value) => ({ type, value }));
    case 'i16':
      return fc.integer({ min: -32768, max: 32767 }).map((value) => ({ type, value }));
    case 'i32':
      return fc.integer().map((value) => ({ type, value }));
    case 'i64':
      return fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((value) => ({ type, value }));
    case 'double':
      return fc.double().map((value) => ({ type, value }));
    case 'string':
      return fc.oneof(fc.string({ unit: 'grapheme' }), fc.uint8Array()).map((value) => ({ type, value }));
    case 'struct':
      return fc
        .uniqueArray(fc.tuple(fc.integer({ min: -40, max: 400 }), anyValue(depth - 1)), {
          selector: ([id]) => id,
          maxLength: 6,
        })
        .map((fields) => ({ type, fields }));
    case 'list':
    case 'set':
      return typeName(depth - 1).chain((of) =>
        fc.array(randomValue(of, depth - 1), { maxLength: 20 }).map((items) => ({ type, of, items })),
      );
    case 'map':
      return fc
        .tuple(typeName(depth - 1), typeName(depth - 1))
        .chain((of) =>
          fc
            .array(fc.tuple(randomValue(of[0], depth - 1), randomValue(of[1], depth - 1)), { maxLength: 5 })
            .map((pairs) => ({ type, of, pairs })),
        );
  }
}

const leaves: readonly TypeName[] = ['bool', 'byte', 'i16', 'i32', 'i64', 'double', 'string'];
const typeName = (depth: number): fc.Arbitrary<TypeName> =>
  fc.constantFrom(...leaves, ...(depth > 0 ? (['struct', 'list', 'set', 'map'] as const) : []));
const anyValue = (depth: number): fc.Arbitrary<ThriftValue> =>
  typeName(depth).chain((type) => randomValue(type, depth));

/** Reads a struct's plain fields back, and its lists of structs; steps over the rest. */
function readStruct(reader: ThriftReader): Map<number, unknown> {
  const fields = new Map<number, unknown>();
  const outer = reader.begin();
  while (reader.next()) {
    const id = reader.fieldId;
    switch (reader.fieldType) {
      case ThriftType.bool:
        fields.set(id, reader.bool());
        break;
      case ThriftType.i16:
        fields.set(id, reader.i16());
        break;
      case ThriftType.i32:
        fields.set(id, reader.i32());
        break;
      case ThriftType.i64:
        fields.set(id, reader.i64());
        break;
      case ThriftType.double:
        fields.set(id, reader.double());
        break;
      case ThriftType.string:
        fields.set(id, Buffer.from(reader.binary()).toString('hex'));
        break;
      case ThriftType.struct:
        fields.set(id, readStruct(reader));
        break;
      default:
        reader.skip();
        fields.set(id, 'skipped');
    }
  }
  reader.end(outer);
  return fields;
}

function expectedStruct(value: ThriftValue): Map<number, unknown> {
  assert(value.type === 'struct');
  return new Map(
    value.fields.map(([id, field]): [number, unknown] => {
      switch (field.type) {
        case 'struct':
          return [id, expectedStruct(field)];
        case 'string':
          return [id, Buffer.from(field.value as string).toString('hex')];
        case 'bool':
        case 'i16':
        case 'i32':
        case 'i64':
        case 'double':
          return [id, field.value];
        default:
          return [id, 'skipped'];
      }
    }),
  );
}

for (const { name, encode, open } of protocols) {
  test(`${name}: any struct is read back, and stepping over takes exactly its bytes`, () => {
    fc.assert(
      fc.property(randomValue('struct', 4), (value) => {
        const bytes = encode(struct({ 1: value, 2: i32(5) }));
        const reader = open(bytes);
        reader.begin();
        assert(reader.next());
        const at = reader.position;
        reader.skip();
        assert(reader.next());
        assert.equal(reader.i32(), 5);
        assert.equal(reader.next(), false);
        assert.equal(reader.remaining, 0);
        assert.deepEqual(readStruct(open(bytes.subarray(at))), expectedStruct(value));
      }),
      { numRuns: 300 },
    );
  });

  test(`${name}: mutated and random bytes are read or refused, never worse`, () => {
    const mutated = fc
      .tuple(randomValue('struct', 4), fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }), fc.nat(20))
      .map(([value, changes, cut]) => {
        const bytes = encode(value);
        for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
        return bytes.subarray(0, Math.max(1, bytes.length - cut));
      });
    fc.assert(
      fc.property(fc.oneof(mutated, fc.uint8Array({ maxLength: 200 })), (bytes) => {
        try {
          readStruct(open(bytes));
        } catch (error) {
          assert(error instanceof RubatoError && error.code === 'invalid_thrift', String(error));
        }
      }),
      { numRuns: 1000 },
    );
  });

  test(`${name}: nesting ends at ${thriftDepthMax}`, () => {
    const nested = (levels: number, kind: 'struct' | 'list'): ThriftValue => {
      let value: ThriftValue = kind === 'struct' ? struct({}) : { type: 'list', of: 'i32', items: [] };
      for (let i = 1; i < levels; i++)
        value = kind === 'struct' ? struct({ 1: value }) : { type: 'list', of: 'list', items: [value] };
      return value;
    };
    const skipAll = (value: ThriftValue): void => {
      const reader = open(encode(struct({ 1: value })));
      reader.begin();
      reader.next();
      reader.skip();
    };
    for (const kind of ['struct', 'list'] as const) {
      skipAll(nested(thriftDepthMax - 1, kind));
      assert.throws(() => skipAll(nested(thriftDepthMax, kind)), /nested deeper than 64/);
    }
  });

  test(`${name}: a field of another type is refused by name`, () => {
    const reader = open(encode(struct({ 3: i64(1n) })));
    reader.begin();
    reader.next();
    assert.throws(() => reader.string(), /field 3 is i64, expected string/);
  });
}

test('sizes that the bytes cannot hold are refused before anything is read', () => {
  const cases: [ThriftReader, RegExp][] = [
    // list<struct> of 2^31 - 1
    [new BinaryReader(Buffer.from('0f0001 0c 7fffffff'.replaceAll(' ', ''), 'hex')), /2147483647 elements announced/],
    // list<i64> of 2, with room for one
    [new BinaryReader(Buffer.from(`0f00010a00000002${'00'.repeat(8)}`, 'hex')), /2 elements announced, 8 bytes left/],
    [new BinaryReader(Buffer.from('0f00010cffffffff', 'hex')), /-1 elements announced/],
    [new BinaryReader(Buffer.from('0d00010b0b7fffffff', 'hex')), /2147483647 elements announced/],
    [new BinaryReader(Buffer.from('0b0001ffffffff', 'hex')), /-1 bytes expected/],
    [new BinaryReader(Buffer.from('0b00017fffffff00', 'hex')), /2147483647 bytes expected, 1 left/],
    [new CompactReader(Buffer.from('19fcffffffff0f', 'hex')), /4294967295 elements announced/],
    [new CompactReader(Buffer.from('1bffffffff0f88', 'hex')), /4294967295 elements announced/],
    [new CompactReader(Buffer.from('18ffffffffff7f', 'hex')), /a length over 32 bits/],
    [new CompactReader(Buffer.from(`16${'ff'.repeat(10)}00`, 'hex')), /a varint of more than 10 bytes/],
    [new CompactReader(Buffer.from('1e', 'hex')), /type 14/],
    [new BinaryReader(Buffer.from('010001', 'hex')), /type 1/],
  ];
  for (const [reader, message] of cases) {
    reader.begin();
    assert.throws(() => {
      reader.next();
      reader.skip();
    }, message);
  }
});

test('a deep or long hostile input costs time linear in its bytes', () => {
  const deepStructs = Buffer.alloc(1 << 20, Buffer.from('0c0001', 'hex'));
  const deepLists = Buffer.alloc(1 << 20, 0x19);
  // list<bool> of as many as there are bytes
  const long = Buffer.concat([Buffer.from('19f1', 'hex'), Buffer.from('ffff3f', 'hex'), Buffer.alloc(1 << 20, 1)]);
  const started = performance.now();
  for (const reader of [new BinaryReader(deepStructs), new CompactReader(deepLists), new CompactReader(long)]) {
    try {
      readStruct(reader);
    } catch (error) {
      assert(error instanceof RubatoError);
    }
  }
  assert(performance.now() - started < 1000);
});

test('calls of both protocols, and of binary without a version', () => {
  const args = struct({ 1: bool(true) });
  for (const reader of [
    new BinaryReader(binaryCall('emitBatch', 4, args)),
    new BinaryReader(oldBinaryCall('emitBatch', 4, args)),
    new CompactReader(compactCall('emitBatch', 4, args)),
  ]) {
    assert.deepEqual(reader.message(), { name: 'emitBatch', type: 4 });
    assert.deepEqual(readStruct(reader), new Map([[1, true]]));
    assert.equal(reader.remaining, 0);
  }
  assert.throws(() => new BinaryReader(Buffer.from('80020001', 'hex')).message(), /message version 0x8002/);
  assert.throws(() => new CompactReader(Buffer.from('8021', 'hex')).message(), /protocol id 0x80/);
  assert.throws(() => new CompactReader(Buffer.from('8222', 'hex')).message(), /message version 2/);
  assert.throws(() => new CompactReader(binaryCall('emitBatch', 4, args)).message(), /protocol id/);
});

test('text that is not UTF-8 is mended', () => {
  const reader = new BinaryReader(encodeBinary(struct({ 1: string(Buffer.from([0x61, 0xff])) })));
  reader.begin();
  reader.next();
  assert.equal(reader.string(), 'a\ufffd');
});
