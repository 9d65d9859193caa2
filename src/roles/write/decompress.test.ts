import assert from 'node:assert/strict';
import { test } from 'node:test';
import zlib from 'node:zlib';
import fc from 'fast-check';
import { compress } from 'snappyjs';
import { RubatoError } from '../../base/errors.ts';
import { decompress } from './decompress.ts';
import { maskedCrc32c } from './snappy.ts';

const text = Buffer.from('spans and spans and spans of a trace, '.repeat(5000));

function framed(content: Buffer): Buffer {
  const pieces: Buffer[] = [
    Buffer.from('\xff\x06\x00\x00sNaPpY', 'latin1'),
    Buffer.from('\xfe\x02\x00\x00pp', 'latin1'),
  ];
  for (let at = 0; at < content.length; at += 65_536) {
    const plain = content.subarray(at, at + 65_536);
    const compressed = at % 131_072 === 0;
    const body = compressed ? compress(plain) : plain;
    const head = Buffer.alloc(8);
    head[0] = compressed ? 0 : 1;
    head.writeUIntLE(body.length + 4, 1, 3);
    head.writeUInt32LE(maskedCrc32c(plain), 4);
    pieces.push(head, body);
  }
  return Buffer.concat(pieces);
}

/** One block of 64 KiB at most, no checksums. */
const lz4Frame = Buffer.concat([
  Buffer.from('04224d18', 'hex'),
  // FLG: version 1, independent blocks; BD: 64 KiB; header checksum (any)
  Buffer.from('604000', 'hex'),
  lz4Block(),
  Buffer.from('00000000', 'hex'),
]);

/** `abc`, a match of 18 from 3 back, then the rest as literals. */
function lz4Block(): Buffer {
  const block = Buffer.concat([
    Buffer.from([0x3e]),
    Buffer.from('abc'),
    Buffer.from([0x03, 0x00]),
    Buffer.from([0xc0]),
    Buffer.from(', and so on\n'),
  ]);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(block.length);
  return Buffer.concat([length, block]);
}

const bodies: Readonly<Record<string, Buffer>> = {
  gzip: zlib.gzipSync(text),
  deflate: zlib.deflateSync(text),
  zlib: zlib.deflateSync(text),
  zstd: zlib.zstdCompressSync(text),
  snappy: compress(text),
  'x-snappy-framed': framed(text),
};

for (const [coding, body] of Object.entries(bodies)) {
  test(`${coding} is read, bounded, and refused when it is damaged`, async () => {
    assert.deepEqual(await decompress(coding, body, text.length), text);
    await assert.rejects(
      decompress(coding, body, text.length - 1),
      (error) => error instanceof RubatoError && error.code === 'body_too_large',
    );
    await assert.rejects(
      decompress(coding, body.subarray(0, body.length - 5), text.length),
      (error) => error instanceof RubatoError && error.code === 'bad_compression',
    );
  });
}

test('`snappy` also means a framed stream, whose checksums are verified', async () => {
  const body = framed(text);
  assert.deepEqual(await decompress('snappy', body, text.length), text);
  body[body.length - 1]! ^= 1;
  await assert.rejects(decompress('snappy', body, text.length), /checksum/);
});

test('CRC-32C is that of RFC 3720, masked', () => {
  // B.4: 32 bytes of zeros → aa 36 91 8a, lowest byte first.
  const crc = 0x8a9136aa;
  assert.equal(maskedCrc32c(Buffer.alloc(32)), (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0);
});

test('lz4 frames are read, one after the other, with matches that overlap what they make', async () => {
  const one = `${'abc'.repeat(7)}, and so on\n`;
  assert.equal((await decompress('lz4', lz4Frame, 100)).toString(), one);
  assert.equal((await decompress('lz4', Buffer.concat([lz4Frame, lz4Frame]), 100)).toString(), one + one);
  await assert.rejects(
    decompress('lz4', lz4Frame, 20),
    (error) => error instanceof RubatoError && error.code === 'body_too_large',
  );
  await assert.rejects(decompress('lz4', lz4Frame.subarray(0, 12), 100), /ends early/);
});

test('whatever comes is decompressed or refused', async () => {
  const damage = fc.tuple(fc.constantFrom(...Object.keys(bodies), 'lz4'), fc.nat(), fc.nat({ max: 255 }), fc.nat());
  await fc.assert(
    fc.asyncProperty(damage, async ([coding, at, byte, cut]) => {
      const body = Buffer.from(bodies[coding] ?? lz4Frame);
      body[at % body.length] = byte;
      try {
        const plain = await decompress(coding, body.subarray(0, (cut % body.length) + 1), 1 << 20);
        assert.ok(plain.length <= 1 << 20);
      } catch (error) {
        assert.ok(error instanceof RubatoError, String(error));
      }
    }),
    { numRuns: 500 },
  );
});

test('an unknown coding is named', async () => {
  await assert.rejects(decompress('br', text, 1), /^RubatoError: unsupported Content-Encoding: br$/);
});

test('a literal of Snappy whose length fills 32 bits is damage, not an endless loop', async () => {
  for (const body of [Buffer.from('fc1c'.repeat(13), 'hex'), Buffer.from('04fcffffffff', 'hex')])
    await assert.rejects(decompress('snappy', body, 1 << 20), /damaged Snappy block/);
});

test('every kind of copy of Snappy is read', async () => {
  // abcd, then 4 bytes from 4 back with one, two and four bytes of offset.
  const block = Buffer.from('100c61626364' + '0104' + '0e0400' + '0f04000000', 'hex');
  assert.equal((await decompress('snappy', block, 100)).toString(), 'abcdabcdabcdabcd');
  await assert.rejects(decompress('snappy', block.subarray(0, block.length - 1), 100), /damaged/);
  await assert.rejects(decompress('snappy', Buffer.concat([block, block.subarray(1)]), 100), /damaged/);
});
