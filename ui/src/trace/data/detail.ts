/** Everything about a span, out of the JSON of OTLP or of the query API: ids in hex or base64, enums as numbers or names. */
import type { AttributeJsonValue } from '../../../../src/api/contract/index.ts';

export interface Attribute {
  readonly key: string;
  readonly value: AttributeJsonValue;
  /** As a TraceQL literal may name it; composed values cannot be asked for. */
  readonly type: 'string' | 'int' | 'double' | 'bool' | 'other';
}

export interface SpanEvent {
  readonly timeUnixNano: bigint;
  readonly name: string;
  readonly attributes: readonly Attribute[];
}

export interface SpanLink {
  readonly traceId: string;
  readonly spanId: string;
  readonly attributes: readonly Attribute[];
}

export interface SpanDetail {
  readonly traceId: string;
  readonly spanId: string;
  /** Empty for a root. */
  readonly parentSpanId: string;
  readonly traceState: string;
  readonly name: string;
  /** OTLP's number. */
  readonly kind: number;
  readonly status: number;
  readonly statusMessage: string;
  readonly startUnixNano: bigint;
  readonly endUnixNano: bigint;
  readonly attributes: readonly Attribute[];
  readonly events: readonly SpanEvent[];
  readonly links: readonly SpanLink[];
  readonly dropped: { readonly attributes: number; readonly events: number; readonly links: number };
  readonly resource: readonly Attribute[];
  readonly scope: { readonly name: string; readonly version: string; readonly attributes: readonly Attribute[] };
  /** The span as it came. */
  readonly json: unknown;
}

type Json = Readonly<Record<string, unknown>>;

const object = (value: unknown): Json => (typeof value === 'object' && value !== null ? (value as Json) : {});
const list = (value: unknown): readonly Json[] => (Array.isArray(value) ? value.map(object) : []);
const text = (value: unknown): string => (typeof value === 'string' ? value : '');
const count = (value: unknown): number => Number(value ?? 0) || 0;

/** Nothing a file may hold makes it throw. */
function nano(value: unknown): bigint {
  try {
    return BigInt(typeof value === 'number' || typeof value === 'string' ? value : 0);
  } catch {
    return 0n;
  }
}

/** Spans of `resourceSpans` (or `batches`). */
export function readDetails(resourceSpans: unknown): SpanDetail[] {
  const details: SpanDetail[] = [];
  for (const group of list(resourceSpans)) {
    const resource = readAttributes(object(group['resource'])['attributes']);
    for (const scoped of list(group['scopeSpans'] ?? group['instrumentationLibrarySpans'])) {
      const scope = object(scoped['scope']);
      const ofScope = {
        name: text(scope['name']),
        version: text(scope['version']),
        attributes: readAttributes(scope['attributes']),
      };
      for (const span of list(scoped['spans'])) details.push(readSpan(span, resource, ofScope));
    }
  }
  return details;
}

function readSpan(span: Json, resource: readonly Attribute[], scope: SpanDetail['scope']): SpanDetail {
  const status = object(span['status']);
  return {
    traceId: hexId(span['traceId'], 32),
    spanId: hexId(span['spanId'], 16),
    parentSpanId: parentOf(hexId(span['parentSpanId'], 16)),
    traceState: text(span['traceState']),
    name: text(span['name']),
    kind: enumOf(span['kind'], kinds),
    status: enumOf(status['code'], statuses),
    statusMessage: text(status['message']),
    startUnixNano: nano(span['startTimeUnixNano']),
    endUnixNano: nano(span['endTimeUnixNano']),
    attributes: readAttributes(span['attributes']),
    events: list(span['events']).map((event) => ({
      timeUnixNano: nano(event['timeUnixNano']),
      name: text(event['name']),
      attributes: readAttributes(event['attributes']),
    })),
    links: list(span['links']).map((link) => ({
      traceId: hexId(link['traceId'], 32),
      spanId: hexId(link['spanId'], 16),
      attributes: readAttributes(link['attributes']),
    })),
    dropped: {
      attributes: count(span['droppedAttributesCount']),
      events: count(span['droppedEventsCount']),
      links: count(span['droppedLinksCount']),
    },
    resource,
    scope,
    json: span,
  };
}

const parentOf = (id: string): string => (/^0*$/.test(id) ? '' : id);

const kinds = ['UNSPECIFIED', 'INTERNAL', 'SERVER', 'CLIENT', 'PRODUCER', 'CONSUMER'].map(
  (kind) => `SPAN_KIND_${kind}`,
);
const statuses = ['STATUS_CODE_UNSET', 'STATUS_CODE_OK', 'STATUS_CODE_ERROR'];

function enumOf(value: unknown, names: readonly string[]): number {
  if (typeof value === 'number') return value in names ? value : 0;
  return Math.max(0, names.indexOf(text(value)));
}

/** OTLP/JSON has hex, the query API base64. */
export function hexId(value: unknown, digits: 16 | 32): string {
  const id = text(value);
  if (id.length === digits && /^[0-9a-f]+$/i.test(id)) return id.toLowerCase();
  try {
    const bytes = atob(id);
    if (bytes.length * 2 !== digits) return '';
    return Array.from(bytes, (char) => char.charCodeAt(0).toString(16).padStart(2, '0')).join('');
  } catch {
    return '';
  }
}

export function readAttributes(attributes: unknown): Attribute[] {
  return list(attributes).map(({ key, value }) => ({ key: text(key), ...readValue(object(value)) }));
}

function readValue(value: Json): Pick<Attribute, 'value' | 'type'> {
  if (typeof value['stringValue'] === 'string') return { value: value['stringValue'], type: 'string' };
  if (value['boolValue'] !== undefined) return { value: value['boolValue'] === true, type: 'bool' };
  if (value['intValue'] !== undefined) {
    const number = Number(value['intValue']);
    return { value: Number.isSafeInteger(number) ? number : String(value['intValue']), type: 'int' };
  }
  if (value['doubleValue'] !== undefined) {
    const number = Number(value['doubleValue']);
    return { value: Number.isFinite(number) ? number : String(value['doubleValue']), type: 'double' };
  }
  return { value: JSON.stringify(plain(value)), type: 'other' };
}

function plain(value: Json): unknown {
  if (value['arrayValue'] !== undefined) return list(object(value['arrayValue'])['values']).map(plain);
  if (value['kvlistValue'] !== undefined) {
    const entries = list(object(value['kvlistValue'])['values']);
    return Object.fromEntries(entries.map((entry) => [text(entry['key']), plain(object(entry['value']))]));
  }
  return Object.values(value)[0] ?? null;
}
