import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { RubatoError } from '../base/errors.ts';
import { decodeCodesOfRows, decodeDoublesOfRows, decodeFixedOfRows, decodeIntegersOfRows } from './decode-rows.ts';
import {
  type ColumnChunk,
  decodeCodes,
  decodeDictionary,
  decodeFixed,
  decodeInt64,
  decodeInt64ToDoubles,
} from './read-file.ts';
import { BOOLEAN_DICTIONARY, type ColumnSchema, type PlainValues } from './schema.ts';
import { openFile, type TestColumn, type Value, writeTable } from './test-support.ts';

const ROWS = 700;
const text: ColumnSchema = { name: 'text', physical: 'byteArray', logical: 'string', optional: true };
const some = (share: number, value: (i: number) => Value) => (i: number) =>
  ((i * 2654435761) >>> 16) % 100 < share ? value(i) : null;
const rows = (value: (i: number) => Value): Value[] => Array.from({ length: ROWS }, (_, i) => value(i));

const coded: readonly TestColumn[] = [
  { schema: text, values: rows(some(30, (i) => `value ${i % 40}`)) },
  { schema: { ...text, name: 'runs' }, values: rows((i) => (i % 300 < 200 ? `value ${Math.floor(i / 100)}` : null)) },
  { schema: { ...text, name: 'distinct' }, values: rows(some(60, (i) => `${'x'.repeat(i % 7)}${i}`)) },
  { schema: { ...text, name: 'dense', optional: false }, values: rows((i) => `value ${(i * 7) % 600}`) },
  { schema: { name: 'double', physical: 'double', optional: true }, values: rows(some(50, (i) => i / 3)) },
  { schema: { name: 'bool', physical: 'boolean', optional: true }, values: rows(some(50, (i) => i % 3 === 0)) },
  { schema: { ...text, name: 'none' }, values: rows(() => null) },
];
const times: TestColumn = {
  schema: { name: 'time', physical: 'int64', optional: false },
  as: 'delta',
  values: rows((i) => BigInt(i * i) * 1_000_003n - 5n),
};
const ids: TestColumn = {
  schema: { name: 'id', physical: 'fixed', width: 8, optional: false },
  as: 'fixed',
  values: rows((i) => Uint8Array.from({ length: 8 }, (_, b) => i * b)),
};

function chunksOf(columns: readonly TestColumn[]): { bytes: Uint8Array; chunks: ColumnChunk[] } {
  const { bytes } = writeTable(columns, [ROWS], { pageRows: 256, level: 3 });
  return { bytes, chunks: openFile(bytes).rowGroups[0]!.columns };
}

const valueAt = ({ offsets, bytes }: PlainValues, width: number, i: number): string =>
  Buffer.from(width > 0 ? bytes.slice(i * width, (i + 1) * width) : bytes.slice(offsets[i], offsets[i + 1])).toString(
    'hex',
  );

