/** Zipkin's API v2 in JSON to OTLP. https://github.com/openzipkin/zipkin-api/blob/master/zipkin2-api.yaml */
import { checkEntries } from '../entry-limit.ts';
import { RequestBuilder } from '../otlp/encode-plain.ts';
import {
  asObject,
  countAt,
  endpointAt,
  expected,
  type JsonObject,
  listAt,
  objectAt,
  parentIdAt,
  parseSpans,
  spanIdAt,
  textAt,
  traceIdAt,
} from './json-fields.ts';
import { translateV2Span } from './translate-v2.ts';
import type { ZipkinAnnotation, ZipkinSpan } from './zipkin-span.ts';

/**
 * ExportTraceServiceRequest of a list of spans.
 * @param nowUnixNano the start of spans that have none
 * @throws RubatoError `invalid_json` or `invalid_id`, naming the place
 */
export function zipkinV2JsonToOtlp(body: Uint8Array, nowUnixNano: bigint): Uint8Array<ArrayBuffer> {
  const builder = new RequestBuilder();
  for (const { span, path } of parseSpans(body)) builder.add(translateV2Span(readSpan(span, path), nowUnixNano));
  return builder.finish();
}

function readSpan(span: JsonObject, path: string): ZipkinSpan {
  return {
    traceId: traceIdAt(span, path),
    id: spanIdAt(span, path),
    parentId: parentIdAt(span, path),
    name: textAt(span, 'name', path),
    kind: textAt(span, 'kind', path),
    timestampMicros: BigInt(countAt(span, 'timestamp', path)),
    durationMicros: BigInt(countAt(span, 'duration', path)),
    localEndpoint: endpointAt(span, 'localEndpoint', path),
    remoteEndpoint: endpointAt(span, 'remoteEndpoint', path),
    annotations: readAnnotations(span, path),
    tags: readTags(span, path),
  };
}

function readAnnotations(span: JsonObject, path: string): ZipkinAnnotation[] {
  const annotations: ZipkinAnnotation[] = [];
  const list = listAt(span, 'annotations', path);
  for (let i = 0; i < list.length; i++) {
    const at = `${path}.annotations[${i}]`;
    const annotation = asObject(list[i], at);
    if (annotation === undefined) continue;
    annotations.push({
      timestampMicros: BigInt(countAt(annotation, 'timestamp', at)),
      value: textAt(annotation, 'value', at),
    });
  }
  return annotations;
}

/** Values are text; numbers and truth values are taken as the text they were written as, as Zipkin's server does. */
function readTags(span: JsonObject, path: string): Map<string, string> {
  const tags = new Map<string, string>();
  const entries = Object.entries(objectAt(span, 'tags', path) ?? {});
  checkEntries(entries.length, 'tags');
  for (const [key, value] of entries) {
    if (typeof value === 'string') tags.set(key, value);
    else if (typeof value === 'number' || typeof value === 'boolean') tags.set(key, String(value));
    else if (value === null) tags.set(key, '');
    else throw expected(`${path}.tags[${JSON.stringify(key.slice(0, 100))}]`, 'text', value);
  }
  return tags;
}
