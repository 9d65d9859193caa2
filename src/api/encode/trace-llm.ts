/**
 * A trace as compact JSON for language models (`Accept: application/vnd.grafana.llm`): hex ids, attributes as flat
 * objects sorted by key, durations in ms. A trace is one object per service.
 */

import { kindNames, statusNames } from '../../model/otlp-names.ts';
import type { Column } from '../../traceql/storage.ts';
import { writePlainAnyValue } from './any-value-json.ts';
import { JsonWriter } from './json-writer.ts';
import { CHUNK_BYTES, isZero } from './trace-json.ts';
import type { ResourceGroup, ScopeGroup, TraceRows } from './trace-rows.ts';

/** `{"traceId":…,"services":[…]}` */
export function* traceLlm(parts: readonly TraceRows[]): Generator<Buffer> {
  const writer = new JsonWriter(4096);
  writer.raw('{"traceId":');
  writer.hex(parts[0]!.traceId);
  writer.raw(',"services":[');
  let services = 0;
  for (const rows of parts) {
    for (const group of rows.groups) {
      if (services++ > 0) writer.raw(',');
      openService(writer, rows, group);
      for (const [index, scope] of group.scopes.entries()) {
        if (index > 0) writer.raw(',');
        openScope(writer, rows, scope);
        for (let i = 0; i < scope.rows.length; i++) {
          if (i > 0) writer.raw(',');
          writeSpan(writer, rows, scope.rows[i]!);
          if (writer.length >= CHUNK_BYTES) yield writer.take();
        }
        writer.raw(']}');
      }
      writer.raw(']}');
    }
  }
  writer.raw(']}');
  yield writer.finish();
}

function openService(writer: JsonWriter, rows: TraceRows, group: ResourceGroup): void {
  const { attributes } = rows.resources;
  const isName = (column: Column): boolean => column.key === 'service.name' && column.type === 'string';
  let open = writeString(writer, '{', 'serviceName', attributes.find(isName), group.resourceRow);
  const others = attributes.filter((column) => !isName(column));
  open = writeFlat(writer, open, 'resource', others, group.resourceRow);
  writer.raw(`${open}"scopes":[`);
}

function openScope(writer: JsonWriter, rows: TraceRows, scope: ScopeGroup): void {
  let open = writeString(writer, '{', 'name', rows.fragment.scopeName, scope.resourceRow);
  open = writeString(writer, open, 'version', rows.fragment.scopeVersion, scope.resourceRow);
  writer.raw(`${open}"spans":[`);
}

function writeSpan(writer: JsonWriter, rows: TraceRows, row: number): void {
  const { fragment, firstSpan, eventStart, linkStart } = rows;
  writer.raw('{"spanId":');
  writer.hex(fragment.spanId, row * 8, row * 8 + 8);
  writeString(writer, ',', 'name', fragment.name, row);
  if (!isZero(fragment.parentSpanId, row * 8, row * 8 + 8)) {
    writer.raw(',"parentSpanId":');
    writer.hex(fragment.parentSpanId, row * 8, row * 8 + 8);
  }
  const kind = fragment.kind[row]!;
  if (kind !== 0) writer.raw(`,"kind":"${kindNames[kind] ?? kind}"`);
  writer.raw(',"startTimeUnixNano":');
  writer.int64(fragment.startUnixNano(row));
  writer.raw(',"endTimeUnixNano":');
  writer.int64(fragment.endUnixNano(row));
  writer.raw(',"durationMs":');
  writer.double(fragment.duration[row]! / 1e6);
  writeFlat(writer, ',', 'attributes', rows.spanAttributes, row);
  if (eventStart !== undefined)
    writeList(writer, 'events', eventStart, row - firstSpan, (event) => {
      const open = writeString(writer, '{', 'name', fragment.eventName, event);
      writer.raw(`${open}"timeUnixNano":"${fragment.eventUnixNano(event)}"`);
      writeFlat(writer, ',', 'attributes', rows.eventAttributes, event);
    });
  if (linkStart !== undefined)
    writeList(writer, 'links', linkStart, row - firstSpan, (link) => {
      writer.raw('{"traceId":');
      writer.hex(fragment.linkTraceId, link * 16, link * 16 + 16);
      writer.raw(',"spanId":');
      writer.hex(fragment.linkSpanId, link * 8, link * 8 + 8);
      writeFlat(writer, ',', 'attributes', rows.linkAttributes, link);
    });
  const status = fragment.status[row]!;
  if (status !== 0 || fragment.statusMessage.codes[row] !== 0) {
    writer.raw(`,"status":{"code":"${statusNames[status] ?? status}"`);
    writeString(writer, ',', 'message', fragment.statusMessage, row);
    writer.raw('}');
  }
  writer.raw('}');
}

function writeList(
  writer: JsonWriter,
  name: string,
  starts: Uint32Array,
  index: number,
  writeItem: (row: number) => void,
): void {
  const first = starts[index]!;
  const end = starts[index + 1]!;
  if (first === end) return;
  writer.raw(`,"${name}":[`);
  for (let row = first; row < end; row++) {
    if (row > first) writer.raw(',');
    writeItem(row);
    writer.raw('}');
  }
  writer.raw(']');
}

/** A member with an object of attributes unless there are none. Returns what goes before the next member. */
function writeFlat(writer: JsonWriter, open: string, name: string, columns: readonly Column[], row: number): string {
  let count = 0;
  for (const column of columns) {
    const code = column.codes[row]!;
    if (code === 0) continue;
    if (count++ === 0) writer.raw(`${open}"${name}":{`);
    else writer.comma();
    writer.string(column.key);
    writer.raw(':');
    writeValue(writer, column, code - 1);
  }
  if (count === 0) return open;
  writer.raw('}');
  return ',';
}

function writeValue(writer: JsonWriter, column: Column, index: number): void {
  const { type, dictionary } = column;
  switch (type) {
    case 'string':
      writer.stringBytes(dictionary.bytes(index));
      break;
    case 'int':
      writer.raw(dictionary.ints()[index]!.toString());
      break;
    case 'double':
      writer.double(dictionary.numbers()[index]!);
      break;
    case 'bool':
      writer.raw(dictionary.bools()[index] === 0 ? 'false' : 'true');
      break;
    case 'any':
      writePlainAnyValue(writer, dictionary.bytes(index));
  }
}

/** A string member unless empty. Returns what goes before the next member. */
function writeString(writer: JsonWriter, open: string, name: string, column: Column | undefined, row: number): string {
  const code = column?.codes[row] ?? 0;
  if (code === 0) return open;
  const value = column!.dictionary.bytes(code - 1);
  if (value.length === 0) return open;
  writer.raw(`${open}"${name}":`);
  writer.stringBytes(value);
  return ',';
}
