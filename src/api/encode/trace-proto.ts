/**
 * A trace as OTLP protobuf: the content of a TracesData message (tempopb.Trace is the same), written straight from
 * columns. Field numbers: opentelemetry/proto/trace/v1/trace.proto, resource/v1, common/v1.
 *
 * A long trace comes in pieces: ResourceSpans messages of about CHUNK_BYTES, the resource repeated in each. Their
 * concatenation is a valid message, and nothing has to be known in advance about its length.
 */
import { ProtoWriter } from '../../base/protobuf.ts';
import { writeKeyValue } from '../../model/any-value.ts';
import type { CodeArray, Column } from '../../traceql/storage.ts';
import { bytesValuesOf, keyValuesOf } from './any-value-json.ts';
import { CHUNK_BYTES, isZero } from './trace-json.ts';
import type { ResourceGroup, ScopeGroup, TraceRows } from './trace-rows.ts';

/** The fields of a TracesData message. The pieces are the caller's. */
export function* tracesDataProto(parts: readonly TraceRows[]): Generator<Uint8Array> {
  for (const rows of parts) {
    const trace = new TraceProto(rows);
    for (const group of rows.groups) yield* trace.resourceSpans(group);
  }
}

/** How many spans from the front make at most `bytesMax` bytes of OTLP, and how many bytes these are. */
export function spansWithin(rows: TraceRows, bytesMax: number): { spans: number; bytes: number } {
  const trace = new TraceProto(rows);
  const seen = new Set<number>();
  let bytes = 0;
  for (let row = rows.firstSpan; row < rows.endSpan; row++) {
    let more = trace.spanSize(row);
    const resourceRow = rows.fragment.resource[row]!;
    if (!seen.has(resourceRow)) {
      seen.add(resourceRow);
      more += trace.resourceSize(resourceRow);
    }
    if (bytes + more > bytesMax) return { spans: row - rows.firstSpan, bytes };
    bytes += more;
  }
  return { spans: rows.endSpan - rows.firstSpan, bytes };
}

/** Writes one attribute of a column; made once per column and trace. `rowCount` 0: values are not kept. */
class AttributeProto {
  /** Of the column; 0 = no value. */
  readonly codes: CodeArray;
  readonly #column: Column;
  /** KeyValue messages by code, when the same values come again and again. */
  readonly #cache: (Uint8Array | undefined)[] | undefined;

  constructor(column: Column, rowCount: number) {
    this.codes = column.codes;
    this.#column = column;
    this.#cache = column.dictionary.size * 4 <= rowCount ? [] : undefined;
  }

