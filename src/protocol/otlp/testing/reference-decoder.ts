/**
 * A second, slow reader of OTLP trace requests for tests: objects for everything, on protobuf-es's wire reader, sharing no
 * code with the scanner. Follows protobuf by the letter: a field is known by number and wire type, the last scalar wins,
 * singular messages merge.
 */
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import type { AnyValue, KeyValue } from '../../../model/any-value.ts';
import type {
  PlainEntityRef,
  PlainEvent,
  PlainLink,
  PlainResource,
  PlainScope,
  PlainSpan,
} from '../../../model/plain-span.ts';

type Field = { readonly bytes: Uint8Array } | { readonly int: bigint };

/** Fields of a message in order, by `number:wire type`. */
class Fields {
  readonly #fields = new Map<string, Field[]>();

  constructor(message: Uint8Array) {
    const reader = new BinaryReader(message);
    while (reader.pos < reader.len) {
      const [number, type] = reader.tag();
      let field: Field;
      if (type === WireType.Varint) field = { int: BigInt(reader.uint64()) };
      else if (type === WireType.Bit64) field = { int: BigInt(reader.fixed64()) };
      else if (type === WireType.Bit32) field = { int: BigInt(reader.fixed32()) };
      else if (type === WireType.LengthDelimited) field = { bytes: reader.bytes() };
      else throw new Error('group');
      const key = `${number}:${type}`;
      const list = this.#fields.get(key);
      if (list === undefined) this.#fields.set(key, [field]);
      else list.push(field);
    }
  }

  messages(number: number): Uint8Array[] {
    return (this.#fields.get(`${number}:2`) ?? []).map((field) => (field as { bytes: Uint8Array }).bytes);
  }

  /** All pieces of a singular message put together. */
  merged(number: number): Uint8Array {
    return Buffer.concat(this.messages(number));
  }

  bytes(number: number): Uint8Array {
    return this.messages(number).at(-1) ?? new Uint8Array(0);
  }

  text(number: number): string {
    return decodeText(this.bytes(number));
  }

  int(number: number, type: WireType): bigint {
    const field = this.#fields.get(`${number}:${type}`)?.at(-1);
    return field !== undefined && 'int' in field ? field.int : 0n;
  }

  uint32(number: number): number {
    return Number(BigInt.asUintN(32, this.int(number, WireType.Varint)));
  }
}

const decodeText = (bytes: Uint8Array): string => new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const oneOf = (value: number, max: number): number => (value <= max ? value : 0);

/** Spans with attributes cut to `maxBytes` (0 = not), and how many cuts that took. */
export function decodeRequest(request: Uint8Array, maxBytes: number): { spans: PlainSpan[]; cuts: number } {
  const spans: PlainSpan[] = [];
  const cutter = new Cutter(maxBytes);
  for (const bytes of new Fields(request).messages(1)) {
    const resourceSpans = new Fields(bytes);
    const resource = readResource(new Fields(resourceSpans.merged(1)), resourceSpans.text(3), cutter);
    for (const scopeBytes of scopeSpansInOrder(bytes)) {
      const scopeSpans = new Fields(scopeBytes);
      const scope = readScope(new Fields(scopeSpans.merged(1)), scopeSpans.text(3), cutter);
      for (const span of scopeSpans.messages(2)) spans.push(readSpan(new Fields(span), resource, scope, cutter));
    }
  }
  return { spans, cuts: cutter.cuts };
}

/** Fields 2 and 1000 as they come. */
function scopeSpansInOrder(message: Uint8Array): Uint8Array[] {
  const found: Uint8Array[] = [];
  const reader = new BinaryReader(message);
  while (reader.pos < reader.len) {
    const [number, type] = reader.tag();
    if (type === WireType.LengthDelimited && (number === 2 || number === 1000)) found.push(reader.bytes());
    else reader.skip(type, number);
  }
  return found;
}

class Cutter {
  cuts = 0;
  readonly #maxBytes: number;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes === 0 ? Number.POSITIVE_INFINITY : maxBytes;
  }

