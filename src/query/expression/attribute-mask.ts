/**
 * The condition `attribute op literal` as a mask over spans. Each distinct value is tested once (predicate.ts); what is
 * left per span is a look-up by code. Conditions on resources are looked up by resource row, on traces once a trace, and
 * on events and links once each: a span matches when one of its events does.
 */
import type { BinaryOperator } from '../../traceql/ast.ts';
import type { CodeArray, Fragment } from '../../traceql/storage.ts';
import { fromHex, toHex } from './hex.ts';
import { Answer, AnswerTable, answerTable, meets, type Predicate, present } from './predicate.ts';
import { type ChildRows, childRows, type TraceRange } from './range.ts';
import type { ColumnPart, IdPart, Layer, NumberPart, Part, Source } from './source.ts';
import { Cell, isNumeric, numeric, Type } from './value.ts';

interface Mask {
  refine(range: TraceRange, mask: Uint8Array): void;
}

export function attributeMask(source: Source, predicate: Predicate, fragment: Fragment): Mask {
  if (source.length === 1) return layerMask(source[0]!, predicate, fragment);
  return { refine: (range, mask) => refinePrecedence(source, predicate, fragment, range, mask) };
}

function layerMask(layer: Layer, predicate: Predicate, fragment: Fragment): Mask {
  switch (layer.level) {
    case 'span':
      return { refine: (range, mask) => refineSpans(layer.parts, predicate, range, mask) };
    case 'resource':
      return resourceMask(layer, predicate, fragment);
    case 'trace':
      return { refine: (range, mask) => refineTraces(layer, predicate, fragment, range, mask) };
    case 'event':
    case 'link': {
      const { level } = layer;
      return {
        refine: (range, mask) => refineChildren(childRows(fragment, level, range), layer.parts, predicate, range, mask),
      };
    }
  }
}

// ---- spans

function refineSpans(parts: readonly Part[], predicate: Predicate, range: TraceRange, mask: Uint8Array): void {
  if (parts.length > 1) {
    const tests = parts.map((part) => rowTest(part, predicate, range));
    for (let i = 0; i < mask.length; i++) {
      if (mask[i] !== 0 && !anyHolds(tests, range.firstRow + i)) mask[i] = 0;
    }
    return;
  }
  const part = parts[0]!;
  if (part.shape === 'column') refineCodes(part, predicate, range, mask);
  else if (part.shape === 'number') refineNumbers(part, predicate, range, mask);
  else {
    const test = idTest(part, predicate);
    for (let i = 0; i < mask.length; i++) if (mask[i] !== 0 && !test(range.firstRow + i)) mask[i] = 0;
  }
}

function refineCodes(part: ColumnPart, predicate: Predicate, range: TraceRange, mask: Uint8Array): void {
  lookUp(answerTable(predicate, part.column, part.emptyWhenMissing), part.column.codes, range.firstRow, mask);
}

/** Takes out the rows whose code's answer is no. */
function lookUp(table: AnswerTable, codes: CodeArray, firstRow: number, mask: Uint8Array): void {
  const { answers } = table;
  if (table.isNever) {
    mask.fill(0);
    return;
  }
  if (table.isComplete) {
    for (let i = 0; i < mask.length; i++) mask[i]! &= answers[codes[firstRow + i]!]!;
    return;
  }
  for (let i = 0; i < mask.length; i++) {
    if (mask[i] === 0) continue;
    const code = codes[firstRow + i]!;
    const answer = answers[code]!;
    mask[i] = answer === Answer.unknown ? table.find(code) : answer;
  }
}

function refineNumbers(part: NumberPart, predicate: Predicate, range: TraceRange, mask: Uint8Array): void {
  const literal = numberLiteral(part, predicate);
  if (predicate.op === 'present') return;
  if (literal === undefined) {
    mask.fill(0);
    return;
  }
  const { array, offset } = part.rows(range);
  compareNumbers(array, range.firstRow - offset, predicate.op, literal, mask);
}

/** The literal as the double to compare with; undefined when nothing can match. */
function numberLiteral(part: NumberPart, predicate: Predicate): number | undefined {
  const { op, literal } = predicate;
  if (part.type === Type.status || part.type === Type.kind) {
    return literal.type === part.type && (op === '=' || op === '!=') ? literal.num : undefined;
  }
  return isNumeric(literal.type) && op !== '=~' && op !== '!~' ? numeric(literal) : undefined;
}

type Numbers = Float64Array | Int32Array | Uint8Array;

function compareNumbers(array: Numbers, at: number, op: BinaryOperator, literal: number, mask: Uint8Array): void {
  const n = mask.length;
  switch (op) {
    case '=':
      for (let i = 0; i < n; i++) mask[i]! &= array[at + i]! === literal ? 1 : 0;
      return;
    case '!=':
      for (let i = 0; i < n; i++) mask[i]! &= array[at + i]! !== literal ? 1 : 0;
      return;
    case '<':
      for (let i = 0; i < n; i++) mask[i]! &= array[at + i]! < literal ? 1 : 0;
      return;
    case '<=':
      for (let i = 0; i < n; i++) mask[i]! &= array[at + i]! <= literal ? 1 : 0;
      return;
    case '>':
      for (let i = 0; i < n; i++) mask[i]! &= array[at + i]! > literal ? 1 : 0;
      return;
    case '>=':
      for (let i = 0; i < n; i++) mask[i]! &= array[at + i]! >= literal ? 1 : 0;
      return;
    default:
      mask.fill(0);
  }
}

// ---- one row at a time, for everything that has few rows

type RowTest = (row: number) => boolean;

