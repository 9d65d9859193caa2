/** Takes single keys out of an overflow column. All values that are loaded are parsed once; a key's column is then a scatter. */
import type { TableColumn } from '../model/span-table.ts';
import type { CodeArray, ValueType } from '../traceql/storage.ts';
import type { CodesBuffer } from './column-buffers.ts';
import { codeArray, joinValues, PlainDictionary } from './dictionary.ts';
import { decodeOverflow } from './overflow.ts';

interface Holder {
  /** Code in the overflow column. */
  readonly code: number;
  readonly bytes: Uint8Array;
}

const nameOf = (key: string, type: ValueType): string => `${type}\0${key}`;

export class OverflowValues {
  /** Of the buffer whose content this is. */
  readonly version: number;
  readonly #rowCount: number;
  /** By code of the overflow column. */
  readonly #rows: number[][];
  readonly #holders = new Map<string, Holder[]>();

  constructor({ codes, dictionary, version, place }: CodesBuffer) {
    this.version = version;
    this.#rowCount = codes.length;
    this.#rows = Array.from({ length: dictionary.size + 1 }, () => []);
    for (let row = 0; row < codes.length; row++) if (codes[row] !== 0) this.#rows[codes[row]!]!.push(row);
    for (let code = 1; code <= dictionary.size; code++) {
      for (const { key, type, bytes } of decodeOverflow(dictionary.bytes(code - 1), place.where)) {
        const holders = this.#holders.get(nameOf(key, type));
        if (holders === undefined) this.#holders.set(nameOf(key, type), [{ code, bytes }]);
        else holders.push({ code, bytes });
      }
    }
  }

  column({ key, type }: TableColumn): { codes: CodeArray; dictionary: PlainDictionary } {
    const holders = this.#holders.get(nameOf(key, type)) ?? [];
    const values: Uint8Array[] = [];
    const codeOfText = new Map<string, number>();
    const codes = codeArray(this.#rowCount, holders.length);
    for (const { code: holder, bytes } of holders) {
      const text = Buffer.from(bytes).toString('latin1');
      let code = codeOfText.get(text);
      if (code === undefined) {
        code = values.push(bytes);
        codeOfText.set(text, code);
      }
      for (const row of this.#rows[holder]!) codes[row] = code;
    }
    return { codes, dictionary: new PlainDictionary(type, joinValues(values)) };
  }
}
