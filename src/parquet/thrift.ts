/**
 * The part of Thrift's compact protocol that Parquet metadata uses: structs, lists, binary, bool, i32, i64.
 * https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
 *
 *   field   = (idDelta << 4 | type) or (type, zigzag id) ; struct ends with a 0 byte
 *   i32/i64 = zigzag varint ; binary = varint length, bytes ; list = (size << 4 | type) or (0xf0 | type, varint size)
 *   bool    = its value is the field's type (1 true, 2 false); in lists one byte with the same meaning
 *
 * i64 values are JavaScript numbers: everything Parquet counts with them (rows, bytes, offsets) is below 2^53.
 */
import { corrupt } from '../base/errors.ts';
import type { ByteSink } from './byte-sink.ts';

export const ThriftType = {
  true: 1,
  false: 2,
  byte: 3,
  i16: 4,
  i32: 5,
  i64: 6,
  double: 7,
  binary: 8,
  list: 9,
  set: 10,
  map: 11,
  struct: 12,
} as const;

/** Deeper structs than Parquet has (6 levels) are taken for damage. */
const DEPTH_MAX = 16;
const textEncoder = new TextEncoder();
/** Fatal: a name with broken UTF-8 is damage. */
const textDecoder = new TextDecoder('utf-8', { fatal: true });

export class ThriftWriter {
  readonly sink: ByteSink;
  #lastId = 0;
  readonly #outer: number[] = [];

  constructor(sink: ByteSink) {
    this.sink = sink;
  }

  #field(id: number, type: number): void {
    const delta = id - this.#lastId;
    if (delta > 0 && delta <= 15) {
      this.sink.byte((delta << 4) | type);
    } else {
      this.sink.byte(type);
      this.sink.varint(id * 2);
    }
    this.#lastId = id;
  }

  /** Starts a struct: a list element or the outermost one without an id, else a field. */
  begin(id?: number): void {
    if (id !== undefined) this.#field(id, ThriftType.struct);
    this.#outer.push(this.#lastId);
    this.#lastId = 0;
  }

  end(): void {
    this.sink.byte(0);
    this.#lastId = this.#outer.pop() ?? 0;
  }

  emptyStruct(id: number): void {
    this.begin(id);
    this.end();
  }

  bool(id: number, value: boolean): void {
    this.#field(id, value ? ThriftType.true : ThriftType.false);
  }

  /** A signed byte, which the compact protocol stores as it is. */
  int8(id: number, value: number): void {
    this.#field(id, ThriftType.byte);
    this.sink.byte(value);
  }

  i16(id: number, value: number): void {
    this.#field(id, ThriftType.i16);
    this.i32Element(value);
  }

  /** A signed 32-bit number. */
  i32(id: number, value: number): void {
    this.#field(id, ThriftType.i32);
    this.i32Element(value);
  }

  i32Element(value: number): void {
    this.sink.varint(((value << 1) ^ (value >> 31)) >>> 0);
  }

  /** A whole number in 0 .. 2^52. */
  i64(id: number, value: number): void {
    this.#field(id, ThriftType.i64);
    this.i64Element(value);
  }

  i64Element(value: number): void {
    this.sink.varint(value * 2);
  }

  binary(id: number, value: Uint8Array): void {
    this.#field(id, ThriftType.binary);
    this.binaryElement(value);
  }

  binaryElement(value: Uint8Array): void {
    this.sink.varint(value.length);
    this.sink.append(value);
  }

  string(id: number, value: string): void {
    this.binary(id, textEncoder.encode(value));
  }

  stringElement(value: string): void {
    this.binaryElement(textEncoder.encode(value));
  }

  /** Starts a list field; its elements follow. A list of bools has type `true` and one byte an element. */
  list(id: number, elementType: number, size: number): void {
    this.#field(id, ThriftType.list);
    if (size < 15) {
      this.sink.byte((size << 4) | elementType);
    } else {
      this.sink.byte(0xf0 | elementType);
      this.sink.varint(size);
    }
  }
}

/**
 * Pull reader. A struct is read so:
 *
 *   const outer = reader.begin();
 *   for (let id = reader.next(); id !== 0; id = reader.next()) {
 *     if (id === 1) rows = reader.i64();
 *     else reader.skip();
 *   }
 *   reader.end(outer);
 */
export class ThriftReader {
  readonly bytes: Uint8Array;
  readonly #where: string;
  /** Added to positions in messages. */
  readonly #base: number;
  at: number;
  /** The current field and its type. */
  #id = 0;
  #type = 0;
  #depth = 0;

  constructor(bytes: Uint8Array, at: number, where: string, base = 0) {
    this.bytes = bytes;
    this.at = at;
    this.#where = where;
    this.#base = base;
  }

  fail(what: string): never {
    throw corrupt(`${this.#where}, byte ${this.#base + this.at}`, what);
  }

