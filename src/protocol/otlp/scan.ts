/**
 * OTLP trace requests (protobuf bytes of ExportTraceServiceRequest) straight into a {@link SpanTable}: one pass over the
 * wire bytes, without message objects, strings per value or BigInts. Field numbers are those of
 * opentelemetry/proto/trace/v1/trace.proto (1.x).
 *
 *   request ── 1 ──► ResourceSpans ── 1 Resource, 3 schema_url
 *                      └─ 2 (and 1000, deprecated) ──► ScopeSpans ── 1 InstrumentationScope, 3 schema_url
 *                                                        └─ 2 ──► Span ── 9 attributes, 11 events, 13 links, 15 status
 *
 * Protobuf allows fields in any order, so each ResourceSpans and ScopeSpans is stepped through once to find what its
 * spans belong to before they are read (stepping over a span is two additions). Within a message the last scalar wins
 * and repeated messages merge.
 */
import { invalid, type RubatoError } from '../../base/errors.ts';
import type { SpanTable } from '../../model/span-table.ts';
import { AttributeReader } from './attribute-reader.ts';
import { fieldPathAt } from './field-path.ts';
import { EntityRanges, ResourceCache } from './resource-cache.ts';
import { DamagedInput, WireInput } from './wire-input.ts';

export interface ScanOptions {
  /** Attribute keys and string values longer than this many bytes are cut. 0 = never. Default 2048, as Tempo. */
  readonly maxAttributeBytes?: number;
  /**
   * Attribute keys that the table does not have yet. More are refused, because each costs a thousand times what an
   * attribute does (16 MiB of nothing but keys: 9 s). Default: no limit, for requests that were accepted once.
   */
  readonly newKeysMax?: number;
}

export interface ScanResult {
  /** Spans added; they are the table's last rows. */
  readonly spans: number;
  /** Keys and values that were cut. */
  readonly truncatedAttributes: number;
}

/** Scans requests into one table. Keeps what it learns about keys, values and resources for the next request. */
export class OtlpScanner {
  readonly #table: SpanTable;
  readonly #input = new WireInput();
  readonly #resources: ResourceCache;
  readonly #spanAttributes: AttributeReader;
  readonly #eventAttributes: AttributeReader;
  readonly #linkAttributes: AttributeReader;
  readonly #resourceRanges = new EntityRanges();
  readonly #scopeRanges = new EntityRanges();
  readonly #columns: FieldColumns;
  /** Of the current resource and scope. */
  #resourceRow = 0;
  #truncated = 0;

  // The last span's trace: spans of a trace mostly follow one another.
  #trace = -1;
  #trace0 = 0;
  #trace1 = 0;
  #trace2 = 0;
  #trace3 = 0;

  // Of the current span, set by #status.
  #statusCode = 0;
  #messageStart = 0;
  #messageEnd = 0;

  constructor(table: SpanTable) {
    this.#table = table;
    this.#resources = new ResourceCache(table, this.#input);
    this.#spanAttributes = new AttributeReader(table, this.#input, 'span');
    this.#eventAttributes = new AttributeReader(table, this.#input, 'event');
    this.#linkAttributes = new AttributeReader(table, this.#input, 'link');
    this.#columns = new FieldColumns(table);
  }

