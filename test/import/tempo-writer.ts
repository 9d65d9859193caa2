/**
 * Blocks as Tempo stores them, written by another Parquet writer from the public schema: vParquet4 with lists of three
 * levels and single dedicated columns, vParquet5 (as of 3.0) with bare repeated fields and dedicated columns of many values.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parquetMetadata, type SchemaElement } from 'hyparquet';
import { ByteWriter, parquetWriteBuffer } from 'hyparquet-writer';
import { writeMetadata } from 'hyparquet-writer/src/metadata.js';

export type TempoVersion = 'vParquet4' | 'vParquet5';

type Repetition = NonNullable<SchemaElement['repetition_type']>;
type Node = readonly SchemaElement[];

const leaf = (name: string, rest: Partial<SchemaElement>, repetition: Repetition = 'REQUIRED'): Node => [
  { name, repetition_type: repetition, ...rest },
];
const text: Partial<SchemaElement> = { type: 'BYTE_ARRAY', converted_type: 'UTF8' };
const bytes: Partial<SchemaElement> = { type: 'BYTE_ARRAY' };
const int32: Partial<SchemaElement> = { type: 'INT32', converted_type: 'INT_32' };
const int64: Partial<SchemaElement> = { type: 'INT64', converted_type: 'INT_64' };
const uint64: Partial<SchemaElement> = { type: 'INT64', converted_type: 'UINT_64' };

const group = (name: string, children: readonly Node[], rest: Partial<SchemaElement> = {}): Node => [
  { name, repetition_type: 'REQUIRED', num_children: children.length, ...rest },
  ...children.flat(),
];

function schema(version: TempoVersion): SchemaElement[] {
  const five = version === 'vParquet5';
  const list = (name: string, children: readonly Node[]): Node =>
    group(name, [group('list', [group('element', children)], { repetition_type: 'REPEATED' })], {
      converted_type: 'LIST',
    });
  const values = (name: string, rest: Partial<SchemaElement>): Node =>
    group(name, [group('list', [leaf('element', rest)], { repetition_type: 'REPEATED' })], { converted_type: 'LIST' });
  const attributes = list('Attrs', [
    leaf('Key', text),
    leaf('IsArray', { type: 'BOOLEAN' }),
    values('Value', text),
    values('ValueInt', int64),
    values('ValueDouble', { type: 'DOUBLE' }),
    values('ValueBool', { type: 'BOOLEAN' }),
    leaf('ValueUnsupported', text, 'OPTIONAL'),
  ]);
  const dropped = (name = 'DroppedAttributesCount'): Node => leaf(name, int32);
  const spare = (name: string, rest: Partial<SchemaElement>): Node =>
    five ? values(name, rest) : leaf(name, rest, 'OPTIONAL');
  const dedicated = group('DedicatedAttributes', [
    ...Array.from({ length: five ? 20 : 10 }, (_, at) => spare(`String${String(at + 1).padStart(2, '0')}`, text)),
    ...(five ? Array.from({ length: 5 }, (_, at) => spare(`Int0${at + 1}`, int64)) : []),
  ]);
  const resource = group('Resource', [
    attributes,
    dropped(),
    leaf('ServiceName', text),
    ...(five ? [] : ['Cluster', 'K8sPodName'].map((name) => leaf(name, text, 'OPTIONAL'))),
    dedicated,
  ]);
  const event = [leaf('TimeSinceStartNano', uint64), leaf('Name', text), attributes, dropped()];
  const link = [leaf('TraceID', bytes), leaf('SpanID', bytes), leaf('TraceState', text), attributes, dropped()];
  const span = [
    leaf('SpanID', bytes),
    leaf('ParentSpanID', bytes),
    leaf('ParentID', int32),
    leaf('NestedSetLeft', int32),
    leaf('NestedSetRight', int32),
    leaf('Name', text),
    leaf('Kind', int64),
    leaf('TraceState', text),
    leaf('StartTimeUnixNano', uint64),
    leaf('DurationNano', uint64),
    leaf('StatusCode', int64),
    leaf('StatusMessage', text),
    attributes,
    dropped(),
    list('Events', five ? [...event, dedicated] : event),
    dropped('DroppedEventsCount'),
    list('Links', link),
    dropped('DroppedLinksCount'),
    ...(five
      ? []
      : [
          leaf('HttpMethod', text, 'OPTIONAL'),
          leaf('HttpUrl', text, 'OPTIONAL'),
          leaf('HttpStatusCode', int64, 'OPTIONAL'),
        ]),
    dedicated,
  ];
  const scope = group('Scope', [leaf('Name', text), leaf('Version', text), attributes, dropped()]);
  return [
    { name: 'Trace', num_children: 4 },
    ...leaf('TraceID', bytes),
    ...leaf('TraceIDText', text),
    ...leaf('StartTimeUnixNano', uint64),
    ...list('rs', [resource, list('ss', [scope, list('Spans', span)])]),
  ];
}

/**
 * The same columns under a schema in which lists are bare repeated fields, which the writer cannot write: the levels of both
 * are the same, as what is required adds none, so only the footer changes.
 */
