/**
 * Zipkin v2 spans to OpenTelemetry's, by the rules of the OpenTelemetry collector, on which Tempo's Zipkin receiver
 * stands: https://github.com/open-telemetry/opentelemetry-collector-contrib/tree/main/pkg/translator/zipkin/zipkinv2
 * docs/receivers.md has the mapping, and where we keep what the collector loses.
 */
import type { AnyValue, KeyValue } from '../../model/any-value.ts';
import {
  type PlainEvent,
  type PlainLink,
  type PlainScope,
  type PlainSpan,
  plainResource,
  plainScope,
  plainSpan,
} from '../../model/plain-span.ts';
import { resourceKeys } from './resource-keys.ts';
import {
  type Attributes,
  keyValues,
  parentOf,
  SpanKind,
  StatusCode,
  setRemote,
  setText,
  spanTimes,
  unixNano,
} from './translate-common.ts';
import type { ZipkinAnnotation, ZipkinSpan } from './zipkin-span.ts';

/** As many links as the collector looks for. */
const linksMax = 128;

const kinds: ReadonlyMap<string, number> = new Map([
  ['CLIENT', SpanKind.client],
  ['SERVER', SpanKind.server],
  ['PRODUCER', SpanKind.producer],
  ['CONSUMER', SpanKind.consumer],
]);

/**
 * Takes over the span's tags and changes them.
 * @param nowUnixNano the start of spans that have none
 */
export function translateV2Span(span: ZipkinSpan, nowUnixNano: bigint): PlainSpan {
  const tags = span.tags;
  const resource = takeResource(tags, span.localEndpoint?.serviceName ?? '');
  const scope = takeScope(tags);
  const traceState = take(tags, 'w3c.tracestate') ?? '';
  const kind = kinds.get(span.kind) ?? takeInternalKind(tags);
  const status = takeStatus(tags);
  const links = takeLinks(tags);

  const attributes: Attributes = new Map();
  for (const [key, value] of tags) setText(attributes, key, value);
  const local = span.localEndpoint;
  if (local !== undefined) {
    const ip = local.ipv6 || local.ipv4;
    if (ip !== '') setText(attributes, 'net.host.ip', ip);
    if (local.port !== 0) attributes.set('net.host.port', { type: 'int', value: BigInt(local.port) });
  }
  if (span.remoteEndpoint !== undefined) setRemote(attributes, span.remoteEndpoint);
  const times = spanTimes(span, attributes, nowUnixNano);

  return plainSpan({
    traceId: span.traceId,
    spanId: span.id,
    parentSpanId: parentOf(span),
    traceState,
    name: span.name,
    kind,
    ...times,
    attributes: keyValues(attributes),
    events: span.annotations.map(translateAnnotation),
    links,
    statusCode: status.code,
    statusMessage: status.message,
    resource: plainResource({ attributes: resource }),
    scope,
  });
}

/** The service of the local endpoint, and tags that are attributes of resources and win over it. */
function takeResource(tags: Map<string, string>, serviceName: string): KeyValue[] {
  const attributes: Attributes = new Map();
  const nameKey = take(tags, 'otlp.service.name.source') || 'service.name';
  if (serviceName !== '') setText(attributes, nameKey, serviceName);
  for (const [key, value] of tags) {
    if (!resourceKeys.has(key)) continue;
    setText(attributes, key, value);
    tags.delete(key);
  }
  return keyValues(attributes);
}

const emptyScope = plainScope();

function takeScope(tags: Map<string, string>): PlainScope {
  for (const [nameKey, versionKey] of [
    ['otel.scope.name', 'otel.scope.version'],
    ['otel.library.name', 'otel.library.version'],
  ] as const) {
    const name = take(tags, nameKey);
    if (name !== undefined) return plainScope({ name, version: take(tags, versionKey) ?? '' });
  }
  return emptyScope;
}

