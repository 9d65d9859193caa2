/**
 * Thrift's compact protocol. https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
 *
 *   message = 0x82, byte (message type << 5 | version 1), varint sequence, string name
 *   field   = byte (id delta << 4 | type), value | byte type, zigzag id, value ; a struct ends with a 0 byte
 *   bool    = a field's is its type (1 true, 2 false), an element's is a byte (1 true)
 *   i16/i32/i64 = zigzag varint ; double = 8 bytes, little endian ; string = varint length, bytes
 *   list    = byte (size << 4 | type) or byte (0xf0 | type), varint size
 *   map     = varint size, and when it is not 0 byte (key type << 4 | value type)
 */
import { type ThriftMessage, ThriftReader, ThriftType } from './thrift-reader.ts';

const protocolId = 0x82;
const protocolVersion = 1;
/** Types by their numbers here. */
const types: readonly (ThriftType | undefined)[] = [
  undefined,
  ThriftType.bool,
  ThriftType.bool,
  ThriftType.byte,
  ThriftType.i16,
  ThriftType.i32,
  ThriftType.i64,
  ThriftType.double,
  ThriftType.string,
  ThriftType.list,
  ThriftType.set,
  ThriftType.map,
  ThriftType.struct,
];
const trueType = 1;

export class CompactReader extends ThriftReader {
  protected override boolsInHeaders = true;
  #boolValue = false;
  // A varint's value, in halves.
  #low = 0;
  #high = 0;

  message(): ThriftMessage {
    const start = this.take(2);
    const id = this.bytes[start]!;
    if (id !== protocolId) throw this.damaged(`protocol id 0x${id.toString(16)}`);
    const typeAndVersion = this.bytes[start + 1]!;
    if ((typeAndVersion & 31) !== protocolVersion) throw this.damaged(`message version ${typeAndVersion & 31}`);
    this.#varint();
    const name = this.takeLength();
    return { name: this.bytes.toString('utf8', name, this.pos), type: typeAndVersion >> 5 };
  }

  next(): boolean {
    const head = this.bytes[this.take(1)]!;
    if (head === 0) return false;
    const type = head & 15;
    this.fieldType = this.#type(type);
    this.#boolValue = type === trueType;
    const delta = head >> 4;
    this.fieldId = delta === 0 ? this.#int32() : this.fieldId + delta;
    return true;
  }

  bool(): boolean {
    this.expect(ThriftType.bool);
    return this.#boolValue;
  }

  i16(): number {
    this.expect(ThriftType.i16);
    return (this.#int32() << 16) >> 16;
  }

  i32(): number {
    this.expect(ThriftType.i32);
    return this.#int32();
  }

  i64(): bigint {
    this.expect(ThriftType.i64);
    this.#varint();
    const sign = -(this.#low & 1);
    const low = (((this.#low >>> 1) | (this.#high << 31)) ^ sign) >>> 0;
    const high = (this.#high >>> 1) ^ sign;
    return (BigInt(high) << 32n) | BigInt(low);
  }

  double(): number {
    this.expect(ThriftType.double);
    return this.bytes.readDoubleLE(this.take(8));
  }

  protected skipInteger(): void {
    this.#varint();
  }

  protected readListHeader(): void {
    const head = this.bytes[this.take(1)]!;
    const size = head >> 4 === 15 ? this.readLength() : head >> 4;
    if (size > 0) {
      this.elementType = this.#type(head & 15);
      this.checkSize(size, bytesMin(this.elementType));
    }
    this.size = size;
  }

  protected readMapHeader(): void {
    const size = this.readLength();
    if (size > 0) {
      const pair = this.bytes[this.take(1)]!;
      this.keyType = this.#type(pair >> 4);
      this.elementType = this.#type(pair & 15);
      this.checkSize(size, bytesMin(this.keyType) + bytesMin(this.elementType));
    }
    this.size = size;
  }

  /** Lengths and sizes: up to 2^32, which no input holds. */
  protected readLength(): number {
    this.#varint();
    if (this.#high !== 0) throw this.damaged('a length over 32 bits');
    return this.#low >>> 0;
  }

  #int32(): number {
    this.#varint();
    return (this.#low >>> 1) ^ -(this.#low & 1);
  }

  #varint(): void {
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = this.bytes[this.take(1)]!;
      const bits = byte & 127;
      if (shift < 28) low |= bits << shift;
      else if (shift === 28) {
        low |= bits << 28;
        high = bits >> 4;
      } else high |= bits << (shift - 32);
      if (byte < 128) {
        this.#low = low;
        this.#high = high;
        return;
      }
    }
    throw this.damaged('a varint of more than 10 bytes');
  }

  #type(type: number): ThriftType {
    const known = types[type];
    if (known === undefined) throw this.damaged(`type ${type}`);
    return known;
  }
}

function bytesMin(type: ThriftType): number {
  return type === ThriftType.double ? 8 : 1;
}
