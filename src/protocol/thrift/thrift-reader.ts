/**
 * What the readers of Thrift's binary and compact protocols share: a pull reader over bytes in memory. A struct is read
 * so:
 *
 *     const outer = reader.begin();
 *     while (reader.next()) {
 *       if (reader.fieldId === 1) name = reader.string();
 *       else reader.skip();
 *     }
 *     reader.end(outer);
 *
 * A list of structs is `for (let left = reader.list(ThriftType.struct); left > 0; left--)` around that. A reading method
 * takes the value of the current field and fails when it has another type.
 *
 * Hostile input: structs and containers nest {@link thriftDepthMax} deep, a container's size is checked against the
 * bytes that are left before anything is made of it, and every element takes at least a byte, so that the work is linear
 * in the input.
 */
import { invalid, type RubatoError } from '../../base/errors.ts';

/** The numbers of the binary protocol. */
export const ThriftType = {
  stop: 0,
  bool: 2,
  byte: 3,
  double: 4,
  i16: 6,
  i32: 8,
  i64: 10,
  /** Strings and binary. */
  string: 11,
  struct: 12,
  map: 13,
  set: 14,
  list: 15,
} as const;
export type ThriftType = (typeof ThriftType)[keyof typeof ThriftType];

const typeNames: ReadonlyMap<number, string> = new Map(
  Object.entries(ThriftType).map(([name, number]): [number, string] => [number, name]),
);

export const MessageType = { call: 1, reply: 2, exception: 3, oneway: 4 } as const;

export interface ThriftMessage {
  readonly name: string;
  /** A {@link MessageType}, or what else stood there. */
  readonly type: number;
}

/** As the limit of Apache's libraries. */
export const thriftDepthMax = 64;

export abstract class ThriftReader {
  /** Of the current field. */
  fieldId = 0;
  fieldType: ThriftType = ThriftType.stop;
  protected pos: number;
  protected readonly bytes: Buffer;
  /** Of the container whose header was read last. */
  protected size = 0;
  protected keyType: ThriftType = ThriftType.stop;
  protected elementType: ThriftType = ThriftType.stop;
  /** The compact protocol keeps a bool field's value in its header. */
  protected boolsInHeaders = false;
  #depth = 0;

  constructor(bytes: Uint8Array, position = 0) {
    this.bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.pos = position;
  }

  get position(): number {
    return this.pos;
  }

  get remaining(): number {
    return this.bytes.length - this.pos;
  }

  /** Goes back or forth to where a value starts that was stepped over. */
  seek(position: number): void {
    this.pos = position;
  }

  /** The header of a call; its arguments follow as a struct. */
  abstract message(): ThriftMessage;
  /** Goes to the next field of the struct; false at its end. */
  abstract next(): boolean;
  abstract bool(): boolean;
  abstract i16(): number;
  abstract i32(): number;
  abstract i64(): bigint;
  abstract double(): number;

  /** An i64 that is an id: 16 hex digits. */
  hex64(): string {
    return BigInt.asUintN(64, this.i64()).toString(16).padStart(16, '0');
  }

  /** A view, not a copy. */
  binary(): Uint8Array {
    this.expect(ThriftType.string);
    const start = this.takeLength();
    return this.bytes.subarray(start, this.pos);
  }

  /** Bytes that are not UTF-8 become U+FFFD. */
  string(): string {
    this.expect(ThriftType.string);
    const start = this.takeLength();
    return this.bytes.toString('utf8', start, this.pos);
  }

  /** Starts a struct: an element of a list, or the outermost one. Give what it returns to `end`. */
  begin(): number {
    this.#deeper();
    const outer = this.fieldId;
    this.fieldId = 0;
    return outer;
  }

  /** Starts the struct in the current field. */
  beginField(): number {
    this.expect(ThriftType.struct);
    return this.begin();
  }

  end(outer: number): void {
    this.fieldId = outer;
    this.#depth--;
  }

  /** The number of elements of the list in the current field, which follow. */
  list(elementType: ThriftType): number {
    this.expect(ThriftType.list);
    this.readListHeader();
    if (this.size > 0 && this.elementType !== elementType)
      throw this.damaged(
        `field ${this.fieldId} lists ${typeName(this.elementType)}, expected ${typeName(elementType)}`,
      );
    return this.size;
  }

  /** Steps over the value of the current field. */
  skip(): void {
    if (this.fieldType === ThriftType.bool && this.boolsInHeaders) return;
    this.#skipValue(this.fieldType);
  }

  #skipValue(type: ThriftType): void {
    switch (type) {
      case ThriftType.bool:
      case ThriftType.byte:
        this.take(1);
        return;
      case ThriftType.double:
        this.take(8);
        return;
      case ThriftType.i16:
      case ThriftType.i32:
      case ThriftType.i64:
        this.skipInteger(type);
        return;
      case ThriftType.string:
        this.takeLength();
        return;
      case ThriftType.struct: {
        const outer = this.begin();
        while (this.next()) this.skip();
        this.end(outer);
        return;
      }
      case ThriftType.list:
      case ThriftType.set: {
        this.readListHeader();
        const element = this.elementType;
        this.#deeper();
        for (let left = this.size; left > 0; left--) this.#skipValue(element);
        this.#depth--;
        return;
      }
      case ThriftType.map: {
        this.readMapHeader();
        const key = this.keyType;
        const element = this.elementType;
        this.#deeper();
        for (let left = this.size; left > 0; left--) {
          this.#skipValue(key);
          this.#skipValue(element);
        }
        this.#depth--;
        return;
      }
      case ThriftType.stop:
        throw this.damaged('a value without a type');
    }
  }

  protected abstract skipInteger(type: ThriftType): void;
  /** Reads into `size` and `elementType`. */
  protected abstract readListHeader(): void;
  /** Reads into `size`, `keyType` and `elementType`. */
  protected abstract readMapHeader(): void;
  protected abstract readLength(): number;

  protected expect(type: ThriftType): void {
    if (this.fieldType !== type)
      throw this.damaged(`field ${this.fieldId} is ${typeName(this.fieldType)}, expected ${typeName(type)}`);
  }

  /** Steps over `count` bytes; where they start. */
  protected take(count: number): number {
    const start = this.pos;
    if (count < 0 || count > this.bytes.length - start)
      throw this.damaged(`${count} bytes expected, ${this.bytes.length - start} left`);
    this.pos = start + count;
    return start;
  }

  /** Steps over a string; where its bytes start. */
  protected takeLength(): number {
    return this.take(this.readLength());
  }

  /** @param elementBytesMin what an element takes at least */
  protected checkSize(size: number, elementBytesMin: number): void {
    if (size < 0 || size * elementBytesMin > this.remaining)
      throw this.damaged(`${size} elements announced, ${this.remaining} bytes left`);
  }

  protected damaged(what: string): RubatoError {
    return invalid('invalid_thrift', `damaged thrift at byte ${this.pos}: ${what}`);
  }

  #deeper(): void {
    if (++this.#depth > thriftDepthMax) throw this.damaged(`nested deeper than ${thriftDepthMax}`);
  }
}

function typeName(type: number): string {
  return typeNames.get(type) ?? `type ${type}`;
}
