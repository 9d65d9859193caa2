import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { ProtoWriter } from '../../base/protobuf.ts';
import { SearchTagValuesResponseSchema } from '../generated/tempopb_pb.ts';
import { encodedMessage } from './encoded.ts';
import { ChangedItems, packets, splitAnswer } from './packets.ts';

function answerOf(values: readonly string[], inspectedBytes: number, ending = ''): Uint8Array {
  const writer = new ProtoWriter();
  for (const value of values) writer.string(1, value);
  writer.message(2, (metrics) => metrics.uint(1, inspectedBytes));
  if (ending !== '') writer.string(4, ending);
  return writer.finish();
}

test('packets hold every item once and in order, the cost each, the ending last, and no more bytes than allowed', () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ maxLength: 30 })),
      fc.integer({ min: 1, max: 200 }),
      fc.constantFrom('', 'partial'),
      (values, bytesMax, ending) => {
        const answer = splitAnswer(answerOf(values, 1 << 20, ending));
        const cut = [...packets(answer, bytesMax)];
        const read = cut.map((packet) => fromBinary(SearchTagValuesResponseSchema, packet));
        assert.deepEqual(
          read.flatMap(({ tagValues }) => tagValues),
          values,
        );
        for (const [index, packet] of cut.entries()) {
          assert.equal(read[index]!.metrics?.inspectedBytes, 1n << 20n);
          assert.ok(packet.length <= bytesMax || read[index]!.tagValues.length <= 1);
          const isLast = index === cut.length - 1;
          assert.equal(splitAnswer(packet).ending.length > 0, isLast && ending !== '');
        }
      },
    ),
  );
});

test('an answer without anything is one packet', () => {
  assert.deepEqual([...packets(splitAnswer(new Uint8Array()), 100)], [Buffer.alloc(0)]);
});

test('items are left out while they stay the same, and come again when they change', () => {
  const changed = new ChangedItems();
  const items = (values: string[]) =>
    changed.of(splitAnswer(answerOf(values, 1))).items.map((item) => Buffer.from(item.subarray(2)).toString());
  assert.deepEqual(items(['a', 'b']), ['a', 'b']);
  assert.deepEqual(items(['a', 'c', 'b']), ['c']);
  assert.deepEqual(items(['a', 'c', 'b']), []);
});

test('an encoded message is written as it is', () => {
  const bytes = answerOf(['x', 'yy'], 300);
  const message = encodedMessage(SearchTagValuesResponseSchema, bytes);
  assert.deepEqual(toBinary(SearchTagValuesResponseSchema, message), bytes);
  const empty = encodedMessage(SearchTagValuesResponseSchema, new Uint8Array());
  assert.equal(toBinary(SearchTagValuesResponseSchema, empty).length, 0);
});
