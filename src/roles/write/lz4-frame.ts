/**
 * LZ4 frames, decompressed with a bound on the result. Checksums are stepped over, not verified: what comes out is scanned
 * as a request, which refuses damage. Dictionaries are refused: there is nowhere to have one from.
 * https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md, lz4_Block_format.md
 *
 *   frame ── u32 magic, FLG, BD, [u64 content size], [u32 dictionary], u8 header checksum, blocks…, u32 0, [u32 checksum]
 *   block ── u32 length (highest bit: stored plain), bytes, [u32 checksum]
 */
const frameMagic = 0x184d2204;
const Flag = { blockChecksum: 0x10, contentSize: 0x08, contentChecksum: 0x04, dictionary: 0x01 } as const;
/** Content is put into a buffer that doubles from here. */
const firstCapacityBytes = 64 * 1024;

/** All frames of a body. @throws Error: damaged. @throws RangeError: the result is larger than `bytesMax` */
export function unlz4(body: Buffer, bytesMax: number): Buffer {
  const out = new Output(bytesMax);
  let at = 0;
  do at = readFrame(body, at, out);
  while (at < body.length);
  return out.finish();
}

function readFrame(body: Buffer, start: number, out: Output): number {
  if (need(body, start, 4).readUInt32LE(0) !== frameMagic) throw new Error('not an LZ4 frame');
  const flags = need(body, start + 4, 2)[0]!;
  if (flags >>> 6 !== 1) throw new Error('unknown version of LZ4 frames');
  if (flags & Flag.dictionary) throw new Error('LZ4 dictionaries are not supported');
  let at = start + 6 + (flags & Flag.contentSize ? 8 : 0) + 1;
  for (;;) {
    const head = need(body, at, 4).readUInt32LE(0);
    at += 4;
    if (head === 0) break;
    const size = head & 0x7fffffff;
    const block = need(body, at, size);
    if (head >>> 31 === 1) out.copy(block, 0, size);
    else readBlock(block, out);
    at += size + (flags & Flag.blockChecksum ? 4 : 0);
  }
  at += flags & Flag.contentChecksum ? 4 : 0;
  need(body, at, 0);
  return at;
}

/** token (literals: high four bits, match: low four), more of the length, literals, u16 distance, more of the length */
function readBlock(block: Buffer, out: Output): void {
  let at = 0;
  const length = (nibble: number): number => {
    if (nibble < 15) return nibble;
    let sum = nibble;
    for (;;) {
      if (at >= block.length) throw new Error('an LZ4 block ends early');
      const byte = block[at++]!;
      sum += byte;
      if (byte < 255) return sum;
    }
  };
  while (at < block.length) {
    const token = block[at++]!;
    const literals = length(token >>> 4);
    if (at + literals > block.length) throw new Error('an LZ4 block ends early');
    out.copy(block, at, literals);
    at += literals;
    if (at === block.length) return;
    if (at + 2 > block.length) throw new Error('an LZ4 block ends early');
    const distance = block[at]! | (block[at + 1]! << 8);
    at += 2;
    out.repeat(distance, length(token & 15) + 4);
  }
}

function need(body: Buffer, at: number, length: number): Buffer {
  if (at + length > body.length) throw new Error('an LZ4 frame ends early');
  return body.subarray(at, at + length);
}

class Output {
  readonly #bytesMax: number;
  #bytes = Buffer.allocUnsafe(firstCapacityBytes);
  #length = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  copy(from: Buffer, at: number, length: number): void {
    this.#reserve(length);
    from.copy(this.#bytes, this.#length, at, at + length);
    this.#length += length;
  }

  /** `length` bytes from `distance` back, which may run into what it makes. */
  repeat(distance: number, length: number): void {
    if (distance === 0 || distance > this.#length) throw new Error('an LZ4 match before the start');
    this.#reserve(length);
    const bytes = this.#bytes;
    const end = this.#length + length;
    for (let to = this.#length; to < end; to++) bytes[to] = bytes[to - distance]!;
    this.#length = end;
  }

  finish(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  #reserve(more: number): void {
    const needed = this.#length + more;
    if (needed > this.#bytesMax) throw new RangeError('too large');
    if (needed <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(needed, this.#bytes.length * 2));
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }
}
