/**
 * Plain spans to an OTLP trace request: what tests, the demo and the verifier send, and the way of foreign formats
 * (Jaeger, Zipkin) into the scanner.
 */
import { invalid } from '../../base/errors.ts';
import { ProtoWriter } from '../../base/protobuf.ts';
import { type KeyValue, writeKeyValue } from '../../model/any-value.ts';
import type { PlainEvent, PlainLink, PlainResource, PlainScope, PlainSpan } from '../../model/plain-span.ts';

/**
 * ExportTraceServiceRequest bytes. Spans are grouped by equal resource and scope; groups and the spans in them keep the
 * order in which they come. Fields at their default are left out, as protobuf libraries do.
 */
export function plainSpansToOtlp(spans: readonly PlainSpan[]): Uint8Array<ArrayBuffer> {
  const builder = new RequestBuilder();
  for (const span of spans) builder.add(span);
  return builder.finish();
}

interface ResourceGroup {
  readonly resource: PlainResource;
  readonly scopes: Map<string, ScopeGroup>;
}

interface ScopeGroup {
  readonly scope: PlainScope;
  /** The spans as field 2 of ScopeSpans. */
  readonly spans: ProtoWriter;
}

/** Groups beyond these are written out and begun anew, so that a request of nothing but groups costs no more memory. */
const openGroupsMax = 1024;

/** {@link plainSpansToOtlp} one span at a time: a span is bytes when `add` returns and need not be kept. */
export class RequestBuilder {
  readonly #request = new ProtoWriter(1024);
  readonly #groups = new Map<string, ResourceGroup>();
  /** Spans often share the very objects, whose keys are then made once. */
  readonly #keys = new Map<PlainResource | PlainScope, string>();
  #openGroups = 0;

  add(span: PlainSpan): void {
    const { spans } = this.#scopeGroup(span.resource, span.scope);
    spans.message(2, () => writeSpan(spans, span));
  }

  finish(): Uint8Array<ArrayBuffer> {
    this.#flush();
    return this.#request.finish();
  }

  #scopeGroup(resource: PlainResource, scope: PlainScope): ScopeGroup {
    const resourceKey = this.#key(resource);
    const scopeKey = this.#key(scope);
    const known = this.#groups.get(resourceKey)?.scopes.get(scopeKey);
    if (known !== undefined) return known;
    if (this.#openGroups >= openGroupsMax) this.#flush();
    this.#openGroups++;
    let group = this.#groups.get(resourceKey);
    if (group === undefined) this.#groups.set(resourceKey, (group = { resource, scopes: new Map() }));
    const fresh = { scope, spans: new ProtoWriter() };
    group.scopes.set(scopeKey, fresh);
    return fresh;
  }

  #key(value: PlainResource | PlainScope): string {
    const known = this.#keys.get(value);
    if (known !== undefined) return known;
    // They may also be fresh for every span.
    if (this.#keys.size >= openGroupsMax) this.#keys.clear();
    const key = stableKey(value);
    this.#keys.set(value, key);
    return key;
  }

  #flush(): void {
    for (const group of this.#groups.values()) this.#request.message(1, (writer) => writeResourceSpans(writer, group));
    this.#groups.clear();
    this.#openGroups = 0;
  }
}

/** Text that is equal for equal content. */
function stableKey(value: PlainResource | PlainScope): string {
  return JSON.stringify(value, (_key, part: unknown) => {
    if (typeof part === 'bigint') return `${part}n`;
    // What JSON has no number for.
    if (typeof part === 'number' && (!Number.isFinite(part) || Object.is(part, -0)))
      return { number: `${1 / part} ${part}` };
    if (part instanceof Uint8Array) return { bytes: Array.from(part) };
    return part;
  });
}

function writeResourceSpans(writer: ProtoWriter, group: ResourceGroup): void {
  writer.message(1, () => writeResource(writer, group.resource));
  for (const { scope, spans } of group.scopes.values())
    writer.message(2, () => {
      writer.message(1, () => writeScope(writer, scope));
      writer.raw(spans.peek());
      text(writer, 3, scope.schemaUrl);
    });
  text(writer, 3, group.resource.schemaUrl);
}

