/**
 * Codes of selected rows. The dictionary is that of the whole column, shared by all selections and kept by the cache;
 * what is shown is a small one with the values that the rows have, so that nobody decodes thousands for thirty rows.
 */
import { decodeCodesOfRows } from '../parquet/decode-rows.ts';
import type { PageLocation } from '../parquet/read-file.ts';
import type { PlainValues } from '../parquet/schema.ts';
import type { CodeArray, ValueType } from '../traceql/storage.ts';
import type { ChunkPlace } from './column-buffer.ts';
import { CodesBuffer } from './column-buffers.ts';
import { codeArray, concatValues, joinValues, PlainDictionary, valueWidth } from './dictionary.ts';
import { type RowSelection, wordScratch } from './row-selection.ts';

export class SelectedCodes extends CodesBuffer {
  readonly #type: ValueType;
  readonly #whole: CodesBuffer;
  readonly #selection: RowSelection;
  /** Codes of the whole column's dictionary and, behind it, the plain values. */
  readonly #wide: Uint32Array;
  #plain: PlainValues[] = [];
  #plainCount = 0;
  #shown: { readonly version: number; readonly codes: CodeArray; readonly dictionary: PlainDictionary } | undefined;

  constructor(place: ChunkPlace & { readonly selection: RowSelection }, type: ValueType, whole: CodesBuffer) {
    super(place, type);
    this.#type = type;
    this.#whole = whole;
    this.#selection = place.selection;
    this.#wide = new Uint32Array(place.rows);
  }

  override get dictionaryOwner(): CodesBuffer {
    return this.#whole;
  }

  override get codes(): CodeArray {
    return this.#show().codes;
  }

  override get dictionary(): PlainDictionary {
    return this.#show().dictionary;
  }

  protected override decodePage(page: PageLocation, bytes: Uint8Array): void {
    const { schema } = this.place.chunk;
    const valuesBefore = this.#shared.size + this.#plainCount;
    const target = { out: this.#wide, width: 1, scratch: wordScratch };
    const plain = this.#selection.decode(page, target, (rows, to) =>
      decodeCodesOfRows(bytes, schema, rows, to, valuesBefore),
    );
    if (plain !== undefined) {
      this.#plain.push(plain);
      this.#plainCount += plain.count;
    }
    this.version++;
  }

  /** Of a column stored plain the whole buffer's own pages are no part of the dictionary. */
  get #shared(): { readonly size: number; readonly values: PlainValues | undefined } {
    const { encoding } = this.place.chunk;
    if (encoding === 'plain') return { size: 0, values: undefined };
    const { dictionary } = this.#whole;
    return { size: dictionary.size, values: dictionary.values };
  }

  #show(): { readonly codes: CodeArray; readonly dictionary: PlainDictionary } {
    if (this.#shown?.version === this.version) return this.#shown;
    const { values } = this.#shared;
    const lists = values === undefined ? this.#plain : [values, ...this.#plain];
    const width = valueWidth(this.#type);
    const all = new PlainDictionary(this.#type, lists.length === 1 ? lists[0]! : concatValues(lists, width));
    const codeOf = new Map<number, number>();
    const used: Uint8Array[] = [];
    const wide = this.#wide;
    const small = new Uint32Array(wide.length);
    for (let row = 0; row < wide.length; row++) {
      const code = wide[row]!;
      if (code === 0) continue;
      let own = codeOf.get(code);
      if (own === undefined) codeOf.set(code, (own = used.push(all.bytes(code - 1))));
      small[row] = own;
    }
    const codes = codeArray(wide.length, used.length);
    codes.set(small);
    this.#shown = { version: this.version, codes, dictionary: new PlainDictionary(this.#type, joinValues(used)) };
    return this.#shown;
  }
}
