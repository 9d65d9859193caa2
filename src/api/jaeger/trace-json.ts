/**
 * A trace in the JSON of Jaeger's UI and HTTP API, straight from columns and in pieces. OTLP becomes Jaeger as
 * https://opentelemetry.io/docs/specs/otel/trace/sdk_exporters/jaeger/ says:
 *
 *   resource            → process (service.name apart), named p1, p2, … and pointed to by its spans
 *   scope, kind, status → tags of the span: otel.scope.name, span.kind, otel.status_code, error, …
 *   parent, links       → references: CHILD_OF, FOLLOWS_FROM
 *   event               → log, whose field `event` is its name
 *
 * Times are microseconds. Arrays, maps and bytes become text. Keys that a span has twice are shown once.
 */
import type { Column } from '../../traceql/storage.ts';
import { writePlainAnyValue } from '../encode/any-value-json.ts';
import { JsonWriter } from '../encode/json-writer.ts';
import { CHUNK_BYTES, isZero } from '../encode/trace-json.ts';
import type { ResourceGroup, TraceRows } from '../encode/trace-rows.ts';

/** What other translators from OTLP write for a resource without a name. */
const serviceMissing = 'OTLPResourceNoServiceName';

const kinds = ['', 'internal', 'server', 'client', 'producer', 'consumer'] as const;

/** One object `{"traceID":…,"spans":[…],"processes":{…},"warnings":null}`. `parts`: at least one. */
export function* jaegerTrace(parts: readonly TraceRows[]): Generator<Buffer> {
  const writer = new JsonWriter(4096);
  writer.raw('{"traceID":');
  writer.hex(parts[0]!.traceId);
  writer.raw(',"spans":[');
  let process = 0;
  let spans = 0;
  for (const rows of parts) {
    const trace = new JaegerSpans(rows, writer);
    for (const group of rows.groups) {
      process++;
      for (const scope of group.scopes) {
        const scopeTags = trace.scopeTags(scope.resourceRow);
        for (let i = 0; i < scope.rows.length; i++) {
          if (spans++ > 0) writer.comma();
          trace.span(scope.rows[i]!, scopeTags, process);
          if (writer.length >= CHUNK_BYTES) yield writer.take();
        }
      }
    }
  }
  writer.raw('],"processes":{');
  process = 0;
  for (const rows of parts) {
    for (const group of rows.groups) {
      if (process++ > 0) writer.comma();
      writer.raw(`"p${process}":`);
      writeProcess(writer, rows, group);
    }
  }
  writer.raw('},"warnings":null}');
  yield writer.finish();
}

function writeProcess(writer: JsonWriter, rows: TraceRows, { resourceRow }: ResourceGroup): void {
  const { attributes } = rows.resources;
  const isName = ({ key, type }: Column): boolean => key === 'service.name' && type === 'string';
  const name = attributes.find((column) => isName(column) && column.codes[resourceRow] !== 0);
  writer.raw('{"serviceName":');
  if (name === undefined) writer.string(serviceMissing);
  else writer.stringBytes(name.dictionary.bytes(name.codes[resourceRow]! - 1));
  writer.raw(',"tags":[');
  const tags = attributes.filter((column) => !isName(column)).map((column) => new TagColumn(column));
  writeTags(writer, tags, resourceRow, 0);
  writer.raw(']}');
}

/** Writes `{"key":…,"type":…,"value":…}` for the rows that have a value. */
class TagColumn {
  readonly column: Column;
  readonly #head: Uint8Array;

  constructor(column: Column) {
    this.column = column;
    const writer = new JsonWriter(64);
    writer.raw('{"key":');
    writer.string(column.key);
    writer.raw(`,"type":"${tagTypes[column.type]}","value":`);
    this.#head = writer.finish();
  }

  write(writer: JsonWriter, code: number): void {
    const { type, dictionary } = this.column;
    writer.rawBytes(this.#head);
    switch (type) {
      case 'string':
        writer.stringBytes(dictionary.bytes(code - 1));
        break;
      case 'int': {
        const value = dictionary.ints()[code - 1]!;
        // Beyond 2^53 most readers would lose digits.
        if (BigInt.asIntN(54, value) === value) writer.integer(Number(value));
        else writer.int64(value);
        break;
      }
      case 'double':
        writer.double(dictionary.numbers()[code - 1]!);
        break;
      case 'bool':
        writer.raw(dictionary.bools()[code - 1] === 0 ? 'false' : 'true');
        break;
      case 'any':
        writer.string(plainText(dictionary.bytes(code - 1)));
    }
    writer.raw('}');
  }
}

const tagTypes = { string: 'string', int: 'int64', double: 'float64', bool: 'bool', any: 'string' } as const;

function plainText(anyValue: Uint8Array): string {
  const writer = new JsonWriter(64);
  writePlainAnyValue(writer, anyValue);
  const json = writer.finish().toString();
  return json.startsWith('"') ? (JSON.parse(json) as string) : json;
}

/** Returns how many tags stand in the list now. */
function writeTags(writer: JsonWriter, tags: readonly TagColumn[], row: number, before: number): number {
  let count = before;
  for (let i = 0; i < tags.length; i++) {
    const code = tags[i]!.column.codes[row]!;
    if (code === 0) continue;
    if (count++ > 0) writer.comma();
    tags[i]!.write(writer, code);
  }
  return count;
}

class JaegerSpans {
  readonly #rows: TraceRows;
  readonly #writer: JsonWriter;
  readonly #tags: readonly TagColumn[];
  readonly #eventTags: readonly TagColumn[];
  readonly #baseMicros: number;
  readonly #baseNano: number;

