/**
 * Which group each selected span belongs to. Codes of one attribute are looked up in a table; codes of several are
 * numbered pair by pair, so that the tables stay as small as the number of combinations that occur.
 */
import type { AttributeRef } from '../../traceql/ast.ts';
import { printAttribute } from '../../traceql/print.ts';
import type { ResultAttribute, ResultValue } from '../../traceql/result.ts';
import type { Fragment } from '../../traceql/storage.ts';
import { type CompiledGroup, compileGroup, type TraceRange } from '../expression/index.ts';
import type { Accumulator } from './accumulator.ts';
import type { Selection } from './grid.ts';
import { labelValue, nilLabel } from './labels.ts';

/** Pairs of codes up to here are numbered in an array, beyond in a map. */
const denseTableMax = 1 << 20;

export class Grouping {
  readonly #keys: readonly string[];
  readonly #attributes: readonly CompiledGroup[];
  readonly #keepOneLabel: boolean;
  readonly #accumulator: Accumulator;
  /** Accumulator's group by code of the only attribute; -1 when not asked for yet. */
  #groupOfCode = new Int32Array(0);
  #rowCodes = new Uint32Array(0);
  readonly #codes: Uint32Array[];
  #pairs = new Int32Array(0);

  /** `keepOneLabel`: a span without any of the attributes still gets a label, `nil`. */
  constructor(by: readonly AttributeRef[], fragment: Fragment, accumulator: Accumulator, keepOneLabel: boolean) {
    this.#keys = by.map(printAttribute);
    this.#attributes = by.map((ref) => compileGroup(ref, fragment));
    this.#accumulator = accumulator;
    this.#keepOneLabel = keepOneLabel;
    this.#codes = by.map(() => new Uint32Array(0));
  }

  get attributes(): readonly CompiledGroup[] {
    return this.#attributes;
  }

  /** Writes the group of each selected span into `out`. */
  groups(range: TraceRange, selection: Selection, out: Uint32Array): void {
    if (this.#attributes.length === 0) {
      out.fill(selection.length === 0 ? 0 : this.#accumulator.group([]), 0, selection.length);
      return;
    }
    this.#attributes.forEach(
      (attribute, a) => void (this.#codes[a] = this.#selectedCodes(attribute, a, range, selection)),
    );
    if (this.#attributes.length === 1) this.#groupByOne(selection.length, out);
    else this.#groupByAll(selection.length, out);
  }

  #selectedCodes(attribute: CompiledGroup, index: number, range: TraceRange, selection: Selection): Uint32Array {
    const rows = range.endRow - range.firstRow;
    if (this.#rowCodes.length < rows) this.#rowCodes = new Uint32Array(rows);
    const all = this.#rowCodes.subarray(0, rows);
    attribute.codes(range, all);
    let codes = this.#codes[index]!;
    if (codes.length < selection.length) codes = new Uint32Array(selection.rows.length);
    gather(all, range.firstRow, selection.rows, selection.length, codes);
    return codes;
  }

  #groupByOne(length: number, out: Uint32Array): void {
    const attribute = this.#attributes[0]!;
    if (this.#groupOfCode.length < attribute.codeCount) {
      const grown = new Int32Array(Math.max(attribute.codeCount, this.#groupOfCode.length * 2)).fill(-1);
      grown.set(this.#groupOfCode);
      this.#groupOfCode = grown;
    }
    const table = this.#groupOfCode;
    const codes = this.#codes[0]!;
    for (let i = 0; i < length; i++) {
      const code = codes[i]!;
      let group = table[code]!;
      if (group < 0) {
        group = this.#accumulator.group(this.#labels([code]));
        table[code] = group;
      }
      out[i] = group;
    }
  }

  #groupByAll(length: number, out: Uint32Array): void {
    // out[i] is the number of the combination of the first attributes; tuples[number] their codes.
    let tuples: (readonly number[])[] = [[]];
    out.fill(0, 0, length);
    for (let a = 0; a < this.#attributes.length; a++) {
      tuples = this.#pair(tuples, this.#attributes[a]!.codeCount, this.#codes[a]!, length, out);
    }
    const groups = Uint32Array.from(tuples, (tuple) => this.#accumulator.group(this.#labels(tuple)));
    for (let i = 0; i < length; i++) out[i] = groups[out[i]!]!;
  }

  #pair(
    tuples: readonly (readonly number[])[],
    codeCount: number,
    codes: Uint32Array,
    length: number,
    numbers: Uint32Array,
  ): (readonly number[])[] {
    const next: (readonly number[])[] = [];
    const size = tuples.length * codeCount;
    if (size <= denseTableMax) {
      if (this.#pairs.length < size) this.#pairs = new Int32Array(size);
      const table = this.#pairs.fill(-1, 0, size);
      for (let i = 0; i < length; i++) {
        const pair = numbers[i]! * codeCount + codes[i]!;
        if (table[pair]! < 0) table[pair] = next.push([...tuples[numbers[i]!]!, codes[i]!]) - 1;
        numbers[i] = table[pair]!;
      }
      return next;
    }
    const table = new Map<number, number>();
    for (let i = 0; i < length; i++) {
      const pair = numbers[i]! * codeCount + codes[i]!;
      let number = table.get(pair);
      if (number === undefined) {
        number = next.push([...tuples[numbers[i]!]!, codes[i]!]) - 1;
        table.set(pair, number);
      }
      numbers[i] = number;
    }
    return next;
  }

  #labels(codes: readonly number[]): readonly ResultAttribute[] {
    const labels: ResultAttribute[] = [];
    codes.forEach((code, a) => {
      const value = groupLabel(this.#attributes[a]!, code);
      if (value !== undefined) labels.push({ key: this.#keys[a]!, value });
    });
    if (labels.length === 0 && this.#keepOneLabel) labels.push({ key: this.#keys[0]!, value: nilLabel });
    return labels;
  }
}

/** The label of a group code; undefined for a missing value and for what is no label: longer arrays, maps, bytes. */
export function groupLabel(attribute: CompiledGroup, code: number): ResultValue | undefined {
  if (code === 0) return undefined;
  const value = attribute.label(code);
  return value.type === 'any' || value.type === 'nil' ? undefined : labelValue(value);
}

function gather(all: Uint32Array, firstRow: number, rows: Uint32Array, length: number, out: Uint32Array): void {
  for (let i = 0; i < length; i++) out[i] = all[rows[i]! - firstRow]!;
}