  /**
   * Adds all spans of a request, or none.
   * @throws RubatoError `invalid`, with code `invalid_trace_id` or `invalid_span_id` for ids of the wrong size or all
   * zero, `too_many_keys`, and `invalid_protobuf` for damage, saying where. The table's rows are then what they were.
   */
  scan(request: Uint8Array, options: ScanOptions = {}): ScanResult {
    const table = this.#table;
    const mark = table.mark();
    const maxBytes = options.maxAttributeBytes ?? 2048;
    const limit = maxBytes === 0 ? 0x7fffffff : maxBytes;
    for (const reader of [this.#spanAttributes, this.#eventAttributes, this.#linkAttributes]) {
      reader.maxBytes = limit;
      reader.truncated = 0;
    }
    this.#resources.limit(limit);
    this.#truncated = 0;
    this.#input.load(request);
    table.columnsMax = table.columns.length + (options.newKeysMax ?? Number.POSITIVE_INFINITY);
    try {
      this.#request();
    } catch (error) {
      table.rollback(mark);
      this.#spanAttributes.abandon();
      this.#eventAttributes.abandon();
      this.#linkAttributes.abandon();
      this.#resources.abandon();
      if (!(error instanceof DamagedInput)) throw error;
      const path = fieldPathAt(request, error.offset);
      throw invalid('invalid_protobuf', `damaged protobuf at byte ${error.offset} (${path}): ${error.message}`);
    } finally {
      table.columnsMax = Number.POSITIVE_INFINITY;
      this.#input.release();
    }
    return {
      spans: table.spanCount - mark.spanCount,
      truncatedAttributes:
        this.#truncated +
        this.#spanAttributes.truncated +
        this.#eventAttributes.truncated +
        this.#linkAttributes.truncated,
    };
  }

  #request(): void {
    const input = this.#input;
    const end = input.end;
    for (let pos = 0; pos < end; ) {
      const tag = input.tag(pos, end);
      const next = input.skip(tag, input.pos, end);
      if (tag === 0x0a) this.#resourceSpans(input.pos, next);
      pos = next;
    }
  }

