import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ProtoWriter } from '../base/protobuf.ts';
import type { ValueType } from '../traceql/storage.ts';
import { decodeOverflow, encodeOverflow, type OverflowEntry } from './overflow.ts';
import { hex, valueHex } from './testing/plain-spans.ts';

const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex'));
const entry = (type: ValueType, value: string, key = 'k'): OverflowEntry => ({ key, type, bytes: bytes(value) });

const value: fc.Arbitrary<OverflowEntry> = fc.oneof(
  fc.string({ unit: 'grapheme' }).map((text) => entry('string', valueHex(text))),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((n) => entry('int', valueHex(n))),
  fc.double().map((n) => entry('double', valueHex(n))),
  fc.boolean().map((b) => entry('bool', valueHex(b))),
  fc.constantFrom('', '2a00', '3a020102', '2a080a060a0278790801').map((any) => entry('any', any)),
);

const plain = (entries: readonly OverflowEntry[]) => entries.map((e) => [e.key, e.type, hex(e.bytes)]);

test('entries of every type come back as they were', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.string(), value)), (list) => {
      const entries = list.map(([key, of]) => ({ ...of, key }));
      assert.deepEqual(plain(decodeOverflow(encodeOverflow(new ProtoWriter(), entries), 'test')), plain(entries));
    }),
  );
});

test('a NaN keeps its bits', () => {
  const entries = [entry('double', '010000000000f87f')];
  assert.deepEqual(plain(decodeOverflow(encodeOverflow(new ProtoWriter(), entries), 'test')), plain(entries));
});

test('any bytes are entries or damage', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (damaged) => {
      try {
        decodeOverflow(damaged, 'test');
      } catch (error) {
        assert.equal((error as { kind: string }).kind, 'corrupt');
      }
    }),
  );
});
