/**
 * OTLP/JSON trace requests to the protobuf bytes they stand for, which then go the way of all requests.
 *
 * Proto3 JSON as OTLP bends it (https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding): trace and span ids are
 * hex, enums are numbers (names are accepted too), 64-bit numbers are strings or numbers, fields have their lowerCamelCase
 * or original name, unknown fields are ignored, null is absent.
 */
import { invalid, type RubatoError } from '../../base/errors.ts';
import { ProtoWriter } from '../../base/protobuf.ts';
import { anyValueDepthMax } from '../../model/any-value.ts';

/**
 * ExportTraceServiceRequest bytes of a JSON request.
 * @throws RubatoError `invalid_json`, naming the place as `resourceSpans[0].resource.attributes[2].value.intValue`
 */
export function jsonToExportRequest(body: Uint8Array): Uint8Array<ArrayBuffer> {
  const out = new Output(body.length);
  writeFields(out, request, parse(new TextDecoder().decode(body)));
  return out.writer.finish();
}

/** Digits that may not fit a double; also finds some inside strings, which does no harm. */
const longNumber = /[\s:[,-]\d{16}/;

function parse(text: string): unknown {
  try {
    if (!longNumber.test(text)) return JSON.parse(text);
    return JSON.parse(text, exactIntegers);
  } catch (error) {
    throw invalid('invalid_json', `not JSON: ${error instanceof Error ? error.message : String(error)}`, error);
  }
}

/** Numbers that a double cannot hold become bigints, from the text they were written as. */
function exactIntegers(_key: string, value: unknown, context?: { source?: string }): unknown {
  if (typeof value !== 'number' || Number.isSafeInteger(value)) return value;
  const source = context?.source;
  return source !== undefined && /^-?\d+$/.test(source) ? BigInt(source) : value;
}

/** What is being written, and where in the JSON it comes from. */
class Output {
  readonly writer: ProtoWriter;
  readonly path: (string | number)[] = [];
  anyValueDepth = 0;

  constructor(capacityBytes: number) {
    this.writer = new ProtoWriter(capacityBytes);
  }

  fail(what: string): RubatoError {
    let path = '';
    for (const part of this.path) path += typeof part === 'number' ? `[${part}]` : path === '' ? part : `.${part}`;
    return invalid('invalid_json', path === '' ? what : `${path}: ${what}`);
  }
}

type WriteField = (out: Output, field: number, value: unknown) => void;
/** Fields by name; both spellings. */
type Shape = ReadonlyMap<string, readonly [field: number, write: WriteField]>;

function shape(fields: Record<string, readonly [number, WriteField]>): Shape {
  const map = new Map(Object.entries(fields));
  for (const [name, field] of Object.entries(fields))
    map.set(
      name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      field,
    );
  return map;
}

function writeFields(out: Output, fields: Shape, value: unknown): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw out.fail(`expected an object, found ${kindOf(value)}`);
  for (const [name, content] of Object.entries(value)) {
    if (content === null) continue;
    const field = fields.get(name);
    if (field === undefined) continue;
    out.path.push(name);
    field[1](out, field[0], content);
    out.path.pop();
  }
}

const message =
  (fields: () => Shape): WriteField =>
  (out, field, value) =>
    out.writer.message(field, () => writeFields(out, fields(), value));

const repeated =
  (write: WriteField): WriteField =>
  (out, field, value) => {
    if (!Array.isArray(value)) throw out.fail(`expected an array, found ${kindOf(value)}`);
    for (let i = 0; i < value.length; i++) {
      out.path.push(i);
      write(out, field, value[i]);
      out.path.pop();
    }
  };

const string: WriteField = (out, field, value) => {
  if (typeof value !== 'string') throw out.fail(`expected a string, found ${kindOf(value)}`);
  out.writer.string(field, value);
};

const id: WriteField = (out, field, value) => {
  if (typeof value !== 'string') throw out.fail(`expected a hex string, found ${kindOf(value)}`);
  if (value.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(value)) throw out.fail('expected a hex string');
  // Its length is judged where protobuf ids are judged too.
  out.writer.bytes(field, Buffer.from(value, 'hex'));
};

const bytes: WriteField = (out, field, value) => {
  if (typeof value !== 'string') throw out.fail(`expected a base64 string, found ${kindOf(value)}`);
  if (!/^[A-Za-z0-9+/_-]*={0,2}$/.test(value)) throw out.fail('expected a base64 string');
  out.writer.bytes(field, Buffer.from(value, 'base64'));
};

const bool: WriteField = (out, field, value) => {
  if (typeof value !== 'boolean') throw out.fail(`expected true or false, found ${kindOf(value)}`);
  out.writer.bool(field, value);
};

const double: WriteField = (out, field, value) => {
  const number =
    typeof value === 'string' && value.trim() !== ''
      ? Number(value)
      : typeof value === 'bigint'
        ? Number(value)
        : value;
  if (typeof number !== 'number' || (Number.isNaN(number) && value !== 'NaN'))
    throw out.fail(`expected a number, found ${kindOf(value)}`);
  out.writer.double(field, number);
};

