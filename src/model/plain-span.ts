/**
 * Spans as plain objects with everything OTLP says about them: for tests, oracles, the demo and the verifier, where one
 * object a span is fine. Browser-safe.
 */
import { assert } from '../base/assert.ts';
import { ProtoReader } from '../base/protobuf.ts';
import { type AnyValue, decodeAnyValue, type KeyValue } from './any-value.ts';
import type { FieldKeys, SpanTableData } from './span-table.ts';

export interface PlainSpan {
  /** 32 hex digits. */
  readonly traceId: string;
  /** 16 hex digits. */
  readonly spanId: string;
  /** 16 hex digits, or empty. */
  readonly parentSpanId: string;
  readonly traceState: string;
  readonly flags: number;
  readonly name: string;
  /** OTLP numbers, 0 to 5. */
  readonly kind: number;
  readonly startTimeUnixNano: bigint;
  readonly endTimeUnixNano: bigint;
  /** Duplicates of a key and type stand behind all others. */
  readonly attributes: readonly KeyValue[];
  readonly droppedAttributesCount: number;
  readonly events: readonly PlainEvent[];
  readonly droppedEventsCount: number;
  readonly links: readonly PlainLink[];
  readonly droppedLinksCount: number;
  /** OTLP numbers, 0 to 2. */
  readonly statusCode: number;
  readonly statusMessage: string;
  readonly resource: PlainResource;
  readonly scope: PlainScope;
}

export interface PlainEvent {
  readonly timeUnixNano: bigint;
  readonly name: string;
  readonly attributes: readonly KeyValue[];
  readonly droppedAttributesCount: number;
}

export interface PlainLink {
  /** 32 hex digits; zeros when it was missing. */
  readonly traceId: string;
  /** 16 hex digits; zeros when it was missing. */
  readonly spanId: string;
  readonly traceState: string;
  readonly flags: number;
  readonly attributes: readonly KeyValue[];
  readonly droppedAttributesCount: number;
}

export interface PlainResource {
  readonly attributes: readonly KeyValue[];
  readonly droppedAttributesCount: number;
  readonly entityRefs: readonly PlainEntityRef[];
  readonly schemaUrl: string;
}

export interface PlainEntityRef {
  readonly schemaUrl: string;
  readonly type: string;
  readonly idKeys: readonly string[];
  readonly descriptionKeys: readonly string[];
}

export interface PlainScope {
  readonly name: string;
  readonly version: string;
  readonly attributes: readonly KeyValue[];
  readonly droppedAttributesCount: number;
  readonly schemaUrl: string;
}

const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });

/** A span with defaults for all that is not given. */
export function plainSpan(given: Partial<PlainSpan> & Pick<PlainSpan, 'traceId' | 'spanId'>): PlainSpan {
  return {
    parentSpanId: '',
    traceState: '',
    flags: 0,
    name: '',
    kind: 0,
    startTimeUnixNano: 0n,
    endTimeUnixNano: 0n,
    attributes: [],
    droppedAttributesCount: 0,
    events: [],
    droppedEventsCount: 0,
    links: [],
    droppedLinksCount: 0,
    statusCode: 0,
    statusMessage: '',
    resource: plainResource(),
    scope: plainScope(),
    ...given,
  };
}

export function plainResource(given: Partial<PlainResource> = {}): PlainResource {
  return { attributes: [], droppedAttributesCount: 0, entityRefs: [], schemaUrl: '', ...given };
}

export function plainScope(given: Partial<PlainScope> = {}): PlainScope {
  return { name: '', version: '', attributes: [], droppedAttributesCount: 0, schemaUrl: '', ...given };
}

/** All spans of a table in its order. Spans of one resource row share their `resource` and `scope` objects. */
export function tableToSpans(table: SpanTableData): PlainSpan[] {
  const reader = new TableReader(table);
  const resources: { resource: PlainResource; scope: PlainScope }[] = [];
  for (let row = 0; row < table.resourceCount; row++) resources.push(reader.resource(row));
  const spans: PlainSpan[] = [];
  for (let row = 0; row < table.spanCount; row++) {
    const { resource, scope } = resources[table.resource[row]!]!;
    spans.push(reader.span(row, resource, scope));
  }
  return spans;
}

