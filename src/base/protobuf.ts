/**
 * Protobuf wire format by hand: a reader and a writer of single fields for messages whose shape the caller knows.
 * Browser-safe. Hot ingest does not come through here (see protocol/otlp/scan.ts).
 *
 * A field is `varint(number << 3 | wire type)` and a payload: 0 varint, 1 eight bytes, 2 varint length + bytes,
 * 5 four bytes. Groups (3, 4) are refused. https://protobuf.dev/programming-guides/encoding/
 */
import { assert } from './assert.ts';
import { invalid, type RubatoError } from './errors.ts';

export const WireType = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;
export type WireType = (typeof WireType)[keyof typeof WireType];

const utf8Encoder = new TextEncoder();
/** Bytes that are not UTF-8 become U+FFFD. */
const utf8Decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** Writes fields into a buffer that grows. Fields at their default value are written too: leaving out is the caller's. */
export class ProtoWriter {
  #bytes: Uint8Array;
  #view: DataView;
  #length = 0;

  constructor(capacityBytes = 256) {
    this.#bytes = new Uint8Array(capacityBytes);
    this.#view = new DataView(this.#bytes.buffer);
  }

  get length(): number {
    return this.#length;
  }

  /** Forgets what was written, keeps the memory. */
  reset(): void {
    this.#length = 0;
  }

  /** A copy of what was written. */
  finish(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#bytes.subarray(0, this.#length));
  }

  /** What was written, without a copy: valid until the next write. */
  peek(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  tag(field: number, wireType: WireType): void {
    this.#varint(field * 8 + wireType);
  }

  /** uint32, or any count up to 2^53. */
  uint(field: number, value: number): void {
    assert(Number.isSafeInteger(value) && value >= 0, 'uint is a whole number');
    this.tag(field, WireType.varint);
    this.#varint(value);
  }

  /** int32 and enums; negative numbers take ten bytes, as protobuf has it. */
  int(field: number, value: number): void {
    if (value >= 0) this.uint(field, value);
    else this.int64(field, BigInt(value));
  }

  /** int64 and uint64. */
  int64(field: number, value: bigint): void {
    this.tag(field, WireType.varint);
    let rest = BigInt.asUintN(64, value);
    this.#reserve(10);
    while (rest > 127n) {
      this.#bytes[this.#length++] = Number(rest & 127n) | 128;
      rest >>= 7n;
    }
    this.#bytes[this.#length++] = Number(rest);
  }

  bool(field: number, value: boolean): void {
    this.uint(field, value ? 1 : 0);
  }

  fixed32(field: number, value: number): void {
    this.tag(field, WireType.fixed32);
    this.#reserve(4);
    this.#view.setUint32(this.#length, value, true);
    this.#length += 4;
  }

  /** fixed64 and sfixed64. */
  fixed64(field: number, value: bigint): void {
    this.tag(field, WireType.fixed64);
    this.#reserve(8);
    this.#view.setBigUint64(this.#length, BigInt.asUintN(64, value), true);
    this.#length += 8;
  }

  double(field: number, value: number): void {
    this.tag(field, WireType.fixed64);
    this.#reserve(8);
    this.#view.setFloat64(this.#length, value, true);
    this.#length += 8;
  }

  string(field: number, value: string): void {
    this.bytes(field, utf8Encoder.encode(value));
  }

  bytes(field: number, value: Uint8Array): void {
    this.tag(field, WireType.bytes);
    this.#varint(value.length);
    this.raw(value);
  }

  /** A field that holds what `write` writes. */
  message(field: number, write: (writer: this) => void): void {
    this.tag(field, WireType.bytes);
    this.#reserve(1);
    const start = ++this.#length;
    write(this);
    const size = this.#length - start;
    // One byte was kept for the length; a longer one pushes the content up.
    let extra = 0;
    for (let rest = size; rest > 127; rest = Math.floor(rest / 128)) extra++;
    if (extra > 0) {
      this.#reserve(extra);
      this.#bytes.copyWithin(start + extra, start, start + size);
    }
    this.#length = start - 1;
    this.#varint(size);
    this.#length += size;
  }

  /** Bytes that are fields already. */
  raw(value: Uint8Array): void {
    this.#reserve(value.length);
    this.#bytes.set(value, this.#length);
    this.#length += value.length;
  }

  /** An item of a packed field: a whole number up to 2^53 without a tag. */
  rawVarint(value: number): void {
    this.#varint(value);
  }

  #varint(value: number): void {
    this.#reserve(10);
    let rest = value;
    while (rest > 127) {
      this.#bytes[this.#length++] = (rest % 128) | 128;
      rest = Math.floor(rest / 128);
    }
    this.#bytes[this.#length++] = rest;
  }

