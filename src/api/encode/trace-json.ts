/**
 * A trace as proto3 JSON the way Tempo prints it: defaults left out, ids in base64, enums by name, 64-bit numbers as
 * strings. Fields stand in the order of the OTLP messages' JSON in Tempo's answers. Written straight from columns, in
 * pieces of about CHUNK_BYTES, so that a trace of a million spans needs no more memory than a small one.
 */
import { ProtoReader } from '../../base/protobuf.ts';
import { kindNames, statusNames } from '../../model/otlp-names.ts';
import type { CodeArray, Column } from '../../traceql/storage.ts';
import { bytesValuesOf, keyValuesOf, writeAnyValue, writeKeyValue } from './any-value-json.ts';
import { JsonWriter } from './json-writer.ts';
import type { ResourceGroup, ScopeGroup, TraceRows } from './trace-rows.ts';

/** Size of one piece of a long answer: large enough for few system calls, small enough to keep others served. */
export const CHUNK_BYTES = 256 * 1024;

/** Below it, ns since the fragment's base plus the base's own part of a second are exact as a double (52 days). */
const EXACT_NANO_MAX = 2 ** 52;

/** The array of ResourceSpans of all parts: `[…]`. */
export function* resourceSpansJson(parts: readonly TraceRows[]): Generator<Buffer> {
  const writer = new JsonWriter(4096);
  writer.raw('[');
  let groups = 0;
  for (const rows of parts) {
    const trace = new TraceJson(rows, writer);
    for (const group of rows.groups) {
      if (groups++ > 0) writer.raw(',');
      trace.openResource(group);
      for (const [index, scope] of group.scopes.entries()) {
        if (index > 0) writer.raw(',');
        trace.openScope(scope);
        for (let i = 0; i < scope.rows.length; i++) {
          if (i > 0) writer.raw(',');
          trace.span(scope.rows[i]!);
          if (writer.length >= CHUNK_BYTES) yield writer.take();
        }
        trace.closeScope(scope);
      }
      trace.closeResource(group);
    }
  }
  writer.raw(']');
  yield writer.finish();
}

/** Writes one attribute of a column; made once per column and trace. `rowCount` 0: values are not kept. */
class AttributeJson {
  /** Of the column; 0 = no value. */
  readonly codes: CodeArray;
  readonly #column: Column;
  readonly #head: Uint8Array;
  /** By code, when the same values come again and again. */
  readonly #cache: (Uint8Array | undefined)[] | undefined;

  constructor(column: Column, rowCount: number) {
    this.codes = column.codes;
    this.#column = column;
    const writer = new JsonWriter(64);
    writer.raw('{"key":');
    writer.string(column.key);
    writer.raw(',"value":');
    if (column.type !== 'any') writer.raw(valueHeads[column.type]);
    this.#head = writer.finish();
    this.#cache = column.dictionary.size * 4 <= rowCount ? [] : undefined;
  }

