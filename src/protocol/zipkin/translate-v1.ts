/**
 * Zipkin v1 spans to OpenTelemetry's, by the rules of the OpenTelemetry collector:
 * https://github.com/open-telemetry/opentelemetry-collector-contrib/tree/main/pkg/translator/zipkin/zipkinv1
 * docs/receivers.md has the mapping, and where we differ.
 *
 * v1 has no kind and no local endpoint: both are read off the annotations that mark a call's ends ("cs" client send, "cr"
 * client receive, "sr", "ss" of the server, "ms", "mr" of messages).
 */
import type { AnyValue } from '../../model/any-value.ts';
import {
  type PlainEvent,
  type PlainResource,
  type PlainSpan,
  plainResource,
  plainSpan,
} from '../../model/plain-span.ts';
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
import type { ZipkinEndpoint, ZipkinV1Span } from './zipkin-span.ts';

const unknownService = 'unknown-service';

const markedKinds: ReadonlyMap<string, number> = new Map([
  ['cs', SpanKind.client],
  ['cr', SpanKind.client],
  ['sr', SpanKind.server],
  ['ss', SpanKind.server],
  ['ms', SpanKind.producer],
  ['mr', SpanKind.consumer],
]);

/** @param nowUnixNano the start of spans that have none */
export function translateV1Span(span: ZipkinV1Span, nowUnixNano: bigint): PlainSpan {
  let kind: number = SpanKind.unspecified;
  let local: ZipkinEndpoint | undefined;
  const events: PlainEvent[] = [];
  for (const { value, timestampMicros, endpoint } of span.annotations) {
    if (value === '') continue;
    const marked = markedKinds.get(value);
    if (marked === undefined) {
      events.push({ timeUnixNano: unixNano(timestampMicros), name: value, attributes: [], droppedAttributesCount: 0 });
      continue;
    }
    if (kind === SpanKind.unspecified) kind = marked;
    if (local === undefined && endpoint !== undefined && endpoint.serviceName !== '') local = endpoint;
  }

  const attributes: Attributes = new Map();
  const status = new StatusTags();
  let component = '';
  let taggedService = '';
  for (const { key, value, endpoint } of span.binaryAnnotations) {
    // The other end of the call: its address is the point, the value is just `true`.
    if ((key === 'sa' || key === 'ca') && endpoint !== undefined) {
      setRemote(attributes, endpoint);
      continue;
    }
    if (endpoint !== undefined && endpoint.serviceName !== '') taggedService = endpoint.serviceName;
    if (key === 'lc' && value.type === 'string') component = value.value;
    if (!status.take(key, value)) attributes.set(key === 'lc' ? 'component' : key, value);
  }
  const times = spanTimes(span, attributes, nowUnixNano);
  const { code, message } = status.result();

  return plainSpan({
    traceId: span.traceId,
    spanId: span.id,
    parentSpanId: parentOf(span),
    name: span.name,
    kind,
    ...times,
    attributes: keyValues(attributes),
    events,
    statusCode: code,
    statusMessage: message,
    resource:
      local === undefined ? serviceResource(taggedService || component || unknownService) : endpointResource(local),
  });
}

function serviceResource(serviceName: string): PlainResource {
  return plainResource({ attributes: [{ key: 'service.name', value: { type: 'string', value: serviceName } }] });
}

function endpointResource(endpoint: ZipkinEndpoint): PlainResource {
  const attributes: Attributes = new Map();
  setText(attributes, 'service.name', endpoint.serviceName);
  if (endpoint.ipv4 !== '') setText(attributes, 'ipv4', endpoint.ipv4);
  if (endpoint.ipv6 !== '') setText(attributes, 'ipv6', endpoint.ipv6);
  if (endpoint.port !== 0) setText(attributes, 'port', String(endpoint.port));
  return plainResource({ attributes: keyValues(attributes) });
}

/** Gathers the tags that say how a span ended; the most explicit one counts. */
class StatusTags {
  #census: number | undefined;
  #censusMessage = '';
  #otel: number | undefined;
  #otelMessage = '';
  #error = false;
  #errorMessage = '';
  #http: number | undefined;
  #httpMessage = '';

  /** True when the tag is only a status and no attribute. */
  take(key: string, value: AnyValue): boolean {
    switch (key) {
      case 'census.status_code': {
        const code = wholeNumber(value);
        // gRPC's codes: 0 is OK.
        if (code !== undefined) this.#census = code === 0 ? StatusCode.ok : StatusCode.error;
        return code !== undefined;
      }
      case 'census.status_description':
      case 'opencensus.status_description':
        this.#censusMessage = textOf(value);
        return true;
      case 'otel.status_code': {
        const code = otelCode(value);
        if (code !== undefined) this.#otel = code;
        return code !== undefined;
      }
      case 'otel.status_description':
        this.#otelMessage = textOf(value);
        return true;
      case 'http.status_code': {
        const code = wholeNumber(value);
        if (code !== undefined) this.#http = code >= 100 && code < 400 ? StatusCode.unset : StatusCode.error;
        return false;
      }
      case 'http.status_message':
        this.#httpMessage = textOf(value);
        return false;
      case 'error': {
        if (textOf(value) === 'false' || (value.type === 'bool' && !value.value)) return false;
        this.#error = true;
        this.#errorMessage = textOf(value) === 'true' ? '' : textOf(value);
        // A reason stays a tag too.
        return this.#errorMessage === '';
      }
      default:
        return false;
    }
  }

  result(): { code: number; message: string } {
    if (this.#census !== undefined) return { code: this.#census, message: this.#censusMessage };
    if (this.#otel !== undefined) return { code: this.#otel, message: this.#otelMessage };
    if (this.#error) {
      const message = this.#censusMessage || this.#otelMessage || this.#errorMessage;
      return { code: StatusCode.error, message };
    }
    if (this.#http === StatusCode.error) return { code: this.#http, message: this.#httpMessage };
    return { code: StatusCode.unset, message: '' };
  }
}

function wholeNumber(value: AnyValue): number | undefined {
  if (value.type === 'int') return Number(value.value);
  return value.type === 'string' && /^-?\d{1,10}$/.test(value.value) ? Number(value.value) : undefined;
}

/** OTLP's number, or its name. */
function otelCode(value: AnyValue): number | undefined {
  const code = wholeNumber(value);
  if (code !== undefined) return code >= 0 && code <= StatusCode.error ? code : undefined;
  switch (textOf(value).toUpperCase()) {
    case 'OK':
    case 'STATUS_CODE_OK':
      return StatusCode.ok;
    case 'ERROR':
    case 'STATUS_CODE_ERROR':
      return StatusCode.error;
    default:
      return undefined;
  }
}

function textOf(value: AnyValue): string {
  return value.type === 'string' ? value.value : '';
}
