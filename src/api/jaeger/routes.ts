/**
 * Jaeger's HTTP JSON API below `/jaeger`, for Jaeger's UI and Grafana's Jaeger data source (whose URL then ends in
 * `/jaeger`). Every answer is `{"data":…,"total":…,"limit":0,"offset":0,"errors":…}`.
 */
import { ErrorKind, RubatoError } from '../../base/errors.ts';
import type { TraceRows } from '../encode/trace-rows.ts';
import { statusOf } from '../http/errors.ts';
import { jsonType, type Reply } from '../http/reply.ts';
import type { Route, TenantCall } from '../http/route.ts';
import type { ApiPorts } from '../ports.ts';
import { parseTraceId } from '../requests/trace-id.ts';
import { readDependenciesRange, readTraceRange, readTraceSearch } from './params.ts';
import { eachOf, JaegerQueries } from './queries.ts';
import { jaegerTrace } from './trace-json.ts';

interface StructuredError {
  readonly code?: number;
  readonly msg: string;
  readonly traceID?: string;
}

export function jaegerRoutes(ports: ApiPorts): Route[] {
  const queries = new JaegerQueries(ports);
  const { clock } = ports;
  const route = (path: string, handle: (call: TenantCall) => Promise<Reply>): Route => ({
    path: `/jaeger/api${path}`,
    prefixed: true,
    access: 'tenant',
    role: 'read',
    handle: (call) => handle(call).catch(errorReply),
  });
  return [
    route('/services', async (call) => listReply(await queries.services(call))),
    route('/services/{service}/operations', async (call) =>
      listReply(await queries.operationNames(call, call.pathPart)),
    ),
    route('/operations', async (call) => {
      const service = call.params.get('service');
      if (service === undefined) return errorsReply(400, [{ code: 400, msg: "parameter 'service' is required" }]);
      return listReply(await queries.operations(call, service, call.params.get('spanKind') ?? ''));
    }),
    route('/traces', (call) => (call.params.all('traceID').length > 0 ? tracesById(queries, call) : search(call))),
    route('/traces/{traceID}', async (call) => {
      const rows = await queries.trace(call, parseTraceId(call.pathPart), readTraceRange(call.params));
      return rows.length === 0 ? errorsReply(404, [{ code: 404, msg: 'trace not found' }]) : tracesReply([rows], []);
    }),
    route('/dependencies', async (call) => {
      const range = readDependenciesRange(call.params, clock.nowMs());
      const { links, servicesLeftOut } = await queries.dependencies(call, range);
      const msg = `${servicesLeftOut} services were left out: there are too many to show all`;
      const service = call.params.get('service');
      const shown = links.filter(({ parent, child }) => [undefined, parent, child].includes(service));
      return listReply(shown, servicesLeftOut > 0 ? [{ msg }] : []);
    }),
  ];

  async function search(call: TenantCall): Promise<Reply> {
    const found = await queries.find(call, readTraceSearch(call.params, clock.nowMs()));
    const traces = await eachOf(found, (load) => load());
    return tracesReply(
      traces.filter((rows) => rows.length > 0),
      [],
    );
  }
}

async function tracesById(queries: JaegerQueries, call: TenantCall): Promise<Reply> {
  const ids = call.params.all('traceID');
  const range = readTraceRange(call.params);
  const traces = await eachOf(ids, (id) => queries.trace(call, parseTraceId(id), range));
  const missing = ids.filter((_, index) => traces[index]!.length === 0);
  return tracesReply(
    traces.filter((rows) => rows.length > 0),
    missing.map((traceID) => ({ msg: 'trace not found', traceID })),
  );
}

function listReply(data: readonly unknown[], errors: readonly StructuredError[] = []): Reply {
  return json(JSON.stringify({ data, ...envelope(data.length, errors) }));
}

function tracesReply(traces: readonly (readonly TraceRows[])[], errors: readonly StructuredError[]): Reply {
  return json(tracesJson(traces, errors));
}

function* tracesJson(
  traces: readonly (readonly TraceRows[])[],
  errors: readonly StructuredError[],
): Generator<Uint8Array> {
  for (const [index, rows] of traces.entries()) {
    yield Buffer.from(index === 0 ? '{"data":[' : ',');
    yield* jaegerTrace(rows);
  }
  yield Buffer.from(traces.length === 0 ? '{"data":[],' : '],');
  yield Buffer.from(JSON.stringify(envelope(traces.length, errors)).slice(1));
}

function envelope(total: number, errors: readonly StructuredError[]) {
  return { total, limit: 0, offset: 0, errors: errors.length === 0 ? null : errors };
}

function errorsReply(status: number, errors: readonly StructuredError[]): Reply {
  return { ...json(JSON.stringify({ data: null, ...envelope(0, errors) })), status };
}

/** What is the client's to mend in Jaeger's form; the rest as on every other route. */
function errorReply(error: unknown): Reply {
  const status = statusOf(error);
  if (!(error instanceof RubatoError) || error.kind === ErrorKind.canceled || status >= 500) throw error;
  return errorsReply(status, [{ code: status, msg: error.message }]);
}

function json(body: Reply['body']): Reply {
  return { contentType: jsonType, body, compressible: true };
}