/** Zipkin has no kind for it. */
function takeInternalKind(tags: Map<string, string>): number {
  if (tags.get('span.kind') !== 'internal') return SpanKind.unspecified;
  tags.delete('span.kind');
  return SpanKind.internal;
}

/**
 * `otel.status_code` as OpenTelemetry's exporters write it, else the tag `error`: Zipkin takes a span with it for failed,
 * and its value, if any, for the reason.
 */
function takeStatus(tags: Map<string, string>): { code: number; message: string } {
  let code: number = StatusCode.unset;
  let message = '';
  const given = take(tags, 'otel.status_code')?.toUpperCase();
  if (given !== undefined) {
    if (given === 'OK' || given === 'STATUS_CODE_OK') code = StatusCode.ok;
    if (given === 'ERROR' || given === 'STATUS_CODE_ERROR') code = StatusCode.error;
    message = take(tags, 'otel.status_description') ?? '';
  }
  const error = tags.get('error');
  if (error === 'true') {
    code = StatusCode.error;
    tags.delete('error');
  } else if (error !== undefined && error !== 'false' && code !== StatusCode.ok) {
    code = StatusCode.error;
    if (message === '') message = error;
  }
  return { code, message };
}

/** Links as the collector's exporter writes them: `otlp.link.<n>` = trace id, span id, state, attributes, dropped. */
function takeLinks(tags: Map<string, string>): PlainLink[] {
  const links: PlainLink[] = [];
  for (let i = 0; i < linksMax; i++) {
    const key = `otlp.link.${i}`;
    const value = tags.get(key);
    if (value === undefined) break;
    const link = parseLink(value);
    // What is no link stays a tag.
    if (link === undefined) continue;
    links.push(link);
    tags.delete(key);
  }
  return links;
}

function parseLink(value: string): PlainLink | undefined {
  const parts = /^([0-9a-fA-F]{32})\|([0-9a-fA-F]{16})\|([^|]*)\|(.*)\|(\d{1,9})$/s.exec(value);
  if (parts === null) return undefined;
  const attributes = parseAttributes(parts[4]!);
  if (attributes === undefined) return undefined;
  return {
    traceId: parts[1]!.toLowerCase(),
    spanId: parts[2]!.toLowerCase(),
    traceState: parts[3]!,
    flags: 0,
    attributes,
    droppedAttributesCount: Number(parts[5]),
  };
}

/** The value is the event's name, or `name|attributes|dropped` from the collector's exporter. */
function translateAnnotation(annotation: ZipkinAnnotation): PlainEvent {
  const timeUnixNano = unixNano(annotation.timestampMicros);
  const parts = /^([^|]*)\|(\{.*\})\|(\d{1,9})$/s.exec(annotation.value);
  const attributes = parts === null ? undefined : parseAttributes(parts[2]!);
  if (parts === null || attributes === undefined)
    return { timeUnixNano, name: annotation.value, attributes: [], droppedAttributesCount: 0 };
  return { timeUnixNano, name: parts[1]!, attributes, droppedAttributesCount: Number(parts[3]) };
}

/** Undefined when it is no object of plain values: then the whole text is kept as it is. */
function parseAttributes(text: string): KeyValue[] | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return undefined;
  const attributes: KeyValue[] = [];
  for (const [key, value] of Object.entries(parsed)) {
    const scalar = scalarValue(value);
    if (scalar === undefined) return undefined;
    attributes.push({ key, value: scalar });
  }
  return attributes;
}

function scalarValue(value: unknown): AnyValue | undefined {
  switch (typeof value) {
    case 'string':
      return { type: 'string', value };
    case 'boolean':
      return { type: 'bool', value };
    case 'number':
      return Number.isSafeInteger(value) ? { type: 'int', value: BigInt(value) } : { type: 'double', value };
    default:
      return undefined;
  }
}

function take(tags: Map<string, string>, key: string): string | undefined {
  const value = tags.get(key);
  if (value !== undefined) tags.delete(key);
  return value;
}
