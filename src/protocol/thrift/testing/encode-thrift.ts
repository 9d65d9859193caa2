/** Thrift values as trees and their bytes, written from the protocol specifications without a look at the readers. */

export type ThriftValue =
  | { readonly type: 'bool'; readonly value: boolean }
  | { readonly type: 'byte'; readonly value: number }
  | { readonly type: 'i16'; readonly value: number }
  | { readonly type: 'i32'; readonly value: number }
  | { readonly type: 'i64'; readonly value: bigint }
  | { readonly type: 'double'; readonly value: number }
  | { readonly type: 'string'; readonly value: string | Uint8Array }
  | { readonly type: 'struct'; readonly fields: readonly (readonly [id: number, value: ThriftValue])[] }
  | { readonly type: 'list' | 'set'; readonly of: TypeName; readonly items: readonly ThriftValue[] }
  | {
      readonly type: 'map';
      readonly of: readonly [TypeName, TypeName];
      readonly pairs: readonly (readonly [ThriftValue, ThriftValue])[];
    };
export type TypeName =
  | 'bool'
  | 'byte'
  | 'i16'
  | 'i32'
  | 'i64'
  | 'double'
  | 'string'
  | 'struct'
  | 'list'
  | 'set'
  | 'map';

export const bool = (value: boolean): ThriftValue => ({ type: 'bool', value });
export const i16 = (value: number): ThriftValue => ({ type: 'i16', value });
export const i32 = (value: number): ThriftValue => ({ type: 'i32', value });
export const i64 = (value: bigint): ThriftValue => ({ type: 'i64', value });
export const double = (value: number): ThriftValue => ({ type: 'double', value });
export const string = (value: string | Uint8Array): ThriftValue => ({ type: 'string', value });
export const structs = (items: readonly ThriftValue[]): ThriftValue => ({ type: 'list', of: 'struct', items });

/** Fields that are undefined are left out. */
export function struct(fields: Readonly<Record<number, ThriftValue | undefined>>): ThriftValue {
  const present: [number, ThriftValue][] = [];
  for (const [id, value] of Object.entries(fields)) if (value !== undefined) present.push([Number(id), value]);
  return { type: 'struct', fields: present };
}

const binaryTypes = {
  bool: 2,
  byte: 3,
  double: 4,
  i16: 6,
  i32: 8,
  i64: 10,
  string: 11,
  struct: 12,
  map: 13,
  set: 14,
  list: 15,
};

export function encodeBinary(value: ThriftValue): Buffer {
  switch (value.type) {
    case 'bool':
      return Buffer.from([value.value ? 1 : 0]);
    case 'byte':
      return Buffer.from([value.value & 255]);
    case 'i16':
      return sized(2, (bytes) => bytes.writeInt16BE(value.value));
    case 'i32':
      return sized(4, (bytes) => bytes.writeInt32BE(value.value));
    case 'i64':
      return sized(8, (bytes) => bytes.writeBigInt64BE(value.value));
    case 'double':
      return sized(8, (bytes) => bytes.writeDoubleBE(value.value));
    case 'string': {
      const bytes = Buffer.from(value.value as string);
      return Buffer.concat([encodeBinary(i32(bytes.length)), bytes]);
    }
    case 'struct':
      return Buffer.concat([
        ...value.fields.flatMap(([id, field]) => [
          Buffer.from([binaryTypes[field.type]]),
          encodeBinary(i16(id)),
          encodeBinary(field),
        ]),
        Buffer.from([0]),
      ]);
    case 'list':
    case 'set':
      return Buffer.concat([
        Buffer.from([binaryTypes[value.of]]),
        encodeBinary(i32(value.items.length)),
        ...value.items.map(encodeBinary),
      ]);
    case 'map':
      return Buffer.concat([
        Buffer.from([binaryTypes[value.of[0]], binaryTypes[value.of[1]]]),
        encodeBinary(i32(value.pairs.length)),
        ...value.pairs.flatMap(([key, item]) => [encodeBinary(key), encodeBinary(item)]),
      ]);
  }
}

const compactTypes = {
  bool: 1,
  byte: 3,
  i16: 4,
  i32: 5,
  i64: 6,
  double: 7,
  string: 8,
  list: 9,
  set: 10,
  map: 11,
  struct: 12,
};

export function encodeCompact(value: ThriftValue): Buffer {
  switch (value.type) {
    case 'bool':
      return Buffer.from([value.value ? 1 : 2]);
    case 'byte':
      return Buffer.from([value.value & 255]);
    case 'i16':
    case 'i32':
    case 'i64':
      return varint(zigzag(BigInt(value.value)));
    case 'double':
      return sized(8, (bytes) => bytes.writeDoubleLE(value.value));
    case 'string': {
      const bytes = Buffer.from(value.value as string);
      return Buffer.concat([varint(BigInt(bytes.length)), bytes]);
    }
    case 'struct': {
      const parts: Buffer[] = [];
      let last = 0;
      for (const [id, field] of value.fields) {
        const type = field.type === 'bool' ? (field.value ? 1 : 2) : compactTypes[field.type];
        const delta = id - last;
        parts.push(
          delta >= 1 && delta <= 15
            ? Buffer.from([(delta << 4) | type])
            : Buffer.concat([Buffer.from([type]), varint(zigzag(BigInt(id)))]),
        );
        if (field.type !== 'bool') parts.push(encodeCompact(field));
        last = id;
      }
      return Buffer.concat([...parts, Buffer.from([0])]);
    }
    case 'list':
    case 'set': {
      const { length } = value.items;
      const type = compactTypes[value.of];
      const head =
        length < 15
          ? Buffer.from([(length << 4) | type])
          : Buffer.concat([Buffer.from([0xf0 | type]), varint(BigInt(length))]);
      return Buffer.concat([head, ...value.items.map(encodeCompact)]);
    }
    case 'map': {
      if (value.pairs.length === 0) return Buffer.from([0]);
      return Buffer.concat([
        varint(BigInt(value.pairs.length)),
        Buffer.from([(compactTypes[value.of[0]] << 4) | compactTypes[value.of[1]]]),
        ...value.pairs.flatMap(([key, item]) => [encodeCompact(key), encodeCompact(item)]),
      ]);
    }
  }
}

export function binaryCall(name: string, type: number, args: ThriftValue): Buffer {
  const version = sized(4, (bytes) => bytes.writeUInt32BE(0x80010000 + type));
  return Buffer.concat([version, encodeBinary(string(name)), encodeBinary(i32(7)), encodeBinary(args)]);
}

/** Without the version word, as old clients send it. */
export function oldBinaryCall(name: string, type: number, args: ThriftValue): Buffer {
  return Buffer.concat([encodeBinary(string(name)), Buffer.from([type]), encodeBinary(i32(7)), encodeBinary(args)]);
}

export function compactCall(name: string, type: number, args: ThriftValue): Buffer {
  return Buffer.concat([
    Buffer.from([0x82, (type << 5) | 1]),
    varint(7n),
    encodeCompact(string(name)),
    encodeCompact(args),
  ]);
}

function zigzag(value: bigint): bigint {
  return value < 0n ? -value * 2n - 1n : value * 2n;
}

export function varint(value: bigint): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128n; rest /= 128n) bytes.push(Number(rest % 128n) + 128);
  bytes.push(Number(rest));
  return Buffer.from(bytes);
}

function sized(size: number, write: (bytes: Buffer) => void): Buffer {
  const bytes = Buffer.alloc(size);
  write(bytes);
  return bytes;
}
