import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { openPage } from './page.ts';
import { type ColumnChunk, decodeFixed, parseFile } from './read-file.ts';
import type { ColumnSchema } from './schema.ts';
import { makeDictionary, openFile, readTable, type TestColumn, type Value, writeTable } from './test-support.ts';
import { ParquetWriter } from './write-file.ts';

const string: ColumnSchema = { name: 'a', physical: 'byteArray', logical: 'string', optional: true };
const int64: ColumnSchema = { name: 'n', physical: 'int64', optional: false };
const text = (bytes: Uint8Array | undefined): string => new TextDecoder().decode(bytes);

function chunkOf(
  column: TestColumn,
  options: { pageRows: number; level: number },
): { bytes: Uint8Array; chunk: ColumnChunk } {
  const { bytes } = writeTable([column], [column.values.length], options);
  return { bytes, chunk: openFile(bytes).rowGroups[0]!.columns[0]! };
}

const fill = (rows: number, value: (row: number) => Value): Value[] =>
  Array.from({ length: rows }, (_, row) => value(row));

/** Any column with values that fit it. */
const anyColumn = (rows: number): fc.Arbitrary<TestColumn> => {
  const values = (value: fc.Arbitrary<Value>, optional: boolean): fc.Arbitrary<Value[]> => {
    // Few distinct values, many, and runs; all, some or no nulls.
    const pool = fc.array(value, { minLength: 1, maxLength: 30 });
    const nullShare = optional ? fc.constantFrom(0, 10, 50, 99, 100) : fc.constant(0);
    return fc.tuple(pool, nullShare, fc.constantFrom(1, 3, 40), fc.integer()).map(([from, nulls, run, seed]) => {
      let state = seed;
      const next = (below: number): number => {
        state = (Math.imul(state, 1103515245) + 12345) >>> 0;
        return Math.floor((state / 2 ** 32) * below);
      };
      const out: Value[] = [];
      while (out.length < rows) {
        const picked = next(100) < nulls ? null : from[next(from.length)]!;
        for (let i = next(run); i >= 0 && out.length < rows; i--) out.push(picked);
      }
      return out;
    });
  };
  const column = (schema: Omit<ColumnSchema, 'name' | 'optional'>, value: fc.Arbitrary<Value>, as?: TestColumn['as']) =>
    fc
      .boolean()
      .chain((nullable) => {
        const optional = as === undefined && nullable;
        return fc.tuple(fc.constant(optional), values(value, optional));
      })
      .map(
        ([optional, made]): TestColumn => ({
          schema: { name: 'c', ...schema, optional },
          values: made,
          ...(as === undefined ? {} : { as }),
        }),
      );
  const long = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
  return fc.oneof(
    column({ physical: 'byteArray', logical: 'string' }, fc.string({ unit: 'binary', maxLength: 100 })),
    column({ physical: 'byteArray' }, fc.uint8Array({ maxLength: 80 })),
    column({ physical: 'boolean' }, fc.boolean()),
    column({ physical: 'int32' }, fc.integer()),
    column({ physical: 'int64' }, long),
    column({ physical: 'double' }, fc.double()),
    column({ physical: 'fixed', width: 5 }, fc.uint8Array({ minLength: 5, maxLength: 5 })),
    column({ physical: 'fixed', width: 5 }, fc.uint8Array({ minLength: 5, maxLength: 5 }), 'fixed'),
    ...(['delta', 'byteStreamSplit', 'plain'] as const).flatMap((encoding) => [
      column({ physical: 'int64' }, long, encoding),
      column({ physical: 'int32' }, fc.integer(), encoding),
    ]),
  );
};

test('tables of any columns, row groups and page sizes come back', () => {
  const table = fc
    .tuple(fc.array(fc.nat({ max: 90 }), { maxLength: 4 }), fc.integer({ min: 1, max: 40 }))
    .chain(([groups, pageRows]) => {
      const rows = groups.reduce((sum, count) => sum + count, 0);
      return fc.tuple(fc.constant(groups), fc.constant(pageRows), fc.array(anyColumn(rows), { maxLength: 4 }));
    });
  fc.assert(
    fc.property(table, ([groups, pageRows, columns]) => {
      const named = columns.map((column, i) => ({ ...column, schema: { ...column.schema, name: `c${i}` } }));
      const { bytes, tailBytes } = writeTable(named, groups, { pageRows, level: 1, metadata: { k: 'v' } });
      assert.deepEqual(
        readTable(bytes),
        named.map((column) => column.values),
      );
      const file = parseFile(bytes.subarray(bytes.length - tailBytes), bytes.length);
      assert.deepEqual(
        file.schema,
        named.map((column) => column.schema),
      );
      assert.deepEqual(file.metadata, { k: 'v' });
      assert.deepEqual(
        file.rowGroups.map((group) => group.rows),
        groups,
      );
    }),
    { numRuns: 150 },
  );
});

