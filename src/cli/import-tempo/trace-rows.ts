/**
 * Rows of Tempo's `data.parquet` (vParquet4 and vParquet5), one a trace, as spans. Only what was sent is read: numbers of
 * nested sets, statistics and rounded times are made again by whoever needs them.
 *
 *   trace ── TraceID, rs ── Resource ── ServiceName, Attrs, DedicatedAttributes …
 *                       └── ss ── Scope, Spans ── SpanID, …, Attrs, DedicatedAttributes, Events, Links
 *   Attr ── Key, IsArray, one of Value, ValueInt, ValueDouble, ValueBool (lists), or ValueUnsupported: AnyValue as JSON
 *
 * vParquet5 has lists where vParquet4 has single dedicated values, and no columns for well-known keys; a column that a file
 * does not have is undefined here, so one reader does for both.
 */
import type { AnyValueJson } from '../../api/contract/index.ts';
import type { AnyValue, KeyValue } from '../../model/any-value.ts';
import {
  type PlainEvent,
  type PlainLink,
  type PlainResource,
  type PlainScope,
  type PlainSpan,
  plainResource,
  plainScope,
} from '../../model/plain-span.ts';
import { readAnyValue } from '../trace/read-trace.ts';
import type { DedicatedColumn } from './tempo-block.ts';

type Bytes = Uint8Array;
type List<Item> = readonly Item[] | null | undefined;

export interface AttributeRow {
  readonly Key: string;
  readonly IsArray?: boolean;
  readonly Value?: List<string>;
  readonly ValueInt?: List<bigint>;
  readonly ValueDouble?: List<number>;
  readonly ValueBool?: List<boolean>;
  readonly ValueUnsupported?: string | null;
}

/** A value, in vParquet5 a list of them. */
type Dedicated = string | bigint | readonly (string | bigint)[] | null | undefined;
type DedicatedRow = Readonly<Record<string, Dedicated>>;

interface WithAttributes {
  readonly Attrs?: List<AttributeRow>;
  readonly DroppedAttributesCount?: number;
  readonly DedicatedAttributes?: DedicatedRow | null;
}

interface EventRow extends WithAttributes {
  readonly TimeSinceStartNano: bigint;
  readonly Name: string;
}

interface LinkRow extends WithAttributes {
  readonly TraceID: Bytes;
  readonly SpanID: Bytes;
  readonly TraceState: string;
}

interface SpanRow extends WithAttributes {
  readonly SpanID: Bytes;
  readonly ParentSpanID: Bytes;
  readonly Name: string;
  readonly Kind: bigint;
  readonly TraceState: string;
  readonly StartTimeUnixNano: bigint;
  readonly DurationNano: bigint;
  readonly StatusCode: bigint;
  readonly StatusMessage: string;
  readonly Events?: List<EventRow>;
  readonly DroppedEventsCount?: number;
  readonly Links?: List<LinkRow>;
  readonly DroppedLinksCount?: number;
  readonly HttpMethod?: string | null;
  readonly HttpUrl?: string | null;
  readonly HttpStatusCode?: bigint | null;
}

type ResourceRow = WithAttributes & Readonly<Partial<Record<WellKnownColumn, string | null>>>;

interface ScopeRow extends WithAttributes {
  readonly Name: string;
  readonly Version: string;
}

export interface TraceRow {
  readonly TraceID: Bytes;
  readonly rs?: List<{
    readonly Resource: ResourceRow;
    readonly ss?: List<{ readonly Scope: ScopeRow; readonly Spans?: List<SpanRow> }>;
  }>;
}

/** Columns of the file that hold what is read. */
export const traceColumns = ['TraceID', 'rs'];

const wellKnown = {
  ServiceName: 'service.name',
  Cluster: 'cluster',
  Namespace: 'namespace',
  Pod: 'pod',
  Container: 'container',
  K8sClusterName: 'k8s.cluster.name',
  K8sNamespaceName: 'k8s.namespace.name',
  K8sPodName: 'k8s.pod.name',
  K8sContainerName: 'k8s.container.name',
} as const;
type WellKnownColumn = keyof typeof wellKnown;
const wellKnownColumns = Object.entries(wellKnown) as [WellKnownColumn, string][];

/** Spans of one row; `refused` counts those whose ids are no ids, which could not be asked for here either. */
export class TraceReader {
  readonly #columns: Readonly<Record<DedicatedColumn['scope'], readonly (readonly [column: string, key: string])[]>>;
  refused = 0;

  constructor(dedicated: readonly DedicatedColumn[]) {
    const of = (scope: DedicatedColumn['scope']) =>
      dedicated
        .filter((column) => column.scope === scope)
        .map(
          ({ type, number, key }) =>
            [(type === 'int' ? 'Int' : 'String') + String(number).padStart(2, '0'), key] as const,
        );
    this.#columns = { resource: of('resource'), span: of('span'), event: of('event') };
  }

  *spans(row: TraceRow): Generator<PlainSpan> {
    const traceId = idOf(row.TraceID, 16);
    for (const { Resource, ss } of row.rs ?? []) {
      const resource = this.#resource(Resource);
      for (const { Scope, Spans } of ss ?? []) {
        const scope = this.#scope(Scope);
        for (const span of Spans ?? []) {
          const spanId = idOf(span.SpanID, 8);
          if (traceId === undefined || spanId === undefined) this.refused++;
          else yield this.#span(span, { traceId, spanId, resource, scope });
        }
      }
    }
  }

