/**
 * What encoding and decoding cost on one core: `node src/parquet/parquet.bench.ts --full`. The default run inside the
 * tests (parquet.bench.test.ts) is small and only keeps this file alive. Times are minima over several rounds.
 */
import { pathToFileURL } from 'node:url';
import { type ColumnChunk, decodeCodes, decodeInt64, parseFile } from './read-file.ts';
import type { CodeArray, ColumnSchema, PlainValues } from './schema.ts';
import { type ColumnValues, ParquetWriter } from './write-file.ts';

export interface BenchSize {
  readonly encodeRows: number;
  readonly decodeRows: number;
  readonly columns: number;
  readonly rounds: number;
}

export interface BenchResult {
  readonly name: string;
  readonly ms: number;
  readonly note: string;
}

const PAGE_ROWS = 16_384;
const LEVEL = 3;
let seed = 1;
const random = (): number => {
  seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
  return seed / 2 ** 32;
};

function dictionaryOf(count: number): PlainValues {
  const parts = Array.from({ length: count }, (_, i) => new TextEncoder().encode(`value number ${i}`));
  const offsets = new Uint32Array(count + 1);
  for (const [i, part] of parts.entries()) offsets[i + 1] = offsets[i]! + part.length;
  return { count, bytes: new Uint8Array(Buffer.concat(parts)), offsets };
}

/** Skewed codes, `present` of them (0 .. 1) not null. */
function codesOf(rows: number, distinct: number, present: number): ColumnValues {
  const codes: CodeArray = distinct < 256 ? new Uint8Array(rows) : new Uint16Array(rows);
  for (let i = 0; i < rows; i++) if (random() < present) codes[i] = 1 + Math.floor(random() * random() * distinct);
  return { kind: 'codes', codes, dictionary: dictionaryOf(distinct) };
}

/** Times of spans: increasing, with steps of up to a millisecond. */
function timesOf(rows: number): Uint32Array<ArrayBuffer> {
  const times = new BigUint64Array(rows);
  let time = 1_700_000_000_000_000_000n;
  for (let i = 0; i < rows; i++) times[i] = time += BigInt(Math.floor(random() * 1e6));
  return new Uint32Array(times.buffer);
}

const string = (name: string): ColumnSchema => ({ name, physical: 'byteArray', logical: 'string', optional: true });
const int64: ColumnSchema = { name: 'time', physical: 'int64', optional: false };

function encode(schema: ColumnSchema[], values: ColumnValues[], rows: number, level = LEVEL): ParquetWriter {
  const writer = new ParquetWriter(schema, { pageRows: PAGE_ROWS, level });
  writer.startRowGroup(rows);
  for (const column of values) writer.column(column);
  writer.finishRowGroup();
  return writer;
}

function fileOf(
  schema: ColumnSchema[],
  values: ColumnValues[],
  rows: number,
): { bytes: Uint8Array; tailBytes: number } {
  const writer = encode(schema, values, rows);
  return { bytes: new Uint8Array(Buffer.concat(writer.finish())), tailBytes: writer.tailBytes };
}

function minimumMs(rounds: number, run: () => void): number {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < rounds; round++) {
    const start = performance.now();
    run();
    best = Math.min(best, performance.now() - start);
  }
  return best;
}

const pagesOf = (bytes: Uint8Array, chunk: ColumnChunk) =>
  chunk.pages.map((page) => ({ row: page.firstRow, bytes: bytes.subarray(page.offset, page.offset + page.size) }));

export function runBench(size: BenchSize): BenchResult[] {
  const results: BenchResult[] = [];
  const measure = (name: string, note: string, run: () => void): void => {
    results.push({ name, ms: minimumMs(size.rounds, run), note });
  };

  for (const [distinct, present] of [
    [1, 1],
    [2, 1],
    [30, 1],
    [30, 0.5],
    [30, 0.01],
    [200, 1],
    [5000, 1],
  ] as const) {
    const name = `${distinct} values, ${present * 100} % present`;
    const column = codesOf(size.encodeRows, distinct, present);
    measure(`encode ${name}`, `${size.encodeRows} rows`, () => encode([string('a')], [column], size.encodeRows));

    const rows = size.decodeRows;
    const { bytes, tailBytes } = fileOf([string('a')], [codesOf(rows, distinct, present)], rows);
    const chunk = parseFile(bytes.subarray(bytes.length - tailBytes), bytes.length).rowGroups[0]!.columns[0]!;
    const out = distinct < 256 ? new Uint8Array(rows) : new Uint16Array(rows);
    const pages = pagesOf(bytes, chunk);
    measure(`decode ${name}`, `${rows} rows, ${chunk.size} bytes`, () => {
      for (const page of pages) decodeCodes(page.bytes, chunk.schema, out, page.row, distinct);
    });
  }

  for (const encoding of ['delta', 'byteStreamSplit', 'plain'] as const) {
    const words = timesOf(size.decodeRows);
    const values: ColumnValues = { kind: 'int64', words, encoding };
    measure(`encode int64 ${encoding}`, `${size.encodeRows} rows`, () => encode([int64], [values], size.encodeRows));
    const { bytes, tailBytes } = fileOf([int64], [values], size.decodeRows);
    const chunk = parseFile(bytes.subarray(bytes.length - tailBytes), bytes.length).rowGroups[0]!.columns[0]!;
    const out = new Uint32Array(size.decodeRows * 2);
    const pages = pagesOf(bytes, chunk);
    measure(`decode int64 ${encoding}`, `${size.decodeRows} rows, ${chunk.size} bytes`, () => {
      for (const page of pages) decodeInt64(page.bytes, out, page.row);
    });
  }

  const rows = size.encodeRows;
  const values = Array.from({ length: size.columns }, (_, i) => codesOf(rows, 5 + i, i % 4 === 0 ? 1 : 0.01));
  const schema = values.map((_, i) => string(`attribute.number.${i}`));
  measure(`encode ${size.columns} columns, 3 of 4 sparse`, `${rows} rows`, () => encode(schema, values, rows).finish());
  const { bytes, tailBytes } = fileOf(schema, values, rows);
  const tail = bytes.slice(bytes.length - tailBytes);
  measure(`parse a footer of ${size.columns} columns`, `${tailBytes} bytes of ${bytes.length}`, () => {
    parseFile(tail, bytes.length);
  });
  return results;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const full = process.argv.includes('--full');
  const results = runBench({
    encodeRows: full ? 131_072 : 20_000,
    decodeRows: full ? 650_000 : 50_000,
    columns: full ? 150 : 20,
    rounds: full ? 15 : 3,
  });
  for (const { name, ms, note } of results)
    console.log(`${name.padEnd(44)} min ${ms.toFixed(2).padStart(8)} ms  ${note}`);
}