function withoutLists(file: ArrayBuffer): ArrayBuffer {
  const metadata = parquetMetadata(file);
  const elements = metadata.schema.values();
  const schema: SchemaElement[] = [];
  const next = (): SchemaElement => elements.next().value!;
  const unwrap = (element: SchemaElement): void => {
    let inner = element;
    if (element.converted_type === 'LIST') {
      next();
      inner = { ...next(), name: element.name, repetition_type: 'REPEATED' };
    }
    schema.push(inner);
    for (let left = inner.num_children ?? 0; left > 0; left--) unwrap(next());
  };
  unwrap(next());
  for (const { columns } of metadata.row_groups) {
    for (const { meta_data } of columns) {
      const names = meta_data!.path_in_schema.filter((name) => name !== 'list' && name !== 'element');
      meta_data!.path_in_schema.splice(0, Number.POSITIVE_INFINITY, ...names);
    }
  }
  const footerStart = file.byteLength - 8 - new DataView(file).getUint32(file.byteLength - 8, true);
  const writer = new ByteWriter();
  writer.appendBytes(new Uint8Array(file, 0, footerStart));
  writeMetadata(writer, { ...metadata, schema });
  writer.appendUint32(0x31524150);
  return writer.getBuffer();
}

export interface TempoBlockFiles {
  readonly tenant: string;
  readonly id: string;
  readonly version: TempoVersion;
  /** As in meta.json. */
  readonly dedicatedColumns?: readonly object[];
  readonly traces: readonly { readonly TraceID: Uint8Array; readonly rs: readonly object[] }[];
  /** What meta.json says; default what is true. */
  readonly objectCount?: number;
}

/** Writes `data.parquet` and `meta.json` as a folder of Tempo has them. */
export function writeTempoBlock(root: string, block: TempoBlockFiles): void {
  const { tenant, id, version, traces } = block;
  const folder = path.join(root, tenant, id);
  mkdirSync(folder, { recursive: true });
  const column = (name: string, data: unknown[]) => ({ name, data });
  const written = parquetWriteBuffer({
    schema: schema(version),
    columnData: [
      column(
        'TraceID',
        traces.map(({ TraceID }) => TraceID),
      ),
      column(
        'TraceIDText',
        traces.map(({ TraceID }) => Buffer.from(TraceID).toString('hex')),
      ),
      column(
        'StartTimeUnixNano',
        traces.map(() => 1n),
      ),
      column(
        'rs',
        traces.map(({ rs }) => rs),
      ),
    ] as never,
    rowGroupSize: 300,
  });
  const data = version === 'vParquet5' ? withoutLists(written) : written;
  writeFileSync(path.join(folder, 'data.parquet'), new Uint8Array(data));
  const meta = {
    format: version,
    blockID: id,
    tenantID: tenant,
    totalObjects: block.objectCount ?? traces.length,
    size: data.byteLength,
    dedicatedColumns: block.dedicatedColumns ?? [],
  };
  writeFileSync(path.join(folder, 'meta.json'), JSON.stringify(meta));
}
