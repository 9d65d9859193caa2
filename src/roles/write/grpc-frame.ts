/**
 * Length-prefixed messages of gRPC. https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
 *
 *   1 byte compressed flag | 4 bytes length, big endian | message
 */
export const frameBytes = 5;

/** An uncompressed message with its prefix. */
export function grpcFrame(message: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(frameBytes + message.length);
  frame[0] = 0;
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, frameBytes);
  return frame;
}