  #resourceSpans(start: number, end: number): void {
    const input = this.#input;
    const ranges = this.#resourceRanges;
    ranges.clear();
    for (let pos = start; pos < end; ) {
      const tag = input.tag(pos, end);
      const next = input.skip(tag, input.pos, end);
      if (tag === 0x0a) ranges.pieces.push(input.pos, next);
      else if (tag === 0x1a) {
        ranges.schemaUrlStart = input.pos;
        ranges.schemaUrlEnd = next;
      }
      pos = next;
    }
    const resource = this.#resources.resource(ranges);
    this.#truncated += this.#resources.resourceTruncated(resource);
    for (let pos = start; pos < end; ) {
      const tag = input.tag(pos, end);
      const next = input.skip(tag, input.pos, end);
      // 2 scope_spans, 1000 instrumentation_library_spans: the same shape.
      if (tag === 0x12 || tag === 8002) this.#scopeSpans(input.pos, next, resource);
      pos = next;
    }
  }

  #scopeSpans(start: number, end: number, resource: number): void {
    const input = this.#input;
    const ranges = this.#scopeRanges;
    ranges.clear();
    let spans = 0;
    for (let pos = start; pos < end; ) {
      const tag = input.tag(pos, end);
      const next = input.skip(tag, input.pos, end);
      if (tag === 0x12) spans++;
      else if (tag === 0x0a) ranges.pieces.push(input.pos, next);
      else if (tag === 0x1a) {
        ranges.schemaUrlStart = input.pos;
        ranges.schemaUrlEnd = next;
      }
      pos = next;
    }
    const scope = this.#resources.scope(ranges);
    this.#truncated += this.#resources.scopeTruncated(scope);
    if (spans === 0) return;
    this.#resourceRow = this.#resources.row(resource, scope);
    for (let pos = start; pos < end; ) {
      const tag = input.tag(pos, end);
      const next = input.skip(tag, input.pos, end);
      if (tag === 0x12) this.#span(input.pos, next);
      pos = next;
    }
  }

  #span(start: number, end: number): void {
    const input = this.#input;
    const { bytes, view } = input;
    const table = this.#table;
    const attributes = this.#spanAttributes;
    let traceAt = 0;
    let traceLength = 0;
    let idAt = 0;
    let idLength = 0;
    let parentAt = 0;
    let parentLength = 0;
    let nameAt = 0;
    let nameLength = 0;
    let stateAt = 0;
    let stateLength = 0;
    let startAt = 0;
    let endAt = 0;
    let kind = 0;
    let flags = 0;
    let droppedAttributes = 0;
    let droppedEvents = 0;
    let droppedLinks = 0;
    this.#statusCode = 0;
    this.#messageStart = 0;
    this.#messageEnd = 0;
    const row = table.reserveSpan();
    attributes.begin();

    for (let pos = start; pos < end; ) {
      let tag = bytes[pos++]!;
      if (tag > 127) {
        tag = input.tag(pos - 1, end);
        pos = input.pos;
      }
      if ((tag & 7) === 2) {
        let next = pos + 1 + bytes[pos]!;
        if (bytes[pos]! > 127) {
          next = input.payloadEnd(pos, end);
          pos = input.pos;
        } else if (++pos > end || next > end) throw new DamagedInput(pos - 1, 'a length is cut off or too large');
        switch (tag) {
          case 0x4a: {
            const id = attributes.read(pos, next);
            if (id !== 0) table.pushAttr(id);
            break;
          }
          case 0x0a:
            traceAt = pos;
            traceLength = next - pos;
            break;
          case 0x12:
            idAt = pos;
            idLength = next - pos;
            break;
          case 0x1a:
            stateAt = pos;
            stateLength = next - pos;
            break;
          case 0x22:
            parentAt = pos;
            parentLength = next - pos;
            break;
          case 0x2a:
            nameAt = pos;
            nameLength = next - pos;
            break;
          case 0x5a:
            this.#event(pos, next);
            break;
          case 0x6a:
            this.#link(pos, next);
            break;
          case 0x7a:
            this.#status(pos, next);
            break;
          default:
            if (tag < 8) throw new DamagedInput(pos - 1, 'field number 0');
        }
        pos = next;
        continue;
      }
      const next = input.skip(tag, pos, end);
      switch (tag) {
        case 0x39:
          startAt = pos;
          break;
        case 0x41:
          endAt = pos;
          break;
        case 0x30:
          kind = input.low >= 0 && input.low <= 5 ? input.low : 0;
          break;
        case 0x50:
          droppedAttributes = input.low;
          break;
        case 0x60:
          droppedEvents = input.low;
          break;
        case 0x70:
          droppedLinks = input.low;
          break;
        case 0x85:
          flags = view.getInt32(pos, true);
          break;
        default:
          break;
      }
      pos = next;
    }

    if (traceLength !== 16) throw invalidTraceId(traceLength);
    const trace0 = view.getInt32(traceAt, true);
    const trace1 = view.getInt32(traceAt + 4, true);
    const trace2 = view.getInt32(traceAt + 8, true);
    const trace3 = view.getInt32(traceAt + 12, true);
    if (trace3 !== this.#trace3 || trace0 !== this.#trace0 || trace1 !== this.#trace1 || trace2 !== this.#trace2) {
      if ((trace0 | trace1 | trace2 | trace3) === 0) throw invalidTraceId(0);
      this.#trace = table.traceIndexOf(trace0 >>> 0, trace1 >>> 0, trace2 >>> 0, trace3 >>> 0);
      this.#trace0 = trace0;
      this.#trace1 = trace1;
      this.#trace2 = trace2;
      this.#trace3 = trace3;
    } else if (this.#trace < 0) throw invalidTraceId(0);
    if (idLength !== 8) throw invalidSpanId(idLength);
    const id0 = view.getUint32(idAt, true);
    const id1 = view.getUint32(idAt + 4, true);
    if ((id0 | id1) === 0) throw invalidSpanId(0);
    if (parentLength !== 8 && parentLength !== 0)
      throw invalid('invalid_span_id', `parent span ids must be 64 bit, received ${parentLength * 8} bits`);

    table.trace[row] = this.#trace;
    table.spanId[row * 2] = id0;
    table.spanId[row * 2 + 1] = id1;
    table.parentId[row * 2] = parentLength === 0 ? 0 : view.getUint32(parentAt, true);
    table.parentId[row * 2 + 1] = parentLength === 0 ? 0 : view.getUint32(parentAt + 4, true);
    table.start[row * 2] = startAt === 0 ? 0 : view.getUint32(startAt, true);
    table.start[row * 2 + 1] = startAt === 0 ? 0 : view.getUint32(startAt + 4, true);
    table.end[row * 2] = endAt === 0 ? 0 : view.getUint32(endAt, true);
    table.end[row * 2 + 1] = endAt === 0 ? 0 : view.getUint32(endAt + 4, true);
    table.name[row] = table.valueAt(this.#columns.name, view, nameAt, nameLength);
    table.kindStatus[row] = kind | (this.#statusCode << 4);
    table.resource[row] = this.#resourceRow;
    const columns = this.#columns;
    if (this.#messageEnd > this.#messageStart)
      this.#pushText(columns.statusMessage, this.#messageStart, this.#messageEnd - this.#messageStart);
    if (stateLength > 0) this.#pushText(columns.traceState, stateAt, stateLength);
    if (flags !== 0) table.pushAttr(table.valueWords(columns.flags, flags, 0));
    if (droppedAttributes !== 0) table.pushAttr(table.valueWords(columns.droppedAttributes, droppedAttributes, 0));
    if (droppedEvents !== 0) table.pushAttr(table.valueWords(columns.droppedEvents, droppedEvents, 0));
    if (droppedLinks !== 0) table.pushAttr(table.valueWords(columns.droppedLinks, droppedLinks, 0));
    const duplicates = attributes.takeDuplicates();
    if (duplicates !== undefined) table.pushAttr(table.value(columns.duplicates, duplicates, 0, duplicates.length));
    table.attrEnd[row] = table.attrCount;
    table.eventEnd[row] = table.eventCount;
    table.linkEnd[row] = table.linkCount;
    table.spanCount = row + 1;
  }

  #pushText(column: number, at: number, length: number): void {
    this.#table.pushAttr(this.#table.valueAt(column, this.#input.view, at, length));
  }

  #status(start: number, end: number): void {
    const input = this.#input;
    for (let pos = start; pos < end; ) {
      const tag = input.tag(pos, end);
      const next = input.skip(tag, input.pos, end);
      if (tag === 0x12) {
        this.#messageStart = input.pos;
        this.#messageEnd = next;
      } else if (tag === 0x18) this.#statusCode = input.low >= 0 && input.low <= 2 ? input.low : 0;
      pos = next;
    }
  }

  #event(start: number, end: number): void {
    const input = this.#input;
    const view = input.view;
    const table = this.#table;
    const attributes = this.#eventAttributes;
    const row = table.reserveEvent();
    let timeAt = 0;
    let nameAt = 0;
    let nameLength = 0;
    let dropped = 0;
    attributes.begin();
    for (let pos = start; pos < end; ) {
      const tag = input.tag(pos, end);
      pos = input.pos;
      const next = input.skip(tag, pos, end);
      if (tag === 0x1a) {
        const id = attributes.read(input.pos, next);
        if (id !== 0) table.pushEventAttr(id);
      } else if (tag === 0x09) timeAt = pos;
      else if (tag === 0x12) {
        nameAt = input.pos;
        nameLength = next - nameAt;
      } else if (tag === 0x20) dropped = input.low;
      pos = next;
    }
    const columns = this.#columns;
    table.eventTime[row * 2] = timeAt === 0 ? 0 : view.getUint32(timeAt, true);
    table.eventTime[row * 2 + 1] = timeAt === 0 ? 0 : view.getUint32(timeAt + 4, true);
    table.eventName[row] = table.valueAt(columns.eventName, view, nameAt, nameLength);
    if (dropped !== 0) table.pushEventAttr(table.valueWords(columns.eventDroppedAttributes, dropped, 0));
    const duplicates = attributes.takeDuplicates();
    if (duplicates !== undefined)
      table.pushEventAttr(table.value(columns.eventDuplicates, duplicates, 0, duplicates.length));
    table.eventAttrEnd[row] = table.eventAttrCount;
    table.eventCount = row + 1;
  }

  #link(start: number, end: number): void {
    const input = this.#input;
    const view = input.view;
    const table = this.#table;
    const attributes = this.#linkAttributes;
    const row = table.reserveLink();
    let traceAt = 0;
    let traceLength = 0;
    let idAt = 0;
    let idLength = 0;
    let stateAt = 0;
    let stateLength = 0;
    let dropped = 0;
    let flags = 0;
    attributes.begin();
    for (let pos = start; pos < end; ) {
      const tag = input.tag(pos, end);
      pos = input.pos;
      const next = input.skip(tag, pos, end);
      switch (tag) {
        case 0x0a:
          traceAt = input.pos;
          traceLength = next - traceAt;
          break;
        case 0x12:
          idAt = input.pos;
          idLength = next - idAt;
          break;
        case 0x1a:
          stateAt = input.pos;
          stateLength = next - stateAt;
          break;
        case 0x22: {
          const id = attributes.read(input.pos, next);
          if (id !== 0) table.pushLinkAttr(id);
          break;
        }
        case 0x28:
          dropped = input.low;
          break;
        case 0x35:
          flags = view.getInt32(pos, true);
          break;
        default:
          break;
      }
      pos = next;
    }
    if (traceLength !== 16 && traceLength !== 0)
      throw invalid('invalid_trace_id', `trace ids of links must be 128 bit, received ${traceLength * 8} bits`);
    if (idLength !== 8 && idLength !== 0)
      throw invalid('invalid_span_id', `span ids of links must be 64 bit, received ${idLength * 8} bits`);
    const columns = this.#columns;
    for (let i = 0; i < 4; i++)
      table.linkTraceId[row * 4 + i] = traceLength === 0 ? 0 : view.getUint32(traceAt + i * 4, true);
    for (let i = 0; i < 2; i++) table.linkSpanId[row * 2 + i] = idLength === 0 ? 0 : view.getUint32(idAt + i * 4, true);
    if (stateLength > 0) table.pushLinkAttr(table.valueAt(columns.linkTraceState, view, stateAt, stateLength));
    if (flags !== 0) table.pushLinkAttr(table.valueWords(columns.linkFlags, flags, 0));
    if (dropped !== 0) table.pushLinkAttr(table.valueWords(columns.linkDroppedAttributes, dropped, 0));
    const duplicates = attributes.takeDuplicates();
    if (duplicates !== undefined)
      table.pushLinkAttr(table.value(columns.linkDuplicates, duplicates, 0, duplicates.length));
    table.linkAttrEnd[row] = table.linkAttrCount;
    table.linkCount = row + 1;
  }
}

