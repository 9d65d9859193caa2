/**
 * KeyValue messages to value ids, for the attributes of one scope (span, event, link, resource or instrumentation).
 *
 * Nearly all attributes come as `0a <n> key 12 <n> AnyValue` with one field in the AnyValue, and an attribute mostly
 * stands behind the same attribute as last time. So the reader predicts the key by the key before it and compares bytes
 * instead of hashing, then compares the value with the last one of its column, and asks the table's dictionary only when
 * that differs. Whatever is not in that form takes a slow path that knows all of protobuf.
 *
 * A key is a number; (key, type) is a cell that holds what the hot path needs side by side:
 *
 *   cells[(key * 8 + type) * 4]   column, or -1 while there is none
 *                        … + 1    number of the container (span, event …) that had it last, to see duplicates
 *                        … + 2    last value id, or 0
 */
import { ProtoWriter } from '../../base/protobuf.ts';
import { anyValueDepthMax } from '../../model/any-value.ts';
import type { TableColumnScope, ValueType } from '../../model/columns.ts';
import { hashBytes, type SpanTable, sameBytes } from '../../model/span-table.ts';
import { DamagedInput, refuseField, type WireInput } from './wire-input.ts';

const Type = { string: 0, int: 1, double: 2, bool: 3, any: 4 } as const;
const typeNames: readonly ValueType[] = ['string', 'int', 'double', 'bool', 'any'];
/** Words of `cells` a key takes. */
const keyCells = 32;
/** Words of `keys` a key takes: offset, length, the key that followed it last time, hash. */
const keyWords = 4;
/** The key before the first one. */
const noKey = 0;

const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });
const utf8Encoder = new TextEncoder();
const boolViews = [new DataView(new Uint8Array([0]).buffer), new DataView(new Uint8Array([1]).buffer)] as const;

export class AttributeReader {
  /** Keys and string values that were cut, ever. */
  truncated = 0;
  /** Longest key and string value in bytes. */
  maxBytes = 0x7fffffff;
  /** KeyValueList of the duplicates of the current container. */
  readonly #duplicates = new ProtoWriter();

  readonly #table: SpanTable;
  readonly #input: WireInput;
  readonly #scope: TableColumnScope;
  #container = 0;
  #previousKey = noKey;

  #keyCount = 1;
  #keys = new Int32Array(64 * keyWords);
  #cells = new Int32Array(64 * keyCells);
  #slots = new Int32Array(256);
  #arena = new Uint8Array(1 << 12);
  #arenaView = new DataView(this.#arena.buffer);
  #arenaLength = 0;

  constructor(table: SpanTable, input: WireInput, scope: TableColumnScope) {
    this.#table = table;
    this.#input = input;
    this.#scope = scope;
    // Nothing is as long as the key that is none.
    this.#keys[noKey * keyWords + 1] = -1;
  }

  /** Starts a span, event …: the attributes read from here on belong together. */
  begin(): void {
    this.#container++;
    this.#previousKey = noKey;
  }

