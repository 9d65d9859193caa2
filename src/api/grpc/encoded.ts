/**
 * Messages that are encoded already. The encoders of `src/api/encode` write the bytes that HTTP answers; gRPC sends the
 * same bytes. To connect-es they are a message without known fields and one unknown field, which protobuf-es writes as
 * it is: no objects are built for spans or samples. JSON codecs would lose it; the gRPC API speaks protobuf only.
 */
import { create, type DescMessage, type MessageShape } from '@bufbuild/protobuf';
import { assert } from '../../base/assert.ts';

/** A message that is written as `fields`. */
export function encodedMessage<Desc extends DescMessage>(schema: Desc, fields: Uint8Array): MessageShape<Desc> {
  const message: MessageShape<Desc> = create(schema);
  const tag = fields[0];
  if (tag === undefined) return message;
  assert(tag < 128, 'the first field has a number below 16');
  message.$unknown = [{ no: tag >> 3, wireType: tag & 7, data: fields.subarray(1) }];
  return message;
}