test('pages of a dense column have pageRows rows, with their own bounds', () => {
  const values = fill(1000, (row) => `v${String(Math.floor(row / 100)).padStart(3, '0')}`);
  const { chunk } = chunkOf({ schema: string, values }, { pageRows: 400, level: 3 });
  assert.deepEqual(
    chunk.pages.map(({ firstRow, rows, nulls, min, max }) => [firstRow, rows, nulls, text(min), text(max)]),
    [
      [0, 400, 0, 'v000', 'v003'],
      [400, 400, 0, 'v004', 'v007'],
      [800, 200, 0, 'v008', 'v009'],
    ],
  );
  assert.equal(text(chunk.min), 'v000');
  assert.equal(text(chunk.max), 'v009');
});

test('a page of a sparse column covers as many rows as hold an eighth of a page of values', () => {
  const values = fill(8000, (row) => (row % 50 === 0 ? 'x' : null));
  const { chunk } = chunkOf({ schema: string, values }, { pageRows: 400, level: 3 });
  // 8 values in 400 rows: seven times that reaches the 50 asked for.
  assert.deepEqual(
    chunk.pages.map(({ firstRow, rows }) => [firstRow, rows]),
    [
      [0, 2800],
      [2800, 2800],
      [5600, 2400],
    ],
  );
});

test('a column without values in a row group is one page of a few bytes', () => {
  const { chunk } = chunkOf({ schema: string, values: fill(100_000, () => null) }, { pageRows: 1000, level: 3 });
  assert.equal(chunk.pages.length, 1);
  assert.equal(chunk.nulls, 100_000);
  assert.ok(chunk.size < 80, `${chunk.size} bytes`);
  assert.equal(chunk.min, undefined);
});

test('null pages are known without being read', () => {
  const values = fill(3000, (row) => (row >= 1000 && row < 2000 ? null : row % 2 === 0 ? 'even' : 'odd'));
  const { chunk } = chunkOf(
    { schema: string, values: values.map((v, i) => (i < 1000 ? null : v)) },
    { pageRows: 1000, level: 3 },
  );
  // The null pages and the first one with values are one.
  assert.deepEqual(
    chunk.pages.map(({ rows, nulls }) => [rows, nulls]),
    [[3000, 2000]],
  );
  const tail = chunkOf(
    { schema: string, values: values.map((v, i) => (i >= 1000 ? null : v)) },
    { pageRows: 1000, level: 3 },
  );
  assert.deepEqual(
    tail.chunk.pages.map(({ rows, nulls, min }) => [rows, nulls, text(min)]),
    [
      [1000, 0, 'even'],
      [2000, 2000, ''],
    ],
  );
});

test('distinct values are stored plain, repeated ones as a dictionary', () => {
  const unique = chunkOf({ schema: string, values: fill(500, (row) => `value ${row}`) }, { pageRows: 100, level: 3 });
  assert.equal(unique.chunk.encoding, 'plain');
  assert.equal(unique.chunk.dictionaryOffset, undefined);
  const half = chunkOf(
    { schema: string, values: fill(500, (row) => `value ${row >> 1}`) },
    { pageRows: 100, level: 3 },
  );
  assert.equal(half.chunk.encoding, 'dictionary');
  const sparse = chunkOf(
    { schema: string, values: fill(500, (row) => (row === 7 ? 'once' : null)) },
    { pageRows: 100, level: 3 },
  );
  assert.equal(sparse.chunk.encoding, 'plain');
});

test('pages of very long plain values end early', () => {
  const values = fill(20, (row) => String(row).padEnd(3 << 20, `long value ${row} `));
  const { bytes, chunk } = chunkOf({ schema: string, values }, { pageRows: 100, level: 1 });
  assert.deepEqual(
    chunk.pages.map((page) => page.rows),
    [5, 5, 5, 5],
  );
  assert.deepEqual(readTable(bytes)[0], values);
});