test('some rows of a page are the same as those of the whole page', () => {
  const { bytes, chunks } = chunksOf([...coded, times, ids]);
  fc.assert(
    fc.property(fc.nat(), fc.nat(), fc.nat(), (pageSeed, firstSeed, countSeed) => {
      for (const chunk of chunks) {
        const { schema } = chunk;
        const page = chunk.pages[pageSeed % chunk.pages.length]!;
        const first = firstSeed % page.rows;
        const end = first + 1 + (countSeed % (page.rows - first));
        const slice = bytes.subarray(page.offset, page.offset + page.size);
        const count = end - first;
        if (schema.name === 'time') {
          const whole = new Uint32Array(page.rows * 2);
          decodeInt64(slice, whole, 0);
          const out = new Uint32Array(count * 2 + 2);
          decodeIntegersOfRows(slice, 2, { first, end, of: page.rows }, { out, at: 1 });
          assert.deepEqual(out.subarray(2), whole.subarray(first * 2, end * 2));
          const exact = [...new BigInt64Array(whole.buffer)].map(Number);
          const doubles = new Float64Array(page.rows + 1);
          assert.equal(decodeInt64ToDoubles(slice, doubles, 1), page.rows);
          assert.deepEqual([...doubles.subarray(1)], exact);
          const some = new Float64Array(count);
          assert.ok(decodeDoublesOfRows(slice, { first, end, of: page.rows }, { out: some, at: 0 }));
          assert.deepEqual([...some], exact.slice(first, end));
          continue;
        }
        if (schema.name === 'id') {
          const whole = new Uint8Array(page.rows * 8);
          decodeFixed(slice, 8, whole, 0);
          const out = new Uint8Array(count * 8);
          decodeFixedOfRows(slice, 8, { first, end, of: page.rows }, { out, at: 0 });
          assert.deepEqual(out, whole.subarray(first * 8, end * 8));
          continue;
        }
        const dictionary =
          schema.physical === 'boolean'
            ? BOOLEAN_DICTIONARY
            : chunk.dictionaryOffset === undefined
              ? undefined
              : decodeDictionary(
                  bytes.subarray(chunk.dictionaryOffset, chunk.dictionaryOffset + chunk.dictionarySize!),
                  schema,
                );
        const size = dictionary?.count ?? 0;
        const whole = new Uint32Array(page.rows);
        const all = decodeCodes(slice, schema, whole, 0, size);
        const out = new Uint32Array(count + 3).fill(9);
        const own = decodeCodesOfRows(slice, schema, { first, end, of: page.rows }, { out, at: 3 }, size);
        const width = schema.physical === 'double' ? 8 : 0;
        for (let i = 0; i < count; i++) {
          const expected = whole[first + i]!;
          const code = out[3 + i]!;
          if (all === undefined || expected === 0) assert.equal(code, expected, `${schema.name} ${first + i}`);
          else assert.equal(valueAt(own!, width, code - 1), valueAt(all, width, expected - 1), schema.name);
        }
      }
    }),
  );
});

test('damaged pages give values or an error of kind corrupt, never anything else', () => {
  const { bytes, chunks } = chunksOf([...coded, times, ids]);
  fc.assert(
    fc.property(fc.nat(), fc.nat(), fc.nat(), fc.nat(255), (chunkSeed, pageSeed, at, value) => {
      const chunk = chunks[chunkSeed % chunks.length]!;
      const page = chunk.pages[pageSeed % chunk.pages.length]!;
      const slice = bytes.slice(page.offset, page.offset + page.size);
      slice[at % slice.length] = value;
      const range = { first: 10, end: 40, of: page.rows };
      try {
        if (chunk.schema.name === 'time') decodeIntegersOfRows(slice, 2, range, { out: new Uint32Array(60), at: 0 });
        else if (chunk.schema.name === 'id') decodeFixedOfRows(slice, 8, range, { out: new Uint8Array(240), at: 0 });
        else decodeCodesOfRows(slice, chunk.schema, range, { out: new Uint32Array(30), at: 0 }, 1000);
      } catch (error) {
        assert.ok(error instanceof RubatoError && error.kind === 'corrupt', String(error));
      }
    }),
    { numRuns: 1000 },
  );
});

test('64-bit numbers are decoded to doubles exactly or not at all', () => {
  const nearLimit = fc.bigInt({ min: -(2n ** 54n), max: 2n ** 54n });
  const any = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
  const small = fc.bigInt({ min: -1000n, max: 10n ** 12n });
  fc.assert(
    fc.property(fc.array(fc.oneof({ weight: 40, arbitrary: small }, nearLimit, any), { minLength: 1 }), (values) => {
      const schema: ColumnSchema = { name: 'time', physical: 'int64', optional: false };
      const { bytes } = writeTable([{ schema, as: 'delta', values }], [values.length], { pageRows: 1000, level: 1 });
      const [page] = openFile(bytes).rowGroups[0]!.columns[0]!.pages;
      const out = new Float64Array(values.length);
      const rows = decodeInt64ToDoubles(bytes.subarray(page!.offset, page!.offset + page!.size), out, 0);
      if (values.every((value) => value >= -1000n && value <= 10n ** 12n)) assert.equal(rows, values.length);
      if (rows !== undefined)
        assert.deepEqual(
          [...out].map((value) => BigInt(value)),
          values,
        );
    }),
  );
});
