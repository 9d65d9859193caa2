/**
 * What the shop's services would write to their logs: a line of JSON for every request that they served, with the ids of
 * its span, so that there are logs to go to from a trace. The file is begun anew when it is large, with one old one kept.
 */
import { appendFileSync, renameSync, statSync } from 'node:fs';
import type { KeyValue } from '../../model/any-value.ts';
import type { PlainSpan } from '../../model/plain-span.ts';

const fileBytesMax = 32 << 20;
const serverKind = 2;
const errorStatus = 2;

export class DemoLogFile {
  readonly #file: string;
  #bytes: number;

  constructor(file: string) {
    this.#file = file;
    this.#bytes = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  }

  /** Lines of the spans that are requests served, in the order of their ends. */
  write(spans: readonly PlainSpan[]): void {
    const served = spans.filter(({ kind }) => kind === serverKind);
    served.sort((a, b) => Number(a.endTimeUnixNano - b.endTimeUnixNano));
    const text = served.map(lineOf).join('');
    if (this.#bytes > 0 && this.#bytes + text.length > fileBytesMax) {
      renameSync(this.#file, `${this.#file}.1`);
      this.#bytes = 0;
    }
    appendFileSync(this.#file, text);
    this.#bytes += text.length;
  }
}

function lineOf(span: PlainSpan): string {
  const { attributes } = span.resource;
  const isError = span.statusCode === errorStatus;
  const line = {
    time: new Date(Number(span.endTimeUnixNano / 1_000_000n)).toISOString(),
    level: isError ? 'error' : 'info',
    namespace: textOf(attributes, 'k8s.namespace.name'),
    pod: textOf(attributes, 'k8s.pod.name'),
    service_name: textOf(attributes, 'service.name'),
    msg: isError && span.statusMessage !== '' ? `${span.name}: ${span.statusMessage}` : span.name,
    duration_ms: Number(span.endTimeUnixNano - span.startTimeUnixNano) / 1e6,
    trace_id: span.traceId,
    span_id: span.spanId,
  };
  return `${JSON.stringify(line)}\n`;
}

function textOf(attributes: readonly KeyValue[], name: string): string | undefined {
  const value = attributes.find(({ key }) => key === name)?.value;
  return value?.type === 'string' ? value.value : undefined;
}
