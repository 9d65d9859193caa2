/**
 * What we write is read by two other readers (hyparquet, DuckDB), and what another writer wrote is read by us.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { DuckDBInstance } from '@duckdb/node-api';
import { type ParquetParsers, parquetMetadataAsync, parquetReadObjects } from 'hyparquet';
import { ByteWriter, parquetWrite } from 'hyparquet-writer';
import type { ColumnSchema } from './schema.ts';
import { readTable, type TestColumn, type Value, writeTable } from './test-support.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'rubato-parquet-'));
const instance = await DuckDBInstance.create(':memory:', { threads: '1' });
const duckdb = await instance.connect();
after(() => {
  duckdb.closeSync();
  instance.closeSync();
  rmSync(folder, { recursive: true });
});

const ROWS = 2500;
const ROW_GROUPS = [1500, 900, 100];

const random = (() => {
  let state = 12345;
  return (below: number): number => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
})();

const make = (fill: (row: number) => Value): Value[] => Array.from({ length: ROWS }, (_, row) => fill(row));
const bytesOf = (width: number): Uint8Array => Uint8Array.from({ length: width }, () => random(256));
const column = (schema: ColumnSchema, values: Value[], as?: TestColumn['as']): TestColumn => ({
  schema,
  values,
  ...(as === undefined ? {} : { as }),
});
const sparse = (fill: (row: number) => Value, oneIn: number): Value[] =>
  make((row) => (random(oneIn) === 0 ? fill(row) : null));

const extremes = [0n, -1n, 1n, 2n ** 63n - 1n, -(2n ** 63n), 2n ** 32n, -(2n ** 32n), 2n ** 31n];
const pool64 = Array.from({ length: 300 }, (_, i) => extremes[i] ?? BigInt(random(2 ** 30)) * BigInt(random(2 ** 30)));
const uuids = Array.from({ length: 40 }, () => bytesOf(16));
const long = (i: number): string => 'é'.repeat(30) + 'x'.repeat(50) + i;

const string = (name: string, optional = true): ColumnSchema => ({
  name,
  physical: 'byteArray',
  logical: 'string',
  optional,
});
let time = 1_700_000_000_000_000_000n;
const columns: TestColumn[] = [
  column(
    string('few'),
    make(() => ['GET', 'POST', 'PUT', 'ünïcode', ''][random(5)]!),
  ),
  column(
    string('fewWithNulls'),
    sparse(() => `v${random(20)}`, 2),
  ),
  column(
    string('rare'),
    sparse(() => `r${random(3)}`, 200),
  ),
  column(
    string('none'),
    make(() => null),
  ),
  column(
    string('one', false),
    make(() => 'always'),
  ),
  column(
    string('oneWithNulls'),
    sparse(() => 'sometimes', 3),
  ),
  column(
    string('runs'),
    make((row) => (row % 700 < 300 ? null : `run${Math.floor(row / 50)}`)),
  ),
  column(
    string('many'),
    make(() => `value-${random(700)}`),
  ),
  column(
    string('unique'),
    make((row) => `unique ${row} ${random(1e9)}`),
  ),
  column(
    string('uniqueWithNulls'),
    sparse((row) => `unique ${row} ${random(1e9)}`, 2),
  ),
  column(
    string('long'),
    make((row) => long(row % 10)),
  ),
  column(
    { name: 'json', physical: 'byteArray', logical: 'json', optional: true },
    sparse(() => `{"a":${random(9)}}`, 4),
  ),
  column(
    { name: 'raw', physical: 'byteArray', optional: true },
    sparse(() => bytesOf(random(100)), 2),
  ),
  column(
    { name: 'flag', physical: 'boolean', optional: true },
    sparse(() => random(2) === 1, 3),
  ),
  column(
    { name: 'requiredFlag', physical: 'boolean', optional: false },
    make((row) => row % 100 < 50),
  ),
  column(
    { name: 'int', physical: 'int64', optional: true },
    sparse(() => pool64[random(300)]!, 2),
  ),
  column(
    { name: 'intUnique', physical: 'int64', optional: false },
    make((row) => BigInt(row) * 7_777_777_777n),
  ),
  column(
    { name: 'small', physical: 'int32', optional: true },
    sparse(() => random(100) - 50, 2),
  ),
  column(
    { name: 'double', physical: 'double', optional: true },
    sparse(() => [0.5, -1e300, 42, 1e-9][random(4)]!, 2),
  ),
  column(
    { name: 'doubleUnique', physical: 'double', optional: false },
    make((row) => row / 3),
  ),
  column(
    { name: 'uuid', physical: 'fixed', width: 16, logical: 'uuid', optional: true },
    sparse(() => uuids[random(40)]!, 2),
  ),
  column(
    { name: 'spanId', physical: 'fixed', width: 8, optional: false },
    make(() => bytesOf(8)),
    'fixed',
  ),
  column(
    { name: 'traceId', physical: 'fixed', width: 16, optional: false },
    make(() => uuids[random(40)]!),
    'fixed',
  ),
  column(
    { name: 'start', physical: 'int64', logical: 'timestampNanos', optional: false },
    make(() => (time += BigInt(random(50_000_000)))),
    'delta',
  ),
];
for (const encoding of ['delta', 'byteStreamSplit', 'plain'] as const) {
  columns.push(
    column(
      { name: `int64_${encoding}`, physical: 'int64', optional: false },
      make(() => pool64[random(300)]!),
      encoding,
    ),
    column(
      { name: `uint64_${encoding}`, physical: 'int64', logical: 'uint64', optional: false },
      make((row) => BigInt(row)),
      encoding,
    ),
    column(
      { name: `int32_${encoding}`, physical: 'int32', optional: false },
      make(() => random(2 ** 32) | 0),
      encoding,
    ),
    column(
      { name: `uint32_${encoding}`, physical: 'int32', logical: 'uint32', optional: false },
      make((row) => row),
      encoding,
    ),
  );
}

const written = writeTable(columns, ROW_GROUPS, {
  pageRows: 256,
  level: 3,
  metadata: { 'rubato.test': 'yes', empty: '' },
});

/** As deepEqual, but names the first row that differs instead of printing both columns. */
function assertSameValues(got: readonly unknown[] | undefined, want: readonly unknown[], name: string): void {
  assert.equal(got?.length, want.length, name);
  for (let row = 0; row < want.length; row++) assert.deepEqual(got[row], want[row], `${name}, row ${row}`);
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

test('we read what we wrote', () => {
  const read = readTable(written.bytes);
  for (const [i, { schema, values }] of columns.entries()) assertSameValues(read[i], values, schema.name);
});

test('hyparquet reads what we wrote', async () => {
  const { bytes } = written;
  const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length) as ArrayBuffer;
  const rows = await parquetReadObjects({
    file,
    compressors: { ZSTD: (input) => new Uint8Array(zstdDecompressSync(input)) },
    utf8: false,
    // A Date would keep milliseconds only.
    parsers: { timestampFromNanoseconds: (nanos: bigint) => nanos } as unknown as ParquetParsers,
  });
  assert.equal(rows.length, ROWS);
  for (const { schema, values } of columns) {
    for (let row = 0; row < ROWS; row++) {
      let got = rows[row]![schema.name] as unknown;
      let want: unknown = values[row];
      if (want instanceof Uint8Array) {
        if (schema.logical === 'uuid') got = String(got).replaceAll('-', '');
        else if (got instanceof Uint8Array) got = hex(got);
        want = hex(want);
      }
      if (schema.logical === 'json' && typeof want === 'string') want = JSON.parse(want);
      assert.deepEqual(got ?? null, want, `${schema.name}, row ${row}`);
    }
  }
  const metadata = await parquetMetadataAsync({ byteLength: file.byteLength, slice: async (a, b) => file.slice(a, b) });
  assert.deepEqual(metadata.key_value_metadata, [
    { key: 'rubato.test', value: 'yes' },
    { key: 'empty', value: '' },
  ]);
});

