/** The kinds of columns that a block has, decoded into the arrays that the storage port shows. */
import { corrupt } from '../base/errors.ts';
import { decodeCodesOfRows, decodeFixedOfRows, decodeIntegersOfRows } from '../parquet/decode-rows.ts';
import {
  decodeCodes,
  decodeDictionary,
  decodeFixed,
  decodeInt32,
  decodeInt64,
  type PageLocation,
} from '../parquet/read-file.ts';
import { BOOLEAN_DICTIONARY, type PlainValues } from '../parquet/schema.ts';
import type { CodeArray, ValueType } from '../traceql/storage.ts';
import { type BufferOwner, type ChunkPlace, ColumnBuffer } from './column-buffer.ts';
import { codeArray, concatValues, noValues, PlainDictionary, valueWidth } from './dictionary.ts';
import { byteScratch, wordScratch } from './row-selection.ts';

/** Codes and dictionary, whether the column is stored with a dictionary or plain. */
export class CodesBuffer extends ColumnBuffer {
  readonly #type: ValueType;
  #codes: CodeArray | undefined;
  #dictionary: PlainDictionary;
  /** Values of plain pages that are not in the dictionary yet, and how many. */
  #more: PlainValues[] = [];
  #moreCount = 0;
  /** Changes when codes or dictionary did. */
  version = 0;

  constructor(place: ChunkPlace, type: ValueType, owner?: BufferOwner) {
    super(place, owner);
    this.#type = type;
    this.#dictionary = this.#dictionaryOf(type === 'bool' ? BOOLEAN_DICTIONARY : noValues);
  }