  constructor(rows: TraceRows, writer: JsonWriter) {
    this.#rows = rows;
    this.#writer = writer;
    this.#tags = rows.spanAttributes.map((column) => new TagColumn(column));
    this.#eventTags = rows.eventAttributes.map((column) => new TagColumn(column));
    this.#baseMicros = Number(rows.fragment.baseUnixNano / 1000n);
    this.#baseNano = Number(rows.fragment.baseUnixNano % 1000n);
  }

  /** The tags that all spans of a scope have. */
  scopeTags(resourceRow: number): Uint8Array {
    const { scopeName, scopeVersion } = this.#rows.fragment;
    const writer = new JsonWriter(64);
    let count = writeText(writer, 'otel.scope.name', scopeName, resourceRow, 0);
    count = writeText(writer, 'otel.scope.version', scopeVersion, resourceRow, count);
    return writer.finish();
  }

  span(row: number, scopeTags: Uint8Array, process: number): void {
    const writer = this.#writer;
    const { fragment, traceId } = this.#rows;
    writer.raw('{"traceID":');
    writer.hex(traceId);
    writer.raw(',"spanID":');
    writer.hex(fragment.spanId, row * 8, row * 8 + 8);
    writer.raw(',"operationName":');
    const name = fragment.name.codes[row]!;
    if (name === 0) writer.raw('""');
    else writer.stringBytes(fragment.name.dictionary.bytes(name - 1));
    this.#references(row);
    writer.raw(',"startTime":');
    writer.integer(this.#baseMicros + Math.floor((fragment.start[row]! + this.#baseNano) / 1000));
    writer.raw(',"duration":');
    writer.integer(Math.floor(fragment.duration[row]! / 1000));
    writer.raw(',"tags":[');
    writer.rawBytes(scopeTags);
    this.#fieldTags(row, writeTags(writer, this.#tags, row, scopeTags.length));
    writer.raw('],"logs":[');
    this.#logs(row);
    writer.raw(`],"processID":"p${process}","warnings":null}`);
  }

  #references(row: number): void {
    const writer = this.#writer;
    const { fragment, traceId, firstSpan, linkStart } = this.#rows;
    const open = ['{"refType":"CHILD_OF","traceID":', '{"refType":"FOLLOWS_FROM","traceID":'] as const;
    let count = 0;
    writer.raw(',"references":[');
    if (!isZero(fragment.parentSpanId, row * 8, row * 8 + 8)) {
      count++;
      writer.raw(open[0]);
      writer.hex(traceId);
      writer.raw(',"spanID":');
      writer.hex(fragment.parentSpanId, row * 8, row * 8 + 8);
      writer.raw('}');
    }
    const end = linkStart?.[row - firstSpan + 1] ?? 0;
    for (let link = linkStart?.[row - firstSpan] ?? 0; link < end; link++) {
      if (count++ > 0) writer.comma();
      writer.raw(open[1]);
      writer.hex(fragment.linkTraceId, link * 16, link * 16 + 16);
      writer.raw(',"spanID":');
      writer.hex(fragment.linkSpanId, link * 8, link * 8 + 8);
      writer.raw('}');
    }
    writer.raw(']');
  }

  /** Fields of OTLP that Jaeger has no other place for. `before`: not 0 when tags stand in the list. */
  #fieldTags(row: number, before: number): void {
    const writer = this.#writer;
    const { fragment, spanFields } = this.#rows;
    let count = before;
    const kind = kinds[fragment.kind[row]!];
    if (kind) writer.raw(`${count++ > 0 ? ',' : ''}{"key":"span.kind","type":"string","value":"${kind}"}`);
    const status = fragment.status[row]!;
    if (status === 2) writer.raw(`${count++ > 0 ? ',' : ''}{"key":"error","type":"bool","value":true}`);
    if (status !== 0)
      writer.raw(
        `${count++ > 0 ? ',' : ''}{"key":"otel.status_code","type":"string","value":"${status === 2 ? 'ERROR' : 'OK'}"}`,
      );
    count = writeText(writer, 'otel.status_description', fragment.statusMessage, row, count);
    writeText(writer, 'w3c.tracestate', spanFields.traceState, row, count);
  }

  #logs(row: number): void {
    const { fragment, firstSpan, eventStart } = this.#rows;
    if (eventStart === undefined) return;
    const writer = this.#writer;
    const first = eventStart[row - firstSpan]!;
    const end = eventStart[row - firstSpan + 1]!;
    for (let event = first; event < end; event++) {
      writer.raw(event === first ? '{"timestamp":' : ',{"timestamp":');
      writer.integer(Number(fragment.eventUnixNano(event) / 1000n));
      writer.raw(',"fields":[');
      const count = writeText(writer, 'event', fragment.eventName, event, 0);
      writeTags(writer, this.#eventTags, event, count);
      writer.raw(']}');
    }
  }
}

/** A tag with the value of a string column, unless it has none. Returns how many tags stand in the list now. */
function writeText(writer: JsonWriter, key: string, column: Column | undefined, row: number, before: number): number {
  const code = column?.codes[row] ?? 0;
  const value = code === 0 ? undefined : column!.dictionary.bytes(code - 1);
  if (value === undefined || value.length === 0) return before;
  writer.raw(`${before > 0 ? ',' : ''}{"key":"${key}","type":"string","value":`);
  writer.stringBytes(value);
  writer.raw('}');
  return before + 1;
}