  /** AnyValue bytes of the duplicates since begin(), or undefined when there are none. */
  takeDuplicates(): Uint8Array | undefined {
    if (this.#duplicates.length === 0) return undefined;
    const list = this.#duplicates.finish();
    this.#duplicates.reset();
    const any = new ProtoWriter(list.length + 8);
    any.bytes(6, list);
    return any.finish();
  }

  /** Forgets the duplicates of a container that failed. */
  abandon(): void {
    this.#duplicates.reset();
  }

  /** Value id of the KeyValue at [start, end) of the input; 0 when it is a duplicate and was put aside. */
  read(start: number, end: number): number {
    const { bytes, view } = this.#input;
    const keyLength = bytes[start + 1]!;
    const keyAt = start + 2;
    let at = keyAt + keyLength;
    if (bytes[start] !== 0x0a || keyLength > 127 || at + 2 > end || bytes[at] !== 0x12) return this.#slow(start, end);
    let length = bytes[at + 1]!;
    at += 2;
    if (length > 127) {
      length = (length & 127) | (bytes[at]! << 7);
      if (length > 0x3fff) return this.#slow(start, end);
      at++;
    }
    if (at + length !== end || length < 2 || keyLength > this.maxBytes) return this.#slow(start, end);

    const keys = this.#keys;
    let key = keys[this.#previousKey * keyWords + 2]!;
    if (
      keys[key * keyWords + 1] !== keyLength ||
      !sameBytes(this.#arenaView, keys[key * keyWords]!, view, keyAt, keyLength)
    ) {
      key = this.#keyOf(view, keyAt, keyLength);
      this.#keys[this.#previousKey * keyWords + 2] = key;
    }
    this.#previousKey = key;

    const tag = bytes[at++]!;
    if (tag === 0x0a) {
      length = bytes[at++]!;
      if (length > 127) {
        length = (length & 127) | (bytes[at++]! << 7);
        if (length > 0x3fff) return this.#slow(start, end);
      }
      if (at + length !== end || length > this.maxBytes) return this.#slow(start, end);
      const cell = key * keyCells + Type.string * 4;
      const cells = this.#cells;
      const last = cells[cell + 2]!;
      if (cells[cell + 1] === this.#container) return this.#slow(start, end);
      cells[cell + 1] = this.#container;
      if (last !== 0 && this.#table.isValueAt(last, view, at, length)) return last;
      const column = last !== 0 ? cells[cell]! : this.#columnOf(key, Type.string);
      return (cells[cell + 2] = this.#table.valueAt(column, view, at, length));
    }
    if (tag === 0x18) {
      let low = bytes[at]!;
      let high = 0;
      if (low < 128) at++;
      else if (bytes[at + 1]! < 128) {
        low = (low & 127) | (bytes[at + 1]! << 7);
        at += 2;
      } else {
        this.#input.varint(at, end);
        low = this.#input.low;
        high = this.#input.high;
        at = this.#input.pos;
      }
      if (at !== end) return this.#slow(start, end);
      return this.#words(key, Type.int, low, high, start, end);
    }
    if (tag === 0x21 && at + 8 === end)
      return this.#words(key, Type.double, view.getInt32(at, true), view.getInt32(at + 4, true), start, end);
    if (tag === 0x10 && at + 1 === end && bytes[at]! < 2) {
      const cell = key * keyCells + Type.bool * 4;
      if (this.#cells[cell + 1] === this.#container) return this.#slow(start, end);
      this.#cells[cell + 1] = this.#container;
      return this.#table.valueAt(this.#columnOf(key, Type.bool), boolViews[bytes[at] as 0 | 1], 0, 1);
    }
    return this.#slow(start, end);
  }

  #words(key: number, type: number, low: number, high: number, start: number, end: number): number {
    const cell = key * keyCells + type * 4;
    const cells = this.#cells;
    const last = cells[cell + 2]!;
    if (cells[cell + 1] === this.#container) return this.#slow(start, end);
    cells[cell + 1] = this.#container;
    if (last !== 0 && this.#table.isValueWords(last, low, high)) return last;
    const column = last !== 0 ? cells[cell]! : this.#columnOf(key, type);
    return (cells[cell + 2] = this.#table.valueWords(column, low, high));
  }

  /** Any KeyValue: fields in any order and number, long varints, unknown fields, cut values, duplicates. */
  #slow(start: number, end: number): number {
    const input = this.#input;
    let keyAt = 0;
    let keyLength = 0;
    const pieces: number[] = [];
    for (let at = start; at < end; ) {
      const tag = input.tag(at, end);
      at = input.pos;
      const next = input.skip(tag, at, end);
      if (tag === 0x0a) {
        keyLength = next - input.pos;
        keyAt = input.pos;
      } else if (tag === 0x12) pieces.push(input.pos, next);
      else refuseField(tag, 2, at);
      at = next;
    }
    const keptKeyLength = this.#cut(keyAt, keyLength);
    const value = readAnyValue(input, pieces);
    let bytes = value.bytes;
    if (value.type === Type.string) {
      const kept = this.#cut(value.at, bytes.length);
      bytes = bytes.subarray(0, kept);
    }
    const key = this.#keyOf(input.view, keyAt, keptKeyLength);
    const column = this.#columnOf(key, value.type);
    const cell = key * keyCells + value.type * 4;
    this.#previousKey = key;
    if (this.#cells[cell + 1] !== this.#container) {
      this.#cells[cell + 1] = this.#container;
      return this.#table.value(column, bytes, 0, bytes.length);
    }
    this.#duplicates.message(1, (w) => {
      w.bytes(1, input.bytes.subarray(keyAt, keyAt + keptKeyLength));
      if (value.type === Type.string) w.message(2, (any) => any.bytes(1, bytes));
      else w.bytes(2, concat(input, pieces));
    });
    return 0;
  }

  /** Length to keep of a text: at most maxBytes, without splitting a character. */
  #cut(at: number, length: number): number {
    if (length <= this.maxBytes) return length;
    this.truncated++;
    const bytes = this.#input.bytes;
    let kept = this.maxBytes;
    // A character has at most 3 continuation bytes; text that is no UTF-8 is cut where it stands.
    for (let back = 0; back < 4 && kept - back > 0; back++) {
      if ((bytes[at + kept - back]! & 0xc0) !== 0x80) {
        kept -= back;
        break;
      }
    }
    return kept;
  }

  #columnOf(key: number, type: number): number {
    const cell = key * keyCells + type * 4;
    const known = this.#cells[cell]!;
    if (known >= 0) return known;
    const at = this.#keys[key * keyWords]!;
    const name = utf8.decode(this.#arena.subarray(at, at + this.#keys[key * keyWords + 1]!));
    const column = this.#table.column(this.#scope, name, typeNames[type]!);
    this.#cells[cell] = column;
    return column;
  }

  #keyOf(view: DataView, at: number, length: number): number {
    const keys = this.#keys;
    const hash = hashBytes(view, at, length, length);
    const mask = this.#slots.length - 1;
    let slot = hash & mask;
    for (let key = this.#slots[slot]!; key !== 0; key = this.#slots[slot]!) {
      if (
        keys[key * keyWords + 3] === hash &&
        keys[key * keyWords + 1] === length &&
        sameBytes(this.#arenaView, keys[key * keyWords]!, view, at, length)
      )
        return key;
      slot = (slot + 1) & mask;
    }
    // Columns are named by text, so keys that differ only in what is no UTF-8 are one key. They are not remembered.
    const bytes = new Uint8Array(view.buffer, view.byteOffset + at, length);
    const text = utf8Encoder.encode(utf8.decode(bytes));
    if (text.length !== length || !sameBytes(new DataView(text.buffer), 0, view, at, length))
      return this.#keyOf(new DataView(text.buffer), 0, text.length);
    return this.#addKey(view, at, length, hash, slot);
  }

  #addKey(view: DataView, at: number, length: number, hash: number, freeSlot: number): number {
    const key = this.#keyCount++;
    if ((key + 1) * keyWords > this.#keys.length) {
      this.#keys = grown(this.#keys);
      this.#cells = grown(this.#cells);
    }
    if (this.#arenaLength + length > this.#arena.length) {
      const arena = new Uint8Array((this.#arenaLength + length) * 2);
      arena.set(this.#arena);
      this.#arena = arena;
      this.#arenaView = new DataView(arena.buffer);
    }
    this.#arena.set(new Uint8Array(view.buffer, view.byteOffset + at, length), this.#arenaLength);
    this.#keys[key * keyWords] = this.#arenaLength;
    this.#keys[key * keyWords + 1] = length;
    this.#keys[key * keyWords + 2] = noKey;
    this.#keys[key * keyWords + 3] = hash;
    this.#arenaLength += length;
    for (let type = 0; type < typeNames.length; type++) this.#cells[key * keyCells + type * 4] = -1;
    this.#slots[freeSlot] = key;
    if (this.#keyCount * 2 > this.#slots.length) {
      const slots = new Int32Array(this.#slots.length * 2);
      const mask = slots.length - 1;
      for (let k = 1; k < this.#keyCount; k++) {
        let slot = this.#keys[k * keyWords + 3]! & mask;
        while (slots[slot] !== 0) slot = (slot + 1) & mask;
        slots[slot] = k;
      }
      this.#slots = slots;
    }
    return key;
  }
}

const grown = (old: Int32Array): Int32Array<ArrayBuffer> => {
  const array = new Int32Array(old.length * 2);
  array.set(old);
  return array;
};

const noBytes = new Uint8Array(0);

function concat(input: WireInput, pieces: readonly number[]): Uint8Array {
  if (pieces.length === 0) return noBytes;
  if (pieces.length === 2) return input.bytes.subarray(pieces[0], pieces[1]);
  const writer = new ProtoWriter();
  for (let i = 0; i < pieces.length; i += 2) writer.raw(input.bytes.subarray(pieces[i], pieces[i + 1]));
  return writer.finish();
}

interface ReadValue {
  readonly type: number;
  /** As the table stores a value of this type. */
  readonly bytes: Uint8Array;
  /** Offset of the bytes in the input, for strings. */
  readonly at: number;
}

/** The AnyValue whose message is the pieces one after the other: the last field of the oneof wins. */
function readAnyValue(input: WireInput, pieces: readonly number[]): ReadValue {
  let type: number = Type.any;
  let at = 0;
  let bytes: Uint8Array = noBytes;
  for (let i = 0; i < pieces.length; i += 2) {
    const end = pieces[i + 1]!;
    for (let pos = pieces[i]!; pos < end; ) {
      const tag = input.tag(pos, end);
      pos = input.pos;
      const next = input.skip(tag, pos, end);
      switch (tag) {
        case 0x0a:
          type = Type.string;
          at = input.pos;
          bytes = input.bytes.subarray(at, next);
          break;
        case 0x10:
          type = Type.bool;
          bytes = Uint8Array.of((input.low | input.high) === 0 ? 0 : 1);
          break;
        case 0x18: {
          type = Type.int;
          bytes = new Uint8Array(8);
          const view = new DataView(bytes.buffer);
          view.setInt32(0, input.low, true);
          view.setInt32(4, input.high, true);
          break;
        }
        case 0x21:
          type = Type.double;
          bytes = input.bytes.subarray(pos, next);
          break;
        case 0x2a:
        case 0x32:
          type = Type.any;
          checkList(input, tag, input.pos, next, 1);
          break;
        case 0x3a:
          type = Type.any;
          break;
        default:
          refuseField(tag, 7, pos);
      }
      pos = next;
    }
  }
  return { type, at, bytes: type === Type.any ? concat(input, pieces) : bytes };
}

/**
 * Values of type `any` are stored as they came, so that everything inside is checked here once: readers may rely on sound
 * messages whose fields have the wire types of their definition, and on bounded depth.
 */
function checkAnyValue(input: WireInput, start: number, end: number, depth: number): void {
  for (let pos = start; pos < end; ) {
    const tag = input.tag(pos, end);
    const next = input.skip(tag, input.pos, end);
    if (tag === 0x2a || tag === 0x32) checkList(input, tag, input.pos, next, depth);
    else if (tag !== 0x0a && tag !== 0x10 && tag !== 0x18 && tag !== 0x21 && tag !== 0x3a) refuseField(tag, 7, pos);
    pos = next;
  }
}

/** An ArrayValue (tag 0x2a) or KeyValueList (0x32) inside an AnyValue at `depth`. */
function checkList(input: WireInput, kind: number, start: number, end: number, depth: number): void {
  for (let pos = start; pos < end; ) {
    const tag = input.tag(pos, end);
    const next = input.skip(tag, input.pos, end);
    if (tag !== 0x0a) refuseField(tag, 1, pos);
    else if (depth >= anyValueDepthMax)
      throw new DamagedInput(pos, `values are nested deeper than ${anyValueDepthMax}`);
    else if (kind === 0x2a) checkAnyValue(input, input.pos, next, depth + 1);
    else checkKeyValue(input, input.pos, next, depth + 1);
    pos = next;
  }
}

function checkKeyValue(input: WireInput, start: number, end: number, depth: number): void {
  for (let pos = start; pos < end; ) {
    const tag = input.tag(pos, end);
    const next = input.skip(tag, input.pos, end);
    if (tag === 0x12) checkAnyValue(input, input.pos, next, depth);
    else if (tag !== 0x0a) refuseField(tag, 2, pos);
    pos = next;
  }
}