  begin(): number {
    if (++this.#depth > DEPTH_MAX) this.fail('structs nested too deeply');
    const outer = this.#id;
    this.#id = 0;
    return outer;
  }

  end(outer: number): void {
    this.#depth--;
    this.#id = outer;
  }

  /** Moves to the next field of the struct and returns its id; 0 at the end. */
  next(): number {
    const head = this.#byte();
    if (head === 0) return 0;
    this.#type = head & 15;
    const delta = head >>> 4;
    this.#id = delta !== 0 ? this.#id + delta : this.#zigzag();
    if (this.#id <= 0) this.fail(`field id ${this.#id}`);
    return this.#id;
  }

  #byte(): number {
    const value = this.bytes[this.at];
    if (value === undefined) this.fail('metadata ends too early');
    this.at++;
    return value;
  }

  #varint(): number {
    let value = 0;
    let scale = 1;
    for (let i = 0; i < 8; i++) {
      const byte = this.#byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value <= Number.MAX_SAFE_INTEGER ? value : this.fail('number too large');
      scale *= 0x80;
    }
    return this.fail('number too large');
  }

  #zigzag(): number {
    const value = this.#varint();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  #expect(type: number): void {
    if (this.#type !== type) this.fail(`field ${this.#id} has type ${this.#type}, not ${type}`);
  }

  /** Before begin() of a struct that is a field. */
  expectStruct(): void {
    this.#expect(ThriftType.struct);
  }

  bool(): boolean {
    if (this.#type !== ThriftType.true && this.#type !== ThriftType.false) this.#expect(ThriftType.true);
    return this.#type === ThriftType.true;
  }

  boolElement(): boolean {
    return this.#byte() === ThriftType.true;
  }

  int8(): number {
    this.#expect(ThriftType.byte);
    return this.#byte();
  }

  i32(): number {
    this.#expect(ThriftType.i32);
    return this.i32Element();
  }

  i32Element(): number {
    const value = this.#zigzag();
    return value === (value | 0) ? value : this.fail('32-bit number out of range');
  }

  i64(): number {
    this.#expect(ThriftType.i64);
    return this.#zigzag();
  }

  /** A count or position: an i64 that is not negative. */
  size(): number {
    this.#expect(ThriftType.i64);
    return this.sizeElement();
  }

  sizeElement(): number {
    const value = this.#zigzag();
    return value >= 0 ? value : this.fail('a size is negative');
  }

  /** A view, not a copy. */
  binary(): Uint8Array {
    this.#expect(ThriftType.binary);
    return this.binaryElement();
  }

  binaryElement(): Uint8Array {
    const length = this.#varint();
    if (length > this.bytes.length - this.at) this.fail('a string runs past the end');
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }

  string(): string {
    this.#expect(ThriftType.binary);
    return this.stringElement();
  }

  stringElement(): string {
    const bytes = this.binaryElement();
    // Names are short ASCII nearly always, where the decoder's call costs more than the loop.
    if (bytes.length <= 64) {
      let text = '';
      let i = 0;
      for (; i < bytes.length; i++) {
        const byte = bytes[i]!;
        if (byte >= 0x80) break;
        text += String.fromCharCode(byte);
      }
      if (i === bytes.length) return text;
    }
    try {
      return textDecoder.decode(bytes);
    } catch {
      return this.fail('a string is not UTF-8');
    }
  }

  /** Enters a list field and returns its size, at most the bytes left: every element has one at least. */
  list(elementType: number): number {
    this.#expect(ThriftType.list);
    const { type, size } = this.#listHead();
    // Writers disagree on whether a list of bools has type 1 or 2.
    const matches = type === elementType || (elementType === ThriftType.true && type === ThriftType.false);
    if (size > 0 && !matches) this.fail(`field ${this.#id} lists type ${type}, not ${elementType}`);
    return size;
  }

  #listHead(): { type: number; size: number } {
    const head = this.#byte();
    const size = head >>> 4 === 15 ? this.#varint() : head >>> 4;
    if (size > this.bytes.length - this.at) this.fail('a list is longer than the metadata');
    return { type: head & 15, size };
  }

  /** Passes over the current field. */
  skip(): void {
    if (this.#type > ThriftType.false) this.#skipValue(this.#type);
  }

  #skipValue(type: number): void {
    switch (type) {
      case ThriftType.true:
      case ThriftType.false:
      case ThriftType.byte:
        this.#byte();
        return;
      case ThriftType.i16:
      case ThriftType.i32:
      case ThriftType.i64:
        for (let i = 0; i < 10; i++) if (this.#byte() < 0x80) return;
        this.fail('number too large');
        return;
      case ThriftType.double:
        this.#advance(8);
        return;
      case ThriftType.binary:
        this.#advance(this.#varint());
        return;
      case ThriftType.list:
      case ThriftType.set: {
        if (++this.#depth > DEPTH_MAX) this.fail('lists nested too deeply');
        const { type: elementType, size } = this.#listHead();
        for (let i = 0; i < size; i++) this.#skipValue(elementType);
        this.#depth--;
        return;
      }
      case ThriftType.map: {
        if (++this.#depth > DEPTH_MAX) this.fail('maps nested too deeply');
        const size = this.#varint();
        if (size > this.bytes.length - this.at) this.fail('a map is longer than the metadata');
        const types = size > 0 ? this.#byte() : 0;
        for (let i = 0; i < size; i++) {
          this.#skipValue(types >>> 4);
          this.#skipValue(types & 15);
        }
        this.#depth--;
        return;
      }
      case ThriftType.struct: {
        const outer = this.begin();
        while (this.next() !== 0) this.skip();
        this.end(outer);
        return;
      }
      default:
        this.fail(`unknown type ${type}`);
    }
  }

  #advance(count: number): void {
    if (count > this.bytes.length - this.at) this.fail('metadata ends too early');
    this.at += count;
  }
}
