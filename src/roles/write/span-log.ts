/** `distributor.log_received_spans` and `log_discarded_spans`: one line a span. For looking into trouble: it is slow. */
import { type AnyValue, appendAnyValueJson, type KeyValue } from '../../model/any-value.ts';
import { type PlainSpan, tableToSpans } from '../../model/plain-span.ts';
import { SpanTable } from '../../model/span-table.ts';
import { OtlpScanner } from '../../protocol/otlp/scan.ts';
import type { IngestObserver, RefusedRequest, StoredRequest } from './ingest-observer.ts';

export interface SpanLogOptions {
  /** Name, kind, status, duration and all attributes too; otherwise only ids. */
  readonly allAttributes: boolean;
  readonly onlyErrors: boolean;
}

export interface SpanLogs {
  readonly received: SpanLogOptions | undefined;
  readonly discarded: SpanLogOptions | undefined;
  readonly log: { info(fields: object, message: string): void };
}

const kinds = ['unspecified', 'internal', 'server', 'client', 'producer', 'consumer'];
const statuses = ['unset', 'ok', 'error'];
const errorStatus = 2;

export class SpanLog implements IngestObserver {
  readonly #logs: SpanLogs;

  constructor(logs: SpanLogs) {
    this.#logs = logs;
  }

  stored({ tenant, body }: StoredRequest): void {
    if (this.#logs.received !== undefined) this.#write('received', this.#logs.received, { tenant }, body);
  }

  refused({ tenant, body, error }: RefusedRequest): void {
    if (this.#logs.discarded === undefined) return;
    const reason = error instanceof Error ? error.message : String(error);
    this.#write('discarded', this.#logs.discarded, { tenant, reason }, body);
  }

  #write(message: string, options: SpanLogOptions, fields: Record<string, unknown>, body: Uint8Array): void {
    const table = new SpanTable(64);
    try {
      new OtlpScanner(table).scan(body);
    } catch {
      // Of a request that cannot be read there are no spans to name; why it was refused says what is wrong with it.
      this.#logs.log.info(fields, `${message} a request that cannot be read`);
      return;
    }
    for (const span of tableToSpans(table)) {
      if (options.onlyErrors && span.statusCode !== errorStatus) continue;
      const details = options.allAttributes ? detailsOf(span) : {};
      this.#logs.log.info({ ...fields, traceid: span.traceId, spanid: span.spanId, ...details }, message);
    }
  }
}

function detailsOf(span: PlainSpan): Record<string, unknown> {
  return {
    span_name: span.name,
    span_kind: kinds[span.kind],
    span_status: statuses[span.statusCode],
    span_duration_seconds: Number(span.endTimeUnixNano - span.startTimeUnixNano) / 1e9,
    resource: attributesOf(span.resource.attributes),
    attributes: attributesOf(span.attributes),
  };
}

function attributesOf(attributes: readonly KeyValue[]): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, plainValue(value)]));
}

function plainValue(value: AnyValue): unknown {
  switch (value.type) {
    case 'string':
    case 'bool':
    case 'double':
      return value.value;
    case 'int':
      return String(value.value);
    default:
      return appendAnyValueJson('', value);
  }
}
