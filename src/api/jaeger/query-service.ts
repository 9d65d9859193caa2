/** jaeger.api_v3.QueryService: the same questions over gRPC; traces come as OTLP, in pieces. */
import { type Duration, durationMs, type Timestamp } from '@bufbuild/protobuf/wkt';
import type { ServiceImpl } from '@connectrpc/connect';
import { ErrorKind, invalid, RubatoError } from '../../base/errors.ts';
import type { TimeRange } from '../../traceql/result.ts';
import { tracesDataProto } from '../encode/trace-proto.ts';
import type { TraceRows } from '../encode/trace-rows.ts';
import type { QueryService, TraceQueryParameters } from '../generated/jaeger/api_v3/query_service_pb.ts';
import { TracesDataSchema } from '../generated/opentelemetry/proto/trace/v1/trace_pb.ts';
import type { TenantCalls } from '../grpc/call.ts';
import { encodedMessage } from '../grpc/encoded.ts';
import type { ApiPorts } from '../ports.ts';
import { parseTraceId } from '../requests/trace-id.ts';
import type { TraceSearch } from './params.ts';
import { JaegerQueries } from './queries.ts';

const limitDefault = 100;

export function jaegerQueryService(ports: ApiPorts, calls: TenantCalls): ServiceImpl<typeof QueryService> {
  const queries = new JaegerQueries(ports);
  return {
    getTrace: ({ traceId, startTime, endTime }, context) =>
      calls.stream(context, async function* (call) {
        if (traceId === '') throw invalid('bad_trace_id', 'a trace id is required');
        const rows = await queries.trace(call, parseTraceId(traceId), rangeOf(startTime, endTime));
        if (rows.length === 0) throw new RubatoError(ErrorKind.notFound, 'trace_not_found', 'trace not found');
        yield* messages(rows);
      }),
    findTraces: ({ query }, context) =>
      calls.stream(context, async function* (call) {
        for (const load of await queries.find(call, searchOf(query))) yield* messages(await load());
      }),
    getServices: (_, context) => calls.unary(context, async (call) => ({ services: await queries.services(call) })),
    getOperations: ({ service, spanKind }, context) =>
      calls.unary(context, async (call) => {
        if (service === '') throw invalid('bad_search', 'a service is required');
        return { operations: await queries.operations(call, service, spanKind) };
      }),
    getDependencies: ({ startTime, endTime }, context) =>
      calls.unary(context, async (call) => {
        if (startTime === undefined || endTime === undefined)
          throw invalid('bad_time_range', 'start and end are required');
        const { links } = await queries.dependencies(call, rangeOf(startTime, endTime));
        return { dependencies: links.map((link) => ({ ...link, callCount: BigInt(link.callCount) })) };
      }),
  };
}

function* messages(rows: readonly TraceRows[]) {
  for (const piece of tracesDataProto(rows)) yield encodedMessage(TracesDataSchema, piece);
}

function searchOf(query: TraceQueryParameters | undefined): TraceSearch {
  if (query?.startTimeMin === undefined || query.startTimeMax === undefined)
    throw invalid('bad_time_range', 'start_time_min and start_time_max are required');
  if (query.filter.length > 0) throw invalid('bad_search', 'structured filters are not supported');
  return {
    filter: {
      service: query.serviceName,
      operation: query.operationName,
      tags: Object.entries(query.attributes),
      minDurationNano: nanoOf(query.durationMin),
      maxDurationNano: nanoOf(query.durationMax),
    },
    range: rangeOf(query.startTimeMin, query.startTimeMax),
    limit: query.searchDepth > 0 ? query.searchDepth : limitDefault,
  };
}

function rangeOf(start: Timestamp | undefined, end: Timestamp | undefined): TimeRange {
  if (start === undefined || end === undefined) return { startUnixNano: 0n, endUnixNano: 0n };
  return { startUnixNano: unixNano(start), endUnixNano: unixNano(end) };
}

function unixNano({ seconds, nanos }: Timestamp): bigint {
  return seconds * 1_000_000_000n + BigInt(nanos);
}

function nanoOf(duration: Duration | undefined): number {
  return duration === undefined ? 0 : Math.max(0, Math.round(durationMs(duration) * 1e6));
}
