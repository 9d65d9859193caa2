import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { RubatoError } from '../base/errors.ts';
import { ByteSink } from './byte-sink.ts';
import { writeFooter } from './metadata.ts';
import { readPageHeader } from './page.ts';
import { decodeCodes, decodeInt64, locatePages, parseFile, tailBytesNeeded } from './read-file.ts';
import type { ColumnSchema } from './schema.ts';
import { openFile, readChunkValues, type TestColumn, writeTable } from './test-support.ts';
import { ThriftWriter } from './thrift.ts';

const string: ColumnSchema = { name: 'text', physical: 'byteArray', logical: 'string', optional: true };
const rows = 120;
const columns: TestColumn[] = [
  { schema: string, values: Array.from({ length: rows }, (_, i) => (i % 3 === 0 ? null : `v${i % 7}`)) },
  { schema: { ...string, name: 'unique' }, values: Array.from({ length: rows }, (_, i) => `unique ${i}`) },
  {
    schema: { name: 'flag', physical: 'boolean', optional: true },
    values: Array.from({ length: rows }, (_, i) => i % 5 === 0),
  },
  {
    schema: { name: 'time', physical: 'int64', logical: 'timestampNanos', optional: false },
    values: Array.from({ length: rows }, (_, i) => BigInt(i * i * 1000)),
    as: 'delta',
  },
  {
    schema: { name: 'id', physical: 'fixed', width: 8, optional: false },
    values: Array.from({ length: rows }, (_, i) => new Uint8Array(8).fill(i)),
    as: 'fixed',
  },
  {
    schema: { name: 'split', physical: 'int32', optional: false },
    values: Array.from({ length: rows }, (_, i) => i * 77),
    as: 'byteStreamSplit',
  },
];
const { bytes: valid, tailBytes } = writeTable(columns, [80, 40], { pageRows: 30, level: 1, metadata: { a: 'b' } });

/** Whether all of the file could be read; anything but a RubatoError of kind corrupt is thrown on. */
function canRead(bytes: Uint8Array): boolean {
  try {
    const file = openFile(bytes);
    for (const group of file.rowGroups) {
      if (group.rows > 10_000) continue;
      for (const chunk of group.columns) readChunkValues(bytes, chunk);
    }
    return true;
  } catch (error) {
    if (error instanceof RubatoError && error.kind === 'corrupt') return false;
    throw error;
  }
}

const mutation = (size: number): fc.Arbitrary<(bytes: Uint8Array) => Uint8Array> =>
  fc.oneof(
    fc
      .array(fc.tuple(fc.nat({ max: size - 1 }), fc.nat({ max: 255 })), { minLength: 1, maxLength: 5 })
      .map((changes) => (bytes: Uint8Array) => {
        const changed = bytes.slice();
        for (const [at, byte] of changes) changed[at] = byte;
        return changed;
      }),
    fc.tuple(fc.nat({ max: size }), fc.nat({ max: size })).map(([a, b]) => (bytes: Uint8Array) => {
      // A piece cut out.
      const [from, to] = [Math.min(a, b), Math.max(a, b)];
      return new Uint8Array(Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)]));
    }),
  );

test('a damaged file is read or refused', () => {
  fc.assert(
    fc.property(mutation(valid.length), (change) => {
      canRead(change(valid));
    }),
    { numRuns: 3000 },
  );
});

test('a changed byte in the body of a page is always refused', () => {
  const bodies = openFile(valid).rowGroups.flatMap((group) =>
    group.columns.flatMap((chunk) => {
      const dictionary = chunk.dictionaryOffset === undefined ? [] : [chunk.dictionaryOffset];
      return [...dictionary, ...chunk.pages.map((page) => page.offset)].map((offset) => {
        const { headerBytes, storedBytes } = readPageHeader(valid, offset, 'test');
        return { start: offset + headerBytes, size: storedBytes };
      });
    }),
  );
  fc.assert(
    fc.property(fc.constantFrom(...bodies), fc.nat(), fc.integer({ min: 1, max: 255 }), ({ start, size }, at, flip) => {
      const changed = valid.slice();
      changed[start + (at % size)]! ^= flip;
      assert.equal(canRead(changed), false);
    }),
    { numRuns: 1000 },
  );
});

test('anything shorter than a footer is refused', () => {
  for (let size = 0; size < 12; size++) {
    assert.throws(() => openFile(valid.subarray(valid.length - size)), RubatoError);
    assert.throws(() => openFile(new Uint8Array(size)), RubatoError);
  }
});

test('damage in the indexes and the footer is read or refused', () => {
  fc.assert(
    fc.property(mutation(tailBytes), (change) => {
      const tail = change(valid.subarray(valid.length - tailBytes));
      canRead(new Uint8Array(Buffer.concat([valid.subarray(0, valid.length - tailBytes), tail])));
    }),
    { numRuns: 3000 },
  );
});