function writeResource(writer: ProtoWriter, resource: PlainResource): void {
  attributes(writer, 1, resource.attributes);
  count(writer, 2, resource.droppedAttributesCount);
  for (const ref of resource.entityRefs)
    writer.message(3, () => {
      text(writer, 1, ref.schemaUrl);
      text(writer, 2, ref.type);
      for (const key of ref.idKeys) writer.string(3, key);
      for (const key of ref.descriptionKeys) writer.string(4, key);
    });
}

function writeScope(writer: ProtoWriter, scope: PlainScope): void {
  text(writer, 1, scope.name);
  text(writer, 2, scope.version);
  attributes(writer, 3, scope.attributes);
  count(writer, 4, scope.droppedAttributesCount);
}

function writeSpan(writer: ProtoWriter, span: PlainSpan): void {
  writer.bytes(1, hexBytes(span.traceId));
  writer.bytes(2, hexBytes(span.spanId));
  text(writer, 3, span.traceState);
  if (span.parentSpanId !== '') writer.bytes(4, hexBytes(span.parentSpanId));
  text(writer, 5, span.name);
  count(writer, 6, span.kind);
  if (span.startTimeUnixNano !== 0n) writer.fixed64(7, span.startTimeUnixNano);
  if (span.endTimeUnixNano !== 0n) writer.fixed64(8, span.endTimeUnixNano);
  attributes(writer, 9, span.attributes);
  count(writer, 10, span.droppedAttributesCount);
  for (const event of span.events) writer.message(11, () => writeEvent(writer, event));
  count(writer, 12, span.droppedEventsCount);
  for (const link of span.links) writer.message(13, () => writeLink(writer, link));
  count(writer, 14, span.droppedLinksCount);
  if (span.statusCode !== 0 || span.statusMessage !== '')
    writer.message(15, () => {
      text(writer, 2, span.statusMessage);
      count(writer, 3, span.statusCode);
    });
  if (span.flags !== 0) writer.fixed32(16, span.flags);
}

function writeEvent(writer: ProtoWriter, event: PlainEvent): void {
  if (event.timeUnixNano !== 0n) writer.fixed64(1, event.timeUnixNano);
  text(writer, 2, event.name);
  attributes(writer, 3, event.attributes);
  count(writer, 4, event.droppedAttributesCount);
}

function writeLink(writer: ProtoWriter, link: PlainLink): void {
  writer.bytes(1, hexBytes(link.traceId));
  writer.bytes(2, hexBytes(link.spanId));
  text(writer, 3, link.traceState);
  attributes(writer, 4, link.attributes);
  count(writer, 5, link.droppedAttributesCount);
  if (link.flags !== 0) writer.fixed32(6, link.flags);
}

function attributes(writer: ProtoWriter, field: number, list: readonly KeyValue[]): void {
  for (const item of list) writer.message(field, () => writeKeyValue(writer, item));
}

function text(writer: ProtoWriter, field: number, value: string): void {
  if (value !== '') writer.string(field, value);
}

function count(writer: ProtoWriter, field: number, value: number): void {
  if (value !== 0) writer.uint(field, value);
}

function hexBytes(hex: string): Uint8Array {
  if (hex.length % 2 !== 0 || !/^[0-9a-f]*$/i.test(hex)) throw invalid('invalid_id', `not a hex id: ${hex}`);
  const bytes = new Uint8Array(hex.length / 2);
  for (let i = 0; i < bytes.length; i++)
    bytes[i] = (hexDigit(hex.charCodeAt(i * 2)) << 4) | hexDigit(hex.charCodeAt(i * 2 + 1));
  return bytes;
}

/** Of the code of a digit: letters have bit 6 and begin at 1. */
function hexDigit(code: number): number {
  return (code & 15) + (code >> 6) * 9;
}
