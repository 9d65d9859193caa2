/**
 * Length-prefixed messages of gRPC. https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
 *
 *   1 byte compressed flag | 4 bytes length, big endian | message
 */
export const frameBytes = 5;

/** A message with its prefix. */
export function grpcFrame(message: Uint8Array, isCompressed = false): Buffer {
  const frame = Buffer.allocUnsafe(frameBytes + message.length);
  frame[0] = isCompressed ? 1 : 0;
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, frameBytes);
  return frame;
}