  /** As narrow as the values allow; the array may be replaced until the dictionary is loaded. */
  get codes(): CodeArray {
    if (this.#codes === undefined) {
      const { chunk, rows } = this.place;
      const sizeMax = chunk.encoding === 'plain' ? chunk.values - chunk.nulls : this.#dictionary.size;
      this.#codes = codeArray(rows, sizeMax);
      this.grew(this.#codes.byteLength);
    }
    return this.#codes;
  }

  /** A new object when it grew: columns stored plain have only the values of the pages that are loaded. */
  get dictionary(): PlainDictionary {
    if (this.#moreCount > 0) {
      const before = this.#dictionary;
      this.#dictionary = this.#dictionaryOf(concatValues([before.values, ...this.#more], valueWidth(this.#type)));
      this.#more = [];
      this.#moreCount = 0;
      this.grew(this.#dictionary.byteLength - before.byteLength);
    }
    return this.#dictionary;
  }

  protected override decodeDictionary(bytes: Uint8Array): void {
    this.#dictionary = this.#dictionaryOf(decodeDictionary(bytes, this.place.chunk.schema));
    this.grew(this.#dictionary.byteLength);
    this.#codes = undefined;
    this.version++;
  }

  protected override decodePage(page: PageLocation, bytes: Uint8Array): void {
    const { schema } = this.place.chunk;
    const valuesBefore = this.#dictionary.size + this.#moreCount;
    const more = decodeCodes(bytes, schema, this.codes, page.firstRow, valuesBefore);
    if (more !== undefined && this.#type !== 'bool') {
      this.#more.push(more);
      this.#moreCount += more.count;
    }
    this.version++;
  }

  #dictionaryOf(values: PlainValues): PlainDictionary {
    return new PlainDictionary(this.#type, values, (bytes) => this.grew(bytes));
  }
}

/** Works in place on rows [first, end) that were just decoded. */
export type Convert = (values: Int32Array, first: number, end: number) => void;

/** Codes that only stand for a number: kind, status, resource row, row distances. */
export class LookupBuffer<T extends Uint8Array | Uint32Array | Int32Array> extends ColumnBuffer {
  readonly #options: LookupOptions<T>;
  #values: T | undefined;
  #lookup = new Int32Array(0);

  constructor(place: ChunkPlace, options: LookupOptions<T>, owner?: BufferOwner) {
    super(place, owner);
    this.#options = options;
  }

  get values(): T {
    if (this.#values === undefined) {
      this.#values = this.#options.make(this.place.rows);
      this.grew(this.#values.byteLength);
    }
    return this.#values;
  }

  override get dictionaryOwner(): LookupBuffer<T> {
    return this.#options.whole ?? this;
  }

  protected override decodeDictionary(bytes: Uint8Array): void {
    this.#lookup = Int32Array.from(this.#options.numbersOf(decodeDictionary(bytes, this.place.chunk.schema)));
  }

  protected override decodePage(page: PageLocation, bytes: Uint8Array): void {
    const { selection, chunk } = this.place;
    const known = this.dictionaryOwner.#lookup;
    const [first, end] = selection?.localRows(page) ?? [page.firstRow, page.firstRow + page.rows];
    const codes = pageScratch(end - first);
    const plain =
      selection === undefined
        ? decodeCodes(bytes, chunk.schema, codes, 0, known.length)
        : selection.decode(page, { out: codes, width: 1, scratch: wordScratch, base: first }, (rows, target) =>
            decodeCodesOfRows(bytes, chunk.schema, rows, target, known.length),
          );
    const lookup = plain === undefined ? known : this.#options.numbersOf(plain);
    const before = plain === undefined ? 0 : known.length;
    const values = this.values;
    for (let row = first; row < end; row++) values[row] = lookup[codes[row - first]! - 1 - before]!;
    if (values instanceof Int32Array) this.#options.convert?.(values, first, end);
  }
}

export interface LookupOptions<T extends Uint8Array | Uint32Array | Int32Array> {
  readonly make: (rows: number) => T;
  /** Turns a dictionary into what each value stands for. */
  readonly numbersOf: (values: PlainValues) => Int32Array;
  readonly convert?: Convert;
  /** Of a selection: the buffer of the whole column, which holds the dictionary. */
  readonly whole?: LookupBuffer<T>;
}

let scratch = new Uint32Array(1 << 15);

/** For what stands in a page before it is turned into what the port shows. */
function pageScratch(words: number): Uint32Array {
  if (scratch.length < words) scratch = new Uint32Array(words);
  return scratch;
}

export class Int32Buffer extends ColumnBuffer {
  readonly values: Int32Array<ArrayBuffer>;
  readonly #convert: Convert | undefined;

  constructor(place: ChunkPlace, convert?: Convert, owner?: BufferOwner) {
    super(place, owner);
    this.values = new Int32Array(place.rows);
    this.#convert = convert;
  }

  protected override decodePage(page: PageLocation, bytes: Uint8Array): void {
    if (!this.loaded.includes(1)) this.grew(this.values.byteLength);
    const { selection } = this.place;
    if (selection === undefined) {
      this.expectRows(page, decodeInt32(bytes, this.values, page.firstRow));
      this.#convert?.(this.values, page.firstRow, page.firstRow + page.rows);
      return;
    }
    const out = new Uint32Array(this.values.buffer);
    selection.decode(page, { out, width: 1, scratch: wordScratch }, (rows, target) =>
      decodeIntegersOfRows(bytes, 1, rows, target),
    );
    this.#convert?.(this.values, ...selection.localRows(page));
  }
}

export class FixedBuffer extends ColumnBuffer {
  readonly bytes: Uint8Array<ArrayBuffer>;

  constructor(place: ChunkPlace, owner?: BufferOwner) {
    super(place, owner);
    this.bytes = new Uint8Array(place.rows * (place.chunk.schema.width ?? 0));
  }

  protected override decodePage(page: PageLocation, bytes: Uint8Array): void {
    if (!this.loaded.includes(1)) this.grew(this.bytes.byteLength);
    const { selection, chunk } = this.place;
    const width = chunk.schema.width ?? 0;
    if (selection === undefined) this.expectRows(page, decodeFixed(bytes, width, this.bytes, page.firstRow));
    else
      selection.decode(page, { out: this.bytes, width, scratch: byteScratch }, (rows, target) =>
        decodeFixedOfRows(bytes, width, rows, target),
      );
  }
}

export class Int64Buffer extends ColumnBuffer {
  /** Low and high word of each value. */
  readonly words: Uint32Array;

  constructor(place: ChunkPlace, owner?: BufferOwner) {
    super(place, owner);
    this.words = new Uint32Array(place.rows * 2);
  }

  protected override decodePage(page: PageLocation, bytes: Uint8Array): void {
    const { selection } = this.place;
    if (selection === undefined) this.expectRows(page, decodeInt64(bytes, this.words, page.firstRow));
    else
      selection.decode(page, { out: this.words, width: 2, scratch: wordScratch }, (rows, target) =>
        decodeIntegersOfRows(bytes, 2, rows, target),
      );
  }
}

/** Row distances to the parent become row numbers as in the port. @throws RubatoError corrupt */
export function parentRows(where: string): Convert {
  return (values, first, end) => {
    for (let row = first; row < end; row++) {
      const distance = values[row]!;
      if (distance > row || distance < -1) throw corrupt(where, `row ${row}: no parent ${distance} rows back`);
      values[row] = distance > 0 ? row - distance : distance - 1;
    }
  };
}

/** Row numbers in the file become row numbers in the row group. @throws RubatoError corrupt */
export function localRows(where: string, firstInFile: number, count: number): Convert {
  return (values, first, end) => {
    for (let i = first; i < end; i++) {
      const row = values[i]! - firstInFile;
      if (row < 0 || row >= count) throw corrupt(where, `row ${i}: ${values[i]} lies outside the row group`);
      values[i] = row;
    }
  };
}

/** Words of a closed list become their number. @throws RubatoError corrupt */
export function wordNumbers(where: string, list: readonly string[]): (values: PlainValues) => Int32Array {
  return (values) =>
    Int32Array.from(new PlainDictionary('string', values).strings(), (word) => {
      const number = list.indexOf(word);
      if (number < 0) throw corrupt(where, `unknown word ${word}`);
      return number;
    });
}

/** Values of an int32 dictionary. */
export function int32Values({ bytes, count }: PlainValues): Int32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Int32Array.from({ length: count }, (_, i) => view.getInt32(i * 4, true));
}
