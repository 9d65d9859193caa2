/**
 * Snappy as senders of OTLP use it: a bare block, or the framing format. The collector takes `snappy` for one or the other
 * by version and `x-snappy-framed` for the second; a framed stream opens with ten bytes that no block of ours begins with,
 * so both names mean both.
 * https://github.com/google/snappy/blob/main/framing_format.txt, format_description.txt
 *
 *   chunk ── u8 type, u24 length, then: 0x00 crc, block │ 0x01 crc, bytes │ 0xff "sNaPpY" │ 0x80…0xfe skipped
 *   block ── varint length, then elements: tag with the low bits 0 literal │ 1, 2, 3 copy with an offset of 11, 16, 32 bits
 *
 * The decoder of blocks is ours: snappyjs reads a literal's length of four bytes as a negative number and then goes round
 * for ever, on 26 bytes.
 */
const streamStart = Buffer.from('\xff\x06\x00\x00sNaPpY', 'latin1');
/** Of one chunk, by the format. */
const chunkBytesMax = 65_536;
const Chunk = { compressed: 0x00, plain: 0x01, skippableFrom: 0x80 } as const;

/** @throws Error: damaged. @throws RangeError: the result is larger than `bytesMax` */
export function unsnappy(body: Buffer, bytesMax: number): Buffer {
  if (body.subarray(0, streamStart.length).equals(streamStart)) return unframe(body, bytesMax);
  const { length, end } = blockLength(body);
  if (length > bytesMax) throw new RangeError('too large');
  return unblock(body, end, length);
}

/** The varint that a block begins with, and where it ends. */
function blockLength(block: Buffer): { length: number; end: number } {
  let length = 0;
  for (let at = 0; at < 5 && at < block.length; at++) {
    const byte = block[at]!;
    length += (byte & 0x7f) * 2 ** (7 * at);
    if (byte < 0x80) return { length, end: at + 1 };
  }
  throw new Error('a Snappy block begins with its length');
}

/** The elements from `start` on, which must make `length` bytes. Every one moves forward. @throws Error */
function unblock(block: Buffer, start: number, length: number): Buffer {
  const out = Buffer.allocUnsafe(length);
  let to = 0;
  for (let at = start; at < block.length; ) {
    const tag = block[at++]!;
    const kind = tag & 3;
    if (kind === 0) {
      let size = tag >>> 2;
      if (size >= 60) {
        const sizeBytes = size - 59;
        if (at + sizeBytes > block.length) throw damagedBlock();
        size = block.readUIntLE(at, sizeBytes);
        at += sizeBytes;
      }
      size++;
      if (size > block.length - at || size > length - to) throw damagedBlock();
      block.copy(out, to, at, at + size);
      at += size;
      to += size;
      continue;
    }
    const offsetBytes = kind === 3 ? 4 : kind;
    if (at + offsetBytes > block.length) throw damagedBlock();
    const size = kind === 1 ? ((tag >>> 2) & 7) + 4 : (tag >>> 2) + 1;
    const offset = block.readUIntLE(at, offsetBytes) + (kind === 1 ? (tag >>> 5) << 8 : 0);
    at += offsetBytes;
    if (offset === 0 || offset > to || size > length - to) throw damagedBlock();
    // A copy may run into what it makes.
    for (const copied = to + size; to < copied; to++) out[to] = out[to - offset]!;
  }
  if (to !== length) throw damagedBlock();
  return out;
}

const damagedBlock = (): Error => new Error('a damaged Snappy block');

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
    const plain = type === Chunk.plain ? content : unsnappyChunk(content);
    length += plain.length;
    if (length > bytesMax) throw new RangeError('too large');
    if (maskedCrc32c(plain) !== chunk.readUInt32LE(0)) throw new Error('a Snappy chunk fails its checksum');
    pieces.push(plain);
  }
  return Buffer.concat(pieces, length);
}

function unsnappyChunk(content: Buffer): Buffer {
  const { length, end } = blockLength(content);
  if (length > chunkBytesMax) throw new Error('a Snappy chunk above 64 KiB');
  return unblock(content, end, length);
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