/** Ids of the columns of rarely set fields; see FieldKeys. */
class FieldColumns {
  readonly name: number;
  readonly statusMessage: number;
  readonly traceState: number;
  readonly flags: number;
  readonly droppedAttributes: number;
  readonly droppedEvents: number;
  readonly droppedLinks: number;
  readonly duplicates: number;
  readonly eventName: number;
  readonly eventDroppedAttributes: number;
  readonly eventDuplicates: number;
  readonly linkTraceState: number;
  readonly linkFlags: number;
  readonly linkDroppedAttributes: number;
  readonly linkDuplicates: number;

  constructor(table: SpanTable) {
    this.name = table.column('spanField', 'name', 'string');
    this.statusMessage = table.column('spanField', 'statusMessage', 'string');
    this.traceState = table.column('spanField', 'traceState', 'string');
    this.flags = table.column('spanField', 'flags', 'int');
    this.droppedAttributes = table.column('spanField', 'droppedAttributesCount', 'int');
    this.droppedEvents = table.column('spanField', 'droppedEventsCount', 'int');
    this.droppedLinks = table.column('spanField', 'droppedLinksCount', 'int');
    this.duplicates = table.column('spanField', 'duplicateAttributes', 'any');
    this.eventName = table.column('eventField', 'name', 'string');
    this.eventDroppedAttributes = table.column('eventField', 'droppedAttributesCount', 'int');
    this.eventDuplicates = table.column('eventField', 'duplicateAttributes', 'any');
    this.linkTraceState = table.column('linkField', 'traceState', 'string');
    this.linkFlags = table.column('linkField', 'flags', 'int');
    this.linkDroppedAttributes = table.column('linkField', 'droppedAttributesCount', 'int');
    this.linkDuplicates = table.column('linkField', 'duplicateAttributes', 'any');
  }
}

const invalidTraceId = (bytes: number): RubatoError =>
  invalid('invalid_trace_id', `trace ids must be 128 bit, received ${bytes * 8} bits`);
const invalidSpanId = (bytes: number): RubatoError =>
  invalid('invalid_span_id', `span ids must be 64 bit and not all zero, received ${bytes * 8} bits`);