/** DuckDB keeps microseconds of instants. */
function sqlValue(schema: ColumnSchema): string {
  const name = `"${schema.name}"`;
  if (schema.logical === 'timestampNanos') return `epoch_us(${name})::VARCHAR`;
  if (schema.logical === 'uuid') return `replace(${name}::VARCHAR, '-', '')`;
  if (schema.physical === 'fixed' || (schema.physical === 'byteArray' && schema.logical === undefined))
    return `lower(hex(${name}))`;
  if (schema.physical === 'double') return name;
  return `${name}::VARCHAR`;
}

/** DuckDB 1.5 reads BYTE_STREAM_SPLIT of FLOAT and DOUBLE only, though the format has it for integers since 2.11. */
const duckdbReads = columns.filter((candidate) => candidate.as !== 'byteStreamSplit');

test('DuckDB reads what we wrote', async () => {
  const file = path.join(folder, 'ours.parquet');
  writeFileSync(file, written.bytes);
  for (const { schema, values } of duckdbReads) {
    const result = await duckdb.runAndReadAll(`SELECT ${sqlValue(schema)} FROM read_parquet('${file}')`);
    const got = result.getRows().map((row) => row[0]);
    const want = values.map((value) =>
      value === null
        ? null
        : schema.logical === 'timestampNanos'
          ? String((value as bigint) / 1000n)
          : value instanceof Uint8Array
            ? hex(value)
            : schema.physical === 'double'
              ? value
              : String(value),
    );
    assertSameValues(got, want, schema.name);
  }
});