test('short chunks are not compressed, long ones are, and a body that looks compressed is', () => {
  const schema: ColumnSchema = { name: 'f', physical: 'fixed', width: 4, optional: false };
  const magic = Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd);
  for (const [values, codec] of [
    [fill(3, () => Uint8Array.of(1, 2, 3, 4)), 'none'],
    [fill(300, () => Uint8Array.of(1, 2, 3, 4)), 'zstd'],
    [[magic], 'zstd'],
    [[magic, magic, Uint8Array.of(9, 9, 9, 9)], 'zstd'],
  ] as const) {
    const { bytes, chunk } = chunkOf({ schema, values: [...values], as: 'fixed' }, { pageRows: 1000, level: 3 });
    const [location] = chunk.pages;
    const page = bytes.subarray(location!.offset, location!.offset + location!.size);
    const { header } = openPage(page, 'data', 'test');
    assert.deepEqual(
      [...page.subarray(header.headerBytes, header.headerBytes + 4)].join() === magic.join(),
      codec === 'zstd',
    );
    const out = new Uint8Array(values.length * 4);
    assert.equal(decodeFixed(page, 4, out, 0), values.length);
    assert.deepEqual(Buffer.from(out), Buffer.concat(values as Uint8Array[]));
  }
});

test('columns may lie in shared memory', () => {
  const rows = 1000;
  const words = new Uint32Array(new SharedArrayBuffer(rows * 8));
  const fixed = new Uint8Array(new SharedArrayBuffer(rows * 8));
  for (let i = 0; i < rows; i++) {
    words[2 * i] = i * i;
    fixed[8 * i] = i;
  }
  const { codes, dictionary } = makeDictionary(
    string,
    fill(rows, (row) => `v${row % 9}`),
  );
  const shared = new Uint8Array(new SharedArrayBuffer(rows));
  shared.set(codes);
  const schema: ColumnSchema[] = [string, int64, { name: 'f', physical: 'fixed', width: 8, optional: false }];
  for (const encoding of ['plain', 'delta', 'byteStreamSplit'] as const) {
    const writer = new ParquetWriter(schema, { pageRows: 300, level: 1 });
    writer.startRowGroup(rows);
    writer.column({ kind: 'codes', codes: shared, dictionary });
    writer.column({ kind: 'int64', words, encoding });
    writer.column({ kind: 'fixed', bytes: fixed });
    writer.finishRowGroup();
    const [a, n] = readTable(new Uint8Array(Buffer.concat(writer.finish())));
    assert.equal(a![10], 'v1');
    assert.equal(n![999], 998001n);
  }
});

test('a file comes in pieces, and its arrays may be reused between columns', () => {
  const writer = new ParquetWriter([int64, { ...int64, name: 'm' }], { pageRows: 100, level: 1 });
  const words = new Uint32Array(400);
  const pieces: Uint8Array[] = [];
  for (let group = 0; group < 3; group++) {
    writer.startRowGroup(200);
    for (const value of [1, 2]) {
      words.fill(group * 10 + value);
      writer.column({ kind: 'int64', words, encoding: 'plain' });
      pieces.push(...writer.takeChunks());
      assert.equal(
        pieces.reduce((sum, piece) => sum + piece.length, 0),
        writer.bytesWritten,
      );
    }
    writer.finishRowGroup();
  }
  pieces.push(...writer.finish());
  const bytes = new Uint8Array(Buffer.concat(pieces));
  assert.equal(bytes.length, writer.bytesWritten);
  const [n, m] = readTable(bytes);
  assert.deepEqual(
    [n![0], m![0], n![599], m![599]],
    [1n, 2n, 21n, 22n].map((value) => (value << 32n) | value),
  );
});

test('what cannot be stored is a broken invariant', () => {
  const begin = (schema: ColumnSchema): ParquetWriter => {
    const writer = new ParquetWriter([schema], { pageRows: 10, level: 1 });
    writer.startRowGroup(2);
    return writer;
  };
  const dictionary = { count: 1, bytes: Uint8Array.of(65), offsets: Uint32Array.of(0, 1) };
  for (const codes of [Uint8Array.of(1), Uint8Array.of(1, 2)])
    assert.throws(() => begin(string).column({ kind: 'codes', codes, dictionary }), /broken invariant/);
  const required = { ...string, optional: false };
  assert.throws(
    () => begin(required).column({ kind: 'codes', codes: Uint8Array.of(0, 1), dictionary }),
    /column a is required/,
  );
  assert.throws(
    () => begin({ ...int64, optional: true }).column({ kind: 'int64', words: new Uint32Array(4), encoding: 'plain' }),
    /broken invariant/,
  );
  assert.throws(() => begin(int64).finishRowGroup(), /all columns/);
});
