/**
 * Thrift's binary protocol. https://github.com/apache/thrift/blob/master/doc/specs/thrift-binary-protocol.md
 *
 *   message = i32 0x8001_00tt, string name, i32 sequence     strict; tt is the message type
 *           | string name, byte type, i32 sequence           as old clients write it
 *   field   = byte type, i16 id, value ; a struct ends with a 0 byte
 *   string  = i32 length, bytes ; list = byte type, i32 size, elements ; map = byte key, byte value, i32 size, pairs
 *   numbers are big endian
 */
import { type ThriftMessage, ThriftReader, ThriftType } from './thrift-reader.ts';

/** The least bytes that a value takes; 0 for what is no type. */
const bytesMin = new Uint8Array(256);
for (const [type, bytes] of [
  [ThriftType.bool, 1],
  [ThriftType.byte, 1],
  [ThriftType.double, 8],
  [ThriftType.i16, 2],
  [ThriftType.i32, 4],
  [ThriftType.i64, 8],
  [ThriftType.string, 4],
  [ThriftType.struct, 1],
  [ThriftType.map, 6],
  [ThriftType.set, 5],
  [ThriftType.list, 5],
] as const)
  bytesMin[type] = bytes;

const strictVersion = 0x8001;

export class BinaryReader extends ThriftReader {
  message(): ThriftMessage {
    const first = this.#int32();
    if (first >= 0) {
      const start = this.take(first);
      const name = this.bytes.toString('utf8', start, this.pos);
      const type = this.bytes[this.take(1)]!;
      this.take(4);
      return { name, type };
    }
    if (first >>> 16 !== strictVersion) throw this.damaged(`message version 0x${(first >>> 16).toString(16)}`);
    const start = this.takeLength();
    const name = this.bytes.toString('utf8', start, this.pos);
    this.take(4);
    return { name, type: first & 255 };
  }

  next(): boolean {
    const type = this.bytes[this.take(1)]!;
    if (type === ThriftType.stop) return false;
    this.fieldType = this.#type(type);
    this.fieldId = this.bytes.readInt16BE(this.take(2));
    return true;
  }

  bool(): boolean {
    this.expect(ThriftType.bool);
    return this.bytes[this.take(1)]! !== 0;
  }

  i16(): number {
    this.expect(ThriftType.i16);
    return this.bytes.readInt16BE(this.take(2));
  }

  i32(): number {
    this.expect(ThriftType.i32);
    return this.#int32();
  }

  i64(): bigint {
    this.expect(ThriftType.i64);
    return this.bytes.readBigInt64BE(this.take(8));
  }

  double(): number {
    this.expect(ThriftType.double);
    return this.bytes.readDoubleBE(this.take(8));
  }

  /** The elements of a list that is no field. */
  bareList(elementType: ThriftType): number {
    this.fieldType = ThriftType.list;
    return this.list(elementType);
  }

  protected skipInteger(type: ThriftType): void {
    this.take(bytesMin[type]!);
  }

  protected readListHeader(): void {
    const type = this.bytes[this.take(1)]!;
    const size = this.#int32();
    if (size !== 0) {
      this.elementType = this.#type(type);
      this.checkSize(size, bytesMin[type]!);
    }
    this.size = size;
  }

  protected readMapHeader(): void {
    const start = this.take(2);
    const size = this.#int32();
    if (size !== 0) {
      this.keyType = this.#type(this.bytes[start]!);
      this.elementType = this.#type(this.bytes[start + 1]!);
      this.checkSize(size, bytesMin[this.keyType]! + bytesMin[this.elementType]!);
    }
    this.size = size;
  }

  protected readLength(): number {
    return this.#int32();
  }

  #int32(): number {
    return this.bytes.readInt32BE(this.take(4));
  }

  #type(type: number): ThriftType {
    if (bytesMin[type] === 0) throw this.damaged(`type ${type}`);
    return type as ThriftType;
  }
}
