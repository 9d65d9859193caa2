/** The query API's JSON → OTLP/JSON as other tools read it: ids in hex, enums as numbers. */
import { hexId } from './detail.ts';

const enums: Readonly<Record<string, number>> = {
  SPAN_KIND_UNSPECIFIED: 0,
  SPAN_KIND_INTERNAL: 1,
  SPAN_KIND_SERVER: 2,
  SPAN_KIND_CLIENT: 3,
  SPAN_KIND_PRODUCER: 4,
  SPAN_KIND_CONSUMER: 5,
  STATUS_CODE_UNSET: 0,
  STATUS_CODE_OK: 1,
  STATUS_CODE_ERROR: 2,
};

/** https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding */
export function toOtlpJson(resourceSpans: unknown): string {
  return JSON.stringify({ resourceSpans }, (name, value: unknown) => {
    if (typeof value !== 'string') return value;
    if (name === 'traceId') return hexId(value, 32);
    if (name === 'spanId' || name === 'parentSpanId') return hexId(value, 16);
    return name === 'kind' || name === 'code' ? (enums[value] ?? value) : value;
  });
}

export function saveFile(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: 'application/json' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}