  #reserve(count: number): void {
    if (this.#length + count <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + count));
    grown.set(this.#bytes);
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }
}

/**
 * Reads fields one after the other:
 *
 *     while (reader.next()) {
 *       if (reader.field === 1) name = reader.string();
 *       else reader.skip();
 *     }
 *
 * A reading method takes the payload of the current field; it fails when the wire type is another.
 * @throws RubatoError `invalid_protobuf` on damage, with the byte offset from the start of the outermost bytes.
 */
export class ProtoReader {
  field = 0;
  wireType: WireType = WireType.varint;
  #pos: number;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #end: number;

  constructor(bytes: Uint8Array, start = 0, end = bytes.length) {
    assert(start >= 0 && start <= end && end <= bytes.length, 'the range lies in the bytes');
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#pos = start;
    this.#end = end;
  }

  get position(): number {
    return this.#pos;
  }

  /** Goes to the next field; false at the end. */
  next(): boolean {
    if (this.#pos >= this.#end) return false;
    const at = this.#pos;
    const tag = this.#varint();
    const field = Math.floor(tag / 8);
    const wireType = tag % 8;
    if (field < 1 || field > 0x1fffffff) throw damaged(at, `field number ${field}`);
    if (wireType === 3 || wireType === 4) throw damaged(at, 'group');
    if (wireType > 5) throw damaged(at, `wire type ${wireType}`);
    this.field = field;
    this.wireType = wireType as WireType;
    return true;
  }

  /** Steps over the payload of the current field. */
  skip(): void {
    switch (this.wireType) {
      case WireType.varint:
        this.#varint();
        return;
      case WireType.fixed64:
        this.#take(8);
        return;
      case WireType.bytes:
        this.#takeLength();
        return;
      case WireType.fixed32:
        this.#take(4);
        return;
    }
  }

  /** int32, enums. */
  int32(): number {
    this.#expect(WireType.varint);
    return Number(BigInt.asIntN(32, this.#varint64()));
  }

  uint32(): number {
    this.#expect(WireType.varint);
    return Number(BigInt.asUintN(32, this.#varint64()));
  }

  int64(): bigint {
    this.#expect(WireType.varint);
    return BigInt.asIntN(64, this.#varint64());
  }

  uint64(): bigint {
    this.#expect(WireType.varint);
    return this.#varint64();
  }

  bool(): boolean {
    this.#expect(WireType.varint);
    return this.#varint64() !== 0n;
  }

  fixed32(): number {
    this.#expect(WireType.fixed32);
    return this.#view.getUint32(this.#take(4), true);
  }

  fixed64(): bigint {
    this.#expect(WireType.fixed64);
    return this.#view.getBigUint64(this.#take(8), true);
  }

  double(): number {
    this.#expect(WireType.fixed64);
    return this.#view.getFloat64(this.#take(8), true);
  }

  string(): string {
    return utf8Decoder.decode(this.bytes());
  }

  /** A view, not a copy. */
  bytes(): Uint8Array {
    this.#expect(WireType.bytes);
    const start = this.#takeLength();
    return this.#bytes.subarray(start, this.#pos);
  }

  /** A reader of the message in the current field. */
  message(): ProtoReader {
    this.#expect(WireType.bytes);
    const start = this.#takeLength();
    return new ProtoReader(this.#bytes, start, this.#pos);
  }

  #expect(wireType: WireType): void {
    if (this.wireType !== wireType)
      throw damaged(this.#pos, `field ${this.field} has wire type ${this.wireType}, expected ${wireType}`);
  }

  #take(count: number): number {
    const start = this.#pos;
    if (count > this.#end - start) throw damaged(start, `${count} bytes expected, ${this.#end - start} left`);
    this.#pos = start + count;
    return start;
  }

  #takeLength(): number {
    const length = this.#varint();
    return this.#take(length);
  }

  /** Tags and lengths: numbers below 2^53 are exact, and what is above is refused by every caller. */
  #varint(): number {
    let value = 0;
    let scale = 1;
    for (let i = 0; i < 10; i++, scale *= 128) {
      if (this.#pos >= this.#end) throw damaged(this.#pos, 'varint is cut off');
      const byte = this.#bytes[this.#pos++]!;
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
    throw damaged(this.#pos, 'varint is longer than 10 bytes');
  }

  /** Bits beyond the 64th are dropped, as other readers do. */
  #varint64(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      if (this.#pos >= this.#end) throw damaged(this.#pos, 'varint is cut off');
      const byte = this.#bytes[this.#pos++]!;
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return BigInt.asUintN(64, value);
    }
    throw damaged(this.#pos, 'varint is longer than 10 bytes');
  }
}

function damaged(offset: number, what: string): RubatoError {
  return invalid('invalid_protobuf', `damaged protobuf at byte ${offset}: ${what}`);
}
