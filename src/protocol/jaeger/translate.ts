/**
 * Jaeger spans to OpenTelemetry's, by the rules of the OpenTelemetry collector, on which Tempo's Jaeger receiver stands:
 * https://github.com/open-telemetry/opentelemetry-collector-contrib/tree/main/pkg/translator/jaeger
 * docs/receivers.md has the mapping, and where we keep what the collector loses.
 */
import type { AnyValue, KeyValue } from '../../model/any-value.ts';
import {
  type PlainEvent,
  type PlainLink,
  type PlainResource,
  type PlainScope,
  type PlainSpan,
  plainResource,
  plainScope,
  plainSpan,
} from '../../model/plain-span.ts';
import { clampUnixNano } from '../otlp/unix-nano.ts';
import {
  type JaegerLog,
  type JaegerProcess,
  type JaegerReference,
  type JaegerSpan,
  ReferenceType,
  type Tags,
} from './jaeger-span.ts';

/** What the collector's exporter writes for a resource without a service. */
const noServiceName = 'OTLPResourceNoServiceName';
const zeroTraceId = '0'.repeat(32);
const zeroSpanId = '0'.repeat(16);

const kinds: ReadonlyMap<string, number> = new Map([
  ['internal', 1],
  ['server', 2],
  ['client', 3],
  ['producer', 4],
  ['consumer', 5],
]);
const kindClient = 3;
const kindServer = 2;

const statusOk = 1;
const statusError = 2;

/** Without a process: no attributes. */
export function translateProcess(process: JaegerProcess | undefined): PlainResource {
  if (process === undefined) return plainResource();
  const attributes: Tags = new Map();
  if (process.serviceName !== '' && process.serviceName !== noServiceName)
    attributes.set('service.name', { type: 'string', value: process.serviceName });
  for (const [key, value] of process.tags) attributes.set(key, value);
  rename(attributes, 'hostname', 'host.name', (value) => value);
  rename(attributes, 'jaeger.version', 'opencensus.exporterversion', (value) =>
    value.type === 'string' ? { type: 'string', value: `Jaeger-${value.value}` } : value,
  );
  return plainResource({ attributes: keyValues(attributes) });
}

/** Unless `to` is there already. */
function rename(attributes: Tags, from: string, to: string, change: (value: AnyValue) => AnyValue): void {
  const value = attributes.get(from);
  if (value === undefined || attributes.has(to)) return;
  attributes.delete(from);
  attributes.set(to, change(value));
}

/** Spans that say nothing at all are skipped, as the collector does. */
export function isBlank(span: JaegerSpan): boolean {
  return (
    span.traceId === zeroTraceId &&
    span.spanId === zeroSpanId &&
    span.operationName === '' &&
    span.tags.size === 0 &&
    span.logs.length === 0 &&
    span.references.length === 0
  );
}

/** Takes over the span's tags and changes them. */
export function translateSpan(span: JaegerSpan, resource: PlainResource): PlainSpan {
  const tags = span.tags;
  const scope = takeScope(tags);
  const kind = takeKind(tags);
  const status = takeStatus(tags, kind);
  const traceState = takeText(tags, 'w3c.tracestate') ?? '';
  const parentSpanId = parentOf(span);
  return plainSpan({
    traceId: span.traceId,
    spanId: span.spanId,
    parentSpanId,
    traceState,
    name: span.operationName,
    kind,
    startTimeUnixNano: clampUnixNano(span.startTimeUnixNano),
    endTimeUnixNano: clampUnixNano(span.startTimeUnixNano + span.durationNano),
    attributes: keyValues(tags),
    events: span.logs.map(translateLog),
    links: translateReferences(span, parentSpanId),
    statusCode: status.code,
    statusMessage: status.message,
    resource,
    scope,
  });
}

const emptyScope = plainScope();

function takeScope(tags: Tags): PlainScope {
  for (const [nameKey, versionKey] of [
    ['otel.scope.name', 'otel.scope.version'],
    ['otel.library.name', 'otel.library.version'],
  ] as const) {
    const name = takeText(tags, nameKey);
    if (name !== undefined) return plainScope({ name, version: takeText(tags, versionKey) ?? '' });
  }
  return emptyScope;
}

