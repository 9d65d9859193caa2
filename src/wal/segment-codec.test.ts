import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import zlib from 'node:zlib';
import fc from 'fast-check';
import { ErrorKind } from '../base/errors.ts';
import { isKind } from '../objectstore/object-store.ts';
import { inspectSegment } from './inspect-segment.ts';
import { decodeSegment, encodeSegment, entryBytes, type SegmentEntry, segmentHeaderBytes } from './segment-codec.ts';

async function encode(entries: readonly SegmentEntry[], seq = 7): Promise<Uint8Array> {
  let bodyBytes = 0;
  for (const entry of entries) bodyBytes += entryBytes(entry);
  return Buffer.concat(
    await encodeSegment({ writer: 'w1', seq, createdUnixMs: 1_700_000_000_000 }, entries, bodyBytes),
  );
}

const isCorrupt = (error: unknown): boolean => isKind(error, ErrorKind.corrupt);

const tenants = fc.oneof(
  fc.stringMatching(/^[a-zA-Z0-9!\-_.*'()]{1,150}$/),
  fc.string({ minLength: 1, maxLength: 10, unit: 'grapheme' }),
);
const entries = fc.array(
  fc.record(
    {
      tenant: tenants,
      encoding: fc.constant(1 as const),
      flags: fc.integer({ min: 0, max: 255 }),
      body: fc.uint8Array({ maxLength: 400 }),
    },
    { noNullPrototype: true },
  ),
  { minLength: 1, maxLength: 20 },
);

/** Content that zstd cannot make smaller. */
function incompressible(count: number, bytes: number): SegmentEntry[] {
  let state = 1;
  return Array.from({ length: count }, (_, i) => {
    const body = new Uint8Array(bytes);
    for (let at = 0; at < bytes; at++) body[at] = (state = (state * 48271) % 2147483647) & 255;
    return { tenant: `t${i}`, encoding: 1, flags: i, body };
  });
}

describe('segment bytes', () => {
  test('what was encoded is decoded, for any entries', async () => {
    await fc.assert(
      fc.asyncProperty(entries, fc.integer({ min: 1, max: 9_999_999_999 }), async (given, seq) => {
        const segment = await decodeSegment('test', await encode(given, seq));
        assert.deepEqual(
          segment.entries.map((entry) => ({ ...entry, body: new Uint8Array(entry.body) })),
          given,
        );
        const { writer, seq: gotSeq, createdUnixMs, entryCount } = segment.header;
        assert.deepEqual([writer, gotSeq, createdUnixMs, entryCount], ['w1', seq, 1_700_000_000_000, given.length]);
      }),
      { numRuns: 60 },
    );
  });

  test('any changed bit, lost end or added byte is noticed', async () => {
    await fc.assert(
      fc.asyncProperty(entries, fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(7), async (given, where, bit) => {
        const good = await encode(given);
        const at = Math.min(good.length - 1, Math.floor(where * good.length));
        const flipped = good.slice();
        flipped[at]! ^= 1 << bit;
        await assert.rejects(decodeSegment('test', flipped), isCorrupt);
        await assert.rejects(decodeSegment('test', good.subarray(0, at)), isCorrupt);
        await assert.rejects(decodeSegment('test', Buffer.concat([good, new Uint8Array([bit])])), isCorrupt);
      }),
      { numRuns: 60 },
    );
  });

  test('random bytes never decode, and never fail in another way', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), fc.boolean(), async (bytes, withMagic) => {
        if (withMagic) bytes.set([0x52, 0x57, 0x41, 0x4c, 1, 1].slice(0, bytes.length));
        await assert.rejects(decodeSegment('test', bytes), isCorrupt);
        assert.equal((await inspectSegment('test', bytes)).intact, false);
      }),
      { numRuns: 200 },
    );
  });

  test('the layout is the documented one', async () => {
    const bytes = await encode([{ tenant: 'ab', encoding: 1, flags: 3, body: new Uint8Array([9, 8, 7]) }], 0x0102);
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    assert.equal(Buffer.from(bytes.subarray(0, 4)).toString(), 'RWAL');
    assert.deepEqual([...bytes.subarray(4, 8)], [1, 1, 2, 0]);
    assert.equal(view.getBigUint64(8, true), 0x0102n);
    assert.equal(view.getBigUint64(16, true), 1_700_000_000_000n);
    assert.deepEqual(
      [24, 28, 32].map((at) => view.getUint32(at, true)),
      [1, 13, bytes.length - 42],
    );
    const covered = Buffer.concat([bytes.subarray(0, 36), bytes.subarray(40)]);
    assert.equal(view.getUint32(36, true), zlib.crc32(covered));
    assert.equal(Buffer.from(bytes.subarray(40, 42)).toString(), 'w1');
    const body = zlib.zstdDecompressSync(bytes.subarray(42));
    assert.deepEqual([...body], [1, 3, 2, 0, 3, 0, 0, 0, 0x61, 0x62, 9, 8, 7]);
  });

  test('a body that decompresses to more than announced is refused before it takes the memory', async () => {
    const good = await encode(incompressible(1, 100));
    const header = good.slice(0, segmentHeaderBytes + 2);
    const bomb = zlib.zstdCompressSync(new Uint8Array(50 << 20));
    const view = new DataView(header.buffer);
    view.setUint32(32, bomb.length, true);
    view.setUint32(36, zlib.crc32(Buffer.concat([header.subarray(0, 36), header.subarray(40), bomb])), true);
    await assert.rejects(decodeSegment('test', Buffer.concat([header, bomb])), isCorrupt);
  });
});