/** A run of value ids, taken apart: attributes of an attribute scope, and fields by name. */
interface Values {
  readonly attributes: KeyValue[];
  readonly fields: Map<string, AnyValue>;
  /** Attributes of the instrumentation scope, when the run is a resource row. */
  readonly scopeAttributes: KeyValue[];
}

class TableReader {
  readonly #table: SpanTableData;

  constructor(table: SpanTableData) {
    this.#table = table;
  }

  span(row: number, resource: PlainResource, scope: PlainScope): PlainSpan {
    const t = this.#table;
    const { attributes, fields } = this.#values(t.attrs, start(t.attrEnd, row), t.attrEnd[row]!);
    const field = new Fields<keyof typeof FieldKeys.spanField>(fields);
    const events: PlainEvent[] = [];
    for (let e = start(t.eventEnd, row); e < t.eventEnd[row]!; e++) events.push(this.#event(e));
    const links: PlainLink[] = [];
    for (let l = start(t.linkEnd, row); l < t.linkEnd[row]!; l++) links.push(this.#link(l));
    const parentSpanId = wordsHex(t.parentId, row * 2, 2);
    return {
      traceId: wordsHex(t.traceIds, t.trace[row]! * 4, 4),
      spanId: wordsHex(t.spanId, row * 2, 2),
      parentSpanId: /^0+$/.test(parentSpanId) ? '' : parentSpanId,
      traceState: field.text('traceState'),
      flags: field.count('flags'),
      name: this.#text(t.name[row]!),
      kind: t.kindStatus[row]! & 15,
      startTimeUnixNano: word64(t.start, row),
      endTimeUnixNano: word64(t.end, row),
      attributes: [...attributes, ...field.list('duplicateAttributes')],
      droppedAttributesCount: field.count('droppedAttributesCount'),
      events,
      droppedEventsCount: field.count('droppedEventsCount'),
      links,
      droppedLinksCount: field.count('droppedLinksCount'),
      statusCode: t.kindStatus[row]! >> 4,
      statusMessage: field.text('statusMessage'),
      resource,
      scope,
    };
  }

  resource(row: number): { resource: PlainResource; scope: PlainScope } {
    const t = this.#table;
    const values = this.#values(t.resourceAttrs, start(t.resourceAttrEnd, row), t.resourceAttrEnd[row]!);
    const field = new Fields<keyof typeof FieldKeys.resourceField>(values.fields);
    const refs = values.fields.get('entityRefs');
    const entityRefs = refs?.type === 'array' ? refs.value.map((ref) => decodeEntityRef(ref)) : [];
    return {
      resource: {
        attributes: [...values.attributes, ...field.list('resourceDuplicateAttributes')],
        droppedAttributesCount: field.count('resourceDroppedAttributesCount'),
        entityRefs,
        schemaUrl: field.text('resourceSchemaUrl'),
      },
      scope: {
        name: field.text('scopeName'),
        version: field.text('scopeVersion'),
        attributes: [...values.scopeAttributes, ...field.list('scopeDuplicateAttributes')],
        droppedAttributesCount: field.count('scopeDroppedAttributesCount'),
        schemaUrl: field.text('scopeSchemaUrl'),
      },
    };
  }

  #event(row: number): PlainEvent {
    const t = this.#table;
    const { attributes, fields } = this.#values(t.eventAttrs, start(t.eventAttrEnd, row), t.eventAttrEnd[row]!);
    const field = new Fields<keyof typeof FieldKeys.eventField>(fields);
    return {
      timeUnixNano: word64(t.eventTime, row),
      name: this.#text(t.eventName[row]!),
      attributes: [...attributes, ...field.list('duplicateAttributes')],
      droppedAttributesCount: field.count('droppedAttributesCount'),
    };
  }

  #link(row: number): PlainLink {
    const t = this.#table;
    const { attributes, fields } = this.#values(t.linkAttrs, start(t.linkAttrEnd, row), t.linkAttrEnd[row]!);
    const field = new Fields<keyof typeof FieldKeys.linkField>(fields);
    return {
      traceId: wordsHex(t.linkTraceId, row * 4, 4),
      spanId: wordsHex(t.linkSpanId, row * 2, 2),
      traceState: field.text('traceState'),
      flags: field.count('flags'),
      attributes: [...attributes, ...field.list('duplicateAttributes')],
      droppedAttributesCount: field.count('droppedAttributesCount'),
    };
  }

