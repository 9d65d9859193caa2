/** Columns of a trace that lies in several fragments: codes brought into its order, dictionaries one after the other. */
import { assert } from '../base/assert.ts';
import type { CodeArray, Column, Dictionary, TableColumnScope, ValueType } from '../traceql/storage.ts';
import { codeArray } from './dictionary.ts';

/** Where rows of a piece go. */
export interface PieceRows {
  /** First row in the piece's fragment, and how many. */
  readonly first: number;
  readonly count: number;
  /** Place of each row. */
  readonly places: Uint32Array;
}

export class JoinedColumn implements Column {
  readonly scope: TableColumnScope | 'fixed';
  readonly key: string;
  readonly type: ValueType;
  /** By piece; undefined where it has no such column. */
  readonly pieces: readonly (Column | undefined)[];
  #joined: { readonly codes: CodeArray; readonly dictionary: Dictionary } | undefined;

  constructor(named: Pick<Column, 'scope' | 'key' | 'type'>, pieces: readonly (Column | undefined)[]) {
    this.scope = named.scope;
    this.key = named.key;
    this.type = named.type;
    this.pieces = pieces;
  }

  get isLoaded(): boolean {
    return this.#joined !== undefined;
  }

  get codes(): CodeArray {
    assert(this.#joined !== undefined, `column ${this.key} is loaded`);
    return this.#joined.codes;
  }

  get dictionary(): Dictionary {
    assert(this.#joined !== undefined, `column ${this.key} is loaded`);
    return this.#joined.dictionary;
  }

  /** The pieces' columns are loaded. */
  join(rows: readonly PieceRows[]): void {
    const parts = this.pieces.map((column) => column?.dictionary);
    const dictionary = new JoinedDictionary(
      this.type,
      parts.filter((part) => part !== undefined),
    );
    const total = rows.reduce((sum, { count }) => sum + count, 0);
    const codes = codeArray(total, dictionary.size);
    let base = 0;
    for (const [piece, run] of rows.entries()) {
      const column = this.pieces[piece];
      if (column === undefined) continue;
      gatherCodes(column.codes, run, base, codes);
      base += column.dictionary.size;
    }
    this.settle(codes, dictionary);
  }

  settle(codes: CodeArray, dictionary: Dictionary): void {
    this.#joined = { codes, dictionary };
  }
}

function gatherCodes(codes: CodeArray, { first, count, places }: PieceRows, base: number, out: CodeArray): void {
  for (let i = 0; i < count; i++) {
    const code = codes[first + i]!;
    if (code !== 0) out[places[i]!] = base + code;
  }
}

/** Values of several dictionaries; those that two of them have are there twice. */
class JoinedDictionary implements Dictionary {
  readonly type: ValueType;
  readonly size: number;
  readonly #parts: readonly Dictionary[];
  #strings: readonly string[] | undefined;
  #ints: BigInt64Array | undefined;
  #numbers: Float64Array | undefined;
  #bools: Uint8Array | undefined;

  constructor(type: ValueType, parts: readonly Dictionary[]) {
    this.type = type;
    this.#parts = parts;
    this.size = parts.reduce((sum, { size }) => sum + size, 0);
  }

  strings(): readonly string[] {
    this.#strings ??= ([] as string[]).concat(...this.#parts.map((part) => part.strings()));
    return this.#strings;
  }

  ints(): BigInt64Array {
    this.#ints ??= this.#filled(new BigInt64Array(this.size), (part) => part.ints());
    return this.#ints;
  }

  numbers(): Float64Array {
    this.#numbers ??= this.#filled(new Float64Array(this.size), (part) => part.numbers());
    return this.#numbers;
  }

  bools(): Uint8Array {
    this.#bools ??= this.#filled(new Uint8Array(this.size), (part) => part.bools());
    return this.#bools;
  }

  bytes(index: number): Uint8Array {
    let within = index;
    for (const part of this.#parts) {
      if (within < part.size) return part.bytes(within);
      within -= part.size;
    }
    assert(false, 'the dictionary has the value');
  }

  indicesOf(text: string): readonly number[] {
    const found: number[] = [];
    let base = 0;
    for (const part of this.#parts) {
      for (const index of part.indicesOf(text)) found.push(base + index);
      base += part.size;
    }
    return found;
  }

  #filled<Values extends { set(values: Values, at: number): void }>(
    all: Values,
    valuesOf: (part: Dictionary) => Values,
  ): Values {
    let at = 0;
    for (const part of this.#parts) {
      all.set(valuesOf(part), at);
      at += part.size;
    }
    return all;
  }
}