  write(writer: ProtoWriter, field: number, code: number): void {
    if (this.#cache === undefined) {
      writer.message(field, (keyValue) => writeAttribute(keyValue, this.#column, code));
      return;
    }
    let bytes = this.#cache[code];
    if (bytes === undefined) {
      const keyValue = new ProtoWriter(64);
      writeAttribute(keyValue, this.#column, code);
      bytes = keyValue.finish();
      this.#cache[code] = bytes;
    }
    writer.bytes(field, bytes);
  }
}

function writeAttribute(writer: ProtoWriter, column: Column, code: number): void {
  const { key, type, dictionary } = column;
  writer.string(1, key);
  writer.message(2, (value) => {
    switch (type) {
      case 'string':
        value.bytes(1, dictionary.bytes(code - 1));
        break;
      case 'bool':
        value.bool(2, dictionary.bools()[code - 1] !== 0);
        break;
      case 'int':
        value.int64(3, dictionary.ints()[code - 1]!);
        break;
      case 'double':
        value.double(4, dictionary.numbers()[code - 1]!);
        break;
      case 'any':
        value.raw(dictionary.bytes(code - 1));
    }
  });
}

class TraceProto {
  readonly #rows: TraceRows;
  readonly #resourceAttributes: readonly AttributeProto[];
  readonly #scopeAttributes: readonly AttributeProto[];
  readonly #spanAttributes: readonly AttributeProto[];
  readonly #eventAttributes: readonly AttributeProto[];
  readonly #linkAttributes: readonly AttributeProto[];
  readonly #scratch = new ProtoWriter(1024);

  constructor(rows: TraceRows) {
    this.#rows = rows;
    const spans = rows.endSpan - rows.firstSpan;
    this.#resourceAttributes = rows.resources.attributes.map((column) => new AttributeProto(column, 0));
    this.#scopeAttributes = rows.resources.scopeAttributes.map((column) => new AttributeProto(column, 0));
    this.#spanAttributes = rows.spanAttributes.map((column) => new AttributeProto(column, spans));
    this.#eventAttributes = rows.eventAttributes.map((column) => new AttributeProto(column, spans));
    this.#linkAttributes = rows.linkAttributes.map((column) => new AttributeProto(column, spans));
  }

  *resourceSpans(group: ResourceGroup): Generator<Uint8Array> {
    const total = group.scopes.reduce((sum, scope) => sum + scope.rows.length, 0);
    const at: Position = { scope: 0, row: 0, written: 0 };
    const writer = new ProtoWriter(4096);
    do {
      writer.message(1, (message) => this.#resourceSpansPiece(message, group, at));
      yield writer.finish();
      writer.reset();
    } while (at.written < total);
  }

  spanSize(row: number): number {
    this.#scratch.reset();
    this.#scratch.message(2, (span) => this.#span(span, row));
    return this.#scratch.length;
  }

  resourceSize(resourceRow: number): number {
    this.#scratch.reset();
    this.#resource(this.#scratch, resourceRow);
    this.#scope(this.#scratch, resourceRow);
    return this.#scratch.length;
  }

  /** Goes on at `at`, and stops behind the span that fills the piece. */
  #resourceSpansPiece(writer: ProtoWriter, group: ResourceGroup, at: Position): void {
    const end = writer.length + CHUNK_BYTES;
    writer.message(1, (resource) => this.#resource(resource, group.resourceRow));
    while (at.scope < group.scopes.length && writer.length < end) {
      const scope = group.scopes[at.scope]!;
      writer.message(2, (message) => this.#scopeSpansPiece(message, scope, at, end));
      if (at.row < scope.rows.length) break;
      at.scope++;
      at.row = 0;
    }
    this.#string(writer, 3, this.#rows.resources.schemaUrl, group.resourceRow);
  }

  #scopeSpansPiece(writer: ProtoWriter, scope: ScopeGroup, at: Position, end: number): void {
    writer.message(1, (message) => this.#scope(message, scope.resourceRow));
    do {
      const row = scope.rows[at.row++]!;
      at.written++;
      writer.message(2, (span) => this.#span(span, row));
    } while (at.row < scope.rows.length && writer.length < end);
    this.#string(writer, 3, this.#rows.resources.scopeSchemaUrl, scope.resourceRow);
  }

  #resource(writer: ProtoWriter, row: number): void {
    const { resources } = this.#rows;
    this.#attributes(writer, 1, this.#resourceAttributes, resources.duplicateAttributes, row);
    this.#uint(writer, 2, resources.droppedAttributesCount, row);
    const entityRefs = resources.entityRefs?.codes[row] ?? 0;
    if (entityRefs === 0) return;
    for (const ref of bytesValuesOf(resources.entityRefs!.dictionary.bytes(entityRefs - 1))) writer.bytes(3, ref);
  }

  #scope(writer: ProtoWriter, row: number): void {
    const { fragment, resources } = this.#rows;
    this.#string(writer, 1, fragment.scopeName, row);
    this.#string(writer, 2, fragment.scopeVersion, row);
    this.#attributes(writer, 3, this.#scopeAttributes, resources.scopeDuplicateAttributes, row);
    this.#uint(writer, 4, resources.scopeDroppedAttributesCount, row);
  }

  #span(writer: ProtoWriter, row: number): void {
    const { fragment, spanFields, traceId } = this.#rows;
    writer.bytes(1, traceId);
    writer.bytes(2, fragment.spanId.subarray(row * 8, row * 8 + 8));
    this.#string(writer, 3, spanFields.traceState, row);
    if (!isZero(fragment.parentSpanId, row * 8, row * 8 + 8))
      writer.bytes(4, fragment.parentSpanId.subarray(row * 8, row * 8 + 8));
    this.#string(writer, 5, fragment.name, row);
    if (fragment.kind[row] !== 0) writer.uint(6, fragment.kind[row]!);
    writer.fixed64(7, fragment.startUnixNano(row));
    writer.fixed64(8, fragment.endUnixNano(row));
    this.#attributes(writer, 9, this.#spanAttributes, spanFields.duplicateAttributes, row);
    this.#uint(writer, 10, spanFields.droppedAttributesCount, row);
    this.#events(writer, row);
    this.#uint(writer, 12, spanFields.droppedEventsCount, row);
    this.#links(writer, row);
    this.#uint(writer, 14, spanFields.droppedLinksCount, row);
    writer.message(15, (status) => {
      this.#string(status, 2, fragment.statusMessage, row);
      if (fragment.status[row] !== 0) status.uint(3, fragment.status[row]!);
    });
    this.#flags(writer, 16, spanFields.flags, row);
  }

  #events(writer: ProtoWriter, row: number): void {
    const { fragment, firstSpan, eventStart, eventFields } = this.#rows;
    if (eventStart === undefined) return;
    const end = eventStart[row - firstSpan + 1]!;
    for (let event = eventStart[row - firstSpan]!; event < end; event++) {
      writer.message(11, (message) => {
        message.fixed64(1, fragment.eventUnixNano(event));
        this.#string(message, 2, fragment.eventName, event);
        this.#attributes(message, 3, this.#eventAttributes, eventFields.duplicateAttributes, event);
        this.#uint(message, 4, eventFields.droppedAttributesCount, event);
      });
    }
  }

  #links(writer: ProtoWriter, row: number): void {
    const { fragment, firstSpan, linkStart, linkFields } = this.#rows;
    if (linkStart === undefined) return;
    const end = linkStart[row - firstSpan + 1]!;
    for (let link = linkStart[row - firstSpan]!; link < end; link++) {
      writer.message(13, (message) => {
        message.bytes(1, fragment.linkTraceId.subarray(link * 16, link * 16 + 16));
        message.bytes(2, fragment.linkSpanId.subarray(link * 8, link * 8 + 8));
        this.#string(message, 3, linkFields.traceState, link);
        this.#attributes(message, 4, this.#linkAttributes, linkFields.duplicateAttributes, link);
        this.#uint(message, 5, linkFields.droppedAttributesCount, link);
        this.#flags(message, 6, linkFields.flags, link);
      });
    }
  }

  #attributes(
    writer: ProtoWriter,
    field: number,
    columns: readonly AttributeProto[],
    duplicates: Column | undefined,
    row: number,
  ): void {
    for (let i = 0; i < columns.length; i++) {
      const column = columns[i]!;
      const code = column.codes[row]!;
      if (code !== 0) column.write(writer, field, code);
    }
    const code = duplicates?.codes[row] ?? 0;
    if (code === 0) return;
    for (const item of keyValuesOf(duplicates!.dictionary.bytes(code - 1)))
      writer.message(field, (keyValue) => writeKeyValue(keyValue, item));
  }

  #string(writer: ProtoWriter, field: number, column: Column | undefined, row: number): void {
    const code = column?.codes[row] ?? 0;
    if (code === 0) return;
    const value = column!.dictionary.bytes(code - 1);
    if (value.length > 0) writer.bytes(field, value);
  }

  #uint(writer: ProtoWriter, field: number, column: Column | undefined, row: number): void {
    const value = uint32(column, row);
    if (value !== 0) writer.uint(field, value);
  }

  #flags(writer: ProtoWriter, field: number, column: Column | undefined, row: number): void {
    const value = uint32(column, row);
    if (value !== 0) writer.fixed32(field, value);
  }
}

/** Where the next piece begins. */
interface Position {
  scope: number;
  row: number;
  written: number;
}

function uint32(column: Column | undefined, row: number): number {
  const code = column?.codes[row] ?? 0;
  return code === 0 ? 0 : Number(BigInt.asUintN(32, column!.dictionary.ints()[code - 1]!));
}