test('pages whose checksum was made to fit their damage are decoded or refused', () => {
  const file = openFile(valid);
  const pages = file.rowGroups[0]!.columns.map((chunk) => {
    const { offset, size } = chunk.pages[0]!;
    return { chunk, page: valid.slice(offset, offset + size) };
  });
  fc.assert(
    fc.property(
      fc.constantFrom(...pages),
      fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { minLength: 1, maxLength: 4 }),
      ({ chunk, page }, changes) => {
        const header = readPageHeader(page, 0, 'test');
        const changed = page.slice();
        for (const [at, byte] of changes) changed[header.headerBytes + (at % header.storedBytes)] = byte;
        // The checksum is the header's fourth field, a zigzag varint of five bytes mostly.
        const refit = refitChecksum(changed, header.crc!, header.headerBytes);
        if (refit === undefined) return;
        try {
          const codes = new Uint16Array(100);
          if (chunk.schema.name === 'time') decodeInt64(refit, new Uint32Array(200), 0);
          else decodeCodes(refit, chunk.schema, codes, 0, 7);
        } catch (error) {
          assert.ok(error instanceof RubatoError && error.kind === 'corrupt', String(error));
        }
      },
    ),
    { numRuns: 4000 },
  );
});

const zigzagVarint = (value: number): Buffer => {
  const sink = new ByteSink();
  new ThriftWriter(sink).i32Element(value | 0);
  return Buffer.from(sink.copy());
};

function refitChecksum(page: Uint8Array, before: number, headerBytes: number): Uint8Array | undefined {
  const old = zigzagVarint(before);
  const fresh = zigzagVarint(crc32(page.subarray(headerBytes)));
  const at = Buffer.from(page.buffer, 0, headerBytes).indexOf(old);
  return at < 0
    ? undefined
    : new Uint8Array(Buffer.concat([page.subarray(0, at), fresh, page.subarray(at + old.length)]));
}

test('a code beyond the dictionary is refused', () => {
  const chunk = openFile(valid).rowGroups[0]!.columns[0]!;
  const { offset, size } = chunk.pages[0]!;
  const page = valid.subarray(offset, offset + size);
  assert.equal(decodeCodes(page, string, new Uint8Array(80), 0, 7), undefined);
  assert.throws(
    () => decodeCodes(page, string, new Uint8Array(80), 0, 3),
    /column text, page, body byte \d+: index 6 in a dictionary of 3/,
  );
});

test('a page that does not fit its array is refused', () => {
  const chunk = openFile(valid).rowGroups[0]!.columns[0]!;
  const { offset, size } = chunk.pages[0]!;
  const page = valid.subarray(offset, offset + size);
  assert.throws(() => decodeCodes(page, string, new Uint8Array(80), 60, 7), /30 rows where 20 are left/);
});

test('a tail grows until it holds the page indexes', () => {
  const asked: number[] = [];
  let tail = valid.subarray(valid.length - 8);
  for (;;) {
    const need = tailBytesNeeded(tail, valid.length);
    if (need <= tail.length) break;
    asked.push(need);
    tail = valid.subarray(valid.length - need);
  }
  assert.equal(asked.length, 2);
  assert.equal(asked[1], tailBytes);
  assert.throws(() => parseFile(valid.subarray(valid.length - asked[0]!), valid.length), /behind the page index/);
  assert.throws(() => parseFile(valid.subarray(valid.length - 20), valid.length), /bytes needed, 20 given/);
});

test('pages are found by their headers as by the offset index', () => {
  for (const group of openFile(valid).rowGroups) {
    for (const chunk of group.columns) {
      const found = locatePages(valid.subarray(chunk.offset, chunk.offset + chunk.size), chunk);
      const indexed = chunk.pages.map(({ offset, size, firstRow, rows }) => ({ offset, size, firstRow, rows }));
      assert.deepEqual(found, indexed);
    }
  }
});

test('a footer that names one index for many columns is refused', () => {
  const many = Array.from({ length: 300 }, (_, i): ColumnSchema => ({ ...string, name: `c${i}` }));
  const sink = new ByteSink();
  sink.append(new Uint8Array(1000));
  const at = sink.length;
  const index = { offset: 4, size: 900 };
  const chunk = {
    encoding: 0,
    codec: 6,
    values: 1,
    nulls: 0,
    distinct: undefined,
    bounds: undefined,
    pages: [],
    offset: 4,
    size: 900,
    uncompressedBytes: 0,
    hasDictionary: false,
    dataOffset: 4,
    columnIndex: undefined,
    offsetIndex: index,
  };
  writeFooter(many, [{ rows: 1, chunks: many.map((schema) => ({ ...chunk, schema })) }], {}, new ThriftWriter(sink));
  sink.uint32(sink.length - at);
  sink.append(new TextEncoder().encode('PAR1'));
  assert.throws(() => parseFile(sink.view(), sink.length), /270000 bytes of page indexes in a tail of/);
});
