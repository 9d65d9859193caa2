/** Span metrics and service graphs counted from plain spans, one span at a time: what the generator must come to. */
import { ProtoReader } from '../../src/base/protobuf.ts';
import type { KeyValue } from '../../src/model/any-value.ts';
import type { PlainSpan } from '../../src/model/plain-span.ts';
import { plainSpansToOtlp } from '../../src/protocol/otlp/encode-plain.ts';

/** Name and labels, sorted, to value: `calls_total{service="a",…}`. */
export type Counted = Map<string, number>;

const kinds = ['UNSPECIFIED', 'INTERNAL', 'SERVER', 'CLIENT', 'PRODUCER', 'CONSUMER'];
const statuses = ['UNSET', 'OK', 'ERROR'];

export function seriesName(name: string, labels: Readonly<Record<string, string>>): string {
  const shown = Object.entries(labels).filter(([, value]) => value !== '');
  return `${name}{${shown
    .map(([label, value]) => `${label}=${JSON.stringify(value)}`)
    .sort()
    .join()}}`;
}

function add(counted: Counted, name: string, labels: Readonly<Record<string, string>>, value: number): void {
  const series = seriesName(name, labels);
  counted.set(series, (counted.get(series) ?? 0) + value);
}

function observe(
  counted: Counted,
  name: string,
  labels: Readonly<Record<string, string>>,
  value: number,
  bounds: readonly number[],
): void {
  for (const bound of [...bounds, Number.POSITIVE_INFINITY])
    add(
      counted,
      `${name}_bucket`,
      { ...labels, le: bound === Infinity ? '+Inf' : String(bound) },
      value <= bound ? 1 : 0,
    );
  add(counted, `${name}_count`, labels, 1);
  add(counted, `${name}_sum`, labels, value);
}

const secondsOf = (span: PlainSpan): number => Number(span.endTimeUnixNano - span.startTimeUnixNano) / 1e9;

function textOf(attributes: readonly KeyValue[], key: string): string {
  const value = attributes.find((attribute) => attribute.key === key)?.value;
  return value === undefined || !('value' in value) ? '' : String(value.value);
}

/** Bytes of the span in its request. Receivers hand on an empty status too. */
function bytesOf(span: PlainSpan): number {
  const reader = new ProtoReader(plainSpansToOtlp([span]));
  let bytes = 0;
  const find = (message: ProtoReader, path: readonly number[]): void => {
    while (message.next()) {
      if (message.field !== path[0]) message.skip();
      else if (path.length > 1) find(message.message(), path.slice(1));
      else bytes = message.bytes().length;
    }
  };
  find(reader, [1, 2, 2]);
  return bytes + (span.statusCode === 0 && span.statusMessage === '' ? 2 : 0);
}

export function countSpanMetrics(
  spans: readonly PlainSpan[],
  dimensions: Readonly<Record<string, string>>,
  bounds: readonly number[],
): Counted {
  const counted: Counted = new Map();
  for (const span of spans) {
    const labels: Record<string, string> = {
      service: textOf(span.resource.attributes, 'service.name'),
      span_name: span.name,
      span_kind: `SPAN_KIND_${kinds[span.kind]}`,
      status_code: `STATUS_CODE_${statuses[span.statusCode]}`,
    };
    for (const [label, key] of Object.entries(dimensions))
      labels[label] = textOf(span.resource.attributes, key) || textOf(span.attributes, key);
    add(counted, 'traces_spanmetrics_calls_total', labels, 1);
    add(counted, 'traces_spanmetrics_size_total', labels, bytesOf(span));
    observe(counted, 'traces_spanmetrics_latency', labels, secondsOf(span), bounds);
  }
  return counted;
}

/** Of whole traces, when every wait is over; see {@link oneCalledSpanEach}. */
export function countServiceGraph(spans: readonly PlainSpan[], bounds: readonly number[]): Counted {
  const counted: Counted = new Map();
  const edge = (
    sides: { client: string; server: string; connection_type: string },
    client: PlainSpan | undefined,
    server: PlainSpan | undefined,
    database = false,
  ): void => {
    const prefix = 'traces_service_graph_request';
    add(counted, `${prefix}_total`, sides, 1);
    if (client?.statusCode === 2 || server?.statusCode === 2) add(counted, `${prefix}_failed_total`, sides, 1);
    const called = database ? client : server;
    if (called !== undefined) observe(counted, `${prefix}_server_seconds`, sides, secondsOf(called), bounds);
    if (client !== undefined) observe(counted, `${prefix}_client_seconds`, sides, secondsOf(client), bounds);
  };
  const service = (span: PlainSpan): string => textOf(span.resource.attributes, 'service.name');
  const first = (span: PlainSpan, keys: readonly string[]): string =>
    keys.map((key) => textOf(span.attributes, key)).find((value) => value !== '') ?? '';
  const called = new Map<string, PlainSpan>();
  for (const span of spans) {
    if (span.kind !== 2 && span.kind !== 5) continue;
    if (span.parentSpanId !== '') called.set(`${span.traceId}${span.parentSpanId}`, span);
    else if (span.kind === 2) {
      const peer = first(span, ['peer.service', 'db.name', 'db.system']) || 'user';
      edge({ client: peer, server: service(span), connection_type: 'virtual_node' }, undefined, span);
    }
  }
  for (const span of spans) {
    if (span.kind !== 3 && span.kind !== 4) continue;
    const client = service(span);
    const other = called.get(`${span.traceId}${span.spanId}`);
    const database = span.kind === 3 ? first(span, ['db.namespace', 'db.name', 'db.system']) : '';
    const peer = first(span, ['peer.service', 'db.name', 'db.system']);
    if (database !== '') {
      const address = textOf(span.attributes, 'network.peer.address');
      const port = textOf(span.attributes, 'network.peer.port');
      const named = first(span, ['peer.service', 'server.address']);
      const server = named || (address && port ? `${address}:${port}` : address) || database;
      edge({ client, server, connection_type: 'database' }, span, undefined, true);
    } else if (other !== undefined) {
      const type = span.kind === 4 || other.kind === 5 ? 'messaging_system' : '';
      edge({ client, server: service(other), connection_type: type }, span, other);
    } else if (peer !== '') edge({ client, server: peer, connection_type: 'virtual_node' }, span, undefined);
  }
  return counted;
}

/** Which of several consumers of a message is its producer's other half depends on the order in which they come. */
export function oneCalledSpanEach(spans: readonly PlainSpan[]): PlainSpan[] {
  const seen = new Set<string>();
  return spans.filter(({ kind, traceId, parentSpanId }) => {
    if ((kind !== 2 && kind !== 5) || parentSpanId === '') return true;
    const key = traceId + parentSpanId;
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}