describe('inspection of a damaged segment', () => {
  test('an intact one is shown whole', async () => {
    const inspection = await inspectSegment('test', await encode(incompressible(3, 100)));
    assert.equal(inspection.intact, true);
    assert.equal(inspection.problem, undefined);
    assert.equal(inspection.header?.seq, 7);
    assert.deepEqual(
      inspection.entries.map(({ tenant }) => tenant),
      ['t0', 't1', 't2'],
    );
  });

  // 12 entries of about 50,010 bytes. zstd stores such bytes as they are, so they come out as far as they go.
  const cases: [name: string, damage: (bytes: Uint8Array) => Uint8Array, entries: number, problem: RegExp][] = [
    ['cut within the fixed header', (bytes) => bytes.subarray(0, 39), 0, /too few/],
    ["cut within the writer's id", (bytes) => bytes.subarray(0, 41), 0, /writer's id/],
    ['cut behind the header', (bytes) => bytes.subarray(0, 42), 0, /header says/],
    ['cut in the middle', (bytes) => bytes.subarray(0, 300_000), 5, /header says/],
    ['last byte missing', (bytes) => bytes.subarray(0, bytes.length - 1), 11, /header says/],
    ['a byte too many', (bytes) => Buffer.concat([bytes, new Uint8Array(1)]), 12, /header says/],
    ['all zeros', (bytes) => new Uint8Array(bytes.length), 0, /magic/],
    ['wrong checksum only', (bytes) => flip(bytes, 36), 12, /checksum/],
    ['wrong seq', (bytes) => flip(bytes, 8), 12, /checksum/],
    ['content of the last entry changed', (bytes) => flip(bytes, bytes.length - 10), 12, /checksum/],
    ['another version', (bytes) => flip(bytes, 4), 0, /unknown format 0/],
    ['another compression', (bytes) => flip(bytes, 5), 0, /compression/],
  ];
  for (const [name, damage, count, problem] of cases) {
    test(`${name}: ${count} of 12 entries can be taken out`, async () => {
      const given = incompressible(12, 50_000);
      const inspection = await inspectSegment('test', damage((await encode(given)).slice()));
      assert.equal(inspection.intact, false);
      assert.match(inspection.problem!, problem);
      assert.equal(inspection.entries.length, count);
    });
  }
});

function flip(bytes: Uint8Array, at: number): Uint8Array {
  bytes[at]! ^= 1;
  return bytes;
}
