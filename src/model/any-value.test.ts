import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ProtoWriter } from '../base/protobuf.ts';
import { type AnyValue, appendAnyValueJson, decodeAnyValue, decodeKeyValue, encodeAnyValue } from './any-value.ts';

const plain = { noNullPrototype: true } as const;
const typed = <Type extends AnyValue['type'], Value>(type: Type, value: fc.Arbitrary<Value>) =>
  fc.record({ type: fc.constant(type), value }, plain);
const { value: anyValue } = fc.letrec<{ value: AnyValue }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constant<AnyValue>({ type: 'empty' }),
    typed('string', fc.string()),
    typed('bool', fc.boolean()),
    typed('int', fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })),
    typed('double', fc.double()),
    typed('bytes', fc.uint8Array()),
    typed('array', fc.array(tie('value'), { maxLength: 4 })),
    typed('kvlist', fc.array(fc.record({ key: fc.string(), value: tie('value') }, plain), { maxLength: 4 })),
  ),
}));

test('what is encoded is decoded again, also from shared memory', () => {
  fc.assert(
    fc.property(anyValue, (value) => {
      const bytes = encodeAnyValue(value);
      assert.deepEqual(decodeAnyValue(bytes), value);
      const shared = new Uint8Array(new SharedArrayBuffer(bytes.length));
      shared.set(bytes);
      assert.deepEqual(decodeAnyValue(shared), value);
    }),
  );
});

test('JSON is JSON', () => {
  fc.assert(fc.property(anyValue, (value) => void JSON.parse(appendAnyValueJson('', value))));
});

test('JSON has the forms of proto3', () => {
  const cases: [AnyValue, string][] = [
    [{ type: 'empty' }, '{}'],
    [{ type: 'string', value: 'a"\u0001' }, '{"stringValue":"a\\"\\u0001"}'],
    [{ type: 'bool', value: true }, '{"boolValue":true}'],
    [{ type: 'int', value: -9223372036854775808n }, '{"intValue":"-9223372036854775808"}'],
    [{ type: 'double', value: 1.5 }, '{"doubleValue":1.5}'],
    [{ type: 'double', value: -0 }, '{"doubleValue":-0}'],
    [{ type: 'double', value: Number.NaN }, '{"doubleValue":"NaN"}'],
    [{ type: 'double', value: Number.NEGATIVE_INFINITY }, '{"doubleValue":"-Infinity"}'],
    [{ type: 'bytes', value: Uint8Array.of(1, 2, 3, 255) }, '{"bytesValue":"AQID/w=="}'],
    [{ type: 'array', value: [] }, '{"arrayValue":{}}'],
    [
      {
        type: 'array',
        value: [
          { type: 'int', value: 1n },
          { type: 'kvlist', value: [{ key: 'k', value: { type: 'string', value: 'v' } }] },
        ],
      },
      '{"arrayValue":{"values":[{"intValue":"1"},{"kvlistValue":{"values":[{"key":"k","value":{"stringValue":"v"}}]}}]}}',
    ],
    [{ type: 'kvlist', value: [] }, '{"kvlistValue":{}}'],
  ];
  for (const [value, json] of cases) assert.equal(appendAnyValueJson('before ', value), `before ${json}`);
});

test('the last field wins, and lists in pieces are put together', () => {
  const writer = new ProtoWriter();
  writer.string(1, 'x');
  writer.message(5, () => writer.message(1, () => writer.string(1, 'a')));
  writer.message(5, () => writer.message(1, () => writer.string(1, 'b')));
  const list: AnyValue = {
    type: 'array',
    value: [
      { type: 'string', value: 'a' },
      { type: 'string', value: 'b' },
    ],
  };
  assert.deepEqual(decodeAnyValue(writer.finish()), list);
  writer.bool(2, true);
  assert.deepEqual(decodeAnyValue(writer.finish()), { type: 'bool', value: true });
});

test('a KeyValue without a value has an empty one', () => {
  assert.deepEqual(decodeKeyValue(Uint8Array.of(0x0a, 1, 0x6b)), { key: 'k', value: { type: 'empty' } });
});

test('depth is limited', () => {
  let value: AnyValue = { type: 'bool', value: true };
  for (let i = 1; i < 64; i++) value = { type: 'array', value: [value] };
  assert.deepEqual(decodeAnyValue(encodeAnyValue(value)), value);
  assert.throws(() => decodeAnyValue(encodeAnyValue({ type: 'array', value: [value] })), /nested deeper than 64/);
});
