/** Trace JSON of the query API (`/api/traces`, `/api/v2/traces`) → plain spans, and → OTLP/JSON as other tools read it. */
import type { AnyValueJson, KeyValueJson, ResourceSpansJson, SpanJson } from '../../api/contract/index.ts';
import type { AnyValue, KeyValue } from '../../model/any-value.ts';
import {
  type PlainResource,
  type PlainScope,
  type PlainSpan,
  plainResource,
  plainScope,
} from '../../model/plain-span.ts';

const kinds = ['UNSPECIFIED', 'INTERNAL', 'SERVER', 'CLIENT', 'PRODUCER', 'CONSUMER'].map(
  (kind) => `SPAN_KIND_${kind}`,
);
const statusCodes = ['STATUS_CODE_UNSET', 'STATUS_CODE_OK', 'STATUS_CODE_ERROR'];

/** Everything that the answer says. Ids of links that are missing are empty. */
export function readTrace(resourceSpans: readonly ResourceSpansJson[]): PlainSpan[] {
  const spans: PlainSpan[] = [];
  for (const group of resourceSpans) {
    const resource = readResource(group);
    for (const scoped of group.scopeSpans) {
      const scope = plainScope({
        name: scoped.scope.name ?? '',
        version: scoped.scope.version ?? '',
        attributes: readKeyValues(scoped.scope.attributes),
        droppedAttributesCount: scoped.scope.droppedAttributesCount ?? 0,
        schemaUrl: scoped.schemaUrl ?? '',
      });
      for (const span of scoped.spans) spans.push(readSpan(span, resource, scope));
    }
  }
  return spans;
}

function readResource({ resource, schemaUrl }: ResourceSpansJson): PlainResource {
  return plainResource({
    attributes: readKeyValues(resource.attributes),
    droppedAttributesCount: resource.droppedAttributesCount ?? 0,
    entityRefs: (resource.entityRefs ?? []).map((ref) => ({
      schemaUrl: ref.schemaUrl ?? '',
      type: ref.type ?? '',
      idKeys: ref.idKeys ?? [],
      descriptionKeys: ref.descriptionKeys ?? [],
    })),
    schemaUrl: schemaUrl ?? '',
  });
}

function readSpan(span: SpanJson, resource: PlainResource, scope: PlainScope): PlainSpan {
  return {
    traceId: hexOf(span.traceId),
    spanId: hexOf(span.spanId),
    parentSpanId: hexOf(span.parentSpanId ?? ''),
    traceState: span.traceState ?? '',
    flags: span.flags ?? 0,
    name: span.name ?? '',
    kind: numberOf(kinds, span.kind),
    startTimeUnixNano: BigInt(span.startTimeUnixNano),
    endTimeUnixNano: BigInt(span.endTimeUnixNano),
    attributes: readKeyValues(span.attributes),
    droppedAttributesCount: span.droppedAttributesCount ?? 0,
    events: (span.events ?? []).map((event) => ({
      timeUnixNano: BigInt(event.timeUnixNano),
      name: event.name ?? '',
      attributes: readKeyValues(event.attributes),
      droppedAttributesCount: event.droppedAttributesCount ?? 0,
    })),
    droppedEventsCount: span.droppedEventsCount ?? 0,
    links: (span.links ?? []).map((link) => ({
      traceId: hexOf(link.traceId),
      spanId: hexOf(link.spanId),
      traceState: link.traceState ?? '',
      flags: link.flags ?? 0,
      attributes: readKeyValues(link.attributes),
      droppedAttributesCount: link.droppedAttributesCount ?? 0,
    })),
    droppedLinksCount: span.droppedLinksCount ?? 0,
    statusCode: numberOf(statusCodes, span.status.code),
    statusMessage: span.status.message ?? '',
    resource,
    scope,
  };
}

/**
 * OTLP/JSON of the trace: ids in hex and enums as numbers, where the query API follows Tempo with base64 and names.
 * https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
 */
export function otlpJson(resourceSpans: readonly ResourceSpansJson[]): { resourceSpans: unknown[] } {
  return {
    resourceSpans: resourceSpans.map((group) => ({
      ...group,
      scopeSpans: group.scopeSpans.map((scoped) => ({ ...scoped, spans: scoped.spans.map(otlpSpan) })),
    })),
  };
}

function otlpSpan(span: SpanJson): unknown {
  const { parentSpanId, kind, links, status } = span;
  return {
    ...span,
    traceId: hexOf(span.traceId),
    spanId: hexOf(span.spanId),
    ...(parentSpanId !== undefined && { parentSpanId: hexOf(parentSpanId) }),
    ...(kind !== undefined && { kind: numberOf(kinds, kind) }),
    ...(links && {
      links: links.map((link) => ({ ...link, traceId: hexOf(link.traceId), spanId: hexOf(link.spanId) })),
    }),
    status: { ...status, ...(status.code !== undefined && { code: numberOf(statusCodes, status.code) }) },
  };
}

export function readKeyValues(attributes: readonly KeyValueJson[] = []): KeyValue[] {
  return attributes.map(({ key, value }) => ({ key, value: readAnyValue(value) }));
}

export function readAnyValue(json: AnyValueJson): AnyValue {
  if (json.stringValue !== undefined) return { type: 'string', value: json.stringValue };
  if (json.intValue !== undefined) return { type: 'int', value: BigInt(json.intValue) };
  if (json.boolValue !== undefined) return { type: 'bool', value: json.boolValue };
  if (json.doubleValue !== undefined) return { type: 'double', value: Number(json.doubleValue) };
  if (json.arrayValue !== undefined) return { type: 'array', value: (json.arrayValue.values ?? []).map(readAnyValue) };
  if (json.kvlistValue !== undefined) return { type: 'kvlist', value: readKeyValues(json.kvlistValue.values) };
  if (json.bytesValue !== undefined) return { type: 'bytes', value: bytesOf(json.bytesValue) };
  return { type: 'empty' };
}

/** A name → its number; a number that has no name is written as such. */
function numberOf(names: readonly string[], name: string | undefined): number {
  if (name === undefined) return 0;
  const number = names.indexOf(name);
  return number === -1 ? Number(name) : number;
}

const hexOf = (base64: string): string => Buffer.from(base64, 'base64').toString('hex');
const bytesOf = (base64: string): Uint8Array => Uint8Array.from(Buffer.from(base64, 'base64'));