  write(writer: JsonWriter, code: number): void {
    const cached = this.#cache?.[code];
    if (cached !== undefined) {
      writer.rawBytes(cached);
      return;
    }
    const start = writer.length;
    const { type, dictionary } = this.#column;
    writer.rawBytes(this.#head);
    switch (type) {
      case 'string':
        writer.stringBytes(dictionary.bytes(code - 1));
        break;
      case 'int':
        writer.int64(dictionary.ints()[code - 1]!);
        break;
      case 'double':
        writer.double(dictionary.numbers()[code - 1]!);
        break;
      case 'bool':
        writer.raw(dictionary.bools()[code - 1] === 0 ? 'false' : 'true');
        break;
      case 'any':
        writeAnyValue(writer, dictionary.bytes(code - 1));
    }
    writer.raw(type === 'any' ? '}' : '}}');
    if (this.#cache !== undefined) this.#cache[code] = writer.copyFrom(start);
  }
}

const valueHeads = {
  string: '{"stringValue":',
  int: '{"intValue":',
  double: '{"doubleValue":',
  bool: '{"boolValue":',
} as const;

class TraceJson {
  readonly #rows: TraceRows;
  readonly #writer: JsonWriter;
  readonly #resourceAttributes: readonly AttributeJson[];
  readonly #scopeAttributes: readonly AttributeJson[];
  readonly #spanAttributes: readonly AttributeJson[];
  readonly #eventAttributes: readonly AttributeJson[];
  readonly #linkAttributes: readonly AttributeJson[];
  readonly #baseSeconds: number;
  readonly #baseNano: number;

  constructor(rows: TraceRows, writer: JsonWriter) {
    this.#rows = rows;
    this.#writer = writer;
    const spans = rows.endSpan - rows.firstSpan;
    this.#resourceAttributes = rows.resources.attributes.map((column) => new AttributeJson(column, 0));
    this.#scopeAttributes = rows.resources.scopeAttributes.map((column) => new AttributeJson(column, 0));
    this.#spanAttributes = rows.spanAttributes.map((column) => new AttributeJson(column, spans));
    this.#eventAttributes = rows.eventAttributes.map((column) => new AttributeJson(column, spans));
    this.#linkAttributes = rows.linkAttributes.map((column) => new AttributeJson(column, spans));
    this.#baseSeconds = Number(rows.fragment.baseUnixNano / 1_000_000_000n);
    this.#baseNano = Number(rows.fragment.baseUnixNano % 1_000_000_000n);
  }

  openResource(group: ResourceGroup): void {
    const { resources } = this.#rows;
    const row = group.resourceRow;
    const writer = this.#writer;
    writer.raw('{"resource":{');
    let open = this.#attributes(this.#resourceAttributes, resources.duplicateAttributes, row, '');
    open = this.#uint('droppedAttributesCount', resources.droppedAttributesCount, row, open);
    const entityRefs = resources.entityRefs?.codes[row] ?? 0;
    if (entityRefs !== 0) {
      writer.raw(`${open}"entityRefs":[`);
      const refs = bytesValuesOf(resources.entityRefs!.dictionary.bytes(entityRefs - 1));
      for (const [index, ref] of refs.entries()) {
        if (index > 0) writer.raw(',');
        writeEntityRef(writer, ref);
      }
      writer.raw(']');
    }
    writer.raw('},"scopeSpans":[');
  }

  closeResource(group: ResourceGroup): void {
    this.#writer.raw(']');
    this.#string('schemaUrl', this.#rows.resources.schemaUrl, group.resourceRow, ',');
    this.#writer.raw('}');
  }

  openScope(scope: ScopeGroup): void {
    const { fragment, resources } = this.#rows;
    const row = scope.resourceRow;
    this.#writer.raw('{"scope":{');
    let open = this.#string('name', fragment.scopeName, row, '');
    open = this.#string('version', fragment.scopeVersion, row, open);
    open = this.#attributes(this.#scopeAttributes, resources.scopeDuplicateAttributes, row, open);
    this.#uint('droppedAttributesCount', resources.scopeDroppedAttributesCount, row, open);
    this.#writer.raw('},"spans":[');
  }

  closeScope(scope: ScopeGroup): void {
    this.#writer.raw(']');
    this.#string('schemaUrl', this.#rows.resources.scopeSchemaUrl, scope.resourceRow, ',');
    this.#writer.raw('}');
  }

  span(row: number): void {
    const writer = this.#writer;
    const { fragment, spanFields, traceId } = this.#rows;
    writer.raw('{"traceId":');
    writer.base64(traceId);
    writer.raw(',"spanId":');
    writer.base64(fragment.spanId, row * 8, row * 8 + 8);
    this.#string('traceState', spanFields.traceState, row, ',');
    if (!isZero(fragment.parentSpanId, row * 8, row * 8 + 8)) {
      writer.raw(',"parentSpanId":');
      writer.base64(fragment.parentSpanId, row * 8, row * 8 + 8);
    }
    this.#uint('flags', spanFields.flags, row, ',');
    this.#string('name', fragment.name, row, ',');
    const kind = fragment.kind[row]!;
    if (kind !== 0) writer.raw(`,"kind":"${kindNames[kind] ?? kind}"`);
    this.#time(',"startTimeUnixNano":', fragment.start[row]!, row, 'startUnixNano');
    const duration = fragment.duration[row]!;
    if (duration === 0) this.#exactTime(',"endTimeUnixNano":', fragment.endUnixNano(row));
    else this.#time(',"endTimeUnixNano":', fragment.start[row]! + duration, row, 'endUnixNano');
    this.#attributes(this.#spanAttributes, spanFields.duplicateAttributes, row, ',');
    this.#uint('droppedAttributesCount', spanFields.droppedAttributesCount, row, ',');
    this.#events(row);
    this.#uint('droppedEventsCount', spanFields.droppedEventsCount, row, ',');
    this.#links(row);
    this.#uint('droppedLinksCount', spanFields.droppedLinksCount, row, ',');
    writer.raw(',"status":{');
    const open = this.#string('message', fragment.statusMessage, row, '');
    const status = fragment.status[row]!;
    if (status !== 0) writer.raw(`${open}"code":"${statusNames[status] ?? status}"`);
    writer.raw('}}');
  }

  #events(row: number): void {
    const { fragment, firstSpan, eventStart, eventFields } = this.#rows;
    if (eventStart === undefined) return;
    const first = eventStart[row - firstSpan]!;
    const end = eventStart[row - firstSpan + 1]!;
    if (first === end) return;
    const writer = this.#writer;
    writer.raw(',"events":[');
    for (let event = first; event < end; event++) {
      writer.raw(event === first ? '{"timeUnixNano":"' : ',{"timeUnixNano":"');
      writer.raw(fragment.eventUnixNano(event).toString());
      writer.raw('"');
      this.#string('name', fragment.eventName, event, ',');
      this.#attributes(this.#eventAttributes, eventFields.duplicateAttributes, event, ',');
      this.#uint('droppedAttributesCount', eventFields.droppedAttributesCount, event, ',');
      writer.raw('}');
    }
    writer.raw(']');
  }

  #links(row: number): void {
    const { fragment, firstSpan, linkStart, linkFields } = this.#rows;
    if (linkStart === undefined) return;
    const first = linkStart[row - firstSpan]!;
    const end = linkStart[row - firstSpan + 1]!;
    if (first === end) return;
    const writer = this.#writer;
    writer.raw(',"links":[');
    for (let link = first; link < end; link++) {
      writer.raw(link === first ? '{"traceId":' : ',{"traceId":');
      writer.base64(fragment.linkTraceId, link * 16, link * 16 + 16);
      writer.raw(',"spanId":');
      writer.base64(fragment.linkSpanId, link * 8, link * 8 + 8);
      this.#string('traceState', linkFields.traceState, link, ',');
      this.#attributes(this.#linkAttributes, linkFields.duplicateAttributes, link, ',');
      this.#uint('droppedAttributesCount', linkFields.droppedAttributesCount, link, ',');
      this.#uint('flags', linkFields.flags, link, ',');
      writer.raw('}');
    }
    writer.raw(']');
  }

