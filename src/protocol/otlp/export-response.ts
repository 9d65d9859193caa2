/**
 * Answers of an OTLP receiver: ExportTraceServiceResponse and google.rpc.Status, in protobuf and JSON.
 * https://opentelemetry.io/docs/specs/otlp/#otlphttp-response
 * https://github.com/googleapis/googleapis/blob/master/google/rpc/status.proto, error_details.proto
 */
import { ProtoWriter } from '../../base/protobuf.ts';

/** Everything was stored. The empty partial_success is written out, as the OpenTelemetry collector does. */
export function encodeExportResponse(): Uint8Array<ArrayBuffer> {
  const writer = new ProtoWriter(2);
  writer.bytes(1, new Uint8Array(0));
  return writer.finish();
}

export function encodeExportResponseJson(): string {
  return '{"partialSuccess":{}}';
}

/**
 * google.rpc.Status: the body of a refused OTLP/HTTP request, and `grpc-status-details-bin` of gRPC.
 * `retryAfterSeconds` adds a RetryInfo detail, without which gRPC senders do not repeat a ResourceExhausted.
 */
export function encodeStatus(code: number, message: string, retryAfterSeconds?: number): Uint8Array<ArrayBuffer> {
  const writer = new ProtoWriter();
  if (code !== 0) writer.int(1, code);
  if (message !== '') writer.string(2, message);
  if (retryAfterSeconds !== undefined)
    writer.message(3, (any) => {
      any.string(1, 'type.googleapis.com/google.rpc.RetryInfo');
      any.message(2, (retryInfo) =>
        retryInfo.message(1, (duration) => {
          const { seconds, nanos } = splitSeconds(retryAfterSeconds);
          if (seconds !== 0) duration.uint(1, seconds);
          if (nanos !== 0) duration.uint(2, nanos);
        }),
      );
    });
  return writer.finish();
}

/** The same as JSON. */
export function encodeStatusJson(code: number, message: string, retryAfterSeconds?: number): string {
  if (retryAfterSeconds === undefined) return JSON.stringify({ code, message });
  const { seconds, nanos } = splitSeconds(retryAfterSeconds);
  const fraction =
    nanos === 0
      ? ''
      : `.${String(nanos)
          .padStart(9, '0')
          .replace(/(000)+$/, '')}`;
  const detail = { '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: `${seconds}${fraction}s` };
  return JSON.stringify({ code, message, details: [detail] });
}

function splitSeconds(value: number): { seconds: number; nanos: number } {
  const whole = Math.floor(value);
  const nanos = Math.round((value - whole) * 1e9);
  return nanos === 1e9 ? { seconds: whole + 1, nanos: 0 } : { seconds: whole, nanos };
}
