/**
 * Snappy as senders of OTLP use it: a bare block, or the framing format. The collector takes `snappy` for one or the other
 * by version and `x-snappy-framed` for the second; a framed stream opens with ten bytes that no block of ours begins with,
 * so both names mean both.
 * https://github.com/google/snappy/blob/main/framing_format.txt
 *
 *   chunk ── u8 type, u24 length, then: 0x00 crc, block │ 0x01 crc, bytes │ 0xff "sNaPpY" │ 0x80…0xfe skipped
 */
import { uncompress } from 'snappyjs';

const streamStart = Buffer.from('\xff\x06\x00\x00sNaPpY', 'latin1');
/** Of one chunk, by the format. */
const chunkBytesMax = 65_536;
const Chunk = { compressed: 0x00, plain: 0x01, skippableFrom: 0x80 } as const;

/** @throws Error: damaged. @throws RangeError: the result is larger than `bytesMax` */
export function unsnappy(body: Buffer, bytesMax: number): Buffer {
  if (body.subarray(0, streamStart.length).equals(streamStart)) return unframe(body, bytesMax);
  if (blockLength(body) > bytesMax) throw new RangeError('too large');
  return uncompress(body);
}

/** The varint that a block begins with. */
function blockLength(block: Buffer): number {
  let length = 0;
  for (let at = 0; at < 5 && at < block.length; at++) {
    const byte = block[at]!;
    length += (byte & 0x7f) * 2 ** (7 * at);
    if (byte < 0x80) return length;
  }
  throw new Error('a Snappy block begins with its length');
}

function unframe(stream: Buffer, bytesMax: number): Buffer {
  const pieces: Buffer[] = [];
  let length = 0;
  for (let at = 0; at < stream.length; ) {
    if (at + 4 > stream.length) throw new Error('a Snappy chunk ends early');
    const type = stream[at]!;
    const size = stream.readUIntLE(at + 1, 3);
    const chunk = stream.subarray(at + 4, at + 4 + size);
    if (chunk.length < size) throw new Error('a Snappy chunk ends early');
    at += 4 + size;
    if (type >= Chunk.skippableFrom) continue;
    if (type > Chunk.plain) throw new Error(`unknown Snappy chunk 0x${type.toString(16)}`);
    if (size < 4) throw new Error('a Snappy chunk without its checksum');
    const content = chunk.subarray(4);
    if (type === Chunk.compressed && blockLength(content) > chunkBytesMax)
      throw new Error('a Snappy chunk above 64 KiB');
    const plain = type === Chunk.plain ? content : uncompress(content);
    length += plain.length;
    if (length > bytesMax) throw new RangeError('too large');
    if (maskedCrc32c(plain) !== chunk.readUInt32LE(0)) throw new Error('a Snappy chunk fails its checksum');
    pieces.push(plain);
  }
  return Buffer.concat(pieces, length);
}

const crcTable = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  return crc;
});

/** CRC-32C, turned and shifted as the framing format has it, so that a checksum over checksums is none. */
export function maskedCrc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (let at = 0; at < bytes.length; at++) crc = crcTable[(crc ^ bytes[at]!) & 0xff]! ^ (crc >>> 8);
  crc = ~crc >>> 0;
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}
