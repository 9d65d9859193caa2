/** Distinct tag values as they are collected: typed text, bounded by bytes. */
import { formatFloat } from '../../traceql/print.ts';
import type { TagValueType } from '../../traceql/result.ts';
import type { Column } from '../../traceql/storage.ts';
import { Cell, compareStrings, Type, type Value } from '../expression/index.ts';
import { dictionaryReader } from '../expression/predicate.ts';
import { type ArrayValue, exactInt } from '../expression/value.ts';

export interface TagValue {
  readonly type: TagValueType;
  readonly value: string;
}

export class ValueSet {
  readonly #bytesMax: number;
  readonly #byType = new Map<TagValueType, Set<string>>();
  #bytes = 0;

  /** 0: no limit. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Nothing more is taken. */
  get isFull(): boolean {
    return this.#bytesMax > 0 && this.#bytes >= this.#bytesMax;
  }

  add(type: TagValueType, value: string): void {
    let values = this.#byType.get(type);
    if (values === undefined) this.#byType.set(type, (values = new Set()));
    if (values.has(value)) return;
    const bytes = Buffer.byteLength(value);
    if (this.#bytesMax > 0 && this.#bytes + bytes > this.#bytesMax) {
      this.#bytes = this.#bytesMax;
      return;
    }
    values.add(value);
    this.#bytes += bytes;
  }

  /** A value as attributes have it: an array gives its elements; maps, bytes and nil are no tag values. */
  addValue(value: Value): void {
    switch (value.type) {
      case Type.string:
        this.add('string', value.ref as string);
        return;
      case Type.int:
      case Type.bigInt:
        this.add('int', String(exactInt(value)));
        return;
      case Type.float:
        this.add('float', formatFloat(value.num));
        return;
      case Type.bool:
        this.add('bool', value.num !== 0 ? 'true' : 'false');
        return;
      case Type.array:
        for (const element of (value.ref as ArrayValue).elements) this.addValue(element);
    }
  }

  /** Values of a column's dictionary: all of them, or those whose code is set in `used`. */
  addDictionary(column: Column, used?: Uint8Array): void {
    const { dictionary } = column;
    const cell = new Cell();
    if (dictionary.type === 'string') {
      const strings = dictionary.strings();
      for (let i = 0; i < dictionary.size && !this.isFull; i++) {
        if (used === undefined || used[i + 1] !== 0) this.add('string', strings[i]!);
      }
      return;
    }
    const read = dictionaryReader(dictionary);
    for (let i = 0; i < dictionary.size && !this.isFull; i++) {
      if (used !== undefined && used[i + 1] === 0) continue;
      read(i, cell);
      this.addValue(cell);
    }
  }

  /** By value and type; at most `limit` (0: all). */
  sorted(limit: number): readonly TagValue[] {
    const all: TagValue[] = [];
    for (const [type, values] of this.#byType) for (const value of values) all.push({ type, value });
    all.sort((a, b) => compareStrings(a.value, b.value) || compareStrings(a.type, b.type));
    return limit > 0 && all.length > limit ? all.slice(0, limit) : all;
  }
}