  #time(head: string, nanoSinceBase: number, row: number, exact: 'startUnixNano' | 'endUnixNano'): void {
    const writer = this.#writer;
    if (Math.abs(nanoSinceBase) > EXACT_NANO_MAX) {
      this.#exactTime(head, this.#rows.fragment[exact](row));
      return;
    }
    writer.raw(head);
    writer.unixNano(this.#baseSeconds, this.#baseNano + nanoSinceBase);
  }

  #exactTime(head: string, unixNano: bigint): void {
    this.#writer.raw(head);
    this.#writer.int64(unixNano);
  }

  /** `"attributes":[…]` unless empty. `open` separates it from the member before; returns that for the next member. */
  #attributes(columns: readonly AttributeJson[], duplicates: Column | undefined, row: number, open: string): string {
    const writer = this.#writer;
    let count = 0;
    for (let i = 0; i < columns.length; i++) {
      const column = columns[i]!;
      const code = column.codes[row]!;
      if (code === 0) continue;
      if (count++ === 0) this.#openAttributes(open);
      else writer.comma();
      column.write(writer, code);
    }
    const duplicateCode = duplicates?.codes[row] ?? 0;
    if (duplicateCode !== 0) {
      for (const keyValue of keyValuesOf(duplicates!.dictionary.bytes(duplicateCode - 1))) {
        if (count++ === 0) this.#openAttributes(open);
        else writer.comma();
        writeKeyValue(writer, keyValue);
      }
    }
    if (count === 0) return open;
    writer.raw(']');
    return ',';
  }

  #openAttributes(open: string): void {
    this.#writer.raw(open);
    this.#writer.raw('"attributes":[');
  }

  /** A string member unless empty. Returns the separator for the next member. */
  #string(name: string, column: Column | undefined, row: number, open: string): string {
    const code = column?.codes[row] ?? 0;
    if (code === 0) return open;
    const value = column!.dictionary.bytes(code - 1);
    if (value.length === 0) return open;
    this.#writer.raw(`${open}"${name}":`);
    this.#writer.stringBytes(value);
    return ',';
  }

  /** A uint32 member unless 0. */
  #uint(name: string, column: Column | undefined, row: number, open: string): string {
    const code = column?.codes[row] ?? 0;
    if (code === 0) return open;
    const value = BigInt.asUintN(32, column!.dictionary.ints()[code - 1]!);
    if (value === 0n) return open;
    this.#writer.raw(`${open}"${name}":${value}`);
    return ',';
  }
}

/** EntityRef: schema_url 1, type 2, id_keys 3, description_keys 4. */
function writeEntityRef(writer: JsonWriter, ref: Uint8Array): void {
  const names = ['', 'schemaUrl', 'type', 'idKeys', 'descriptionKeys'];
  const values: Uint8Array[][] = [[], [], [], [], []];
  const reader = new ProtoReader(ref);
  while (reader.next()) {
    if (reader.field <= 4) values[reader.field]!.push(reader.bytes());
    else reader.skip();
  }
  let open = '{';
  for (let field = 1; field <= 4; field++) {
    const list = values[field]!;
    if (list.length === 0) continue;
    writer.raw(`${open}"${names[field]}":${field > 2 ? '[' : ''}`);
    for (const [index, value] of (field > 2 ? list : list.slice(-1)).entries()) {
      if (index > 0) writer.raw(',');
      writer.stringBytes(value);
    }
    if (field > 2) writer.raw(']');
    open = ',';
  }
  writer.raw(open === '{' ? '{}' : '}');
}

export function isZero(bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (bytes[i] !== 0) return false;
  return true;
}
