/**
 * Trace by id. v1 answers the bare trace and 404 when there is none; v2 wraps it and answers an empty one.
 * A long trace is written piece by piece while it is sent.
 */

import { ErrorKind, RubatoError } from '../../base/errors.ts';
import { ProtoWriter } from '../../base/protobuf.ts';
import type { ReadCost } from '../../traceql/storage.ts';
import { resourceSpansJson } from '../encode/trace-json.ts';
import { traceLlm } from '../encode/trace-llm.ts';
import { spansWithin, tracesDataProto } from '../encode/trace-proto.ts';
import { firstSpansOf, loadTraceRows, type TraceRows } from '../encode/trace-rows.ts';
import type { ApiPorts } from '../ports.ts';
import { traceRange } from '../requests/time-range.ts';
import { parseTraceId } from '../requests/trace-id.ts';
import { jsonType, protobufType, type Reply } from './reply.ts';
import type { Route, TenantCall } from './route.ts';

export function traceRoutes(ports: ApiPorts): Route[] {
  return [
    {
      path: '/api/traces/{traceID}',
      prefixed: true,
      access: 'tenant',
      role: 'read',
      handle: (call) => traceV1(ports, call),
    },
    {
      path: '/api/v2/traces/{traceID}',
      prefixed: true,
      access: 'tenant',
      role: 'read',
      handle: (call) => traceV2(ports, call),
    },
  ];
}

interface FoundTrace {
  readonly parts: readonly TraceRows[];
  readonly cost: ReadCost;
}

async function findTrace(ports: ApiPorts, call: TenantCall): Promise<FoundTrace> {
  const { tenant, signal } = call;
  const traceId = parseTraceId(call.pathPart);
  const range = traceRange(call.params);
  const cost: ReadCost = { requests: 0, bytes: 0, pages: 0 };
  const found = await ports.traces.trace({ tenant, traceId, range }, cost, signal);
  const parts = await Promise.all(found.map((part) => loadTraceRows(part, cost, signal)));
  return { parts, cost };
}

async function traceV1(ports: ApiPorts, call: TenantCall): Promise<Reply> {
  const { parts } = await findTrace(ports, call);
  if (parts.length === 0) return { status: 404, body: '', compressible: true };
  const proto = call.accept === 'protobuf';
  const encode = (rows: readonly TraceRows[]): Iterable<Uint8Array> =>
    proto ? tracesDataProto(rows) : framed('{"batches":', resourceSpansJson(rows), '}');
  const { body, kept } = limited(parts, encode, call.limits.traceBytesMax);
  if (kept !== parts) throw traceTooLarge(call.limits.traceBytesMax);
  // Tempo answers JSON here when asked for the form for language models, under that form's name.
  const contentType = proto ? protobufType : call.accept === 'llm' ? 'application/vnd.grafana.llm' : jsonType;
  return { contentType, body, compressible: true };
}

async function traceV2(ports: ApiPorts, call: TenantCall): Promise<Reply> {
  const { parts, cost } = await findTrace(ports, call);
  if (parts.length === 0) return missingV2(call);
  const { accept } = call;
  const { traceBytesMax } = call.limits;
  const encode = (rows: readonly TraceRows[]): Iterable<Uint8Array> => {
    const partial = rows === parts ? undefined : partialMessage(traceBytesMax);
    if (accept === 'protobuf') return responseProto(rows, cost, partial);
    if (accept === 'llm') return framed('{"trace":', traceLlm(rows), `,"metrics":${llmMetrics(cost)}}`);
    const status = partial === undefined ? '' : `,"status":"PARTIAL","message":${JSON.stringify(partial)}`;
    const tail = `},"metrics":${traceMetrics(cost, call.params.flag('cost'))}${status}}`;
    return framed('{"trace":{"resourceSpans":', resourceSpansJson(rows), tail);
  };
  const { body } = limited(parts, encode, traceBytesMax);
  return { contentType: contentTypes[accept], body, compressible: true };
}

const contentTypes = {
  protobuf: protobufType,
  llm: 'application/vnd.grafana.llm+json',
  json: jsonType,
} as const;