function takeKind(tags: Tags): number {
  const tag = tags.get('span.kind');
  const kind = tag?.type === 'string' ? kinds.get(tag.value) : undefined;
  if (kind === undefined) return 0;
  tags.delete('span.kind');
  return kind;
}

interface Status {
  readonly code: number;
  readonly message: string;
}

const unset: Status = { code: 0, message: '' };

/** The first that says something: `error`, `otel.status_code`, `http.status_code`. */
function takeStatus(tags: Tags, kind: number): Status {
  const error = tags.get('error');
  if (error?.type === 'bool' && error.value) {
    tags.delete('error');
    tags.delete('otel.status_code');
    return {
      code: statusError,
      message: takeText(tags, 'otel.status_description') ?? text(tags, 'http.status_message') ?? '',
    };
  }
  const code = takeText(tags, 'otel.status_code');
  if (code !== undefined) {
    const message = takeText(tags, 'otel.status_description') ?? '';
    switch (code.toUpperCase()) {
      case 'OK':
        return { code: statusOk, message };
      case 'ERROR':
        return { code: statusError, message };
      default:
        return { code: 0, message };
    }
  }
  if (isHttpError(tags.get('http.status_code'), kind))
    return { code: statusError, message: text(tags, 'http.status_message') ?? '' };
  return unset;
}

/**
 * 5xx and what is no HTTP status are errors; 4xx are none on servers.
 * https://opentelemetry.io/docs/specs/semconv/http/http-spans/#status
 */
function isHttpError(value: AnyValue | undefined, kind: number): boolean {
  let status: bigint;
  if (value?.type === 'int') status = value.value;
  else if (value?.type === 'string' && /^[+-]?\d{1,18}$/.test(value.value)) status = BigInt(Number(value.value));
  else return false;
  if (status >= 400n && status < 500n && (kind === kindClient || kind === kindServer)) return kind === kindClient;
  return status < 100n || status >= 400n;
}

/** The parent that is named; else that of the same trace, CHILD_OF before FOLLOWS_FROM. */
function parentOf(span: JaegerSpan): string {
  if (span.parentSpanId !== '' && span.parentSpanId !== zeroSpanId) return span.parentSpanId;
  const own = span.references.filter((reference) => reference.traceId === span.traceId);
  const reference = own.find(({ type }) => type === ReferenceType.childOf) ?? own[0];
  return reference === undefined || reference.spanId === zeroSpanId ? '' : reference.spanId;
}

function translateReferences(span: JaegerSpan, parentSpanId: string): PlainLink[] {
  const links: PlainLink[] = [];
  for (const reference of span.references) {
    const childOf = reference.type === ReferenceType.childOf;
    if (childOf && reference.spanId === parentSpanId && reference.traceId === span.traceId) continue;
    links.push(translateReference(reference, childOf));
  }
  return links;
}

const refTypes = {
  childOf: [{ key: 'opentracing.ref_type', value: { type: 'string', value: 'child_of' } }],
  followsFrom: [{ key: 'opentracing.ref_type', value: { type: 'string', value: 'follows_from' } }],
} as const;

function translateReference(reference: JaegerReference, childOf: boolean): PlainLink {
  return {
    traceId: reference.traceId,
    spanId: reference.spanId,
    traceState: '',
    flags: 0,
    attributes: childOf ? refTypes.childOf : refTypes.followsFrom,
    droppedAttributesCount: 0,
  };
}

/** The name is the field `event`; the text of a log without one is in `message`, which stays an attribute too. */
function translateLog(log: JaegerLog): PlainEvent {
  const name = takeText(log.fields, 'event') ?? text(log.fields, 'message') ?? '';
  return {
    timeUnixNano: clampUnixNano(log.timeUnixNano),
    name,
    attributes: keyValues(log.fields),
    droppedAttributesCount: 0,
  };
}

function keyValues(tags: Tags): KeyValue[] {
  return Array.from(tags, ([key, value]) => ({ key, value }));
}

function text(tags: Tags, key: string): string | undefined {
  const value = tags.get(key);
  return value?.type === 'string' ? value.value : undefined;
}

/** Takes it out, when it is text. */
function takeText(tags: Tags, key: string): string | undefined {
  const value = text(tags, key);
  if (value !== undefined) tags.delete(key);
  return value;
}