test('DuckDB uses our statistics and finds every value by equality', async () => {
  const file = path.join(folder, 'ours-filter.parquet');
  writeFileSync(file, written.bytes);
  for (const { schema, values } of duckdbReads) {
    if (schema.physical === 'double' || schema.physical === 'boolean') continue;
    const value = values.find((candidate) => candidate !== null);
    if (value === undefined || value === null || schema.logical === 'json') continue;
    let literal = typeof value === 'string' ? `'${value}'` : `${value}`;
    if (value instanceof Uint8Array) {
      if (schema.logical === 'uuid')
        literal = `'${hex(value).replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')}'::UUID`;
      else literal = `unhex('${hex(value)}')`;
    } else if (schema.logical === 'timestampNanos')
      literal = `make_timestamp(${(value as bigint) / 1000n}) AT TIME ZONE 'UTC'`;
    const same = values.filter((other) =>
      other instanceof Uint8Array && value instanceof Uint8Array ? hex(other) === hex(value) : other === value,
    ).length;
    const result = await duckdb.runAndReadAll(
      `SELECT count(*) FROM read_parquet('${file}') WHERE "${schema.name}" = ${literal}`,
    );
    assert.equal(Number(result.getRows()[0]![0]), same, schema.name);
  }
});

test('files without row groups and with empty row groups are legal to all readers', async () => {
  const some = columns.slice(0, 24).map((c) => ({ ...c, values: c.values.slice(0, 10) }));
  for (const [name, groups, rows] of [
    ['none', [], 0],
    ['empty', [0], 0],
    ['between', [4, 0, 6], 10],
  ] as const) {
    const { bytes } = writeTable(some, groups, { pageRows: 4, level: 1 });
    assert.deepEqual(
      readTable(bytes),
      some.map(({ values }) => values.slice(0, rows)),
      name,
    );
    const file = path.join(folder, `${name}.parquet`);
    writeFileSync(file, bytes);
    const counted = await duckdb.runAndReadAll(
      `SELECT count(*), count("few"), count("unique") FROM read_parquet('${file}')`,
    );
    assert.equal(Number(counted.getRows()[0]![1]), rows, name);
    const objects = await parquetReadObjects({
      file: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length) as ArrayBuffer,
      compressors: { ZSTD: (input) => new Uint8Array(zstdDecompressSync(input)) },
    });
    assert.equal(objects.length, rows, name);
  }
});

test('we read what hyparquet-writer wrote', () => {
  for (const codec of ['UNCOMPRESSED', 'ZSTD'] as const) {
    const writer = new ByteWriter();
    const few = make((row) => ['a', 'bb', null, 'cccc'][row % 4]!);
    const unique = make((row) => `unique value ${row}`);
    const flag = make((row) => (row % 3 === 0 ? null : row % 2 === 0));
    const flagRequired = make((row) => row % 5 === 0);
    const int = make(() => pool64[random(300)]!);
    const delta = make(() => pool64[random(300)]!);
    const split = make(() => random(2 ** 32) | 0);
    const doubles = make((row) => (row % 7 === 0 ? null : row / 7));
    parquetWrite({
      writer,
      codec,
      compressors: {
        ZSTD: (input) =>
          new Uint8Array(zstdCompressSync(input, { params: { [constants.ZSTD_c_compressionLevel]: 1 } })),
      },
      rowGroupSize: 1000,
      pageSize: 1500,
      columnData: [
        { name: 'few', data: few, type: 'STRING', columnIndex: true },
        { name: 'unique', data: unique, type: 'STRING', nullable: false, offsetIndex: false },
        { name: 'flag', data: flag, type: 'BOOLEAN' },
        { name: 'flagRequired', data: flagRequired, type: 'BOOLEAN', nullable: false },
        { name: 'int', data: int, type: 'INT64', nullable: false },
        { name: 'delta', data: delta, type: 'INT64', nullable: false, encoding: 'DELTA_BINARY_PACKED' },
        { name: 'split', data: split, type: 'INT32', nullable: false, encoding: 'BYTE_STREAM_SPLIT' },
        { name: 'doubles', data: doubles, type: 'DOUBLE', offsetIndex: false },
      ],
    });
    const read = readTable(new Uint8Array(writer.getBuffer()));
    for (const [i, want] of [few, unique, flag, flagRequired, int, delta, split, doubles].entries())
      assertSameValues(read[i], want, `${codec}, column ${i}`);
  }
});