/** The condition on a row of the part's own level, for rows of the range. */
function rowTest(part: Part, predicate: Predicate, range: TraceRange): RowTest {
  if (part.shape === 'column') {
    const table = answerTable(predicate, part.column, part.emptyWhenMissing);
    const { codes } = part.column;
    return (row) => table.get(codes[row]!) === Answer.yes;
  }
  if (part.shape === 'id') return idTest(part, predicate);
  const { array, offset } = part.rows(range);
  const cell = new Cell();
  return (row) => {
    cell.setNumber(part.type, array[row - offset]!);
    return meets(predicate, cell);
  };
}

function anyHolds(tests: readonly RowTest[], row: number): boolean {
  for (let i = 0; i < tests.length; i++) if (tests[i]!(row)) return true;
  return false;
}

function idTest(part: IdPart, predicate: Predicate): RowTest {
  const bytes = part.bytes();
  const { op, literal } = predicate;
  if ((op === '=' || op === '!=') && literal.type === Type.string) {
    const wanted = parseId(literal.ref as string, part);
    const equal = (row: number): boolean => wanted !== undefined && sameBytes(bytes, row * part.sizeBytes, wanted);
    if (op === '=') return (row) => equal(row) && !isNilId(part, bytes, row);
    return (row) => !equal(row) && !isNilId(part, bytes, row);
  }
  const cell = new Cell();
  return (row) => {
    readId(part, bytes, row, cell);
    return meets(predicate, cell);
  };
}

/** The id's bytes; undefined when no id is written like that. */
function parseId(text: string, part: IdPart): Uint8Array | undefined {
  const digits = part.sizeBytes * 2;
  const padded = part.short ? text.replace(/^0+/, '').padStart(digits, '0') : text;
  return padded.length === digits && /^[0-9a-f]*$/.test(padded) ? fromHex(padded) : undefined;
}

function sameBytes(bytes: Uint8Array, offset: number, wanted: Uint8Array): boolean {
  // Ids are random: the last bytes tell most of them apart, also where only 64 of 128 bits are used.
  for (let i = wanted.length - 1; i >= 0; i--) if (bytes[offset + i] !== wanted[i]) return false;
  return true;
}

function isNilId(part: IdPart, bytes: Uint8Array, row: number): boolean {
  if (!part.zeroIsNil) return false;
  const offset = row * part.sizeBytes;
  for (let i = 0; i < part.sizeBytes; i++) if (bytes[offset + i] !== 0) return false;
  return true;
}

export function readId(part: IdPart, bytes: Uint8Array, row: number, out: Cell): void {
  if (isNilId(part, bytes, row)) {
    out.setNil();
    return;
  }
  const offset = row * part.sizeBytes;
  const text = toHex(bytes, offset, part.sizeBytes);
  out.setString(part.short ? text.replace(/^0+/, '') : text);
}

// ---- resources, traces, events and links

/** Answers by resource row are kept for the fragment, so every further span is one look-up. */
function resourceMask(layer: Layer, predicate: Predicate, fragment: Fragment): Mask {
  let table: AnswerTable | undefined;
  return {
    refine(range, mask) {
      if (table === undefined) {
        const tests = layer.parts.map((part) => rowTest(part, predicate, range));
        table = new AnswerTable(fragment.resourceCount, (row) => anyHolds(tests, row));
      }
      lookUp(table, fragment.resource, range.firstRow, mask);
    },
  };
}

function refineTraces(
  layer: Layer,
  predicate: Predicate,
  fragment: Fragment,
  range: TraceRange,
  mask: Uint8Array,
): void {
  const tests = layer.parts.map((part) => rowTest(part, predicate, range));
  const { traceFirstSpan } = fragment;
  for (let trace = range.firstTrace; trace < range.endTrace; trace++) {
    if (anyHolds(tests, trace)) continue;
    mask.fill(0, traceFirstSpan[trace]! - range.firstRow, traceFirstSpan[trace + 1]! - range.firstRow);
  }
}

/** Keeps the spans of which one event or link meets the condition. */
function refineChildren(
  { owner, first, end }: ChildRows,
  parts: readonly Part[],
  predicate: Predicate,
  range: TraceRange,
  mask: Uint8Array,
): void {
  const tests = parts.map((part) => rowTest(part, predicate, range));
  const met = new Uint8Array(mask.length);
  for (let row = first; row < end; row++) {
    const i = owner[row]! - range.firstRow;
    if (mask[i] !== 0 && met[i] === 0 && anyHolds(tests, row)) met[i] = 1;
  }
  mask.set(met);
}

// ---- `.x`: the span's value where it has one, else the resource's

function refinePrecedence(
  source: Source,
  predicate: Predicate,
  fragment: Fragment,
  range: TraceRange,
  mask: Uint8Array,
): void {
  const layers = source.map((layer) => ({
    onResources: layer.level === 'resource',
    parts: layer.parts.map((part) => ({
      test: rowTest(part, predicate, range),
      exists: existenceTest(part),
    })),
  }));
  const { resource } = fragment;
  rows: for (let i = 0; i < mask.length; i++) {
    if (mask[i] === 0) continue;
    const row = range.firstRow + i;
    for (const layer of layers) {
      const at = layer.onResources ? resource[row]! : row;
      for (const part of layer.parts) {
        if (!part.exists(at)) continue;
        mask[i] = part.test(at) ? 1 : 0;
        continue rows;
      }
    }
    mask[i] = 0;
  }
}

/** Whether a row of an attribute column has a value other than nil. */
function existenceTest(part: Part): RowTest {
  if (part.shape !== 'column') return () => true;
  const { codes, dictionary } = part.column;
  if (dictionary.type !== 'any') return (row) => codes[row] !== 0;
  const table = answerTable(present, part.column, false);
  return (row) => table.get(codes[row]!) === Answer.yes;
}