function integer(out: Output, value: unknown, min: bigint, max: bigint): bigint {
  let exact: bigint | undefined;
  if (typeof value === 'bigint') exact = value;
  else if (typeof value === 'number' && Number.isInteger(value)) exact = BigInt(value);
  else if (typeof value === 'string' && /^-?\d{1,20}$/.test(value)) exact = BigInt(value);
  if (exact === undefined) throw out.fail(`expected a whole number, found ${kindOf(value)}`);
  if (exact < min || exact > max) throw out.fail(`${exact} is out of range`);
  return exact;
}

const int64: WriteField = (out, field, value) =>
  out.writer.int64(field, integer(out, value, -(2n ** 63n), 2n ** 63n - 1n));
const fixed64: WriteField = (out, field, value) => out.writer.fixed64(field, integer(out, value, 0n, 2n ** 64n - 1n));
const uint32: WriteField = (out, field, value) =>
  out.writer.uint(field, Number(integer(out, value, 0n, 2n ** 32n - 1n)));
const fixed32: WriteField = (out, field, value) =>
  out.writer.fixed32(field, Number(integer(out, value, 0n, 2n ** 32n - 1n)));

const enumeration =
  (names: readonly string[]): WriteField =>
  (out, field, value) => {
    const number = typeof value === 'string' ? names.indexOf(value) : -1;
    if (number >= 0) out.writer.int(field, number);
    else if (typeof value === 'string' && !/^-?\d+$/.test(value))
      throw out.fail(`unknown name ${JSON.stringify(value)}`);
    else out.writer.int(field, Number(integer(out, value, -(2n ** 31n), 2n ** 31n - 1n)));
  };

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'object') return 'an object';
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}

const anyValue: WriteField = (out, field, value) => {
  if (++out.anyValueDepth > anyValueDepthMax) throw out.fail(`values are nested deeper than ${anyValueDepthMax}`);
  out.writer.message(field, () => writeFields(out, anyValueShape, value));
  out.anyValueDepth--;
};

// opentelemetry/proto/{common,resource,trace}/v1, collector/trace/v1
const keyValue = message(() => keyValueShape);
const keyValueShape = shape({ key: [1, string], value: [2, anyValue] });
const anyValueShape = shape({
  stringValue: [1, string],
  boolValue: [2, bool],
  intValue: [3, int64],
  doubleValue: [4, double],
  arrayValue: [5, message(() => arrayShape)],
  kvlistValue: [6, message(() => kvlistShape)],
  bytesValue: [7, bytes],
});
const arrayShape = shape({ values: [1, repeated(anyValue)] });
const kvlistShape = shape({ values: [1, repeated(keyValue)] });
const entityRef = shape({
  schemaUrl: [1, string],
  type: [2, string],
  idKeys: [3, repeated(string)],
  descriptionKeys: [4, repeated(string)],
});
const resource = shape({
  attributes: [1, repeated(keyValue)],
  droppedAttributesCount: [2, uint32],
  entityRefs: [3, repeated(message(() => entityRef))],
});
const scope = shape({
  name: [1, string],
  version: [2, string],
  attributes: [3, repeated(keyValue)],
  droppedAttributesCount: [4, uint32],
});
const event = shape({
  timeUnixNano: [1, fixed64],
  name: [2, string],
  attributes: [3, repeated(keyValue)],
  droppedAttributesCount: [4, uint32],
});
const link = shape({
  traceId: [1, id],
  spanId: [2, id],
  traceState: [3, string],
  attributes: [4, repeated(keyValue)],
  droppedAttributesCount: [5, uint32],
  flags: [6, fixed32],
});
const status = shape({
  message: [2, string],
  code: [3, enumeration(['STATUS_CODE_UNSET', 'STATUS_CODE_OK', 'STATUS_CODE_ERROR'])],
});
const kinds = ['UNSPECIFIED', 'INTERNAL', 'SERVER', 'CLIENT', 'PRODUCER', 'CONSUMER'].map(
  (name) => `SPAN_KIND_${name}`,
);
const span = shape({
  traceId: [1, id],
  spanId: [2, id],
  traceState: [3, string],
  parentSpanId: [4, id],
  name: [5, string],
  kind: [6, enumeration(kinds)],
  startTimeUnixNano: [7, fixed64],
  endTimeUnixNano: [8, fixed64],
  attributes: [9, repeated(keyValue)],
  droppedAttributesCount: [10, uint32],
  events: [11, repeated(message(() => event))],
  droppedEventsCount: [12, uint32],
  links: [13, repeated(message(() => link))],
  droppedLinksCount: [14, uint32],
  status: [15, message(() => status)],
  flags: [16, fixed32],
});
const scopeSpans = shape({
  scope: [1, message(() => scope)],
  instrumentationLibrary: [1, message(() => scope)],
  spans: [2, repeated(message(() => span))],
  schemaUrl: [3, string],
});
const resourceSpans = shape({
  resource: [1, message(() => resource)],
  scopeSpans: [2, repeated(message(() => scopeSpans))],
  instrumentationLibrarySpans: [2, repeated(message(() => scopeSpans))],
  schemaUrl: [3, string],
});
const request = shape({ resourceSpans: [1, repeated(message(() => resourceSpans))] });