  #resource(row: ResourceRow): PlainResource {
    const known = wellKnownColumns.flatMap(([column, key]): KeyValue[] => {
      const value = row[column];
      // A resource without a service has an empty text here.
      return value === null || value === undefined || (value === '' && column === 'ServiceName')
        ? []
        : [text(key, value)];
    });
    return plainResource({
      attributes: [...known, ...this.#attributes(row, 'resource')],
      droppedAttributesCount: row.DroppedAttributesCount ?? 0,
    });
  }

  #scope(row: ScopeRow): PlainScope {
    return plainScope({
      name: row.Name,
      version: row.Version,
      attributes: this.#attributes(row),
      droppedAttributesCount: row.DroppedAttributesCount ?? 0,
    });
  }

  #span(row: SpanRow, rest: Pick<PlainSpan, 'traceId' | 'spanId' | 'resource' | 'scope'>): PlainSpan {
    const known: KeyValue[] = [];
    if (row.HttpMethod != null) known.push(text('http.method', row.HttpMethod));
    if (row.HttpUrl != null) known.push(text('http.url', row.HttpUrl));
    if (row.HttpStatusCode != null)
      known.push({ key: 'http.status_code', value: { type: 'int', value: row.HttpStatusCode } });
    const startTimeUnixNano = BigInt.asUintN(64, row.StartTimeUnixNano);
    return {
      ...rest,
      parentSpanId: idOf(row.ParentSpanID, 8) ?? '',
      traceState: row.TraceState,
      flags: 0,
      name: row.Name,
      kind: Number(row.Kind),
      startTimeUnixNano,
      endTimeUnixNano: BigInt.asUintN(64, startTimeUnixNano + row.DurationNano),
      attributes: [...known, ...this.#attributes(row, 'span')],
      droppedAttributesCount: row.DroppedAttributesCount ?? 0,
      events: (row.Events ?? []).map((event) => this.#event(event, startTimeUnixNano)),
      droppedEventsCount: row.DroppedEventsCount ?? 0,
      links: (row.Links ?? []).map((link) => this.#link(link)),
      droppedLinksCount: row.DroppedLinksCount ?? 0,
      statusCode: Number(row.StatusCode),
      statusMessage: row.StatusMessage,
    };
  }

  #event(row: EventRow, spanStartUnixNano: bigint): PlainEvent {
    return {
      timeUnixNano: BigInt.asUintN(64, spanStartUnixNano + row.TimeSinceStartNano),
      name: row.Name,
      attributes: this.#attributes(row, 'event'),
      droppedAttributesCount: row.DroppedAttributesCount ?? 0,
    };
  }

  #link(row: LinkRow): PlainLink {
    return {
      traceId: idOf(row.TraceID, 16) ?? '0'.repeat(32),
      spanId: idOf(row.SpanID, 8) ?? '0'.repeat(16),
      traceState: row.TraceState,
      flags: 0,
      attributes: this.#attributes(row),
      droppedAttributesCount: row.DroppedAttributesCount ?? 0,
    };
  }

  #attributes(row: WithAttributes, scope?: DedicatedColumn['scope']): KeyValue[] {
    const attributes: KeyValue[] = [];
    for (const [column, key] of scope === undefined ? [] : this.#columns[scope]) {
      const value = dedicatedValue(row.DedicatedAttributes?.[column]);
      if (value !== undefined) attributes.push({ key, value });
    }
    for (const attribute of row.Attrs ?? []) {
      const value = attributeValue(attribute);
      if (value !== undefined) attributes.push({ key: attribute.Key, value });
    }
    return attributes;
  }
}

const text = (key: string, value: string): KeyValue => ({ key, value: { type: 'string', value } });

function dedicatedValue(value: Dedicated): AnyValue | undefined {
  if (value === null || value === undefined) return undefined;
  if (typeof value === 'string') return { type: 'string', value };
  if (typeof value === 'bigint') return { type: 'int', value };
  // One value is that value: what was a list of one does not show.
  const values = value.flatMap((item) => dedicatedValue(item) ?? []);
  return values.length > 1 ? { type: 'array', value: values } : values[0];
}

function attributeValue(row: AttributeRow): AnyValue | undefined {
  const values: AnyValue[] = [
    ...(row.Value ?? []).map((value): AnyValue => ({ type: 'string', value })),
    ...(row.ValueInt ?? []).map((value): AnyValue => ({ type: 'int', value })),
    ...(row.ValueDouble ?? []).map((value): AnyValue => ({ type: 'double', value })),
    ...(row.ValueBool ?? []).map((value): AnyValue => ({ type: 'bool', value })),
  ];
  // The first files of vParquet4 do not say which values are lists.
  if (row.IsArray === true || values.length > 1) return { type: 'array', value: values };
  if (values.length > 0 || row.ValueUnsupported === null || row.ValueUnsupported === undefined) return values[0];
  return readAnyValue(JSON.parse(row.ValueUnsupported) as AnyValueJson);
}

/** Hex; undefined for what is no id: another length, or nothing but zeros. Trace ids may lack zeros at the beginning. */
function idOf(bytes: Bytes, length: 8 | 16): string | undefined {
  const isShortTraceId = length === 16 && bytes.length > 0 && bytes.length < 16;
  if ((bytes.length !== length && !isShortTraceId) || bytes.every((byte) => byte === 0)) return undefined;
  return Buffer.from(bytes)
    .toString('hex')
    .padStart(length * 2, '0');
}