  /** The longest start that ends between characters. */
  text(bytes: Uint8Array): string {
    if (bytes.length <= this.#maxBytes) return decodeText(bytes);
    this.cuts++;
    let end = this.#maxBytes;
    for (let i = 0; i < 4 && end - i > 0; i++)
      if (bytes[end - i]! >> 6 !== 2) {
        end -= i;
        break;
      }
    return decodeText(bytes.subarray(0, end));
  }
}

function readAttributes(list: readonly Uint8Array[], cutter: Cutter): KeyValue[] {
  const seen = new Set<string>();
  const first: KeyValue[] = [];
  const duplicates: KeyValue[] = [];
  for (const bytes of list) {
    const fields = new Fields(bytes);
    const key = cutter.text(fields.bytes(1));
    const value = readAnyValue(fields.merged(2), (text) => cutter.text(text));
    const type = ['string', 'int', 'double', 'bool'].includes(value.type) ? value.type : 'any';
    const name = `${type} ${key}`;
    if (seen.has(name)) duplicates.push({ key, value });
    else first.push({ key, value });
    seen.add(name);
  }
  return [...first, ...duplicates];
}

function readAnyValue(message: Uint8Array, text: (bytes: Uint8Array) => string): AnyValue {
  const reader = new BinaryReader(message);
  let value: AnyValue = { type: 'empty' };
  let last: Uint8Array | undefined;
  while (reader.pos < reader.len) {
    const [number, type] = reader.tag();
    if (number === 1 && type === 2) {
      last = reader.bytes();
      value = { type: 'string', value: '' };
    } else if (number === 2 && type === 0) value = { type: 'bool', value: BigInt(reader.uint64()) !== 0n };
    else if (number === 3 && type === 0) value = { type: 'int', value: BigInt(reader.int64()) };
    else if (number === 4 && type === 1) value = { type: 'double', value: reader.double() };
    else if (number === 5 && type === 2) {
      const items = new Fields(reader.bytes()).messages(1).map((item) => readAnyValue(item, decodeText));
      value = { type: 'array', value: [...(value.type === 'array' ? value.value : []), ...items] };
    } else if (number === 6 && type === 2) {
      const items = new Fields(reader.bytes()).messages(1).map((item) => {
        const fields = new Fields(item);
        return { key: fields.text(1), value: readAnyValue(fields.merged(2), decodeText) };
      });
      value = { type: 'kvlist', value: [...(value.type === 'kvlist' ? value.value : []), ...items] };
    } else if (number === 7 && type === 2) value = { type: 'bytes', value: new Uint8Array(reader.bytes()) };
    else if (number <= 7) throw new Error('wrong wire type');
    else reader.skip(type, number);
  }
  // Only the string that wins is cut (and counted).
  return value.type === 'string' ? { type: 'string', value: text(last!) } : value;
}

function readResource(fields: Fields, schemaUrl: string, cutter: Cutter): PlainResource {
  return {
    attributes: readAttributes(fields.messages(1), cutter),
    droppedAttributesCount: fields.uint32(2),
    entityRefs: fields.messages(3).map((bytes) => readEntityRef(new Fields(bytes))),
    schemaUrl,
  };
}

function readEntityRef(fields: Fields): PlainEntityRef {
  return {
    schemaUrl: fields.text(1),
    type: fields.text(2),
    idKeys: fields.messages(3).map(decodeText),
    descriptionKeys: fields.messages(4).map(decodeText),
  };
}

function readScope(fields: Fields, schemaUrl: string, cutter: Cutter): PlainScope {
  return {
    name: fields.text(1),
    version: fields.text(2),
    attributes: readAttributes(fields.messages(3), cutter),
    droppedAttributesCount: fields.uint32(4),
    schemaUrl,
  };
}

function readSpan(fields: Fields, resource: PlainResource, scope: PlainScope, cutter: Cutter): PlainSpan {
  const status = new Fields(fields.merged(15));
  const parent = hex(fields.bytes(4));
  return {
    traceId: hex(fields.bytes(1)),
    spanId: hex(fields.bytes(2)),
    parentSpanId: parent === '0000000000000000' ? '' : parent,
    traceState: fields.text(3),
    flags: Number(fields.int(16, WireType.Bit32)),
    name: fields.text(5),
    kind: oneOf(fields.uint32(6), 5),
    startTimeUnixNano: fields.int(7, WireType.Bit64),
    endTimeUnixNano: fields.int(8, WireType.Bit64),
    attributes: readAttributes(fields.messages(9), cutter),
    droppedAttributesCount: fields.uint32(10),
    events: fields.messages(11).map((bytes) => readEvent(new Fields(bytes), cutter)),
    droppedEventsCount: fields.uint32(12),
    links: fields.messages(13).map((bytes) => readLink(new Fields(bytes), cutter)),
    droppedLinksCount: fields.uint32(14),
    statusCode: oneOf(status.uint32(3), 2),
    statusMessage: status.text(2),
    resource,
    scope,
  };
}

function readEvent(fields: Fields, cutter: Cutter): PlainEvent {
  return {
    timeUnixNano: fields.int(1, WireType.Bit64),
    name: fields.text(2),
    attributes: readAttributes(fields.messages(3), cutter),
    droppedAttributesCount: fields.uint32(4),
  };
}

function readLink(fields: Fields, cutter: Cutter): PlainLink {
  return {
    traceId: hex(fields.bytes(1)).padStart(32, '0'),
    spanId: hex(fields.bytes(2)).padStart(16, '0'),
    traceState: fields.text(3),
    flags: Number(fields.int(6, WireType.Bit32)),
    attributes: readAttributes(fields.messages(4), cutter),
    droppedAttributesCount: fields.uint32(5),
  };
}