function missingV2(call: TenantCall): Reply {
  const contentType = contentTypes[call.accept];
  switch (call.accept) {
    case 'protobuf':
      // TraceByIDResponse with an empty trace and empty metrics.
      return { contentType, body: Uint8Array.of(0x0a, 0x00, 0x12, 0x00), compressible: true };
    case 'llm':
      return { contentType, body: '{}', compressible: true };
    case 'json':
      return { contentType, body: '{"trace":{},"metrics":{}}', compressible: true };
  }
}

/**
 * Encodes, and finds out on the way whether the trace is larger than allowed; then `kept` is the part of it that is not.
 * No encoding is shorter than protobuf by which size is measured, so only what comes out long has to be measured.
 */
function limited(
  parts: readonly TraceRows[],
  encode: (rows: readonly TraceRows[]) => Iterable<Uint8Array>,
  bytesMax: number,
): { body: Uint8Array | Iterable<Uint8Array>; kept: readonly TraceRows[] } {
  const short = shortBody(encode(parts));
  if (bytesMax === 0 || (short !== undefined && short.length <= bytesMax))
    return { body: short ?? encode(parts), kept: parts };
  let left = bytesMax;
  const kept: TraceRows[] = [];
  for (const rows of parts) {
    const { spans, bytes } = spansWithin(rows, left);
    left -= bytes;
    kept.push(firstSpansOf(rows, spans));
    if (spans < rows.endSpan - rows.firstSpan) return { body: shortBody(encode(kept)) ?? encode(kept), kept };
  }
  return { body: short ?? encode(parts), kept: parts };
}

/** The body when it fits one piece; making it begins twice for those that do not. */
function shortBody(pieces: Iterable<Uint8Array>): Uint8Array | undefined {
  const first: Uint8Array[] = [];
  let bytes = 0;
  for (const piece of pieces) {
    first.push(piece);
    bytes += piece.length;
    if (bytes > SHORT_BYTES_MAX) return undefined;
  }
  return Buffer.concat(first, bytes);
}

/** Longer bodies are sent in pieces. */
const SHORT_BYTES_MAX = 512 * 1024;

function* framed(head: string, pieces: Iterable<Uint8Array>, tail: string): Generator<Uint8Array> {
  yield Buffer.from(head);
  yield* pieces;
  yield Buffer.from(tail);
}

/** TraceByIDResponse: trace 1, metrics 2 { inspectedBytes 1 }, status 3, message 4 */
function* responseProto(
  rows: readonly TraceRows[],
  cost: ReadCost,
  partial: string | undefined,
): Generator<Uint8Array> {
  // The trace's length stands before it, so a long one is made twice: once to count.
  const short: Uint8Array[] = [];
  let traceBytes = 0;
  for (const piece of tracesDataProto(rows)) {
    traceBytes += piece.length;
    if (traceBytes <= SHORT_BYTES_MAX) short.push(piece);
  }
  yield fieldHead(1, traceBytes);
  yield* traceBytes <= SHORT_BYTES_MAX ? short : tracesDataProto(rows);
  const tail = new ProtoWriter(64);
  tail.message(2, (metrics) => {
    if (cost.bytes !== 0) metrics.uint(1, cost.bytes);
  });
  if (partial !== undefined) {
    tail.uint(3, 1);
    tail.string(4, partial);
  }
  yield tail.finish();
}

/** Tag and length of a field that holds `length` bytes. `field` is below 16. */
function fieldHead(field: number, length: number): Uint8Array {
  const head = [field * 8 + 2];
  let rest = length;
  for (; rest > 127; rest = Math.floor(rest / 128)) head.push((rest % 128) | 128);
  return Uint8Array.from([...head, rest]);
}

function traceMetrics(cost: ReadCost, withCost: boolean): string {
  const { requests, pages, bytes } = cost;
  return JSON.stringify({
    ...(bytes !== 0 && { inspectedBytes: String(bytes) }),
    ...(withCost && { cost: { requests, pages } }),
  });
}

function llmMetrics(cost: ReadCost): string {
  return JSON.stringify(cost.bytes === 0 ? {} : { inspectedBytes: cost.bytes });
}

function partialMessage(bytesMax: number): string {
  return `Trace exceeds maximum size of ${bytesMax} bytes, a partial trace is returned`;
}

function traceTooLarge(bytesMax: number): RubatoError {
  return new RubatoError(ErrorKind.exhausted, 'trace_too_large', `trace exceeds max size (max bytes: ${bytesMax})`);
}
