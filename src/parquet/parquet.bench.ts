/** Encoding and decoding columns: dictionary codes of several shapes, times, footers. */
import assert from 'node:assert/strict';
import { type Bench, type Figure, lowestMs, runIfMain } from '../../bench/measure.ts';
import { type ColumnChunk, decodeCodes, decodeInt64, parseFile } from './read-file.ts';
import type { CodeArray, ColumnSchema, PlainValues } from './schema.ts';
import { type ColumnValues, ParquetWriter } from './write-file.ts';

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
function codesOf(rows: number, distinct: number, present: number): ColumnValues & { kind: 'codes' } {
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

const pagesOf = (bytes: Uint8Array, chunk: ColumnChunk) =>
  chunk.pages.map((page) => ({ row: page.firstRow, bytes: bytes.subarray(page.offset, page.offset + page.size) }));

const sizes = {
  quick: { encodeRows: 2_000, decodeRows: 3_000, columns: 5, rounds: 2 },
  normal: { encodeRows: 131_072, decodeRows: 650_000, columns: 150, rounds: 15 },
};

export const bench: Bench = (wanted) => {
  const size = sizes[wanted === 'quick' ? 'quick' : 'normal'];
  const figures: Figure[] = [];
  const measure = (name: string, unit: string, count: number, run: () => void): void => {
    figures.push({ name, value: (lowestMs(size.rounds, run) * 1e6) / count, unit: `ns/${unit}` });
  };
  const rows = size.decodeRows;

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
    measure(`encode ${name}`, 'row', size.encodeRows, () => encode([string('a')], [column], size.encodeRows));

    const values = codesOf(rows, distinct, present);
    const { bytes, tailBytes } = fileOf([string('a')], [values], rows);
    const chunk = parseFile(bytes.subarray(bytes.length - tailBytes), bytes.length).rowGroups[0]!.columns[0]!;
    const out = distinct < 256 ? new Uint8Array(rows) : new Uint16Array(rows);
    const pages = pagesOf(bytes, chunk);
    let plainPages = 0;
    measure(`decode ${name}`, 'row', rows, () => {
      plainPages = 0;
      for (const page of pages)
        if (decodeCodes(page.bytes, chunk.schema, out, page.row, distinct) !== undefined) plainPages++;
    });
    // Values that hardly repeat, as in a quick run, are written plain, and counted anew.
    if (plainPages === 0) assert.deepEqual(out, values.codes);
    else for (let row = 0; row < rows; row++) assert.equal(out[row] === 0, values.codes[row] === 0);
  }

  for (const encoding of ['delta', 'byteStreamSplit', 'plain'] as const) {
    const words = timesOf(rows);
    const values: ColumnValues = { kind: 'int64', words, encoding };
    measure(`encode int64 ${encoding}`, 'row', size.encodeRows, () => encode([int64], [values], size.encodeRows));
    const { bytes, tailBytes } = fileOf([int64], [values], rows);
    const chunk = parseFile(bytes.subarray(bytes.length - tailBytes), bytes.length).rowGroups[0]!.columns[0]!;
    const out = new Uint32Array(rows * 2);
    const pages = pagesOf(bytes, chunk);
    measure(`decode int64 ${encoding}`, 'row', rows, () => {
      for (const page of pages) decodeInt64(page.bytes, out, page.row);
    });
    assert.deepEqual(out, words);
  }

  const values = Array.from({ length: size.columns }, (_, i) =>
    codesOf(size.encodeRows, 5 + i, i % 4 === 0 ? 1 : 0.01),
  );
  const schema = values.map((_, i) => string(`attribute.number.${i}`));
  measure('encode many columns, 3 of 4 sparse', 'value', size.columns * size.encodeRows, () =>
    encode(schema, values, size.encodeRows).finish(),
  );
  const { bytes, tailBytes } = fileOf(schema, values, size.encodeRows);
  const tail = bytes.slice(bytes.length - tailBytes);
  let columns = 0;
  measure('parse a footer of many columns', 'column', size.columns, () => {
    columns = parseFile(tail, bytes.length).rowGroups[0]!.columns.length;
  });
  assert.equal(columns, size.columns);
  return { figures };
};

await runIfMain(import.meta, bench);