  #values(ids: Uint32Array, from: number, to: number): Values {
    const attributes: KeyValue[] = [];
    const scopeAttributes: KeyValue[] = [];
    const fields = new Map<string, AnyValue>();
    for (let i = from; i < to; i++) {
      const column = this.#table.columns[this.#table.valueColumn[ids[i]!]!]!;
      const value = this.#value(ids[i]!);
      if (column.scope === 'instrumentation') scopeAttributes.push({ key: column.key, value });
      else if (column.scope.endsWith('Field')) fields.set(column.key, value);
      else attributes.push({ key: column.key, value });
    }
    return { attributes, scopeAttributes, fields };
  }

  #value(id: number): AnyValue {
    const t = this.#table;
    const { type } = t.columns[t.valueColumn[id]!]!;
    const bytes = this.#bytes(id);
    const view = new DataView(bytes.buffer);
    switch (type) {
      case 'string':
        return { type, value: utf8.decode(bytes) };
      case 'int':
        return { type, value: view.getBigInt64(0, true) };
      case 'double':
        return { type, value: view.getFloat64(0, true) };
      case 'bool':
        return { type, value: bytes[0] === 1 };
      case 'any':
        return decodeAnyValue(bytes);
    }
  }

  #text(id: number): string {
    return utf8.decode(this.#bytes(id));
  }

  /** A copy that is not shared memory. */
  #bytes(id: number): Uint8Array<ArrayBuffer> {
    const t = this.#table;
    const at = t.valueOffset[id]!;
    return new Uint8Array(t.arena.subarray(at, at + t.valueLength[id]!));
  }
}

/** Fields of a row by name, with the default where there is none. */
class Fields<Name extends string> {
  readonly #values: ReadonlyMap<string, AnyValue>;

  constructor(values: ReadonlyMap<string, AnyValue>) {
    this.#values = values;
  }

  text(name: Name): string {
    const value = this.#values.get(name);
    if (value === undefined) return '';
    assert(value.type === 'string', `${name} is a string`);
    return value.value;
  }

  count(name: Name): number {
    const value = this.#values.get(name);
    if (value === undefined) return 0;
    assert(value.type === 'int', `${name} is an int`);
    return Number(value.value);
  }

  list(name: Name): readonly KeyValue[] {
    const value = this.#values.get(name);
    if (value === undefined) return [];
    assert(value.type === 'kvlist', `${name} is a kvlist`);
    return value.value;
  }
}

function decodeEntityRef(value: AnyValue): PlainEntityRef {
  assert(value.type === 'bytes', 'an entity ref is kept as bytes');
  const reader = new ProtoReader(value.value);
  let schemaUrl = '';
  let type = '';
  const idKeys: string[] = [];
  const descriptionKeys: string[] = [];
  while (reader.next()) {
    if (reader.field === 1) schemaUrl = reader.string();
    else if (reader.field === 2) type = reader.string();
    else if (reader.field === 3) idKeys.push(reader.string());
    else if (reader.field === 4) descriptionKeys.push(reader.string());
    else reader.skip();
  }
  return { schemaUrl, type, idKeys, descriptionKeys };
}

const start = (ends: Uint32Array, row: number): number => (row === 0 ? 0 : ends[row - 1]!);

const word64 = (words: Uint32Array, row: number): bigint =>
  (BigInt(words[row * 2 + 1]!) << 32n) | BigInt(words[row * 2]!);

/** The bytes of words as they are in memory (little-endian). */
function wordsHex(words: Uint32Array, from: number, count: number): string {
  let hex = '';
  for (let i = from; i < from + count; i++)
    for (let shift = 0; shift < 32; shift += 8) hex += ((words[i]! >>> shift) & 255).toString(16).padStart(2, '0');
  return hex;
}
