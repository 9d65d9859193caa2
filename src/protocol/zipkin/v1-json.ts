/** Zipkin's API v1 in JSON to OTLP. https://github.com/openzipkin/zipkin-api/blob/master/zipkin-api.yaml */
import type { AnyValue } from '../../model/any-value.ts';
import { RequestBuilder } from '../otlp/encode-plain.ts';
import {
  asObject,
  countAt,
  endpointAt,
  expected,
  type JsonObject,
  listAt,
  parentIdAt,
  parseSpans,
  spanIdAt,
  textAt,
  traceIdAt,
} from './json-fields.ts';
import { translateV1Span } from './translate-v1.ts';
import type { ZipkinV1Annotation, ZipkinV1BinaryAnnotation, ZipkinV1Span } from './zipkin-span.ts';

/**
 * ExportTraceServiceRequest of a list of spans.
 * @param nowUnixNano the start of spans that have none
 * @throws RubatoError `invalid_json` or `invalid_id`, naming the place
 */
export function zipkinV1JsonToOtlp(body: Uint8Array, nowUnixNano: bigint): Uint8Array<ArrayBuffer> {
  const builder = new RequestBuilder();
  for (const { span, path } of parseSpans(body)) builder.add(translateV1Span(readSpan(span, path), nowUnixNano));
  return builder.finish();
}

function readSpan(span: JsonObject, path: string): ZipkinV1Span {
  return {
    traceId: traceIdAt(span, path),
    id: spanIdAt(span, path),
    parentId: parentIdAt(span, path),
    name: textAt(span, 'name', path),
    timestampMicros: BigInt(countAt(span, 'timestamp', path)),
    durationMicros: BigInt(countAt(span, 'duration', path)),
    annotations: readEach(span, 'annotations', path, readAnnotation),
    binaryAnnotations: readEach(span, 'binaryAnnotations', path, readBinaryAnnotation),
  };
}

function readEach<T>(span: JsonObject, key: string, path: string, read: (object: JsonObject, path: string) => T): T[] {
  const results: T[] = [];
  const list = listAt(span, key, path);
  for (let i = 0; i < list.length; i++) {
    const at = `${path}.${key}[${i}]`;
    const object = asObject(list[i], at);
    if (object !== undefined) results.push(read(object, at));
  }
  return results;
}

function readAnnotation(annotation: JsonObject, path: string): ZipkinV1Annotation {
  return {
    timestampMicros: BigInt(countAt(annotation, 'timestamp', path)),
    value: textAt(annotation, 'value', path),
    endpoint: endpointAt(annotation, 'endpoint', path),
  };
}

function readBinaryAnnotation(annotation: JsonObject, path: string): ZipkinV1BinaryAnnotation {
  return {
    key: textAt(annotation, 'key', path),
    value: readValue(annotation['value'], `${path}.value`),
    endpoint: endpointAt(annotation, 'endpoint', path),
  };
}

/** Mostly text; `true` for addresses, and old libraries sent numbers. */
function readValue(value: unknown, path: string): AnyValue {
  switch (typeof value) {
    case 'string':
      return { type: 'string', value };
    case 'boolean':
      return { type: 'bool', value };
    case 'number':
      return Number.isSafeInteger(value) ? { type: 'int', value: BigInt(value) } : { type: 'double', value };
    default:
      if (value === null || value === undefined) return { type: 'string', value: '' };
      throw expected(path, 'a plain value', value);
  }
}
